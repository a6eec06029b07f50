//! `strowger message`: get, trace and list.

use serde_json::{Value, json};

use super::Failure;
use super::client::{Endpoint, escaped};
use super::output::{Output, cell, table};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show messages by id.
    Get {
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Show what happened to messages, step by step, and why.
    Trace {
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// List messages, newest first.
    List(Filter),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Filter {
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,
    #[arg(long)]
    status: Option<String>,
    #[arg(long)]
    class: Option<String>,
    #[arg(long)]
    route: Option<String>,
    #[arg(long)]
    reference: Option<String>,
    /// Accepted at or after this instant (RFC 3339).
    #[arg(long, value_name = "INSTANT")]
    since: Option<String>,
    /// Accepted before this instant (RFC 3339).
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    #[arg(long, default_value_t = 20)]
    limit: u16,
    /// The next_cursor of the page before.
    #[arg(long)]
    cursor: Option<String>,
    #[command(flatten)]
    endpoint: Endpoint,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Get { ids, endpoint } => each(ids, "", &endpoint, (output, describe)).await,
        Command::Trace { ids, endpoint } => each(ids, "/trace", &endpoint, (output, tell)).await,
        Command::List(filter) => list(filter, output).await,
    }
}

async fn each(
    ids: Vec<String>,
    suffix: &str,
    endpoint: &Endpoint,
    (output, render): (&Output, fn(&Value) -> String),
) -> Result<(), Failure> {
    let client = endpoint.client()?;
    let mut documents = Vec::new();
    for id in ids {
        documents.push(client.get(&format!("/v1/messages/{}{suffix}", escaped(&id))).await?);
    }
    let text = || documents.iter().map(render).collect::<Vec<_>>().join("\n\n");
    match documents.as_slice() {
        [one] => output.result(one, text),
        several => output.result(&json!({ "data": several }), text),
    }
}

fn describe(message: &Value) -> String {
    let shown = [
        "status",
        "to",
        "from",
        "class",
        "country",
        "route",
        "segments",
        "encoding",
        "reference",
        "created_at",
    ];
    let mut lines = vec![cell(message, "id")];
    for field in shown {
        let value = cell(message, field);
        if !value.is_empty() {
            lines.push(format!("  {field:<11} {value}"));
        }
    }
    lines.join("\n")
}

fn tell(trace: &Value) -> String {
    let mut lines = Vec::new();
    if let Some(message) = trace.get("message") {
        lines.push(format!("{}  {}", cell(message, "id"), cell(message, "status")));
    }
    lines.push(cell(trace, "summary"));
    let rows = |field: &str, columns: &[&str]| -> Vec<Vec<String>> {
        let items = trace.get(field).and_then(Value::as_array).into_iter().flatten();
        items.map(|item| columns.iter().map(|column| cell(item, column)).collect()).collect()
    };
    lines.push(format!(
        "\n{}",
        table(&["PLAN", "REASON", ""], &rows("plan", &["route", "reason", "explanation"]))
    ));
    lines.extend(rows("steered", &["explanation"]).into_iter().flatten());
    let attempts = rows("attempts", &["route", "status", "outcome", "possible_duplicate"]);
    lines.push(format!("\n{}", table(&["ATTEMPT", "STATUS", "OUTCOME", "POSSIBLE DUPLICATE"], &attempts)));
    lines.push(format!("\n{}", table(&["AT", "EVENT"], &rows("events", &["at", "summary"]))));
    lines.join("\n")
}

async fn list(filter: Filter, output: &Output) -> Result<(), Failure> {
    let fields = [
        ("to", filter.to),
        ("status", filter.status),
        ("class", filter.class),
        ("route", filter.route),
        ("reference", filter.reference),
        ("since", filter.since),
        ("until", filter.until),
        ("cursor", filter.cursor),
        ("limit", Some(filter.limit.to_string())),
    ];
    let given = fields.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped(&value?))));
    let query = given.collect::<Vec<_>>().join("&");
    let page = filter.endpoint.client()?.get(&format!("/v1/messages?{query}")).await?;
    let columns = ["id", "status", "to", "class", "route", "created_at"];
    output.result(&page, || {
        let items = page.get("data").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> =
            items.map(|item| columns.iter().map(|column| cell(item, column)).collect()).collect();
        table(&["ID", "STATUS", "TO", "CLASS", "ROUTE", "ACCEPTED"], &rows)
    })?;
    if let Some(cursor) = page.get("next_cursor").and_then(Value::as_str) {
        output.note(&format!("more: --cursor {cursor}"));
    }
    Ok(())
}
