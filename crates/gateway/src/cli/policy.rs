//! `strowger policy`: versions of the routing document, from draft to active and back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::client::{Client, Endpoint, further};
use super::desired::{self, Manager, Prune};
use super::output::{Output, cell, table};
use super::{Exit, Failure};
use crate::config::document;
use crate::tables::Sources;

mod dry_run;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the versions, newest first.
    #[command(visible_alias = "history")]
    List {
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Show a version: its text, or its rules in English.
    Show {
        /// Its number; absent: the one in force.
        #[arg(default_value = "active")]
        version: String,
        /// The whole document as the canonical text; this is what is shown when nothing is said.
        #[arg(long, conflicts_with = "english")]
        text: bool,
        /// The rules in English.
        #[arg(long)]
        english: bool,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Keep a draft of the routing document: of a file, or of the TOML files of a folder.
    Draft {
        path: PathBuf,
        /// What it is for.
        #[arg(long)]
        comment: Option<String>,
        /// The version that it was written on; absent: the one in force.
        #[arg(long)]
        based_on: Option<u64>,
        #[command(flatten)]
        manager: Manager,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Tell every problem of a version. Ends with 3 when there is one.
    Validate {
        version: u64,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Tell what a version says otherwise than the one in force, or than another. Ends with 10 when anything differs.
    Diff {
        version: u64,
        #[arg(long, value_name = "VERSION")]
        against: Option<u64>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Tell what a version would have done with the messages of the last hours, or would do with those of a file: routes,
    /// cost to the last decimal, and what would have no route. Changes nothing. Ends with 10 when a message would lose
    /// every route, or one that is planned would have none.
    DryRun(dry_run::Options),
    /// Put a draft in force, from the next message on and for all that wait.
    Activate {
        version: u64,
        /// Why, for whoever reads it later.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Have a draft decide for a share of the recipients, always the same ones; or, of one that does already, change the
    /// share. `activate` has it decide for all, `abort` for none.
    Rollout {
        version: u64,
        /// Of the recipients, such as 5 or 0.25.
        #[arg(long)]
        percent: String,
        /// Why, for whoever reads it later.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// End a rollout: the active version decides for everyone again, and the other is a draft again.
    Abort {
        version: u64,
        /// Why, for whoever reads it later.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Make a new version that is equal to an old one, and put it in force.
    Rollback {
        /// The version to go back to.
        version: u64,
        /// Why, for whoever reads it later.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Discard a draft.
    Discard {
        version: u64,
        #[command(flatten)]
        endpoint: Endpoint,
    },
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::List { limit, endpoint } => list(limit, &endpoint, output).await,
        Command::Show { version, text: _, english, endpoint } => {
            show(&version, english, &endpoint, output).await
        }
        Command::Draft { path, comment, based_on, manager, endpoint } => {
            let lays = manager.lays_a_draft()?;
            let client = endpoint.client()?;
            let mut sources = read(&path, output)?;
            let mut based_on = based_on;
            if lays {
                let base = based_on.map_or_else(|| "active".to_owned(), |number| number.to_string());
                let (number, there) = desired::fetch(&client, &base).await?;
                // What is activated meanwhile is not in it: then the draft is refused, and undoes nothing.
                based_on = Some(number);
                sources = manager.lay(&there, sources, Prune(true), output)?.sources;
            }
            let made = draft(&client, &sources, comment.as_deref(), based_on).await?;
            say(&made, output)?;
            let number = cell(&made, "number");
            output.note(&format!(
                "next: strowger policy diff {number}, strowger policy dry-run {number}, then strowger policy activate {number}"
            ));
            Ok(())
        }
        Command::Validate { version, endpoint } => validate(version, &endpoint, output).await,
        Command::Diff { version, against, endpoint } => {
            let query = further(&[("against", against.map(|number| number.to_string()))]);
            let path = format!("/v1/policies/{version}/diff?{}", query.trim_start_matches('&'));
            let found = endpoint.client()?.get(path.trim_end_matches('?')).await?;
            differences(&found, output)
        }
        Command::DryRun(options) => dry_run::run(&options, output).await,
        Command::Activate { version, reason, endpoint } => {
            let body = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
            let path = format!("/v1/policies/{version}/activate");
            let client = endpoint.client()?;
            let active = client.post(&path, &body).await?;
            say(&active, output)?;
            warn_of(&client, &version.to_string(), output).await;
            // It was active until now, or this one would have been refused.
            let before = cell(&active, "based_on");
            if !before.is_empty() {
                output.note(&format!("undo: strowger policy rollback {before} --reason …"));
            }
            Ok(())
        }
        Command::Rollout { version, percent, reason, endpoint } => {
            let mut body = json!({ "percent": percent });
            if let (Some(body), Some(reason)) = (body.as_object_mut(), reason) {
                body.insert("reason".to_owned(), json!(reason));
            }
            let path = format!("/v1/policies/{version}/rollout");
            say(&endpoint.client()?.post(&path, &body).await?, output)?;
            output.note(&format!(
                "next: more with the same command, all with strowger policy activate {version}; undo: strowger policy abort {version}"
            ));
            Ok(())
        }
        Command::Abort { version, reason, endpoint } => {
            let query = further(&[("reason", reason)]);
            let path = format!("/v1/policies/{version}/rollout?{}", query.trim_start_matches('&'));
            say(&endpoint.client()?.delete(path.trim_end_matches('?')).await?, output)
        }
        Command::Rollback { version, reason, endpoint } => {
            let body = json!({ "to": version, "reason": reason });
            say(&endpoint.client()?.post("/v1/policies/rollback", &body).await?, output)
        }
        Command::Discard { version, endpoint } => {
            say(&endpoint.client()?.delete(&format!("/v1/policies/{version}")).await?, output)
        }
    }
}

async fn list(limit: usize, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let found = endpoint.client()?.get(&format!("/v1/policies?limit={limit}")).await?;
    output.result(&found, || {
        let columns = ["number", "state", "source", "based_on", "created_at", "created_by", "comment"];
        let items = found.get("data").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<Vec<String>> =
            items.map(|one| columns.map(|column| cell(one, column)).to_vec()).collect();
        table(&["VERSION", "STATE", "SOURCE", "BASED ON", "MADE AT", "BY", "COMMENT"], &rows)
    })?;
    if found.get("file_differs") == Some(&Value::Bool(true)) {
        output.note(
            "the configuration file says something else than the version in force: strowger config diff",
        );
    }
    Ok(())
}

async fn show(version: &str, english: bool, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let client = endpoint.client()?;
    let path = format!("/v1/policies/{}", super::client::escaped(version));
    let whole = client.get(&path).await?;
    let text = if english {
        let rules = whole.get("english").and_then(Value::as_array).into_iter().flatten();
        let of = |one: &Value| ["rule", "pin", "cap", "route"].into_iter().find(|of| one.get(of).is_some());
        let name = |one: &Value| of(one).map_or_else(|| "policy".to_owned(), |of| cell(one, of));
        let rules = rules.map(|one| match cell(one, "managed_by") {
            manager if manager.is_empty() => format!("{}: {}", name(one), cell(one, "text")),
            manager => format!("{} (managed by {manager}): {}", name(one), cell(one, "text")),
        });
        rules.collect::<Vec<_>>().join("\n")
    } else {
        client.get_text(&format!("{path}?format=toml")).await?.trim_end().to_owned()
    };
    output.result(&whole, || text)
}

async fn validate(version: u64, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let told = endpoint.client()?.post(&format!("/v1/policies/{version}/validate"), &json!({})).await?;
    let problems = told.get("problems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    output.result(&told, || {
        if problems.is_empty() {
            return format!("version {version} can be put in force");
        }
        let lines = problems.iter().map(|one| format!("{}: {}", cell(one, "place"), cell(one, "message")));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    warn(&told, output);
    match problems.len() {
        0 => Ok(()),
        1 => Err(Failure::new(Exit::Invalid, format!("1 problem in version {version}"))),
        count => Err(Failure::new(Exit::Invalid, format!("{count} problems in version {version}"))),
    }
}

fn warn(validated: &Value, output: &Output) {
    for one in validated.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        output.note(&format!("{}: {} (warning)", cell(one, "place"), cell(one, "message")));
    }
}

/// What works of a version that was just put in force and is likely a mistake, and which overrides it leaves without
/// effect. It is in force whether this can be told or not.
pub(super) async fn warn_of(client: &Client, version: &str, output: &Output) {
    if let Ok(told) = client.post(&format!("/v1/policies/{version}/validate"), &json!({})).await {
        warn(&told, output);
    }
    let Ok(found) = client.get("/v1/overrides?state=active").await else { return };
    let idle = |one: &&Value| one.get("has_effect").and_then(Value::as_bool) == Some(false);
    for one in found.get("data").and_then(Value::as_array).into_iter().flatten().filter(idle) {
        let (does, id) = (cell(one, "summary"), cell(one, "id"));
        output.note(&format!(
            "override {id} ({does}) holds and has no effect: what it names is not there (warning)"
        ));
    }
}

fn say(version: &Value, output: &Output) -> Result<(), Failure> {
    let number = cell(version, "number");
    output.result(version, || match version.get("percent").and_then(Value::as_f64) {
        Some(percent) => format!("version {number} decides for {percent} % of the recipients"),
        None => format!("version {number} is {}", cell(version, "state")),
    })
}

/// What was added, changed and removed, in groups; ends with 10 when there is any.
pub(super) fn differences(found: &Value, output: &Output) -> Result<(), Failure> {
    let changes = found.get("changes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    output.result(found, || {
        let groups = [("added", "+"), ("changed", "~"), ("moved", "~"), ("removed", "-")];
        let mut lines = Vec::new();
        for (how, sign) in groups {
            let of_group = changes.iter().filter(|change| cell(change, "how") == how);
            lines.extend(of_group.map(|change| format!("{sign} {}", cell(change, "text"))));
        }
        if lines.is_empty() { "nothing differs".to_owned() } else { lines.join("\n") }
    })?;
    let s = if changes.len() == 1 { "" } else { "s" };
    if changes.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Different, format!("{} difference{s}", changes.len())))
}

/// The routing document of files, or every problem of them.
pub(super) fn read(path: &Path, output: &Output) -> Result<Sources, Failure> {
    document::from_files(path).map_err(|report| {
        output.note(&report.to_string());
        let count = report.problems.len();
        let s = if count == 1 { "" } else { "s" };
        Failure::new(Exit::Invalid, format!("{count} problem{s} in {}", path.display()))
    })
}

pub(super) async fn draft(
    client: &Client,
    sources: &Sources,
    comment: Option<&str>,
    based_on: Option<u64>,
) -> Result<Value, Failure> {
    let price_files: BTreeMap<&String, &str> =
        sources.price_files.iter().map(|(card, text)| (card, &**text)).collect();
    let mut body = json!({ "toml": &*sources.text, "price_files": price_files });
    if let (Some(body), Some(comment)) = (body.as_object_mut(), comment) {
        body.insert("comment".to_owned(), json!(comment));
    }
    if let (Some(body), Some(number)) = (body.as_object_mut(), based_on) {
        body.insert("based_on".to_owned(), json!(number));
    }
    client.post("/v1/policies", &body).await
}
