//! `policy dry-run`: what a version would have done with the messages of the log.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::client::{Client, Endpoint};
use super::super::output::{Output, cell, table};
use super::super::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The version that is tried: its number, or `active`.
    version: String,
    /// The last so much of the log, such as 1h, 24h or 7d.
    #[arg(long, value_name = "SPAN", default_value = "24h", conflicts_with_all = ["since", "until"])]
    last: String,
    /// From when on messages were accepted.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until when; absent: until now.
    #[arg(long, value_name = "TIME", requires = "since")]
    until: Option<String>,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// How long to wait before the gateway is asked again.
const AGAIN: Duration = Duration::from_millis(500);
/// Rows of each table for people.
const ROWS: usize = 20;

/// Ends with 10 when a message had a route and would have none.
pub(crate) async fn run(options: &Options, output: &Output) -> Result<(), Failure> {
    let body = match &options.since {
        Some(since) => match &options.until {
            Some(until) => json!({ "since": since, "until": until }),
            None => json!({ "since": since }),
        },
        None => json!({ "last": options.last }),
    };
    let client = options.endpoint.client()?;
    let path = format!("/v1/policies/{}/dry-run", super::super::client::escaped(&options.version));
    let started = client.post(&path, &body).await?;
    let done = wait(&client, started, output).await?;
    let report = done.get("report").cloned().unwrap_or_default();
    match cell(&done, "state").as_str() {
        "done" => {}
        "stopped" => return Err(Failure::new(Exit::Unexpected, "the dry-run was stopped")),
        _ => return Err(Failure::new(Exit::Unexpected, format!("it failed: {}", cell(&done, "error")))),
    }
    output.result(&done, || told(&done, &report))?;
    match number(&report, "lost") {
        0 => Ok(()),
        lost => {
            Err(Failure::new(Exit::Different, format!("{lost} messages that had a route would have none")))
        }
    }
}

/// Until it is over; who interrupts this leaves it to the gateway.
async fn wait(client: &Client, started: Value, output: &Output) -> Result<Value, Failure> {
    let path = format!("/v1/dry-runs/{}", cell(&started, "id"));
    let mut now = started;
    let mut told = None;
    while cell(&now, "state") == "running" {
        let percent = number(&now, "percent") / 10 * 10;
        if told != Some(percent) {
            output.note(&format!("{percent} %, {} decisions", number(&now, "decisions")));
            told = Some(percent);
        }
        sleep(AGAIN).await;
        now = client.get(&path).await?;
    }
    Ok(now)
}

fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(Value::as_u64).unwrap_or(0)
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn told(done: &Value, report: &Value) -> String {
    let mut parts = vec![summary(done, report)];
    let mut add = |title: &str, columns: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            parts.push(format!("{title}\n{}", table(columns, &rows)));
        }
    };
    add("Cost", &["CURRENCY", "BEFORE", "AFTER", "DELTA"], costs(report));
    add("Other routes", &["MESSAGES", "FROM", "TO", "COST"], moves(report));
    add(
        "Without a route",
        &["MESSAGES", "HAD ONE", "WHY"],
        rows(report, "refused", &["messages", "lost", "reason"]),
    );
    add(
        "By operator",
        &["CLASS", "COUNTRY", "OPERATOR", "MESSAGES", "CHANGED", "LOST", "COST"],
        groups(report),
    );
    add(
        "Connections",
        &["CONNECTION", "THROUGHPUT", "BUSIEST SECOND", "WOULD BE", "SECONDS ABOVE", "WOULD BE"],
        connections(report),
    );
    let committed = ["vendor", "period", "promised", "unit", "before", "after"];
    add(
        "Commitments, projected",
        &["VENDOR", "PERIOD", "PROMISED", "UNIT", "BEFORE", "AFTER"],
        rows(report, "commitments", &committed),
    );
    parts.join("\n\n")
}

fn summary(done: &Value, report: &Value) -> String {
    let mut lines = vec![
        format!(
            "version {}, {} to {}: {} decisions",
            cell(done, "version"),
            cell(done, "since"),
            cell(done, "until"),
            number(report, "decisions")
        ),
        format!(
            "{} take the same routes, {} others, {} lose every route, {} gain one, {} stay without",
            number(report, "unchanged"),
            number(report, "changed"),
            number(report, "lost"),
            number(report, "gained"),
            number(report, "still_refused")
        ),
    ];
    let mut also = |count: u64, text: &str| {
        if count > 0 {
            lines.push(format!("{count} {text}"));
        }
    };
    also(
        number(report, "assumed"),
        "attempts on routes that the message never had are taken to be delivered",
    );
    let aside = report.get("left_aside").and_then(Value::as_object).into_iter().flatten();
    also(aside.filter_map(|(_, count)| count.as_u64()).sum(), "left aside: no table decided them");
    also(number(report, "damaged"), "records did not read back");
    also(list(report, "days_left_out").len() as u64, "days of the log cannot be read");
    lines.join("\n")
}

fn rows(report: &Value, of: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let all = list(report, of).iter().take(ROWS);
    all.map(|one| columns.iter().map(|column| cell(one, column)).collect()).collect()
}

fn costs(value: &Value) -> Vec<Vec<String>> {
    let all = list(value, "costs").iter();
    all.map(|cost| ["currency", "before", "after", "delta"].map(|column| cell(cost, column)).to_vec())
        .collect()
}

/// In one cell: what it costs more or less, per currency.
fn delta(value: &Value) -> String {
    let one = |cost: &Value| {
        let delta = cell(cost, "delta");
        let sign = if delta.starts_with('-') { "" } else { "+" };
        format!("{sign}{delta} {}", cell(cost, "currency"))
    };
    list(value, "costs").iter().map(one).collect::<Vec<_>>().join(", ")
}

fn moves(report: &Value) -> Vec<Vec<String>> {
    let way = |routes: &[Value]| match routes {
        [] => "none".to_owned(),
        routes => routes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" > "),
    };
    let one = |one: &Value| {
        vec![cell(one, "messages"), way(list(one, "before")), way(list(one, "after")), delta(one)]
    };
    list(report, "moves").iter().take(ROWS).map(one).collect()
}

fn groups(report: &Value) -> Vec<Vec<String>> {
    let touched = |group: &&Value| number(group, "changed") + number(group, "lost") > 0;
    let one = |group: &Value| {
        let mut row = ["class", "country", "operator", "messages", "changed", "lost"]
            .map(|column| cell(group, column))
            .to_vec();
        row.push(delta(group));
        row
    };
    list(report, "groups").iter().filter(touched).take(ROWS).map(one).collect()
}

fn connections(report: &Value) -> Vec<Vec<String>> {
    let one = |one: &Value| {
        let side = |side: &str, field: &str| one.get(side).map(|side| cell(side, field)).unwrap_or_default();
        vec![
            cell(one, "connection"),
            cell(one, "throughput"),
            side("before", "busiest_second"),
            side("after", "busiest_second"),
            side("before", "seconds_above"),
            side("after", "seconds_above"),
        ]
    };
    list(report, "connections").iter().take(ROWS).map(one).collect()
}
