//! `strowger route`: the routes and how they stand, and traffic steered from one to another for a while.

use serde_json::{Value, json};

use super::Failure;
use super::client::{Endpoint, escaped};
use super::output::{Output, cell, table};

mod stats;
mod steer;

use stats::Stats;
use steer::{Flip, Suspend, Weight};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the routes, how their connections stand, and which overrides concern them for how much longer.
    List(Endpoint),
    /// Show how messages fare over each connection to each operator, as routing knows it now.
    Stats(Stats),
    /// Have another route stand in for one, from the next message on and for all that wait.
    Flip(Flip),
    /// Let a route, a connection or a vendor take no traffic; what has no other route waits.
    Suspend(Suspend),
    /// End the suspension of a route, a connection or a vendor.
    Resume {
        /// The id of the override, or what is suspended.
        #[arg(value_name = "OVERRIDE|NAME")]
        what: String,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Give a route another weight in rules that draw by weight.
    Weight(Weight),
    /// List the overrides, the newest first: in force, planned, and those that ended within 30 days.
    Overrides {
        /// Only these: planned, active, reverted or expired.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Keep a draft of the policy that says what an override does. The override stays as it is.
    MakePermanent {
        /// The id of the override.
        id: String,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// End an override before its time; without an id, list what could be reverted.
    Revert {
        /// The id of the override, or what it steers.
        #[arg(value_name = "OVERRIDE|NAME")]
        what: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::List(endpoint) => list(&endpoint, output).await,
        Command::Stats(options) => stats::run(&options, output).await,
        Command::Flip(flip) => steer::flip(flip, output).await,
        Command::Suspend(suspend) => steer::suspend(suspend, output).await,
        Command::Resume { what, endpoint } => steer::revert(&what, Some("suspend"), &endpoint, output).await,
        Command::Weight(weight) => steer::weight(weight, output).await,
        Command::Overrides { state, endpoint } => steer::overrides(state.as_deref(), &endpoint, output).await,
        Command::MakePermanent { id, endpoint } => {
            let path = format!("/v1/overrides/{}/draft", escaped(&id));
            let made = endpoint.client()?.post(&path, &json!({})).await?;
            output.result(&made, || format!("version {} is a draft", cell(&made, "number")))?;
            let number = cell(&made, "number");
            output.note(&format!(
                "next: strowger policy diff {number}, strowger policy activate {number}, then strowger route revert {id}"
            ));
            Ok(())
        }
        Command::Revert { what: Some(what), endpoint } => steer::revert(&what, None, &endpoint, output).await,
        Command::Revert { what: None, endpoint } => steer::revertible(&endpoint, output).await,
    }
}

/// Makes the override that the body asks for.
pub(super) async fn make(body: &Value, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    steer::post(body, endpoint, output).await
}

pub(super) async fn revert(id: &str, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    steer::revert(id, Some("maintenance"), endpoint, output).await
}

pub(super) async fn list_maintenance(endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    steer::maintenance(endpoint, output).await
}

async fn list(endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let routes = endpoint.client()?.get("/v1/routes").await?;
    output.result(&routes, || {
        let items = routes.get("data").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> = items
            .map(|route| {
                let mut row =
                    ["id", "connection", "channel", "state"].map(|column| cell(route, column)).to_vec();
                let overrides = route.get("overrides").and_then(Value::as_array).into_iter().flatten();
                row.push(overrides.map(steer::describe).collect::<Vec<_>>().join("; "));
                row
            })
            .collect();
        table(&["ROUTE", "CONNECTION", "CHANNEL", "STATE", "OVERRIDES"], &rows)
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
