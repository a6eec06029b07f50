//! `strowger routing verdicts`: what the adaptive engine concluded, in numbers.

use serde_json::Value;

use super::Failure;
use super::client::Endpoint;
use super::output::{Output, cell, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Also those that are over.
    #[arg(long)]
    all: bool,
    /// How many, the newest first.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u16,
    #[command(flatten)]
    endpoint: Endpoint,
}

pub(crate) async fn run(options: &Options, output: &Output) -> Result<(), Failure> {
    let Options { all, limit, endpoint } = options;
    let state = if *all { "" } else { "&state=open" };
    let found = endpoint.client()?.get(&format!("/v1/verdicts?limit={limit}{state}")).await?;
    output.result(&found, || {
        let items = found.get("data").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> = items.map(row).collect();
        table(&["VERDICT", "STATE", "RAISED", "CONNECTION", "OPERATOR", "BECAUSE"], &rows)
    })
}

fn row(verdict: &Value) -> Vec<String> {
    let operator = match cell(verdict, "operator") {
        none if none.is_empty() => cell(verdict, "country"),
        operator => operator,
    };
    let [kind, state, raised, connection, because] =
        ["kind", "state", "raised_at", "connection", "explanation"].map(|field| cell(verdict, field));
    vec![kind, state, raised, connection, operator, because]
}
