//! `config diff`, `config apply` and `config dump`: files that say what is wanted, and a gateway that obeys them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use routing::Settings;
use routing::desired::{self, Foreign, Kept, Terms};
use routing::settings::canonical;
use serde_json::{Value, json};

use super::client::{Client, Endpoint, escaped};
use super::output::{Output, cell};
use super::policy::{differences, draft, read, warn_of};
use super::{Exit, Failure};
use crate::tables::Sources;
use crate::versions;

/// In whose name something is changed.
#[derive(Debug, clap::Args)]
pub(super) struct Manager {
    /// What the files want is managed by this name from now on. What others manage is not changed, and what nobody or
    /// somebody else manages is not removed.
    #[arg(long, value_name = "NAME", value_parser = manager_name)]
    managed_by: Option<String>,
    /// Also change what somebody else manages. It is the name's then.
    #[arg(long)]
    take_over: bool,
}

fn manager_name(name: &str) -> Result<String, desired::BadManager> {
    desired::manager(name).map(str::to_owned)
}

/// Whether what is not named goes.
#[derive(Clone, Copy)]
pub(super) struct Prune(pub(super) bool);

/// What files say, laid over what is there.
pub(super) struct Laid {
    pub(super) sources: Sources,
    kept: Vec<Kept>,
    taken_over: Vec<Foreign>,
}

impl Manager {
    /// Whether a draft is laid over what is there; without a name it holds whole, as it is written.
    ///
    /// # Errors
    /// When something is to be taken over in nobody's name.
    pub(super) fn lays_a_draft(&self) -> Result<bool, Failure> {
        if self.take_over && self.managed_by.is_none() {
            let message =
                "--take-over needs --managed-by NAME: a draft without it holds whole, as it is written";
            return Err(Failure::new(Exit::Usage, message));
        }
        Ok(self.managed_by.is_some())
    }

    /// # Errors
    /// With everything that somebody else manages and the files want otherwise.
    pub(super) fn lay(
        &self,
        there: &Sources,
        wanted: Sources,
        Prune(prune): Prune,
        output: &Output,
    ) -> Result<Laid, Failure> {
        let repriced = repriced(there, &wanted);
        let manager = self.managed_by.as_deref();
        let terms = Terms { manager, prune, take_over: self.take_over, repriced: &repriced };
        let merged = desired::merge(&there.document, wanted.document, terms);
        for what in &merged.kept {
            output.note(&format!("kept, though no file names it: {what}{}", how_to_remove(what, terms)));
        }
        if !merged.foreign.is_empty() && !self.take_over {
            for what in &merged.foreign {
                output.note(&format!(
                    "{what}: --managed-by {} changes it in that name, --take-over takes it away",
                    what.managed_by
                ));
            }
            let count = merged.foreign.len();
            let s = if count == 1 { "" } else { "s" };
            let message =
                format!("{count} thing{s} that somebody else manages would change; nothing was done");
            return Err(Failure::new(Exit::Invalid, message));
        }
        for what in &merged.foreign {
            output.note(&format!("{what}, and is taken over"));
        }
        let mut price_files = there.price_files.clone();
        price_files.extend(wanted.price_files);
        let sources = Sources::new(merged.settings, price_files);
        Ok(Laid { sources, kept: merged.kept, taken_over: merged.foreign })
    }
}

/// The cards whose files have other prices than those that are there.
fn repriced(there: &Sources, wanted: &Sources) -> Vec<String> {
    let texts = wanted.price_files.iter();
    let differs = texts.filter(|(card, text)| there.price_files.get(*card).is_some_and(|was| was != *text));
    differs.map(|(card, _)| card.clone()).collect()
}

fn how_to_remove(what: &Kept, terms: Terms<'_>) -> String {
    match &what.managed_by {
        manager if manager.as_deref() == terms.manager => " (--prune removes it)".to_owned(),
        Some(manager) => format!(" (--prune --managed-by {manager} removes it)"),
        None => " (--prune without --managed-by removes it)".to_owned(),
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// A file, or a folder of TOML files.
    path: PathBuf,
    /// Compare in this name, as `config apply --prune --managed-by NAME` would; absent: all that is in force with all
    /// that the files say.
    #[arg(long, value_name = "NAME", value_parser = manager_name)]
    managed_by: Option<String>,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    /// A file, or a folder of TOML files.
    path: PathBuf,
    /// Also remove what the files do not name: of what is managed by the given name; without one, of what nobody manages.
    #[arg(long)]
    prune: bool,
    /// What it is for.
    #[arg(long)]
    message: Option<String>,
    #[command(flatten)]
    manager: Manager,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Dump {
    /// The version; absent: the one in force.
    #[arg(long, default_value = "active")]
    version: String,
    /// A folder that is empty or not there yet: routes.toml, rate_cards.toml, policy.toml and rates/. Absent: the text
    /// goes to stdout.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// Ends with 10 when the files say something else than what is in force.
pub(crate) async fn diff(options: &Diff, output: &Output) -> Result<(), Failure> {
    let wanted = read(&options.path, output)?;
    let (number, active) = fetch(&options.endpoint.client()?, "active").await?;
    let repriced = repriced(&active, &wanted);
    let manager = options.managed_by.as_deref();
    let terms = Terms { manager, prune: true, repriced: &repriced, ..Terms::default() };
    let merged = desired::merge(&active.document, wanted.document.clone(), terms);
    for what in &merged.kept {
        output.note(&match manager {
            Some(_) => format!("not compared, because no file names it: {what}"),
            None => format!("no file names it, and config apply keeps it: {what}"),
        });
    }
    for what in &merged.foreign {
        output.note(&format!("{what}: config apply refuses to change it without --take-over"));
    }
    let changes = if manager.is_some() {
        let mut price_files = active.price_files.clone();
        price_files.extend(wanted.price_files);
        versions::changes(&active, &Sources::new(merged.settings, price_files))
    } else {
        // Whole against whole, as the import of a configuration file would put it in force.
        versions::changes(&active, &wanted)
    };
    differences(&json!({ "against": number, "same": changes.is_empty(), "changes": changes }), output)
}

/// One version is made of it and put in force, or nothing happens.
pub(crate) async fn apply(options: &Apply, output: &Output) -> Result<(), Failure> {
    let wanted = read(&options.path, output)?;
    let client = options.endpoint.client()?;
    let (number, active) = fetch(&client, "active").await?;
    let Laid { sources, kept, taken_over } =
        options.manager.lay(&active, wanted, Prune(options.prune), output)?;
    let changes = versions::changes(&active, &sources);
    let mut version = Value::Null;
    if !changes.is_empty() {
        let drafted = draft(&client, &sources, options.message.as_deref(), Some(number)).await?;
        let draft = cell(&drafted, "number");
        let made = client.post(&format!("/v1/policies/{draft}/activate"), &json!({})).await;
        if made.is_err() {
            // It would only lie there; what went wrong is told below.
            drop(client.delete(&format!("/v1/policies/{draft}")).await);
        }
        version = made?;
        warn_of(&client, &draft, output).await;
    }
    let kept: Vec<String> = kept.iter().map(ToString::to_string).collect();
    let taken_over: Vec<String> = taken_over.iter().map(ToString::to_string).collect();
    let done = json!({ "version": version, "changes": changes, "kept": kept, "taken_over": taken_over });
    output.result(&done, || match changes.len() {
        0 => "nothing differs, so nothing was done".to_owned(),
        count => {
            let lines = changes.iter().map(|change| format!("  {}", cell(change, "text")));
            let s = if count == 1 { "" } else { "s" };
            let lines: Vec<String> = lines.collect();
            format!(
                "version {} is active, {count} change{s}:\n{}",
                cell(&version, "number"),
                lines.join("\n")
            )
        }
    })?;
    if !changes.is_empty() {
        output.note(&format!("undo: strowger policy rollback {number} --reason …"));
    }
    Ok(())
}

pub(crate) async fn dump(options: &Dump, output: &Output) -> Result<(), Failure> {
    let (number, sources) = fetch(&options.endpoint.client()?, &options.version).await?;
    let document = serde_json::to_value(&sources.document).unwrap_or_default();
    let whole = json!({ "number": number, "document": document, "price_files": texts(&sources) });
    let Some(folder) = &options.out else {
        return output.result(&whole, || sources.text.trim_end().to_owned());
    };
    let written = write(folder, &sources)?;
    output.result(&json!({ "number": number, "files": written }), || written.join("\n"))
}

fn texts(sources: &Sources) -> BTreeMap<&String, &str> {
    sources.price_files.iter().map(|(card, text)| (card, &**text)).collect()
}

/// Writes nothing over what is there.
fn write(folder: &Path, sources: &Sources) -> Result<Vec<String>, Failure> {
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{} is not empty: name a folder that is, or is not there", folder.display());
        return Err(Failure::new(Exit::Usage, message));
    }
    let Settings { routes, rate_cards, exchange_rates, caps, policy } = &sources.document;
    let (rate_cards, exchange_rates) = (rate_cards.clone(), exchange_rates.clone());
    let parts = [
        ("routes.toml", Settings { routes: routes.clone(), caps: caps.clone(), ..Settings::default() }),
        ("rate_cards.toml", Settings { rate_cards, exchange_rates, ..Settings::default() }),
        ("policy.toml", Settings { policy: policy.clone(), ..Settings::default() }),
    ];
    let mut files: Vec<(String, String)> =
        parts.iter().map(|(name, part)| ((*name).to_owned(), canonical::text(part))).collect();
    for (card, text) in &sources.price_files {
        // A card that compiled has an id without anything that leads out of the folder.
        if card.parse::<domain::RateCardId>().is_err() {
            return Err(Failure::new(Exit::Invalid, format!("`{card}` cannot be the name of a file")));
        }
        files.push((format!("rates/{card}.csv"), text.to_string()));
    }
    std::fs::create_dir_all(folder.join("rates"))?;
    for (name, text) in &files {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(files.into_iter().map(|(name, _)| folder.join(name).display().to_string()).collect())
}

/// A version of the gateway's, whole.
pub(super) async fn fetch(client: &Client, version: &str) -> Result<(u64, Sources), Failure> {
    let path = format!("/v1/policies/{}", escaped(version));
    let whole = client.get(&path).await?;
    let unexpected =
        |what: &str| Failure::new(Exit::Unexpected, format!("the gateway's answer lacks {what}"));
    let number = whole.get("number").and_then(Value::as_u64).ok_or_else(|| unexpected("number"))?;
    let document = whole.get("document").cloned().unwrap_or_default();
    let document: Settings =
        serde_json::from_value(document).map_err(|error| unexpected(&error.to_string()))?;
    let mut price_files: BTreeMap<String, Arc<str>> = BTreeMap::new();
    let named = whole.get("price_files").and_then(Value::as_array).into_iter().flatten();
    for card in named.map(|named| cell(named, "rate_card")) {
        let path = format!("/v1/policies/{number}?price_file={}", escaped(&card));
        price_files.insert(card, client.get_text(&path).await?.into());
    }
    Ok((number, Sources::new(document, price_files)))
}
