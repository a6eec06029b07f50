//! What a person does with versions: draft, check, activate, go back, discard.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Timestamp;
use pipeline::{NotWritten, Pipeline};
use routing::{Path, Rollout, Settings, Share, Table};
use serde_json::{Value as Json, json};
use store::versions::{Source, State, Summary};
use store::{Change, Changed, Reader, Version};

use super::{Turn, Versions, deed, drafted, published, sources, stored, summary, texts, told};
use crate::tables::{Place, Problem, Sources};

/// What somebody wants the routing document to be.
pub(crate) struct Draft {
    pub(crate) document: Settings,
    /// By the id of the card. Of a card that has a file and is not among them, that of the active version stays.
    pub(crate) price_files: BTreeMap<String, Arc<str>>,
    pub(crate) comment: Box<str>,
    pub(crate) source: Source,
    /// None: the version that is active.
    pub(crate) based_on: Option<u64>,
}

/// Who changes something, and how the audit log is told of it.
#[derive(Clone, Copy)]
pub(crate) struct By<'a> {
    pub(crate) id: &'a str,
    pub(crate) entry: &'a (dyn Fn(&Told<'_>) -> Box<str> + Sync),
}

/// What an entry of the audit log says of a version.
pub(crate) struct Told<'a> {
    pub(crate) at: Timestamp,
    pub(crate) action: &'static str,
    pub(crate) target: String,
    pub(crate) reason: Option<&'a str>,
    pub(crate) before: Option<Json>,
    pub(crate) after: Json,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("there is no version {0}")]
    NotFound(u64),
    #[error("version {number} is {}: only a draft can be activated, rolled out or discarded", .state.as_str())]
    NotDraft { number: u64, state: State },
    /// Another version became active after this one was written.
    #[error(
        "version {number} was written on version {based_on}, and version {active} is active; since then: {since}"
    )]
    Stale { number: u64, based_on: u64, active: u64, since: String },
    #[error("version {number} is {}: only a version that was in force can be gone back to", .state.as_str())]
    NeverObeyed { number: u64, state: State },
    #[error("version {0} is active already")]
    Active(u64),
    #[error("version {0} is rolled out to a share of the recipients: activate it, or abort that first")]
    RollingOut(u64),
    #[error("version {0} is not rolled out")]
    NotRollingOut(u64),
    #[error("the document cannot be used")]
    Wrong(Vec<Problem>),
    #[error(transparent)]
    NotWritten(#[from] NotWritten),
    #[error("{0:#}")]
    Unreadable(anyhow::Error),
}

impl Versions {
    /// Keeps a draft. Whether it can be obeyed is not asked yet.
    pub(crate) async fn draft(
        &self,
        pipeline: &Pipeline,
        draft: Draft,
        by: By<'_>,
    ) -> Result<Summary, Refused> {
        let turn = self.turn().await;
        let Draft { document, mut price_files, comment, source, based_on } = draft;
        let active = self.standing().active.number;
        let based_on = based_on.unwrap_or(active);
        find(pipeline, based_on).await?;
        let (now, last) = (pipeline.now(), last(pipeline).await?);
        let (_, kept) = read(pipeline, active).await?;
        let base = read(pipeline, based_on).await?.1;
        for card in document.rate_cards.iter().filter(|card| card.file.is_some()) {
            if let (false, Some(text)) = (price_files.contains_key(&card.id), kept.price_files.get(&card.id))
            {
                price_files.insert(card.id.clone(), Arc::clone(text));
            }
        }
        let created = deed(now, by.id);
        let lay_down = move || {
            let sources = Sources::new(document, price_files);
            let problems = missing_files(&sources);
            if !problems.is_empty() {
                return Err(Refused::Wrong(problems));
            }
            let mut summary = summary(last + 1, State::Draft, source, &sources, created);
            summary.based_on = Some(based_on);
            summary.comment = comment;
            let sides = told(Some(&(based_on, base.document)), &summary, &sources.document);
            let change = store::Versions {
                put: vec![stored(summary.clone(), &sources)],
                texts: texts(&sources),
                ..store::Versions::default()
            };
            Ok((summary, change, sides))
        };
        let (summary, change, sides) = aside(lay_down).await??;
        let told = entry(now, "policy.draft", &summary, None, sides);
        make(pipeline, change, (by.entry)(&told), turn).await?;
        Ok(summary)
    }

    /// The table that a version would be now, once the policy's own tests have passed.
    ///
    /// # Errors
    /// `Wrong` with every problem of it.
    pub(crate) async fn validate(
        &self,
        pipeline: &Pipeline,
        number: u64,
    ) -> Result<(Version, Sources, Table), Refused> {
        let (version, sources) = read(pipeline, number).await?;
        let (surroundings, now) = (self.standing().surroundings, pipeline.now());
        let compile = move || {
            let table = sources.compile(&surroundings).and_then(|table| {
                let failures = sources.test(&table, now);
                if failures.is_empty() { Ok(table) } else { Err(failures) }
            });
            (sources, table)
        };
        let (sources, table) = aside(compile).await?;
        Ok((version, sources, table.map_err(Refused::Wrong)?))
    }

    /// Puts a draft in force, for the next message and for all that wait.
    pub(crate) async fn activate(
        self: &Arc<Self>,
        pipeline: &Pipeline,
        number: u64,
        reason: Option<&str>,
        by: By<'_>,
    ) -> Result<Summary, Refused> {
        let turn = self.turn().await;
        let (active, was) = self.may_follow(pipeline, number).await?;
        let (version, sources, table) = self.validate(pipeline, number).await?;
        let now = pipeline.now();
        let activated = Some(deed(now, by.id));
        let summary = Summary { state: State::Active, activated, share: None, ..version.summary };
        let sides = told(Some(&(active, was.document)), &summary, &sources.document);
        let told = entry(now, "policy.activate", &summary, reason, sides);
        self.obey(pipeline, summary.clone(), &sources, table, (by.entry)(&told), turn).await?;
        Ok(summary)
    }

    /// Has a draft decide for a share of the recipients, or one that does already for another share.
    pub(crate) async fn roll_out(
        self: &Arc<Self>,
        pipeline: &Pipeline,
        number: u64,
        share: Share,
        reason: Option<&str>,
        by: By<'_>,
    ) -> Result<Summary, Refused> {
        let turn = self.turn().await;
        self.may_follow(pipeline, number).await?;
        let (version, sources, table) = self.validate(pipeline, number).await?;
        let (now, surroundings) = (pipeline.now(), self.standing().surroundings);
        let before = share_of(&version.summary);
        let (state, in_ten_thousand) = (State::RollingOut, Some(share.in_ten_thousand()));
        let summary = Summary { state, share: in_ten_thousand, ..version.summary };
        let sides = (Some(before), share_of(&summary));
        let told = entry(now, "policy.rollout", &summary, reason, sides);
        let change = store::Versions {
            put: vec![stored(summary.clone(), &sources)],
            texts: texts(&sources),
            published: Some(published(&table, &sources, &surroundings, number, now)),
            ..store::Versions::default()
        };
        let rollout = Rollout { table: Arc::new(table), share, version: number };
        self.settle(pipeline, change, (by.entry)(&told), Some((summary.clone(), rollout)), turn).await?;
        Ok(summary)
    }

    /// Has the active version decide for everyone again; the other is a draft again.
    pub(crate) async fn abort(
        self: &Arc<Self>,
        pipeline: &Pipeline,
        number: u64,
        reason: Option<&str>,
        by: By<'_>,
    ) -> Result<Summary, Refused> {
        let turn = self.turn().await;
        let version = find(pipeline, number).await?;
        if version.summary.state != State::RollingOut {
            return Err(Refused::NotRollingOut(number));
        }
        let before = share_of(&version.summary);
        let version = drafted(version);
        let summary = version.summary.clone();
        let sides = (Some(before), share_of(&summary));
        let told = entry(pipeline.now(), "policy.abort", &summary, reason, sides);
        let change = store::Versions { put: vec![version], ..store::Versions::default() };
        self.settle(pipeline, change, (by.entry)(&told), None, turn).await?;
        Ok(summary)
    }

    /// The rollout of now, once it is durable, also when whoever asked has gone meanwhile.
    async fn settle(
        self: &Arc<Self>,
        pipeline: &Pipeline,
        change: store::Versions,
        entry: Box<str>,
        rollout: Option<(Summary, Rollout)>,
        turn: Turn,
    ) -> Result<(), Refused> {
        let (versions, pipeline_after) = (Arc::clone(self), pipeline.clone());
        let change = Change { what: Changed::Versions(Box::new(change)), entry };
        let made = pipeline.change(change, move || {
            let (summary, rollout) = rollout.unzip();
            match &rollout {
                Some(Rollout { version, share, .. }) => {
                    tracing::info!(version, %share, "a version is rolled out to a share of the recipients");
                }
                None => tracing::info!("the active version decides for everyone again"),
            }
            versions.standing.lock().rollout = summary;
            pipeline_after.roll_out(rollout);
            drop(turn);
        });
        Ok(made.await?)
    }

    /// The active version, when this one was written on it and nothing else is under way.
    async fn may_follow(&self, pipeline: &Pipeline, number: u64) -> Result<(u64, Sources), Refused> {
        let active = self.standing().active.number;
        let summary = find(pipeline, number).await?.summary;
        if !matches!(summary.state, State::Draft | State::RollingOut) {
            return Err(Refused::NotDraft { number, state: summary.state });
        }
        self.nothing_else_rolls_out(number)?;
        let (_, was) = read(pipeline, active).await?;
        if let Some(based_on) = summary.based_on.filter(|based_on| *based_on != active) {
            let base = read(pipeline, based_on).await?.1;
            let since = super::changes(&base, &was);
            let since: Vec<String> =
                since.iter().filter_map(|one| one.get("text")?.as_str()).map(str::to_owned).collect();
            let since = if since.is_empty() { "nothing but its number".to_owned() } else { since.join("; ") };
            return Err(Refused::Stale { number, based_on, active, since });
        }
        Ok((active, was))
    }

    fn nothing_else_rolls_out(&self, number: u64) -> Result<(), Refused> {
        match self.standing().rollout {
            Some(other) if other.number != number => Err(Refused::RollingOut(other.number)),
            Some(_) | None => Ok(()),
        }
    }

    /// Makes a new version that is equal to an old one, and puts it in force.
    pub(crate) async fn roll_back(
        self: &Arc<Self>,
        pipeline: &Pipeline,
        to: u64,
        reason: Option<&str>,
        by: By<'_>,
    ) -> Result<Summary, Refused> {
        let turn = self.turn().await;
        let active = self.standing().active.number;
        if to == active {
            return Err(Refused::Active(active));
        }
        // Whoever goes back wants the rest of the traffic back as well, and has to say so of the rollout.
        self.nothing_else_rolls_out(active)?;
        let state = find(pipeline, to).await?.summary.state;
        if state != State::Superseded {
            return Err(Refused::NeverObeyed { number: to, state });
        }
        let (_, was) = read(pipeline, active).await?;
        let (_, sources, table) = self.validate(pipeline, to).await?;
        let (now, last) = (pipeline.now(), last(pipeline).await?);
        let mut summary = summary(last + 1, State::Active, Source::Rollback, &sources, deed(now, by.id));
        summary.based_on = Some(active);
        summary.equals = Some(to);
        summary.comment = reason.unwrap_or_default().into();
        let sides = told(Some(&(active, was.document)), &summary, &sources.document);
        let told = entry(now, "policy.rollback", &summary, reason, sides);
        self.obey(pipeline, summary.clone(), &sources, table, (by.entry)(&told), turn).await?;
        Ok(summary)
    }

    pub(crate) async fn discard(
        &self,
        pipeline: &Pipeline,
        number: u64,
        by: By<'_>,
    ) -> Result<Summary, Refused> {
        let turn = self.turn().await;
        let version = find(pipeline, number).await?;
        let state = version.summary.state;
        if state != State::Draft {
            return Err(Refused::NotDraft { number, state });
        }
        let summary = Summary { state: State::Discarded, ..version.summary };
        let version = Version { summary: summary.clone(), ..version };
        let sides = (Some(json!({ "state": state.as_str() })), json!({ "state": summary.state.as_str() }));
        let told = entry(pipeline.now(), "policy.discard", &summary, None, sides);
        let change = store::Versions { put: vec![version], ..store::Versions::default() };
        make(pipeline, change, (by.entry)(&told), turn).await?;
        Ok(summary)
    }

    /// In force, once it is durable, also when whoever asked has gone meanwhile.
    async fn obey(
        self: &Arc<Self>,
        pipeline: &Pipeline,
        summary: Summary,
        sources: &Sources,
        table: Table,
        entry: Box<str>,
        turn: Turn,
    ) -> Result<(), Refused> {
        let standing = self.standing();
        let at = summary.activated.as_ref().map_or_else(|| pipeline.now(), |deed| deed.at);
        let change = store::Versions {
            put: vec![stored(summary.clone(), sources)],
            supersede: Some(standing.active.number),
            texts: texts(sources),
            imported: None,
            published: Some(published(&table, sources, &standing.surroundings, summary.number, at)),
        };
        let (versions, pipeline_after, table) = (Arc::clone(self), pipeline.clone(), Arc::new(table));
        let change = Change { what: Changed::Versions(Box::new(change)), entry };
        let made = pipeline.change(change, move || {
            tracing::info!(version = summary.number, by = &*summary.created.by, "another policy is in force");
            let mut standing = versions.standing.lock();
            standing.active = summary;
            standing.rollout = None;
            drop(standing);
            pipeline_after.install(table);
            drop(turn);
        });
        Ok(made.await?)
    }
}

/// What an entry of the audit log says of a rollout.
fn share_of(summary: &Summary) -> Json {
    let percent = summary.share.map(|share| f64::from(share) / 100.0);
    json!({ "state": summary.state.as_str(), "percent": percent })
}

fn entry<'a>(
    at: Timestamp,
    action: &'static str,
    summary: &Summary,
    reason: Option<&'a str>,
    (before, after): (Option<Json>, Json),
) -> Told<'a> {
    Told { at, action, target: format!("policy_{}", summary.number), reason, before, after }
}

/// Cards that name a file whose text nobody gave.
fn missing_files(sources: &Sources) -> Vec<Problem> {
    let list = Path::default().key("rate_cards");
    let cards = sources.document.rate_cards.iter().enumerate();
    let missing =
        cards.filter(|(_, card)| card.file.is_some() && !sources.price_files.contains_key(&card.id));
    missing
        .map(|(at, card)| Problem {
            place: Place::Document(list.index(at).key("file")),
            message: format!("the text of the file is missing: give it as `price_files.{}`", card.id),
        })
        .collect()
}

/// The turn ends when it is durable, or known not to be: whoever asked may have gone before that.
async fn make(
    pipeline: &Pipeline,
    change: store::Versions,
    entry: Box<str>,
    turn: Turn,
) -> Result<(), Refused> {
    let change = Change { what: Changed::Versions(Box::new(change)), entry };
    Ok(pipeline.change(change, || drop(turn)).await?)
}

async fn last(pipeline: &Pipeline) -> Result<u64, Refused> {
    ask(pipeline, |reader| Ok(reader.versions(u64::MAX, 1)?.first().map_or(0, |last| last.number))).await
}

async fn find(pipeline: &Pipeline, number: u64) -> Result<Version, Refused> {
    let found = ask(pipeline, move |reader| Ok(reader.version(number)?)).await?;
    found.ok_or(Refused::NotFound(number))
}

/// A version and what it says.
pub(crate) async fn read(pipeline: &Pipeline, number: u64) -> Result<(Version, Sources), Refused> {
    let version = find(pipeline, number).await?;
    ask(pipeline, move |reader| sources(reader, &version).map(|sources| (version, sources))).await
}

async fn ask<T: Send + 'static>(
    pipeline: &Pipeline,
    question: impl FnOnce(&dyn Reader) -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Refused> {
    let reader = pipeline.reader();
    aside(move || question(&*reader)).await?.map_err(Refused::Unreadable)
}

/// On a thread of its own: documents and their price files are long.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| Refused::Unreadable(panic.into()))
}
