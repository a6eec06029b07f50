//! `policy dry-run`: what a version would have done with the messages of the log, or does with those of a file.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::client::{Client, Endpoint};
use super::super::output::{Output, cell, table};
use super::super::{Exit, Failure};

mod offline;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The version that is tried: its number, or `active`. With --offline, none.
    #[arg(required_unless_present = "offline", conflicts_with = "offline")]
    version: Option<String>,
    /// A file of messages instead of the log: of `strowger decisions export`, or of messages that are planned; `-` is
    /// stdin.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["last", "since", "until"])]
    file: Option<PathBuf>,
    /// Ask no gateway: what is tried are the routes, rate cards and rules of a configuration file.
    #[arg(long, requires = "file")]
    offline: bool,
    /// The configuration file for --offline.
    #[arg(long, value_name = "FILE", default_value = "strowger.toml", requires = "offline")]
    config: PathBuf,
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
    let done = match (&options.file, &options.version) {
        (Some(file), None) => {
            let mut input = BufReader::new(open(file)?);
            let done = tokio::task::block_in_place(|| offline::run(&options.config, &mut input))?;
            return conclude(&done, output);
        }
        (Some(file), Some(version)) => {
            let path = path(version);
            let client = options.endpoint.client_for_files()?;
            client.post_file(&path, crate::decisions::KIND, open(file)?).await?
        }
        (None, version) => over_log(options, version.as_deref().unwrap_or("active"), output).await?,
    };
    conclude(&done, output)
}

/// Where a dry-run of a version begins.
fn path(version: &str) -> String {
    format!("/v1/policies/{}/dry-run", super::super::client::escaped(version))
}

fn open(file: &Path) -> Result<Box<dyn Read + Send + Sync>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let opened = File::open(file);
    let opened = opened.map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", file.display())))?;
    Ok(Box::new(opened))
}

async fn over_log(options: &Options, version: &str, output: &Output) -> Result<Value, Failure> {
    let body = match &options.since {
        Some(since) => match &options.until {
            Some(until) => json!({ "since": since, "until": until }),
            None => json!({ "since": since }),
        },
        None => json!({ "last": options.last }),
    };
    let client = options.endpoint.client()?;
    let started = client.post(&path(version), &body).await?;
    wait(&client, started, output).await
}

fn conclude(done: &Value, output: &Output) -> Result<(), Failure> {
    let report = done.get("report").cloned().unwrap_or_default();
    match cell(done, "state").as_str() {
        "done" => {}
        "stopped" => return Err(Failure::new(Exit::Unexpected, "the dry-run was stopped")),
        _ => return Err(Failure::new(Exit::Unexpected, format!("it failed: {}", cell(done, "error")))),
    }
    output.result(done, || told(done, &report))?;
    let mut without = Vec::new();
    for (field, text) in [
        ("lost", "messages that had a route would have none"),
        ("planned_refused", "planned messages have no route"),
    ] {
        match number(&report, field) {
            0 => {}
            count => without.push(format!("{count} {text}")),
        }
    }
    if without.is_empty() { Ok(()) } else { Err(Failure::new(Exit::Different, without.join("; "))) }
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
    add(
        "Caps",
        &["CAP", "LIMIT", "PER", "FULLEST PERIOD", "WOULD BE", "PERIODS ABOVE", "WOULD BE"],
        caps(report),
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
            "{}, {} to {}: {} decisions",
            version(done),
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
    let planned = number(report, "planned");
    let planned_refused = number(report, "planned_refused");
    if planned + planned_refused > 0 {
        lines.push(format!(
            "of messages that are planned {planned} have a route, {planned_refused} have none"
        ));
    }
    let mut also = |count: u64, text: &str| {
        if count > 0 {
            lines.push(format!("{count} {text}"));
        }
    };
    also(
        number(report, "assumed"),
        "attempts on routes that the message never had are taken to be delivered",
    );
    also(
        number(report, "without_text"),
        "messages have no text any more: no route asks anything of it, and one that had it sends as many segments as then",
    );
    let aside = report.get("left_aside").and_then(Value::as_object).into_iter().flatten();
    also(aside.filter_map(|(_, count)| count.as_u64()).sum(), "left aside: no table decided them");
    also(number(report, "damaged"), "records did not read back");
    also(list(report, "days_left_out").len() as u64, "days of the log cannot be read");
    lines.join("\n")
}

fn version(done: &Value) -> String {
    match cell(done, "version").as_str() {
        "" => "the configuration file".to_owned(),
        number => format!("version {number}"),
    }
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

fn caps(report: &Value) -> Vec<Vec<String>> {
    loads(report, "caps", &["cap", "limit", "per"], ["fullest_period", "periods_above"])
}

fn connections(report: &Value) -> Vec<Vec<String>> {
    loads(report, "connections", &["connection", "throughput"], ["busiest_second", "seconds_above"])
}

/// What is asked of each: what it is, and the fields of both sides, each before and after.
fn loads(report: &Value, of: &str, what: &[&str], fields: [&str; 2]) -> Vec<Vec<String>> {
    let one = |one: &Value| {
        let side = |side: &str, field: &str| one.get(side).map(|side| cell(side, field)).unwrap_or_default();
        let sides = fields.iter().flat_map(|field| [side("before", field), side("after", field)]);
        what.iter().map(|field| cell(one, field)).chain(sides).collect()
    };
    list(report, of).iter().take(ROWS).map(one).collect()
}
