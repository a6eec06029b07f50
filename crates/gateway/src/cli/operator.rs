//! `strowger operator`: whose a number is and how that is known, what networks are called, and lists of the buyer's.

use std::path::PathBuf;

use serde_json::Value;

use super::client::{Endpoint, escaped};
use super::output::{Output, cell, table};
use super::{Exit, Failure};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// What is known of a number's operator, from where, how old it is, and what asking costs.
    Lookup {
        /// In international form, such as +4915112345678.
        number: String,
        /// Ask the configured providers now. That may cost money.
        #[arg(long)]
        fresh: bool,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// List operators with their codes and names.
    List {
        /// Only of this country, as two letters of ISO 3166.
        #[arg(long)]
        country: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Put a CSV file in the place of the list of its kind: numbers, prefixes or networks, as its heading says.
    Import {
        file: PathBuf,
        #[command(flatten)]
        endpoint: Endpoint,
    },
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Lookup { number, fresh, endpoint } => lookup(&number, fresh, &endpoint, output).await,
        Command::List { country, endpoint } => list(country, &endpoint, output).await,
        Command::Import { file, endpoint } => import(file, &endpoint, output).await,
    }
}

async fn lookup(number: &str, fresh: bool, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let fresh = if fresh { "&fresh=true" } else { "" };
    let path = format!("/v1/operators/lookup?to={}{fresh}", escaped(number));
    let found = endpoint.client()?.get(&path).await?;
    output.result(&found, || {
        let mut lines = vec![format!("{}  {}", cell(&found, "to"), cell(&found, "country"))];
        lines.push(match found.get("operator").and_then(Value::as_str) {
            None => "operator  not known".to_owned(),
            Some(operator) => {
                let (name, source) = (cell(&found, "name"), cell(&found, "operator_source"));
                let at = match cell(&found, "operator_known_at") {
                    at if at.is_empty() => "age not known".to_owned(),
                    at => format!("known at {at}"),
                };
                format!("operator  {operator}  {name}  (by {source}, {at})")
            }
        });
        lines.extend(["lookup", "receipt"].iter().filter_map(|what| said(what, found.get(what)?)));
        if found.get("can_ask") == Some(&Value::Bool(true)) {
            let cost = found.get("cost").filter(|cost| !cost.is_null());
            let cost = cost.map_or_else(
                || "a price that is not configured".to_owned(),
                |cost| format!("{} {}", cell(cost, "amount"), cell(cost, "currency")),
            );
            lines.push(format!("asking    costs {cost}"));
        }
        lines.join("\n")
    })?;
    let note = match found.get("asked").and_then(Value::as_str) {
        Some("no_answer") => {
            "no provider answered: this was known before (strowger_lookups_total tells how it failed)"
        }
        Some("nobody_to_ask") => "no provider is configured for this number: this was known before",
        Some(_) | None => return Ok(()),
    };
    output.note(note);
    Ok(())
}

fn said(what: &str, fact: &Value) -> Option<String> {
    if fact.is_null() {
        return None;
    }
    let operator = match cell(fact, "operator") {
        none if none.is_empty() => "no network".to_owned(),
        operator => operator,
    };
    let [by, age, until] = ["said_by", "age_seconds", "holds_until"].map(|field| cell(fact, field));
    let ported = if fact.get("ported") == Some(&Value::Bool(true)) { ", ported" } else { "" };
    Some(format!("{what:<8}  {operator}{ported}  by {by}, {age} s old, holds until {until}"))
}

async fn list(country: Option<String>, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let query = country.map_or_else(String::new, |country| format!("?country={}", escaped(&country)));
    let operators = endpoint.client()?.get(&format!("/v1/operators{query}")).await?;
    output.result(&operators, || {
        let items = operators.get("data").and_then(Value::as_array).into_iter().flatten();
        let columns = ["operator", "country", "name", "source"];
        let rows: Vec<Vec<String>> =
            items.map(|one| columns.map(|column| cell(one, column)).to_vec()).collect();
        table(&["OPERATOR", "COUNTRY", "NAME", "SOURCE"], &rows)
    })
}

async fn import(file: PathBuf, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let shown = file.display().to_string();
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(file)).await;
    let text = read
        .map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?
        .map_err(|error| Failure::new(Exit::Usage, format!("{shown} cannot be read: {error}")))?;
    let imported = endpoint.client()?.post_csv("/v1/operators/imports", text).await?;
    output.result(&imported, || {
        format!(
            "{} {} are imported, in place of those of before",
            cell(&imported, "lines"),
            cell(&imported, "kind")
        )
    })
}
