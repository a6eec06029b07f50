//! `strowger vendor errors` and `strowger vendor error-map`: codes that are to be mapped, and what those mean that are.

use serde_json::Value;

use super::Failure;
use super::client::{Endpoint, escaped};
use super::output::{Output, cell, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Unmapped {
    /// Only of this vendor.
    vendor: Option<String>,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Map {
    vendor: String,
    /// Only the entry that decides on this code, written as traces show it.
    #[arg(long, requires = "stage")]
    code: Option<String>,
    /// Only of this stage: submit or receipt.
    #[arg(long)]
    stage: Option<String>,
    #[command(flatten)]
    endpoint: Endpoint,
}

fn items(document: &Value) -> impl Iterator<Item = &Value> {
    document.get("data").and_then(Value::as_array).into_iter().flatten()
}

pub(crate) async fn unmapped(of: &Unmapped, output: &Output) -> Result<(), Failure> {
    let query = of.vendor.as_ref().map_or_else(String::new, |vendor| format!("?vendor={}", escaped(vendor)));
    let errors = of.endpoint.client()?.get(&format!("/v1/vendors/errors{query}")).await?;
    output.result(&errors, || {
        let columns = ["vendor", "stage", "code", "count", "first_seen_at", "last_seen_at", "message"];
        let rows: Vec<Vec<String>> =
            items(&errors).map(|one| columns.map(|column| cell(one, column)).to_vec()).collect();
        table(&["VENDOR", "STAGE", "CODE", "COUNT", "FIRST SEEN", "LAST SEEN", "MESSAGE"], &rows)
    })
}

pub(crate) async fn map(of: &Map, output: &Output) -> Result<(), Failure> {
    let pairs = [("stage", &of.stage), ("code", &of.code)];
    let pairs = pairs.iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped(value.as_ref()?))));
    let query = pairs.collect::<Vec<_>>().join("&");
    let path = format!("/v1/vendors/{}/errors?{query}", escaped(&of.vendor));
    let entries = of.endpoint.client()?.get(&path).await?;
    output.result(&entries, || {
        let columns = ["stage", "code", "class", "source", "meaning"];
        let rows: Vec<Vec<String>> =
            items(&entries).map(|one| columns.map(|column| cell(one, column)).to_vec()).collect();
        table(&["STAGE", "CODE", "CLASS", "FROM", "MEANING"], &rows)
    })
}
