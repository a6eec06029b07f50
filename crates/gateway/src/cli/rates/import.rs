//! `strowger rates import`: a price list, from its file to a draft or to what holds.

use std::path::PathBuf;

use serde_json::Value;

use super::super::client::{Client, Endpoint, escaped, further};
use super::super::output::{Output, cell};
use super::super::{Exit, Failure};
use super::{PATIENCE, mapping, told};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The list: CSV or XLSX.
    file: PathBuf,
    /// The card that it is laid over. One that is not there yet is made: say its --currency.
    #[arg(long)]
    card: String,
    /// The list is all that the vendor carries: what it does not name is closed.
    #[arg(long, required_unless_present = "delta", conflicts_with = "delta")]
    full: bool,
    /// The list is only what changes: what it does not name stays.
    #[arg(long)]
    delta: bool,
    /// From when on prices without a date of their own hold: a day, an instant, or `always`; absent: now.
    #[arg(long, value_name = "TIME")]
    effective_from: Option<String>,
    /// Whose list it is; absent: whose connections the card's routes lead to. What is remembered of its lists is used.
    #[arg(long)]
    vendor: Option<String>,
    /// A TOML file that says how the list is written, in place of what is remembered.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Remember the mapping for the vendor, once the list was read with it.
    #[arg(long, requires = "mapping", conflicts_with = "dry_run")]
    remember: bool,
    /// Of a card that is made.
    #[arg(long)]
    currency: Option<String>,
    /// Of a card that is made: segment or message.
    #[arg(long)]
    per: Option<String>,
    /// Put it in force at once.
    #[arg(long, conflicts_with = "dry_run")]
    activate: bool,
    /// Only tell what it would do.
    #[arg(long)]
    dry_run: bool,
    /// What it is for.
    #[arg(long)]
    comment: Option<String>,
    /// From how many days a month is projected.
    #[arg(long, default_value_t = 7)]
    days: u8,
    #[command(flatten)]
    endpoint: Endpoint,
}

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

pub(super) async fn run(options: &Options, output: &Output) -> Result<(), Failure> {
    let client = options.endpoint.client_that_waits(PATIENCE)?;
    let (file, shown) = (options.file.clone(), options.file.display());
    let bytes = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
    let bytes = bytes
        .map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?
        .map_err(|error| Failure::new(Exit::Usage, format!("{shown} cannot be read: {error}")))?;
    let mapping = options.mapping.as_deref().map(mapping).transpose()?;
    let remembered_for = match (&options.vendor, options.remember) {
        (_, false) => None,
        (Some(vendor), true) => Some(vendor.clone()),
        (None, true) => Some(owner(&client, &options.card).await?),
    };
    let is_true = |claim: bool| claim.then(|| "true".to_owned());
    let name = options.file.file_name().map(|name| name.to_string_lossy().into_owned());
    let query = further(&[
        ("effective_from", options.effective_from.clone()),
        ("vendor", options.vendor.clone()),
        ("mapping", mapping.as_ref().map(ToString::to_string)),
        ("currency", options.currency.clone()),
        ("per", options.per.clone()),
        ("activate", is_true(options.activate)),
        ("dry_run", is_true(options.dry_run)),
        ("comment", options.comment.clone()),
        ("file", name),
    ]);
    let (mode, days) = (if options.full { "full" } else { "delta" }, options.days);
    let path = format!("/v1/rate-cards/{}/imports?mode={mode}&days={days}{query}", escaped(&options.card));
    let kind = if bytes.starts_with(b"PK") { XLSX } else { "text/csv" };
    let done = client.post_bytes(&path, kind, bytes).await?;
    output.result(&done, || told::import(&done))?;
    if let Some(version) = done.get("version").filter(|version| !version.is_null()) {
        let (number, before) = (cell(version, "number"), cell(version, "based_on"));
        output.note(&if options.activate {
            format!("undo: strowger policy rollback {before} --reason …")
        } else {
            format!("next: strowger policy activate {number}, or strowger policy discard {number}")
        });
    }
    if let (Some(vendor), Some(mapping)) = (remembered_for, &mapping) {
        client.put(&format!("/v1/rate-card-mappings/{}", escaped(&vendor)), mapping).await?;
        output.note(&format!("the lists of {vendor} are read so from now on"));
    }
    Ok(())
}

/// Whose list it is, before anything is done with it.
async fn owner(client: &Client, card: &str) -> Result<String, Failure> {
    let unknown = || {
        let message = format!("whose the lists of {card} are is not known, so nothing was done");
        Failure::new(Exit::Usage, message).hint("say --vendor to have the mapping remembered for one")
    };
    let cards = client.get("/v1/rate-cards").await?;
    let mut all = cards.get("data").and_then(Value::as_array).into_iter().flatten();
    let vendors = all.find(|one| cell(one, "id") == card).and_then(|one| one.get("vendors"));
    match vendors.and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(vendor)]) => Ok(vendor.clone()),
        Some(_) | None => Err(unknown()),
    }
}
