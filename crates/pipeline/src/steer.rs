//! Overrides: laid over the table of the configuration, durable before they hold, over when the clock says so.
//!
//! None is undone by a reload or a restart. One whose routes left the configuration is kept without effect: they may
//! come back before it ends.

use std::sync::Arc;
use std::time::Duration;

use domain::overrides::{Action, HOLDS_AT_MOST, PLANNED_AT_MOST, Reverted, Scope, State};
use domain::{Channel, Override, OverrideId, RouteId, Timestamp};
use parking_lot::Mutex;
use routing::Table;
use store::versions::Origin;
use store::{Change, Changed, Published, Reader, Write, Written};
use tokio::sync::oneshot;

use crate::core::Core;
use crate::writer::{NotWritten, Urgency};

mod check;

/// How late the begin or the end of an override may be noticed.
const TICK: Duration = Duration::from_millis(250);
/// The longest time without a look at the clock.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// More that hold or are planned would be a program's work and not a dispatcher's.
const MAX_LAID: usize = 1000;

/// A change of routing that somebody asks for.
#[derive(Clone, Debug)]
pub struct Steer {
    pub action: Action,
    pub reason: Box<str>,
    /// Who asks.
    pub by: Box<str>,
    pub expires_at: Timestamp,
    /// The messages that it steers.
    pub scope: Scope,
    /// None: now.
    pub starts_at: Option<Timestamp>,
}

/// What the audit log keeps of an override that was made or, from what it was before, of one that was reverted.
pub type Describe<'a> = &'a (dyn Fn(Option<&Override>, &Override) -> Box<str> + Sync);

/// Why it was not made.
#[derive(Debug, thiserror::Error)]
pub enum NotSteered {
    #[error("{message}")]
    Unknown { name: Name, message: String },
    #[error("`{0}` cannot be flipped to itself")]
    SameRoute(RouteId),
    #[error("`{from}` carries {carries} and `{to}` {other}")]
    OtherChannel { from: RouteId, carries: Channel, to: RouteId, other: Channel },
    #[error("it must end after it begins, and hold for {} days at most", HOLDS_AT_MOST.as_secs() / 86_400)]
    BadExpiry,
    #[error("no weighted rule lists `{0}`, so another weight would change nothing")]
    NotWeighted(RouteId),
    #[error("it must begin in the future, and within {} days", PLANNED_AT_MOST.as_secs() / 86_400)]
    BadStart,
    #[error("{MAX_LAID} overrides hold or are planned already: revert those that are not needed")]
    TooMany,
    /// The override that is in the way.
    #[error("{message}")]
    Conflict { with: OverrideId, message: String },
    #[error(transparent)]
    NotWritten(#[from] NotWritten),
}

/// Which of the names that an override gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    From,
    To,
    Route,
    Connection,
    Vendor,
    Connections,
}

/// What is in force or about to be.
pub(crate) struct Steering {
    /// Locked briefly: by whoever steers, by the tick and by a reload.
    laid: Mutex<Laid>,
}

struct Laid {
    /// As the configuration has it.
    base: Arc<Table>,
    entries: Vec<Entry>,
    /// What the table in place is under.
    in_place: Vec<OverrideId>,
}

struct Entry {
    one: Override,
    /// False while its first write is under way: it bars others already and has no effect yet.
    durable: bool,
    /// While the write that ends it is under way, and what that says.
    reverting: Option<Reverted>,
}

impl Steering {
    /// With what an earlier process left in force.
    pub(crate) fn load(base: Arc<Table>, reader: &dyn Reader, now: Timestamp) -> Result<Self, store::Error> {
        let left = reader.overrides(now, MAX_LAID)?;
        for one in &left {
            tracing::info!(override_id = %one.id, does = %one.action, to = %one.scope, from = %one.begins_at(),
                until = %one.expires_at, by = &*one.created_by, reason = &*one.reason,
                has_effect = base.obeys(one), "an override of the last run is in force");
        }
        let entries = left.into_iter().map(|one| Entry { one, durable: true, reverting: None }).collect();
        let mut laid = Laid { base, entries, in_place: Vec::new() };
        laid.in_place = laid.ids(now);
        Ok(Self { laid: Mutex::new(laid) })
    }

    /// The table of now.
    pub(crate) fn table(&self, now: Timestamp) -> Arc<Table> {
        self.laid.lock().table(now)
    }

    /// When the first of them begins or ends.
    fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let laid = self.laid.lock();
        let begins = laid.entries.iter().map(|entry| entry.one.begins_at()).filter(|begin| *begin > now);
        begins.chain(laid.entries.iter().map(|entry| entry.one.expires_at)).min()
    }

    /// What would keep this override from being made now.
    pub(crate) fn check(&self, wanted: &Steer, now: Timestamp) -> Result<(), NotSteered> {
        self.laid.lock().check(wanted, now)
    }

    /// Those that are planned, in the order in which they were made.
    pub(crate) fn planned(&self, now: Timestamp) -> Vec<Override> {
        self.laid.lock().of_state(State::Planned, now)
    }

    /// Those in force, in the order in which they were made.
    pub(crate) fn in_force(&self, now: Timestamp) -> Vec<Override> {
        self.laid.lock().in_force(now)
    }
}

impl Laid {
    fn in_force(&self, now: Timestamp) -> Vec<Override> {
        self.of_state(State::Active, now)
    }

    fn of_state(&self, state: State, now: Timestamp) -> Vec<Override> {
        let durable = self.entries.iter().filter(|entry| entry.durable).map(|entry| &entry.one);
        let mut all: Vec<Override> = durable.filter(|one| one.state(now) == state).cloned().collect();
        all.sort_by_key(|one| one.id);
        all
    }

    fn ids(&self, now: Timestamp) -> Vec<OverrideId> {
        self.in_force(now).into_iter().map(|one| one.id).collect()
    }

    fn table(&self, now: Timestamp) -> Arc<Table> {
        let overrides = self.in_force(now);
        if overrides.is_empty() {
            return Arc::clone(&self.base);
        }
        Arc::new(self.base.under(&overrides))
    }

    fn entry(&mut self, id: OverrideId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.one.id == id)
    }

    fn remove(&mut self, id: OverrideId) {
        self.entries.retain(|entry| entry.one.id != id);
    }
}

/// Makes an override. It holds, and the answer comes, once it is durable.
pub(crate) async fn steer(
    core: &Arc<Core>,
    wanted: Steer,
    describe: Describe<'_>,
) -> Result<Override, NotSteered> {
    if core.on_hold {
        return Err(NotWritten::OnHold.into());
    }
    let answered = begin(core, wanted, describe)?;
    Ok(answered.await.unwrap_or(Err(NotWritten::Stopping))?)
}

type Answer = oneshot::Receiver<Result<Override, NotWritten>>;

fn begin(core: &Arc<Core>, wanted: Steer, describe: Describe<'_>) -> Result<Answer, NotSteered> {
    let now = core.clock.now();
    let one = {
        let mut laid = core.steering.laid.lock();
        laid.check(&wanted, now)?;
        let id = OverrideId::from_u128(core.new_id(now).as_u128());
        let Steer { action, reason, by, expires_at, scope, starts_at } = wanted;
        let one = Override {
            id,
            action,
            reason,
            created_at: now,
            created_by: by,
            expires_at,
            reverted: None,
            scope,
            starts_at,
        };
        laid.entries.push(Entry { one: one.clone(), durable: false, reverting: None });
        one
    };
    let entry = describe(None, &one);
    Ok(write(core, one, entry, |laid, one, is_written| {
        if !is_written {
            laid.remove(one.id);
        } else if let Some(entry) = laid.entry(one.id) {
            entry.durable = true;
        }
    }))
}

/// Ends an override before its time. None when it is not in force: it never was, or is over.
pub(crate) async fn revert(
    core: &Arc<Core>,
    id: OverrideId,
    by: &str,
    describe: Describe<'_>,
) -> Result<Option<Override>, NotWritten> {
    if core.on_hold {
        return Err(NotWritten::OnHold);
    }
    let Some(answered) = begin_revert(core, id, by, describe) else { return Ok(None) };
    answered.await.unwrap_or(Err(NotWritten::Stopping)).map(Some)
}

fn begin_revert(core: &Arc<Core>, id: OverrideId, by: &str, describe: Describe<'_>) -> Option<Answer> {
    let now = core.clock.now();
    let (before, one) = {
        let mut laid = core.steering.laid.lock();
        let entry = laid.entry(id).filter(|entry| entry.durable && !is_over(&entry.one, now))?;
        // Who asks a second time meanwhile writes the same.
        let reverted = entry.reverting.get_or_insert_with(|| Reverted { at: now, by: by.into() }).clone();
        (entry.one.clone(), Override { reverted: Some(reverted), ..entry.one.clone() })
    };
    let entry = describe(Some(&before), &one);
    Some(write(core, one, entry, |laid, one, is_written| {
        if is_written {
            laid.remove(one.id);
        } else if let Some(entry) = laid.entry(one.id) {
            entry.reverting = None;
        }
    }))
}

/// Makes the override durable as it is here; `settle` says what that does to those that are laid.
fn write(core: &Arc<Core>, one: Override, entry: Box<str>, settle: fn(&mut Laid, &Override, bool)) -> Answer {
    let (answer, answered) = oneshot::channel();
    let after = Arc::clone(core);
    let write = Write::Change(Box::new(Change { what: Changed::Override(one.clone()), entry }));
    let then = move |result: Result<Written, NotWritten>| {
        settle(&mut after.steering.laid.lock(), &one, result.is_ok());
        if result.is_ok() {
            lay(&after);
            tell(&one);
        }
        // Nobody waits any more when the client has gone; the override is made all the same.
        drop(answer.send(result.map(|_| one)));
    };
    core.writer.write(Urgency::Offer, write, Box::new(then));
    answered
}

fn tell(one: &Override) {
    let does = &one.action;
    match (&one.reverted, one.starts_at) {
        (None, None) => {
            tracing::info!(override_id = %one.id, %does, to = %one.scope, until = %one.expires_at,
                by = &*one.created_by, reason = &*one.reason, "an override begins");
        }
        (None, Some(from)) => {
            tracing::info!(override_id = %one.id, %does, to = %one.scope, %from, until = %one.expires_at,
                by = &*one.created_by, reason = &*one.reason, "an override is planned");
        }
        (Some(reverted), _) => {
            tracing::info!(override_id = %one.id, %does, by = &*reverted.by, reason = &*one.reason,
                "an override is reverted");
        }
    }
}

/// Puts the table of now in place, for the next message and for all that wait.
fn lay(core: &Core) {
    let mut laid = core.steering.laid.lock();
    let now = core.clock.now();
    // Under the lock, so that of two changes the later one stays.
    let table = laid.table(now);
    publish(core, &laid, &table, now);
    core.table.store(table);
    laid.in_place = laid.ids(now);
    drop(laid);
    core.dispatch.all_changed();
}

/// Has the store know what a table under overrides is made of: in a commit that is not later than that of the first
/// decision by it, because what is queued first is written first.
fn publish(core: &Core, laid: &Laid, table: &Table, now: Timestamp) {
    if table.version() == laid.base.version() {
        return;
    }
    let overrides = laid.in_force(now).iter().map(|one| one.id).collect();
    let of = Origin::Overrides { base: laid.base.version(), overrides };
    let write = Write::Published(Published { number: table.version(), of, at: now });
    core.writer.write(Urgency::News, write, Box::new(|_| {}));
}

/// At a start: what an earlier process left in force may make a table that no one has seen.
pub(crate) fn publish_first(core: &Core) {
    let now = core.clock.now();
    let laid = core.steering.laid.lock();
    publish(core, &laid, &core.table.load(), now);
}

/// Another configuration: what was laid over the last one is laid over this.
pub(crate) fn rebase(core: &Core, table: Arc<Table>) {
    core.steering.laid.lock().base = Arc::clone(&table);
    lay(core);
    for one in core.steering.in_force(core.clock.now()) {
        if !table.obeys(&one) {
            tracing::warn!(override_id = %one.id, does = %one.action, until = %one.expires_at,
                "an override is kept and has no effect: a route of it left the configuration");
        }
    }
}

/// Begins and ends what has come to its time, until it is dropped.
pub(crate) async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        begin_and_end(&core);
        let now = core.clock.now();
        let next = core.steering.next_change(now);
        let changes_in = next.map_or(LOOK_AGAIN, |next| next.since(now).min(LOOK_AGAIN));
        core.writer.written_after(core.writer.commits(), changes_in).await;
    }
}

fn is_over(one: &Override, now: Timestamp) -> bool {
    match one.state(now) {
        State::Planned | State::Active => false,
        State::Reverted | State::Expired => true,
    }
}

fn begin_and_end(core: &Core) {
    let now = core.clock.now();
    let (over, begun) = {
        let mut laid = core.steering.laid.lock();
        let has_ended = |entry: &mut Entry| entry.durable && is_over(&entry.one, now);
        let over: Vec<Entry> = laid.entries.extract_if(.., has_ended).collect();
        let mut begun = laid.in_force(now);
        begun.retain(|one| !laid.in_place.contains(&one.id));
        (over, begun)
    };
    if over.is_empty() && begun.is_empty() {
        return;
    }
    lay(core);
    for one in begun {
        tracing::info!(override_id = %one.id, does = %one.action, to = %one.scope, until = %one.expires_at,
            by = &*one.created_by, reason = &*one.reason, "a planned override begins");
    }
    for Entry { one, .. } in over {
        tracing::info!(override_id = %one.id, does = %one.action, by = &*one.created_by, reason = &*one.reason,
            "an override has expired");
    }
}
