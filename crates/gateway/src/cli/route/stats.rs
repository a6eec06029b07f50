//! `strowger route stats`: how messages fare over each connection to each operator.

use serde_json::Value;

use super::super::Failure;
use super::super::client::{Endpoint, escaped};
use super::super::output::{Output, cell, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Stats {
    /// Only of this route's connection, where the route leads.
    #[arg(long)]
    route: Option<String>,
    #[arg(long)]
    connection: Option<String>,
    /// Only to this country, such as DE.
    #[arg(long)]
    country: Option<String>,
    /// Only to this operator, such as 26201.
    #[arg(long, value_name = "MCC-MNC")]
    operator: Option<String>,
    #[command(flatten)]
    endpoint: Endpoint,
}

pub(super) async fn run(options: &Stats, output: &Output) -> Result<(), Failure> {
    let Stats { route, connection, country, operator, endpoint } = options;
    let filters =
        [("route", route), ("connection", connection), ("country", country), ("operator", operator)];
    let given = filters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let path = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let found = endpoint.client()?.get(&format!("/v1/routes/stats{path}")).await?;
    output.result(&found, || {
        let items = found.get("data").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> = items.map(row).collect();
        let columns = [
            "CONNECTION",
            "OPERATOR",
            "MSG/S",
            "ARRIVES",
            "DELIVERED BY RECEIPTS",
            "IN TIME BY CONVERSIONS",
            "P50",
            "P95",
            "STATE",
        ];
        table(&columns, &rows)
    })?;
    let is_empty = found.get("data").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if is_empty {
        output.note("nothing is known: no message has gone there since the gateway began to learn");
    }
    Ok(())
}

fn row(known: &Value) -> Vec<String> {
    let empty = Value::Null;
    let [receipts, conversions] = ["receipts", "conversions"].map(|field| known.get(field).unwrap_or(&empty));
    let percent = |of: &Value, field: &str| {
        let part = of.get(field).and_then(Value::as_f64);
        part.map_or_else(|| "-".to_owned(), |part| format!("{:.1} %", part * 100.0))
    };
    let seconds = |field: &str| {
        let seconds = receipts.get(field).and_then(Value::as_f64);
        seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s"))
    };
    let of_messages = |of: &Value, field: &str| {
        let messages = of.get("messages").and_then(Value::as_f64).unwrap_or_default();
        if messages < 1.0 { "-".to_owned() } else { format!("{} of {messages:.0}", percent(of, field)) }
    };
    let operator = match cell(known, "operator") {
        none if none.is_empty() => cell(known, "country"),
        operator => operator,
    };
    let rate = known.get("messages_per_second").and_then(Value::as_f64).unwrap_or_default();
    let verdicts = known.get("verdicts").and_then(Value::as_array).into_iter().flatten();
    let verdicts: Vec<&str> = verdicts.filter_map(Value::as_str).collect();
    let state = if verdicts.is_empty() { cell(known, "state") } else { verdicts.join(", ") };
    vec![
        cell(known, "connection"),
        operator,
        format!("{rate:.2}"),
        percent(known, "arrives"),
        of_messages(receipts, "delivered"),
        of_messages(conversions, "arrives_in_time"),
        seconds("p50_seconds"),
        seconds("p95_seconds"),
        state,
    ]
}
