//! `strowger route`: the routes and how they stand, and traffic steered from one to another for a while.

use serde_json::{Value, json};

use super::client::{Client, Endpoint, escaped};
use super::output::{Output, cell, table};
use super::{Exit, Failure};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the routes, how their connections stand, and which are flipped to another for how much longer.
    List(Endpoint),
    /// Have another route stand in for one, from the next message on and for all that wait.
    Flip(Flip),
    /// End a flip before its time.
    Revert {
        /// The id of the override, or the route that is flipped.
        #[arg(value_name = "OVERRIDE|FROM")]
        what: String,
        #[command(flatten)]
        endpoint: Endpoint,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Flip {
    /// The route that traffic leaves.
    from: String,
    /// The route that takes it over.
    to: String,
    /// Why, for whoever reads it later.
    #[arg(long)]
    reason: String,
    /// How long it holds, such as 90s, 30m or 2h; at most 30 days.
    #[arg(long = "for", value_name = "DURATION", default_value = "30m")]
    holds: String,
    #[command(flatten)]
    endpoint: Endpoint,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::List(endpoint) => list(&endpoint, output).await,
        Command::Flip(flip) => make(flip, output).await,
        Command::Revert { what, endpoint } => revert(&what, &endpoint, output).await,
    }
}

async fn list(endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let routes = endpoint.client()?.get("/v1/routes").await?;
    output.result(&routes, || {
        let items = routes.get("data").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> = items
            .map(|route| {
                let mut row =
                    ["id", "connection", "channel", "state"].map(|column| cell(route, column)).to_vec();
                row.push(route.get("flip").filter(|flip| !flip.is_null()).map(describe).unwrap_or_default());
                row
            })
            .collect();
        table(&["ROUTE", "CONNECTION", "CHANNEL", "STATE", "FLIP"], &rows)
    })
}

/// `to borealis-de, 28m left (ovr_… by ops: receipts drop)`.
fn describe(flip: &Value) -> String {
    let [to, id, by, reason] = ["to", "id", "created_by", "reason"].map(|field| cell(flip, field));
    format!("to {to}, {} left ({id} by {by}: {reason})", countdown(seconds(flip)))
}

async fn make(flip: Flip, output: &Output) -> Result<(), Failure> {
    let Flip { from, to, reason, holds, endpoint } = flip;
    let body = json!({ "kind": "flip", "from": from, "to": to, "reason": reason, "expires_in": holds });
    let made = endpoint.client()?.post("/v1/overrides", &body).await?;
    let id = cell(&made, "id");
    output.result(&made, || {
        let left = countdown(seconds(&made));
        format!("{id}  {from} is flipped to {to} for {left}, until {}", cell(&made, "expires_at"))
    })?;
    output.note(&format!("undo: strowger route revert {id}"));
    Ok(())
}

async fn revert(what: &str, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let client = endpoint.client()?;
    let id = if what.starts_with("ovr_") { what.to_owned() } else { flipped(&client, what).await? };
    let over = client.delete(&format!("/v1/overrides/{}", escaped(&id))).await?;
    output.result(&over, || {
        let [from, to, state] = ["from", "to", "state"].map(|field| cell(&over, field));
        format!("{id}  {state}: {from} is no longer flipped to {to}")
    })
}

/// The override by which a route is flipped now, with effect or without.
async fn flipped(client: &Client, from: &str) -> Result<String, Failure> {
    let active = client.get("/v1/overrides?state=active").await?;
    let mut items = active.get("data").and_then(Value::as_array).into_iter().flatten();
    let found = items.find(|one| cell(one, "from") == from).map(|one| cell(one, "id"));
    found.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("no route `{from}` is flipped"))
            .hint("strowger route list shows which are")
    })
}

fn seconds(document: &Value) -> u64 {
    document.get("remaining_seconds").and_then(Value::as_u64).unwrap_or_default()
}

/// Two units are enough to know how much longer.
fn countdown(seconds: u64) -> String {
    let [days, hours, minutes] = [seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60];
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        (_, _, _) => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_names_the_two_units_that_matter() {
        let told = [59, 90, 1800, 3661, 90_000].map(countdown);
        assert_eq!(told, ["59s", "1m 30s", "30m 0s", "1h 1m", "1d 1h"]);
    }
}
