//! `strowger vendor`: what is known of vendors beforehand, such as when they work on their side.

use serde_json::{Value, json};

use super::client::{Endpoint, escaped};
use super::output::{Output, cell, table};
use super::{Failure, route, vendor_errors};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the vendors, and until when their contracts run.
    List(Endpoint),
    /// Show a vendor: its connections, what was agreed with it, and whom to ask.
    Show {
        id: String,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// List the codes of vendors that no error map knows, as they were seen since the start.
    Errors(vendor_errors::Unmapped),
    /// Show what a vendor's codes mean, in the order in which the entries are looked at.
    ErrorMap(vendor_errors::Map),
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
    match command {
        Command::List(endpoint) => list(&endpoint, output).await,
        Command::Show { id, endpoint } => show(&id, &endpoint, output).await,
        Command::Errors(of) => vendor_errors::unmapped(&of, output).await,
        Command::ErrorMap(of) => vendor_errors::map(&of, output).await,
        Command::Maintenance(Maintenance::Add(add)) => plan(add, output).await,
        Command::Maintenance(Maintenance::List(endpoint)) => route::list_maintenance(&endpoint, output).await,
        Command::Maintenance(Maintenance::Remove { id, endpoint }) => {
            route::revert(&id, &endpoint, output).await
        }
    }
}

fn items<'v>(document: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    document.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn names(document: &Value, field: &str) -> String {
    items(document, field).filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

async fn list(endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let vendors = endpoint.client()?.get("/v1/vendors").await?;
    output.result(&vendors, || {
        let rows: Vec<Vec<String>> = items(&vendors, "data")
            .map(|vendor| {
                let contract = vendor.get("contract").unwrap_or(&Value::Null);
                let maintenance = items(vendor, "maintenance").count().to_string();
                let (id, connections) = (cell(vendor, "id"), names(vendor, "connections"));
                let [number, ends] = ["number", "ends"].map(|field| cell(contract, field));
                vec![id, connections, number, ends, cell(vendor, "notice_by"), maintenance]
            })
            .collect();
        table(&["VENDOR", "CONNECTIONS", "CONTRACT", "ENDS", "NOTICE BY", "MAINTENANCE"], &rows)
    })
}

async fn show(id: &str, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let vendor = endpoint.client()?.get(&format!("/v1/vendors/{}", escaped(id))).await?;
    output.result(&vendor, || table(&["WHAT", "VALUE"], &rows(&vendor)))
}

fn rows(vendor: &Value) -> Vec<Vec<String>> {
    let contract = vendor.get("contract").unwrap_or(&Value::Null);
    let sla = contract.get("sla").unwrap_or(&Value::Null);
    let mut rows = vec![
        ("vendor".to_owned(), cell(vendor, "id")),
        ("failure domain".to_owned(), cell(vendor, "failure_domain")),
        ("connections".to_owned(), names(vendor, "connections")),
    ];
    for field in ["number", "name", "starts", "ends", "notice_days", "credits"] {
        rows.push((format!("contract {}", field.replace('_', " ")), cell(contract, field)));
    }
    rows.push(("notice by".to_owned(), cell(vendor, "notice_by")));
    for field in ["text", "delivery_rate", "latency", "availability"] {
        rows.push((format!("sla {}", field.replace('_', " ")), cell(sla, field)));
    }
    for one in items(contract, "commitments") {
        let currency = cell(one, "currency");
        rows.push((format!("commitment per {}", cell(one, "period")), volumes(one, &currency)));
        for part in items(one, "elsewhere") {
            let what = format!("carried elsewhere, from {} on", cell(part, "day"));
            rows.push((what, volumes(part, &currency)));
        }
    }
    for one in items(vendor, "paces") {
        rows.push((format!("pace of the {}", cell(one, "period")), pace(one)));
    }
    for one in items(contract, "contacts") {
        let known = ["role", "email", "phone", "hours"].map(|field| cell(one, field));
        let known: Vec<String> = known.into_iter().filter(|text| !text.is_empty()).collect();
        rows.push((format!("contact {}", cell(one, "name")), known.join(", ")));
    }
    for one in items(contract, "escalation") {
        rows.push((format!("escalate after {}", cell(one, "after")), cell(one, "contact")));
    }
    for one in items(vendor, "maintenance") {
        let [starts, ends, reason] = ["starts_at", "expires_at", "reason"].map(|field| cell(one, field));
        rows.push((format!("maintenance {}", cell(one, "state")), format!("{starts} to {ends}: {reason}")));
    }
    rows.into_iter().filter(|(_, value)| !value.is_empty()).map(|(what, value)| vec![what, value]).collect()
}

/// `500000 messages, 120000.00 EUR`.
fn volumes(of: &Value, currency: &str) -> String {
    let [messages, segments, spend] = ["messages", "segments", "spend"].map(|field| cell(of, field));
    let all = [(messages, "messages"), (segments, "segments"), (spend, currency)];
    let given = all.into_iter().filter(|(amount, _)| !amount.is_empty());
    given.map(|(amount, unit)| format!("{amount} {unit}")).collect::<Vec<_>>().join(", ")
}

/// `222000 of 500000 messages from 2026-11-01, 28000 behind pace (250000), ends before 2026-12-01; counts as 4 % cheaper`.
fn pace(of: &Value) -> String {
    let [carried, promised, unit, from] =
        ["carried", "promised", "unit", "from"].map(|field| cell(of, field));
    let [behind, due, until] = ["behind", "due", "until"].map(|field| cell(of, field));
    let how = if behind == "0" { "on pace".to_owned() } else { format!("{behind} behind pace") };
    let text = format!("{carried} of {promised} {unit} from {from}, {how} ({due}), ends before {until}");
    match cell(of, "shadow_price").parse::<domain::money::Decimal>() {
        Ok(part) if !part.is_zero() => {
            let percent = (part * domain::money::Decimal::from(100)).normalize();
            format!("{text}; counts as {percent} % cheaper")
        }
        Ok(_) | Err(_) => text,
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
