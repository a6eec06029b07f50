//! Versions of the routing document: the store's active one is the truth, and the configuration file is imported as a
//! version whenever its routing part is another one than at the last import.
//!
//! One change follows another, each is one commit with its entry of the audit log, and a table is in place only when
//! its version is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use domain::Timestamp;
use parking_lot::Mutex;
use pipeline::Pipeline;
use routing::desired::{self, Terms};
use routing::settings::canonical;
use routing::{InForce, Rollout, Settings, Share, Table};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use store::versions::{Deed, Named, Origin, Source, State, Summary};
use store::{Change, Changed, Published, Reader, Version, Write, Writer};

use crate::audit::{self, Door};
use crate::tables::{Problem, Routing, Sources, Surroundings};

mod change;
pub(crate) use change::{By, Draft, Refused, Told, read};

/// Which version is active, and what it is held against.
pub(crate) struct Versions {
    /// Held over a whole change, its commit included: so none is made of what another one replaces.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Locked to be copied or replaced.
    standing: Mutex<Standing>,
}

/// Whoever holds it is the only one who changes something.
pub(crate) type Turn = tokio::sync::OwnedMutexGuard<()>;

#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) active: Summary,
    /// In force for a share of the recipients; for none, when this configuration does not have what it needs.
    pub(crate) rollout: Option<Summary>,
    /// The hash of the file's routing document.
    pub(crate) file: [u8; 32],
    /// Of the file: what any document may refer to.
    pub(crate) surroundings: Surroundings,
}

impl Standing {
    /// Whether the file says something else than what is obeyed.
    pub(crate) fn has_drifted(&self) -> bool {
        self.active.hash != self.file
    }
}

/// What a start or a reload comes to.
pub(crate) struct Next {
    pub(crate) tables: InForce,
    standing: Standing,
    /// What the store does not say already.
    writes: Vec<Write>,
}

impl Versions {
    /// Before the pipeline is there: makes durable what the file brings, unless the store is on hold.
    pub(crate) fn start(
        writer: &mut dyn Writer,
        reader: &dyn Reader,
        file: &Routing,
        is_on_hold: bool,
        now: Timestamp,
    ) -> anyhow::Result<(Self, InForce)> {
        let Next { tables, standing, mut writes } = next(reader, file, Door::Start, now)?;
        if !is_on_hold && !writes.is_empty() {
            writer.commit(&mut writes, now).context("the version cannot be stored")?;
        }
        tell(&standing, tables.rollout.as_ref());
        Ok((Self { turn: Arc::default(), standing: Mutex::new(standing) }, tables))
    }

    /// What a reload of this configuration comes to. Nothing has changed yet.
    ///
    /// # Errors
    /// When the version that is to be obeyed cannot be, by this configuration.
    pub(crate) async fn prepare(&self, pipeline: &Pipeline, file: &Routing) -> anyhow::Result<Next> {
        let (reader, file, now) = (pipeline.reader(), file.clone(), pipeline.now());
        tokio::task::spawn_blocking(move || next(&*reader, &file, Door::Reload, now)).await?
    }

    /// Makes durable what `prepare` found. The tables are for the caller to put in place.
    pub(crate) async fn adopt(&self, pipeline: &Pipeline, next: Next) -> anyhow::Result<InForce> {
        let Next { tables, standing, writes } = next;
        if !pipeline.is_on_hold() {
            for write in writes {
                pipeline.write(write, || ()).await.context("the version cannot be stored")?;
            }
        }
        tell(&standing, tables.rollout.as_ref());
        *self.standing.lock() = standing;
        Ok(tables)
    }

    /// Holds off every other change meanwhile. It goes with the commit where that may outlive whoever asked for it.
    pub(crate) async fn turn(&self) -> Turn {
        Arc::clone(&self.turn).lock_owned().await
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing.lock().clone()
    }
}

fn tell(standing: &Standing, rollout: Option<&Rollout>) {
    let active = &standing.active;
    let (version, source, by) = (active.number, active.source.as_str(), &*active.created.by);
    if standing.has_drifted() {
        tracing::warn!(
            version,
            source,
            by,
            "the policy in force is not the one of the configuration file: compare them with `strowger config diff`"
        );
    } else {
        tracing::info!(version, source, by, "the policy in force is the one of the configuration file");
    }
    if let Some(Rollout { version, share, .. }) = rollout {
        tracing::info!(version, %share, "a version is rolled out to a share of the recipients");
    }
}

struct RollingOut {
    summary: Summary,
    /// None: this configuration does not let it decide.
    rollout: Option<Rollout>,
    /// What the store does not know of it.
    write: Option<Write>,
}

/// One that this configuration does not let decide is rolled out still, and waits until one does.
fn rollout(
    reader: &dyn Reader,
    surroundings: &Surroundings,
    now: Timestamp,
) -> anyhow::Result<Option<RollingOut>> {
    let Some(version) = reader.rolling_out()? else { return Ok(None) };
    let number = version.summary.number;
    let Some(share) = version.summary.share.and_then(|share| Share::of_ten_thousand(share).ok()) else {
        bail!("version {number} is rolled out to no share that can be read")
    };
    let sources = sources(reader, &version)?;
    let table = match sources.compile(surroundings) {
        Ok(table) => table,
        Err(problems) => {
            let reason = unusable(&version, &problems);
            tracing::error!(
                version = number,
                reason = format!("{reason:#}"),
                "a version that is rolled out decides for nobody until the configuration has what it needs"
            );
            return Ok(Some(RollingOut { summary: version.summary, rollout: None, write: None }));
        }
    };
    let is_known = reader.published(table.version())?.is_some();
    let write = (!is_known).then(|| Write::Published(published(&table, &sources, surroundings, number, now)));
    let rollout = Rollout { table: Arc::new(table), share, version: number };
    Ok(Some(RollingOut { summary: version.summary, rollout: Some(rollout), write }))
}

fn next(reader: &dyn Reader, routing: &Routing, door: Door, now: Timestamp) -> anyhow::Result<Next> {
    let (active, imported) = (reader.active_version()?, reader.imported_routing()?);
    let Routing { sources: of_file, surroundings, table } = routing.clone();
    let file = of_file.hash();
    match active {
        Some(active) if imported == Some(file) => {
            let sources = sources(reader, &active)?;
            let table = sources.compile(&surroundings).map_err(|problems| unusable(&active, &problems))?;
            // What it depends on may be another than when it was activated.
            let is_known = reader.published(table.version())?.is_some();
            let number = active.summary.number;
            let write = (!is_known)
                .then(|| Write::Published(published(&table, &sources, &surroundings, number, now)));
            let mut writes: Vec<Write> = write.into_iter().collect();
            let mut standing = Standing { active: active.summary, rollout: None, file, surroundings };
            let mut tables = InForce::from(Arc::new(table));
            if let Some(RollingOut { summary, rollout, write }) =
                rollout(reader, &standing.surroundings, now)?
            {
                tables.rollout = rollout;
                standing.rollout = Some(summary);
                writes.extend(write);
            }
            Ok(Next { tables, standing, writes })
        }
        before => {
            let last = reader.versions(u64::MAX, 1)?.first().map_or(0, |last| last.number);
            let by = audit::user();
            let mut summary = summary(last + 1, State::Active, Source::File, &of_file, deed(now, &by));
            summary.based_on = before.as_ref().map(|before| before.summary.number);
            let before = before.map(|before| (before.summary.number, settings(&before)));
            if let Some((number, was)) = &before {
                warn_of_removed(*number, was, &of_file.document);
            }
            let told = told(before.as_ref(), &summary, &of_file.document);
            let target = format!("policy_{}", summary.number);
            let entry = audit::by_host(now, door, "policy.import", &target, told);
            let mut put = vec![stored(summary.clone(), &of_file)];
            // It was written on a version that is not active any more.
            put.extend(reader.rolling_out()?.map(drafted));
            let change = store::Versions {
                put,
                supersede: summary.based_on,
                texts: texts(&of_file),
                imported: Some(file),
                published: Some(published(&table, &of_file, &surroundings, summary.number, now)),
            };
            let what = Changed::Versions(Box::new(change));
            Ok(Next {
                tables: table.into(),
                standing: Standing { active: summary, rollout: None, file, surroundings },
                writes: vec![Write::Change(Box::new(Change { what, entry }))],
            })
        }
    }
}

/// The file holds whole, whoever manages what it does not name: whoever reads the log is told of that.
fn warn_of_removed(version: u64, was: &Settings, file: &Settings) {
    let terms = Terms { prune: true, ..Terms::default() };
    for removed in desired::merge(was, file.clone(), terms).kept {
        tracing::warn!(
            removed = %removed,
            version,
            "the configuration file does not name what somebody else manages: its import removes it"
        );
    }
}

/// Back to what it was before it was rolled out.
fn drafted(version: Version) -> Version {
    Version { summary: Summary { state: State::Draft, share: None, ..version.summary }, ..version }
}

fn unusable(active: &Version, problems: &[Problem]) -> anyhow::Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow::anyhow!(
        "version {} of the policy is in force and this configuration does not have what it needs:\n{}\n\
         bring that back, or change the routing part of the file, which then takes its place",
        active.summary.number,
        lines.join("\n")
    )
}

/// What a version says, with the texts that it names.
pub(crate) fn sources(reader: &dyn Reader, version: &Version) -> anyhow::Result<Sources> {
    let document = canonical::parse(&version.document)
        .with_context(|| format!("version {} cannot be read", version.summary.number))?;
    let mut price_files: BTreeMap<String, Arc<str>> = BTreeMap::new();
    for Named { name, hash } in &version.texts {
        let Some(text) = reader.text(*hash)? else {
            bail!("the price file of `{name}` in version {} is missing in the store", version.summary.number)
        };
        price_files.insert(name.to_string(), text.into());
    }
    Ok(Sources::new(document, price_files))
}

/// Nothing, when it does not read: the log of changes then tells all of the next one.
fn settings(version: &Version) -> Settings {
    canonical::parse(&version.document).unwrap_or_default()
}

fn summary(number: u64, state: State, source: Source, sources: &Sources, created: Deed) -> Summary {
    let activated = (state == State::Active).then(|| created.clone());
    let (hash, comment) = (sources.hash(), "".into());
    Summary {
        number,
        state,
        source,
        hash,
        based_on: None,
        equals: None,
        comment,
        created,
        activated,
        share: None,
    }
}

fn deed(at: Timestamp, by: &str) -> Deed {
    Deed { at, by: by.into() }
}

fn stored(summary: Summary, sources: &Sources) -> Version {
    let named = sources.price_files.iter().map(|(name, text)| Named {
        name: name.as_str().into(),
        hash: Sha256::digest(text.as_bytes()).into(),
    });
    Version { summary, document: (*sources.text).into(), texts: named.collect() }
}

fn texts(sources: &Sources) -> Vec<Box<str>> {
    sources.price_files.values().map(|text| (**text).into()).collect()
}

fn published(
    table: &Table,
    sources: &Sources,
    surroundings: &Surroundings,
    number: u64,
    at: Timestamp,
) -> Published {
    let inputs = sources.inputs(surroundings).into();
    Published { number: table.version(), of: Origin::Version { number, inputs }, at }
}

/// The two sides of an entry of the audit log: what was active, and what is new with all that differs.
fn told(before: Option<&(u64, Settings)>, now: &Summary, document: &Settings) -> (Option<Json>, Json) {
    let nothing = Settings::default();
    let was = before.map_or(&nothing, |(_, settings)| settings);
    let changes = routing::difference(was, document).iter().map(view).collect::<Vec<_>>();
    let after = json!({
        "version": now.number,
        "source": now.source.as_str(),
        "based_on": now.based_on,
        "equals": now.equals,
        "changes": changes,
    });
    (before.map(|(number, _)| json!({ "version": number })), after)
}

/// What differs, price files included.
pub(crate) fn changes(before: &Sources, after: &Sources) -> Vec<Json> {
    let mut all: Vec<Json> =
        routing::difference(&before.document, &after.document).iter().map(view).collect();
    let mut cards: Vec<&String> = before.price_files.keys().chain(after.price_files.keys()).collect();
    cards.sort_unstable();
    cards.dedup();
    for card in cards {
        let how = match (before.price_files.get(card), after.price_files.get(card)) {
            (was, is) if was == is => continue,
            (None, _) => "added",
            (_, None) => "removed",
            (Some(_), Some(_)) => "changed",
        };
        let text = format!("the price file of rate card {card} is {how}");
        all.push(json!({ "of": "price_file", "id": card, "how": how, "keys": [], "text": text }));
    }
    all
}

/// A change as the API and the audit log tell it.
pub(crate) fn view(change: &routing::difference::Change) -> Json {
    use routing::difference::How;
    let keys = match &change.how {
        How::Changed(keys) => keys.as_slice(),
        How::Added | How::Removed | How::Moved { .. } => &[],
    };
    let keys: Vec<Json> =
        keys.iter().map(|key| json!({ "key": key.key, "before": key.before, "after": key.after })).collect();
    json!({
        "of": change.of.as_str(),
        "id": change.id,
        "how": change.how.as_str(),
        "keys": keys,
        "text": change.to_string(),
    })
}
