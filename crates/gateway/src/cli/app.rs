//! `strowger app`: the applications that the configuration names.

use serde_json::Value;

use super::Failure;
use super::client::Endpoint;
use super::output::{Output, cell, table};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the applications, and how many keys each has.
    List(Endpoint),
}

pub(crate) async fn list(endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let apps = endpoint.client()?.get("/v1/apps").await?;
    output.result(&apps, || {
        let items = apps.get("data").and_then(Value::as_array).into_iter().flatten();
        let columns = ["id", "default_sender", "default_country", "configured_keys", "active_keys"];
        let rows: Vec<Vec<String>> =
            items.map(|app| columns.iter().map(|column| cell(app, column)).collect()).collect();
        table(&["APP", "SENDER", "COUNTRY", "CONFIGURED KEYS", "OTHER KEYS"], &rows)
    })
}
