//! `strowger caps`: how much of each cap is used.

use serde_json::Value;

use super::Failure;
use super::client::Endpoint;
use super::output::{Output, cell, table};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the caps in force: what is counted, until when, and what waits because of them.
    List(Endpoint),
}

pub(crate) async fn run(options: Options, output: &Output) -> Result<(), Failure> {
    let endpoint = match options.command {
        Some(Command::List(endpoint)) => endpoint,
        None => options.endpoint,
    };
    let caps = endpoint.client()?.get("/v1/caps").await?;
    output.result(&caps, || {
        let items = caps.get("data").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> = items.map(row).collect();
        let columns = [
            "CAP",
            "VERSION",
            "OVER",
            "SENDERS",
            "CLASSES",
            "COUNTED",
            "LIMIT",
            "PER",
            "USED",
            "UNTIL",
            "WAITING",
            "PASSED OVER",
        ];
        table(&columns, &rows)
    })
}

fn row(cap: &Value) -> Vec<String> {
    let over = match cell(cap, "route").as_str() {
        "" => cell(cap, "connection"),
        route => route.to_owned(),
    };
    let words = |field: &str| {
        let words = cap.get(field).and_then(Value::as_array).into_iter().flatten();
        words.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    let used = cap.get("used_ratio").and_then(Value::as_f64).unwrap_or_default();
    let full = if cap.get("full") == Some(&Value::Bool(true)) { ", full" } else { "" };
    vec![
        cell(cap, "id"),
        cell(cap, "version"),
        over,
        words("sender_kind"),
        words("class"),
        cell(cap, "counted"),
        cell(cap, "limit"),
        cell(cap, "per"),
        format!("{:.1} %{full}", used * 100.0),
        cell(cap, "until"),
        cell(cap, "waiting"),
        cell(cap, "passed_over"),
    ]
}
