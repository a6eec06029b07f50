//! The pipeline as a whole: what doors, connectors and the program that wires them hold on to.

use std::sync::Arc;
use std::time::Duration;

use connectors::{Connector, Events, Health};
use domain::attempt::Rerated;
use domain::record::{Input, Replacement};
use domain::{AppId, ConnectionId, MessageId, Override, OverrideId, Record, Timestamp};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use routing::learning::{ArmStats, Beliefs};
use routing::{InForce, Rollout, Table};
use rustc_hash::FxHashMap;
use store::{Change, Changed, Part, Reader, Retention, Write, Writer, Written};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::accept::{self, Acceptance, Refused, Request, Sending};
use crate::app::App;
use crate::caps::{self, CapStanding, Caps};
use crate::clock::Clock;
use crate::commitments::{self, Agreements, Commitments, Promised};
use crate::core::{Core, Parts};
use crate::hold::{self, Resume};
use crate::learn::{self, Feedback};
use crate::notify::{self, Notices, Teller};
use crate::observe::Observer;
use crate::operators::{Known, Operators};
use crate::reports::Reports;
use crate::steer::{self, Describe, NotSteered, Steer, Steering};
use crate::worker::Resumed;
use crate::workplace::Workplace;
use crate::writer::{self, NotWritten, Urgency, WriterHandle};
use crate::{expire, submit, tidy, worker};

/// What is queued at the end is written within this, or is not counted towards commitments.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
const LAST_WRITES: Duration = Duration::from_secs(30);

/// What the pipeline is started with.
pub struct Settings {
    pub writer: Box<dyn Writer>,
    pub reader: Arc<dyn Reader>,
    pub clock: Arc<dyn Clock>,
    pub observer: Arc<dyn Observer>,
    pub teller: Arc<dyn Teller>,
    pub operators: Arc<dyn Operators>,
    pub tables: InForce,
    pub apps: FxHashMap<AppId, App>,
    pub retention: Retention,
    /// What becomes of what was open in a backup, when the store was restored from one; None leaves it on hold.
    pub resume: Option<Resume>,
    pub random: StdRng,
    pub workplace: Workplace,
}

/// A running pipeline. Cheap to clone; ends by `shut_down`.
#[derive(Clone)]
pub struct Pipeline {
    core: Arc<Core>,
    running: Arc<Mutex<Option<Running>>>,
}

struct Running {
    tasks: JoinSet<()>,
    /// Told to stop, it saves what was learned.
    learning: Option<(oneshot::Sender<()>, JoinSet<()>)>,
    writer: writer::Running,
}

/// How the pipeline stands, for metrics and `/readyz`.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub connections: Vec<(ConnectionId, Health)>,
    /// How many are in force, with effect or without.
    pub overrides: usize,
    pub caps: Vec<CapStanding>,
    pub is_writing: bool,
    pub is_broken: bool,
    /// Why nothing is written, while nothing is.
    pub failure: Option<String>,
    pub commits_failed: u64,
    /// Operations that could not be written though all others could.
    pub put_aside: u64,
    /// The kinds of the verdicts that hold.
    pub verdicts: Vec<domain::verdict::Kind>,
    /// Observations that the adaptive engine had no room for.
    pub news_lost: u64,
    /// How what vendors were promised stands.
    pub promised: Vec<Promised>,
}

impl Pipeline {
    /// Starts the writer and the stages, and takes up what an earlier process left. When this returns every attempt
    /// that was dispatched then has been settled as unknown, so connections may be opened; but none when the store is
    /// on hold (`is_on_hold`), where nothing is taken up and no stage runs.
    ///
    /// # Errors
    /// When the store cannot be read or the writer's thread cannot be started.
    pub async fn start(mut settings: Settings) -> Result<Self, StartError> {
        let last_key = settings.writer.last_key()?;
        let steering = Steering::load(settings.tables, &*settings.reader, settings.clock.now())?;
        let now = settings.clock.now();
        let tables = steering.tables(now);
        let caps = Caps::load(&*settings.reader, &tables)?;
        let commitments = Commitments::load(&*settings.reader, now)?;
        let mut learner = learn::load(&tables.base, &*settings.reader, now);
        let (feedback, heard) = Feedback::new();
        let was_restored = settings.writer.is_on_hold()?;
        let blocks_inline = match settings.workplace {
            Workplace::Threads => false,
            Workplace::Runtime(_) => true,
        };
        let (writer, running) = WriterHandle::start(
            settings.writer,
            Arc::clone(&settings.clock),
            Arc::clone(&settings.observer),
            settings.workplace,
        )?;
        let core = Arc::new(Core::new(Parts {
            on_hold: was_restored && settings.resume.is_none(),
            clock: settings.clock,
            observer: settings.observer,
            operators: settings.operators,
            writer,
            reader: settings.reader,
            blocks_inline,
            steering,
            caps,
            commitments,
            apps: settings.apps,
            retention: settings.retention,
            notices: Notices::default(),
            beliefs: learner.publish().unwrap_or_default(),
            feedback,
            last_key,
            random: settings.random,
        }));
        if core.on_hold {
            tracing::warn!(
                "the store was restored from a backup: nothing is accepted or sent until it is resumed"
            );
            let running = Running { tasks: JoinSet::new(), learning: None, writer: running };
            return Ok(Self { core, running: Arc::new(Mutex::new(Some(running))) });
        }
        match settings.resume {
            Some(resume) if was_restored => hold::end(&core, &resume).await?,
            Some(_) => tracing::info!("the store is not on hold, so there is nothing to resume"),
            None => {}
        }
        steer::publish_first(&core);
        let Resumed { settled, lanes } = worker::resume(&core).await?;
        if settled > 0 || lanes > 0 {
            tracing::info!(settled, lanes, "the messages of the last run are taken up");
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(submit::run(Arc::clone(&core)));
        tasks.spawn(expire::run(Arc::clone(&core)));
        tasks.spawn(tidy::run(Arc::clone(&core)));
        tasks.spawn(steer::run(Arc::clone(&core)));
        tasks.spawn(caps::run(Arc::clone(&core)));
        tasks.spawn(commitments::run(Arc::clone(&core)));
        tasks.spawn(notify::run(Arc::clone(&core), settings.teller));
        learn::end_unknown(&core, &learner);
        let (stop, stopped) = oneshot::channel();
        let mut learning = JoinSet::new();
        learning.spawn(learn::run(Arc::clone(&core), learner, heard, stopped));
        let running = Running { tasks, learning: Some((stop, learning)), writer: running };
        Ok(Self { core, running: Arc::new(Mutex::new(Some(running))) })
    }

    /// Where connectors report to.
    #[must_use]
    pub fn events(&self) -> Arc<dyn Events> {
        Arc::new(Reports::new(Arc::clone(&self.core)))
    }

    /// Adds a connection, or replaces the one of that id, of which no slot may be out any more.
    pub fn connect(&self, connector: Arc<dyn Connector>) {
        self.core.fleet.rcu(|fleet| fleet.with(Arc::clone(&connector)));
        self.core.dispatch.all_changed();
    }

    /// Takes a connection out: what waits for it is planned anew, and what was about to be handed to it has not been
    /// sent.
    pub fn disconnect(&self, connection: &ConnectionId) {
        self.core.fleet.rcu(|fleet| fleet.without(connection));
        self.core.dispatch.all_changed();
    }

    /// Puts other tables, other apps and ages in place, for the next message and for all that wait.
    pub fn reconfigure(&self, tables: InForce, apps: FxHashMap<AppId, App>, retention: Retention) {
        *self.core.retention.lock() = retention;
        self.core.apps.store(Arc::new(apps));
        steer::rebase(&self.core, tables);
        notify::forget_gone(&self.core);
        self.core.dispatch.all_changed();
    }

    /// What is agreed with vendors from now on. Nothing was before the first call.
    pub fn agree(&self, agreements: Agreements) {
        self.core.commitments.agree(agreements, self.core.clock.now());
    }

    /// How what vendors were promised stands now, in the order of the configuration: only what has a period that runs.
    #[must_use]
    pub fn promised(&self) -> Vec<Promised> {
        self.core.commitments.standing(self.core.clock.now())
    }

    /// Puts another table in place for everyone, for the next message and for all that wait. What it was made of is
    /// durable already.
    pub fn install(&self, table: Arc<Table>) {
        steer::rebase(&self.core, table.into());
    }

    /// Puts another table in place for a share of the recipients, or for none any more. What it was made of is durable
    /// already.
    pub fn roll_out(&self, rollout: Option<Rollout>) {
        steer::roll_out(&self.core, rollout);
    }

    /// That of the version which is active.
    #[must_use]
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.core.tables.load().base)
    }

    /// The one that decides for this recipient.
    #[must_use]
    pub fn table_for(&self, to: &domain::Recipient) -> Arc<Table> {
        Arc::clone(self.core.tables.load().of(to))
    }

    #[must_use]
    pub fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.core.reader)
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// Which operator a message to this recipient would be taken to have now. Asks nobody.
    #[must_use]
    pub fn operator_of(&self, to: &domain::Recipient) -> Option<Known> {
        self.core.operators.of(to, self.core.clock.now())
    }

    /// The plan that a message would get now. Sends nothing.
    #[must_use]
    pub fn explain(&self, facts: &routing::Facts<'_>) -> routing::Explanation {
        routing::explain(facts, self.core.tables.load().of(facts.to), &self.core.standing())
    }

    /// What the adaptive engine knows of every connection and destination between which messages have gone. None once
    /// the gateway ends.
    pub async fn arm_stats(&self) -> Option<Vec<ArmStats>> {
        self.core.feedback.stats().await
    }

    /// The verdicts of the adaptive engine that hold now.
    #[must_use]
    pub fn verdicts(&self) -> Vec<domain::Verdict> {
        self.core.beliefs.load().verdicts().to_vec()
    }

    /// Makes an override, which holds from the next message on and for all that wait.
    ///
    /// # Errors
    /// As `NotSteered` says.
    pub async fn steer(&self, wanted: Steer, describe: Describe<'_>) -> Result<Override, NotSteered> {
        steer::steer(&self.core, wanted, describe).await
    }

    /// Ends an override before its time. None when it is not in force: it never was, or is over.
    ///
    /// # Errors
    /// `NotWritten` when the store does not take the change.
    pub async fn revert(
        &self,
        id: OverrideId,
        by: &str,
        describe: Describe<'_>,
    ) -> Result<Option<Override>, NotWritten> {
        steer::revert(&self.core, id, by, describe).await
    }

    /// What the adaptive engine believes now.
    #[must_use]
    pub fn beliefs(&self) -> Arc<Beliefs> {
        self.core.beliefs.load_full()
    }

    /// Those in force, in the order in which they were made.
    #[must_use]
    pub fn overrides(&self) -> Vec<Override> {
        self.core.steering.in_force(self.core.clock.now())
    }

    /// The overrides that have not begun, oldest first.
    #[must_use]
    pub fn planned(&self) -> Vec<Override> {
        self.core.steering.planned(self.core.clock.now())
    }

    /// What would keep this override from being made now.
    ///
    /// # Errors
    /// As `steer`.
    pub fn check(&self, wanted: &Steer) -> Result<(), NotSteered> {
        self.core.steering.check(wanted, self.core.clock.now())
    }

    /// Queues a message's write. Await `Sending::accepted` for its answer; a batch is sent whole before any is awaited.
    #[must_use]
    pub fn send(&self, request: Request) -> Sending {
        accept::send(&self.core, request)
    }

    /// As `send`, for a door that answers many at once: `then` is told on the writer's thread, or on this one when the
    /// request is refused at once. It must not block.
    pub fn send_and_tell(
        &self,
        request: Request,
        then: impl FnOnce(Result<Acceptance, Refused>) + Send + 'static,
    ) {
        accept::send_and_tell(&self.core, request, Box::new(then));
    }

    /// Keeps a request that its door refuses, so that it can be found and is told of.
    pub fn reject(&self, request: Request, because: &str) {
        accept::reject(&self.core, request, because);
    }

    /// An id for a message that is still to come.
    #[must_use]
    pub fn new_id(&self) -> MessageId {
        self.core.new_id(self.core.clock.now())
    }

    /// Ids for so many messages that belong together: the first, the others are `MessageId::ahead` of it.
    #[must_use]
    pub fn new_ids(&self, count: u8) -> MessageId {
        self.core.new_ids(self.core.clock.now(), count)
    }

    /// Keeps a part of a text until a request under its message's id is accepted or kept. `then` is told as by
    /// `send_and_tell`.
    pub fn keep_part(&self, part: Part, then: impl FnOnce(Result<(), NotWritten>) + Send + 'static) {
        if self.core.on_hold {
            then(Err(NotWritten::OnHold));
            return;
        }
        let then = move |written: Result<Written, NotWritten>| then(written.map(|_| ()));
        self.core.writer.write(Urgency::Acceptance, Write::Part(Box::new(part)), Box::new(then));
    }

    /// The parts that wait for others.
    ///
    /// # Errors
    /// `NotWritten` when the store cannot be asked.
    pub async fn parts(&self) -> Result<Vec<Part>, NotWritten> {
        worker::ask(&self.core, |store| store.parts()).await
    }

    /// Whoever is told at this callback is there again: what waits for it is told now.
    pub fn came_back(&self, callback: &str) {
        notify::came_back(&self.core, callback);
    }

    /// Takes a message back, if no byte of it has left.
    ///
    /// # Errors
    /// `NotWritten` when the store does not take the change.
    pub async fn cancel(&self, message: MessageId) -> Result<Stepped, NotWritten> {
        self.step(Write::Apply { message, input: Input::Cancel }).await
    }

    /// As `cancel`, by somebody who answers for it: the audit log gets the entry, unless nothing was changed.
    ///
    /// # Errors
    /// As `cancel`.
    pub async fn cancel_by(&self, message: MessageId, entry: Box<str>) -> Result<Stepped, NotWritten> {
        let what = Changed::Step { message, input: Input::Cancel };
        self.step(Write::Change(Box::new(Change { what, entry }))).await
    }

    /// Makes a change durable that has no effect on messages, with its entry of the audit log. `then` puts it in force,
    /// on the writer's thread, also when whoever asked has gone meanwhile. It must not block.
    ///
    /// # Errors
    /// `NotWritten` when the store does not take the change.
    pub async fn change(
        &self,
        change: Change,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<(), NotWritten> {
        self.write(Write::Change(Box::new(change)), then).await
    }

    /// As `change`, for what makes no entry.
    ///
    /// # Errors
    /// `NotWritten` when the store does not take it.
    pub async fn write(&self, write: Write, then: impl FnOnce() + Send + 'static) -> Result<(), NotWritten> {
        if self.core.on_hold {
            return Err(NotWritten::OnHold);
        }
        let (answer, answered) = oneshot::channel();
        let then = move |written: Result<Written, NotWritten>| {
            let made = written.map(|_| then());
            // Nobody waits any more when the client has gone.
            drop(answer.send(made));
        };
        self.core.writer.write(Urgency::Offer, write, Box::new(then));
        answered.await.unwrap_or(Err(NotWritten::Stopping))
    }

    /// Keeps what was found out about operators. With `keep`, of what is kept all but the newest so many is dropped.
    ///
    /// # Errors
    /// `NotWritten` when the store does not take it.
    pub async fn keep_learnt(
        &self,
        learnt: Vec<store::Learnt>,
        keep: Option<usize>,
    ) -> Result<(), NotWritten> {
        if self.core.on_hold {
            return Err(NotWritten::OnHold);
        }
        let (answer, answered) = oneshot::channel();
        let then = move |written: Result<Written, NotWritten>| drop(answer.send(written.map(|_| ())));
        self.core.writer.write(Urgency::Offer, Write::Learnt { learnt, keep }, Box::new(then));
        answered.await.unwrap_or(Err(NotWritten::Stopping))
    }

    /// Puts another text or other times in the place of a message's own, if no byte of it has left. What is sent then is
    /// planned as always: when its turn comes.
    ///
    /// # Errors
    /// `NotWritten` when the store does not take the change.
    pub async fn replace(&self, message: MessageId, with: Replacement) -> Result<Stepped, NotWritten> {
        self.step(Write::Apply { message, input: Input::Replace(with) }).await
    }

    /// The application says whether its user acted on the message.
    ///
    /// # Errors
    /// `NotWritten` when the store does not take the change.
    pub async fn convert(&self, message: MessageId, conversion: Conversion) -> Result<Stepped, NotWritten> {
        let Conversion { converted, at } = conversion;
        self.step(Write::Apply { message, input: Input::Convert { converted, at } }).await
    }

    /// What attempts of a message cost after all, by their numbers. The same again changes nothing.
    ///
    /// # Errors
    /// `NotWritten` when the store does not take the change.
    pub async fn rerate(
        &self,
        message: MessageId,
        attempts: Vec<(u16, Rerated)>,
    ) -> Result<Stepped, NotWritten> {
        self.step(Write::Apply { message, input: Input::Rerate(attempts) }).await
    }

    async fn step(&self, write: Write) -> Result<Stepped, NotWritten> {
        if self.core.on_hold {
            return Err(NotWritten::OnHold);
        }
        let (answer, answered) = oneshot::channel();
        let core = Arc::clone(&self.core);
        let conversion = if let Write::Apply { input: Input::Convert { converted, .. }, .. } = &write {
            Some(*converted)
        } else {
            None
        };
        let replaces = matches!(write, Write::Apply { input: Input::Replace(_), .. });
        let then = move |result: Result<Written, NotWritten>| {
            if let (Ok(Written::Applied { record, .. }), true) = (&result, replaces) {
                // Whoever waits for a slot stands there as it was.
                core.with_lanes(|lanes| lanes.renew(record));
            }
            if let (Ok(Written::Applied { record, .. }), Some(converted)) = (&result, conversion) {
                core.feedback.converted(record, converted, core.clock.now());
            }
            let stepped = match &result {
                Ok(Written::Applied { record, .. }) => Ok(Stepped::Done(record.clone())),
                Ok(Written::Refused { record, .. }) => Ok(Stepped::TooLate(record.clone())),
                Ok(_) => Ok(Stepped::NoSuchMessage),
                Err(not_written) => Err(not_written.clone()),
            };
            worker::follow(&core, result);
            // Nobody waits any more when the client has gone.
            drop(answer.send(stepped));
        };
        self.core.writer.write(Urgency::Offer, write, Box::new(then));
        answered.await.unwrap_or(Err(NotWritten::Stopping))
    }

    /// The store was restored from a backup and nobody has said what becomes of what was open in it.
    #[must_use]
    pub fn is_on_hold(&self) -> bool {
        self.core.on_hold
    }

    /// Whether the store takes what it is given.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.core.writer.is_writing()
    }

    /// How the caps in force stand: those of the active version, then those of one that is rolled out.
    #[must_use]
    pub fn caps(&self) -> Vec<CapStanding> {
        self.core.caps.standing(&self.core.tables.load(), self.core.clock.now())
    }

    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            connections: self.core.fleet.load().health(),
            overrides: self.overrides().len(),
            caps: self.caps(),
            is_writing: self.core.writer.is_writing(),
            is_broken: self.core.writer.is_broken(),
            failure: self.core.writer.failure(),
            commits_failed: self.core.writer.commits_failed(),
            put_aside: self.core.writer.put_aside(),
            verdicts: self.core.beliefs.load().verdicts().iter().map(|verdict| verdict.kind).collect(),
            news_lost: self.core.feedback.lost(),
            promised: self.promised(),
        }
    }

    /// Waits until the store is broken. Nothing can be done then but to end the process and look at the disk.
    pub async fn broken(&self) {
        self.core.writer.broken().await;
    }

    /// Ends the stages, then the writer once all that was queued is written. Connections are closed before, by whoever
    /// opened them, so that their last answers are among it.
    pub async fn shut_down(&self) {
        let running = self.running.lock().take();
        let Some(Running { mut tasks, learning, writer }) = running else { return };
        tasks.shutdown().await;
        // Their doors are closed, so there are no new ones; each ends within the time that its class may wait.
        let mut asking = std::mem::take(&mut *self.core.asking.lock());
        while asking.join_next().await.is_some() {}
        // What is queued counts once it is written.
        if tokio::time::timeout(LAST_ANSWERS, self.core.writer.drained()).await.is_err() {
            tracing::error!("the last answers were not written in {} s", LAST_ANSWERS.as_secs());
        }
        caps::save(&self.core);
        commitments::save(&self.core);
        if let Some((stop, mut learning)) = learning {
            drop(stop);
            while learning.join_next().await.is_some() {}
        }
        self.core.writer.close();
        if tokio::time::timeout(LAST_WRITES, writer.ended()).await.is_err() {
            tracing::error!("the store's writer did not end in {} s", LAST_WRITES.as_secs());
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    pub converted: bool,
    pub at: Timestamp,
}

/// What a change that an application asked for came to.
#[derive(Debug)]
pub enum Stepped {
    Done(Arc<Record>),
    /// The message is final or at a vendor, or what was asked for does not fit it any more; here it is.
    TooLate(Arc<Record>),
    NoSuchMessage,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the store cannot be read")]
    Store(#[from] store::Error),
    #[error("what the last run left cannot be taken up")]
    Resume(#[from] NotWritten),
    #[error("the store's writer cannot be started")]
    Thread(#[from] std::io::Error),
}
