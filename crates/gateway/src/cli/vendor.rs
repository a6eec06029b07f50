//! `strowger vendor`: what is known of vendors beforehand, such as when they work on their side.

use serde_json::json;

use super::client::Endpoint;
use super::output::Output;
use super::{Failure, route};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Plan, list and take back times in which a vendor works on its side.
    #[command(subcommand)]
    Maintenance(Maintenance),
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Maintenance {
    /// Pass over a vendor's routes for a time, unless no other can carry a message.
    Add(Add),
    /// List maintenance that holds or is planned.
    List(Endpoint),
    /// Take one back, or end it before its time.
    Remove {
        /// The id of the maintenance.
        id: String,
        #[command(flatten)]
        endpoint: Endpoint,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    vendor: String,
    /// When it begins, in RFC 3339; without it, now.
    #[arg(long, value_name = "INSTANT")]
    from: Option<String>,
    /// When it ends, in RFC 3339; within 30 days of its begin.
    #[arg(long, value_name = "INSTANT")]
    until: String,
    /// Only these connections of the vendor.
    #[arg(long, value_delimiter = ',')]
    connections: Vec<String>,
    /// Let messages wait that no other route can carry, in the place of using the vendor all the same.
    #[arg(long)]
    wait: bool,
    /// Why, for whoever reads it later.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    endpoint: Endpoint,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    let Command::Maintenance(command) = command;
    match command {
        Maintenance::Add(add) => plan(add, output).await,
        Maintenance::List(endpoint) => route::list_maintenance(&endpoint, output).await,
        Maintenance::Remove { id, endpoint } => route::revert(&id, &endpoint, output).await,
    }
}

async fn plan(add: Add, output: &Output) -> Result<(), Failure> {
    let Add { vendor, from, until, connections, wait, reason, endpoint } = add;
    let mut body = json!({ "kind": "maintenance", "vendor": vendor, "reason": reason, "expires_at": until });
    if let Some(from) = from {
        body["starts_at"] = json!(from);
    }
    if !connections.is_empty() {
        body["connections"] = json!(connections);
    }
    if wait {
        body["otherwise"] = json!("wait");
    }
    route::make(&body, &endpoint, output).await
}
