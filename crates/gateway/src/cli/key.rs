//! `strowger key`: API keys, made and ended while the gateway runs.

use serde_json::{Map, Value, json};

use super::Failure;
use super::client::{Endpoint, escaped, further};
use super::output::{Output, cell, table};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a key. What opens is printed once, and is nowhere to be had afterwards.
    Create(Create),
    /// List the keys that were made here, the newest first.
    List {
        /// Only those of this app.
        #[arg(long)]
        app: Option<String>,
        /// Only those of this admin.
        #[arg(long, conflicts_with = "app")]
        admin: Option<String>,
        /// Only active, expired or revoked ones.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Make a key that takes the place of another, which opens on for a while.
    Rotate {
        #[arg(value_name = "KEY_ID")]
        id: String,
        /// How long the old key opens on, such as 0s, 1h or 7d.
        #[arg(long, value_name = "DURATION", default_value = "24h")]
        overlap: String,
        /// Why, for the audit log.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// End a key: it opens nothing from the next request on.
    Revoke {
        #[arg(value_name = "KEY_ID")]
        id: String,
        /// Why, for the audit log.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// The app that it is for.
    #[arg(long, required_unless_present = "admin", conflicts_with = "admin")]
    app: Option<String>,
    /// Or the name of the admin that it is for: changes are told under it.
    #[arg(long, value_name = "NAME")]
    admin: Option<String>,
    /// What it is for.
    #[arg(long)]
    label: Option<String>,
    /// What it may do: send, read for an app (both unless given); read, dispatch, configure for an admin.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    scopes: Vec<String>,
    /// A network that it may be used from, such as 10.0.0.0/8. May be repeated; anywhere unless given.
    #[arg(long = "ip", value_name = "NETWORK", value_delimiter = ',')]
    ips: Vec<String>,
    /// How many requests it may make, such as 100/s.
    #[arg(long, value_name = "RATE")]
    rate_limit: Option<String>,
    /// How long it opens, such as 90d; for ever unless given.
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<String>,
    /// Why, for the audit log.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    endpoint: Endpoint,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Create(create) => make(create, output).await,
        Command::List { app, admin, state, endpoint } => {
            let filters = [("app", app), ("admin", admin), ("state", state)];
            list(&filters, &endpoint, output).await
        }
        Command::Rotate { id, overlap, reason, endpoint } => {
            let mut body = json!({ "overlap": overlap });
            if let (Some(reason), Some(body)) = (reason, body.as_object_mut()) {
                body.insert("reason".to_owned(), Value::from(reason));
            }
            let made = endpoint.client()?.post(&format!("/v1/keys/{}/rotate", escaped(&id)), &body).await?;
            show(&made, output)?;
            output.note(&format!("{id} opens on for {overlap}; end it sooner: strowger key revoke {id}"));
            Ok(())
        }
        Command::Revoke { id, reason, endpoint } => {
            let reason = reason.map_or_else(String::new, |reason| format!("?reason={}", escaped(&reason)));
            let path = format!("/v1/keys/{}{reason}", escaped(&id));
            let revoked = endpoint.client()?.delete(&path).await?;
            output.result(&revoked, || format!("{id}  {}", cell(&revoked, "state")))
        }
    }
}

async fn make(create: Create, output: &Output) -> Result<(), Failure> {
    let Create { app, admin, label, scopes, ips, rate_limit, expires_in, reason, endpoint } = create;
    let mut body = Map::new();
    let texts = [
        ("app", app),
        ("admin", admin),
        ("label", label),
        ("rate_limit", rate_limit),
        ("expires_in", expires_in),
        ("reason", reason),
    ];
    for (name, text) in texts {
        body.extend(text.map(|text| (name.to_owned(), Value::from(text))));
    }
    for (name, list) in [("scopes", scopes), ("ips", ips)] {
        if !list.is_empty() {
            body.insert(name.to_owned(), Value::from(list));
        }
    }
    let made = endpoint.client()?.post("/v1/keys", &Value::Object(body)).await?;
    show(&made, output)
}

/// The secret alone on stdout, so that it can go straight to where secrets are kept.
fn show(made: &Value, output: &Output) -> Result<(), Failure> {
    output.result(made, || cell(made, "secret"))?;
    let whose = [cell(made, "app"), cell(made, "admin")].concat();
    output.note(&format!("{} of {whose}: keep it now, it is not shown again", cell(made, "id")));
    Ok(())
}

async fn list(
    filters: &[(&str, Option<String>)],
    endpoint: &Endpoint,
    output: &Output,
) -> Result<(), Failure> {
    let query = further(filters);
    let keys = endpoint.client()?.get(&format!("/v1/keys?limit=500{query}")).await?;
    output.result(&keys, || {
        let items = keys.get("data").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> = items
            .map(|key| {
                let list = |field: &str| {
                    let items = key.get(field).and_then(Value::as_array).into_iter().flatten();
                    items.filter_map(Value::as_str).collect::<Vec<_>>().join(",")
                };
                vec![
                    cell(key, "id"),
                    [cell(key, "app"), cell(key, "admin")].concat(),
                    list("scopes"),
                    cell(key, "state"),
                    cell(key, "hint"),
                    cell(key, "label"),
                    cell(key, "expires_at"),
                    cell(key, "last_used_at"),
                ]
            })
            .collect();
        table(&["KEY", "WHOSE", "SCOPES", "STATE", "BEGINS", "LABEL", "EXPIRES", "LAST USED"], &rows)
    })
}
