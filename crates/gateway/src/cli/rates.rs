//! `strowger rates`: rate cards, the price lists that they are made of, and what they make of traffic.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Endpoint, escaped, further};
use super::output::{Output, cell, table};
use super::{Exit, Failure};

mod import;
mod told;

/// A million prices, or the messages of a month, take some time.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Lay a vendor's price list (CSV or XLSX) over a card: a draft, and what it changes and costs. Nothing of it holds
    /// before the draft is activated.
    Import(import::Options),
    /// List the rate cards.
    List {
        /// The version of the policy; absent: the one in force.
        #[arg(long)]
        version: Option<u64>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Show the prices of a card.
    Show {
        card: String,
        #[arg(long)]
        version: Option<u64>,
        /// Which of them hold at this instant; absent: now.
        #[arg(long, value_name = "INSTANT")]
        at: Option<String>,
        /// Only those of this country.
        #[arg(long)]
        country: Option<String>,
        /// Only those of this operator, such as 26201.
        #[arg(long)]
        operator: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Tell what a card says otherwise in one version than in another, and what that costs with the traffic of the last
    /// days. Ends with 10 when anything differs.
    Diff {
        card: String,
        /// Whose card is looked at, such as a draft.
        #[arg(long)]
        version: u64,
        /// Absent: the one in force.
        #[arg(long, value_name = "VERSION")]
        against: Option<u64>,
        /// From how many days a month is projected.
        #[arg(long, default_value_t = 7)]
        days: u8,
        /// Compare what holds at this instant; absent: once everything holds that differs.
        #[arg(long, value_name = "INSTANT")]
        at: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// How vendors write their lists: show it, say it, or forget it.
    Map {
        /// Absent: of all vendors.
        vendor: Option<String>,
        /// A TOML file that says it.
        #[arg(long, value_name = "FILE", requires = "vendor", conflicts_with = "forget")]
        set: Option<PathBuf>,
        #[arg(long, requires = "vendor")]
        forget: bool,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Tell what the attempts of a period cost by a card, and what they are rated at. Changes nothing without --apply.
    Rerate {
        /// The card.
        #[arg(long)]
        card: String,
        /// The period's begin: messages that were accepted from then on.
        #[arg(long, value_name = "INSTANT")]
        from: String,
        /// The period's end.
        #[arg(long, value_name = "INSTANT")]
        to: String,
        /// Whose card it is, such as a draft; absent: the one in force.
        #[arg(long)]
        version: Option<u64>,
        /// Keep what they cost by the card, beside what they were rated at. Once again, it does what is left to do.
        #[arg(long)]
        apply: bool,
        /// Why, for whoever reads it later.
        #[arg(long, requires = "apply")]
        reason: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Write all prices of a card as CSV.
    Export {
        card: String,
        #[arg(long)]
        version: Option<u64>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Import(options) => import::run(&options, output).await,
        Command::List { version, endpoint } => list(version, &endpoint, output).await,
        Command::Show { card, version, at, country, operator, limit, endpoint } => {
            let query = further(&[
                ("version", version.map(|version| version.to_string())),
                ("at", at),
                ("country", country),
                ("operator", operator),
            ]);
            let path = format!("/v1/rate-cards/{}?limit={limit}{query}", escaped(&card));
            let found = endpoint.client()?.get(&path).await?;
            output.result(&found, || told::prices(&found))?;
            if found.get("next_cursor").is_some_and(|next| !next.is_null()) {
                output.note("there are more: --limit, --country, or strowger rates export");
            }
            Ok(())
        }
        Command::Diff { card, version, against, days, at, endpoint } => {
            let query = further(&[("against", against.map(|version| version.to_string())), ("at", at)]);
            let path = format!("/v1/rate-cards/{}/diff?version={version}&days={days}{query}", escaped(&card));
            let found = endpoint.client_that_waits(PATIENCE)?.get(&path).await?;
            output.result(&found, || told::comparison(&found))?;
            match found.get("same") {
                Some(Value::Bool(true)) => Ok(()),
                _ => Err(Failure::new(
                    Exit::Different,
                    format!("the card is another one in version {version}"),
                )),
            }
        }
        Command::Map { vendor, set, forget, endpoint } => map(vendor, set, forget, &endpoint, output).await,
        Command::Rerate { card, from, to, version, apply: true, reason, endpoint } => {
            let mut body = json!({ "since": from, "until": to });
            if let Some(body) = body.as_object_mut() {
                body.extend(version.map(|version| ("version".to_owned(), json!(version))));
                body.extend(reason.map(|reason| ("reason".to_owned(), json!(reason))));
            }
            let path = format!("/v1/rate-cards/{}/rerating", escaped(&card));
            let found = endpoint.client_for_files()?.post(&path, &body).await?;
            output.result(&found, || told::rerating(&found))
        }
        Command::Rerate { card, from, to, version, apply: false, reason: _, endpoint } => {
            let query = further(&[("version", version.map(|version| version.to_string()))]);
            let period = format!("since={}&until={}", escaped(&from), escaped(&to));
            let path = format!("/v1/rate-cards/{}/rerating?{period}{query}", escaped(&card));
            let found = endpoint.client_that_waits(PATIENCE)?.get(&path).await?;
            output.result(&found, || told::rerating(&found))
        }
        Command::Export { card, version, endpoint } => {
            let query = further(&[("version", version.map(|version| version.to_string()))]);
            let path = format!("/v1/rate-cards/{}?format=csv{query}", escaped(&card));
            let text = endpoint.client()?.get_text(&path).await?;
            output.result(&json!({ "card": card, "csv": text }), || text.trim_end().to_owned())
        }
    }
}

async fn list(version: Option<u64>, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let query = version.map(|version| format!("?version={version}")).unwrap_or_default();
    let found = endpoint.client()?.get(&format!("/v1/rate-cards{query}")).await?;
    output.result(&found, || {
        let items = found.get("data").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> = items
            .map(|card| {
                let [id, currency, per, prices, next] =
                    ["id", "currency", "per", "prices", "next_change_at"].map(|field| cell(card, field));
                vec![id, currency, per, prices, words(card, "vendors"), words(card, "routes"), next]
            })
            .collect();
        table(&["CARD", "CURRENCY", "PER", "PRICES", "VENDORS", "ROUTES", "NEXT CHANGE"], &rows)
    })
}

fn words(document: &Value, field: &str) -> String {
    let words = document.get(field).and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

async fn map(
    vendor: Option<String>,
    set: Option<PathBuf>,
    forget: bool,
    endpoint: &Endpoint,
    output: &Output,
) -> Result<(), Failure> {
    let client = endpoint.client()?;
    let path = |vendor: &str| format!("/v1/rate-card-mappings/{}", escaped(vendor));
    match (vendor, set, forget) {
        (Some(vendor), Some(file), _) => {
            let made = client.put(&path(&vendor), &mapping(&file)?).await?;
            output.result(&made, || format!("the lists of {vendor} are read so from now on"))
        }
        (Some(vendor), None, true) => {
            let gone = client.delete(&path(&vendor)).await?;
            output.result(&gone, || format!("how {vendor} writes its lists is forgotten"))
        }
        (vendor, _, _) => {
            let mut found = client.get("/v1/rate-card-mappings").await?;
            if let (Some(vendor), Some(data)) = (&vendor, found.get_mut("data").and_then(Value::as_array_mut))
            {
                data.retain(|one| cell(one, "vendor") == *vendor);
                if data.is_empty() {
                    return Err(Failure::new(
                        Exit::NotFound,
                        format!("nothing is remembered of the lists of {vendor}"),
                    ));
                }
            }
            output.result(&found, || {
                let items = found.get("data").and_then(Value::as_array).into_iter().flatten();
                let told = items.map(|one| {
                    let mapping = one.get("mapping").cloned().unwrap_or_default();
                    let (vendor, at, by) =
                        (cell(one, "vendor"), cell(one, "updated_at"), cell(one, "updated_by"));
                    format!("# {vendor}, by {by} at {at}\n{}", as_toml(&mapping))
                });
                told.collect::<Vec<_>>().join("\n\n")
            })
        }
    }
}

/// What a TOML file says, as JSON. Whether it is a mapping the gateway says.
fn mapping(file: &Path) -> Result<Value, Failure> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(Exit::Usage, format!("{shown} cannot be read: {error}")))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error| Failure::new(Exit::Invalid, format!("{shown} cannot be understood: {error}")))?;
    serde_json::to_value(table).map_err(|error| Failure::new(Exit::Invalid, format!("{shown}: {error}")))
}

/// Texts, numbers and lists of them are written alike in TOML and in JSON.
fn as_toml(mapping: &Value) -> String {
    let keys = mapping.as_object().into_iter().flatten();
    let (tables, plain): (Vec<_>, Vec<_>) = keys.partition(|(_, value)| value.is_object());
    let mut lines: Vec<String> = plain.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    for (key, table) in tables {
        lines.push(format!("[{key}]"));
        lines.extend(table.as_object().into_iter().flatten().map(|(key, value)| format!("{key} = {value}")));
    }
    lines.join("\n")
}
