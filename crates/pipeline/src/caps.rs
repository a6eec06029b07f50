//! What was counted towards caps, so that no more leaves than contracts allow.
//!
//! Counted is what gets a slot, before its dispatch is written; it is given back when that cannot be written, and when no
//! byte of it left. What a vendor refuses counts. Each count is one number that is changed without a lock, because every message with a cap passes here. A period ends by the
//! clock, when the first message of the next one comes; seconds have no count, only an instant before which nothing more
//! may leave. Counts are written once a second, beside what else is: a process that is killed forgets what left since.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::plan::Capped;
use domain::record::Target;
use domain::{Attempt, CapId, Class, Message, Timestamp};
use routing::settings::Period;
use routing::table::Cap;
use routing::{InForce, Table};
use rustc_hash::FxHashMap;
use store::{Counted, Reader, Write, Written};

use crate::core::Core;
use crate::writer::{NotWritten, Urgency};

mod standing;

pub use standing::CapStanding;

/// What a process that is killed forgets.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Without anything written nothing was counted.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A dispatch that is written was counted no longer ago.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);
/// How much may leave at once after silence, of a cap by the second.
const BURST: Duration = Duration::from_millis(100);

/// By the names of caps and what they count by: two versions of the policy may be in force, and count one cap by two
/// periods. One that left the configuration keeps its count: it may come back.
#[derive(Default)]
pub(crate) struct Caps {
    counters: ArcSwap<FxHashMap<(CapId, Period), Arc<Counter>>>,
}

struct Counter {
    period: Period,
    /// By the second: nanoseconds since 1970 until which all that was sent is spread. Else which period it is, counted
    /// from 1970, in the upper half, and the segments in it in the lower.
    state: AtomicU64,
    /// As it was written last.
    saved: AtomicU64,
    /// Messages that passed a route over because of it: the period and their number, as in `state`. Never written.
    passed_over: AtomicU64,
}

/// A message that was counted. Dropping it lets the count stand.
#[must_use]
pub(crate) struct Taken {
    counts: Vec<Count>,
    segments: u32,
}

struct Count {
    counter: Arc<Counter>,
    limit: u32,
    /// The period that it was counted in.
    place: u32,
}

/// A cap had no room. Some caps have for the next message of the lane, when that has another kind of sender.
pub(crate) struct Full {
    pub(crate) tells_senders_apart: bool,
}

impl Caps {
    /// How a cap stands that has no room for so many more segments. A cap by the second only spreads what is sent.
    pub(crate) fn full(&self, cap: &Cap, segments: u32, now: Timestamp) -> Option<Capped> {
        let counters = self.counters.load();
        let counter = counters.get(&key(cap)).filter(|_| cap.per != Period::Second)?;
        let (period, count) = counter.count(now);
        let until = Timestamp::from_millis((i64::from(period) + 1) * cap.per.millis());
        is_full(count, segments, cap.limit).then(|| Capped {
            cap: cap.id.clone(),
            count,
            limit: cap.limit,
            until,
        })
    }

    /// With what an earlier process counted.
    pub(crate) fn load(reader: &dyn Reader, tables: &InForce) -> Result<Self, store::Error> {
        let caps = Self::default();
        let counted = reader.counted()?;
        let saved = counted.into_iter().filter_map(|one| {
            let counter = Counter::of(&one)?;
            Some(((one.cap, counter.period), Arc::new(counter)))
        });
        caps.counters.store(Arc::new(saved.collect()));
        caps.know(tables);
        Ok(caps)
    }

    /// Begins to count what the tables want counted.
    pub(crate) fn know(&self, tables: &InForce) {
        let counters = self.counters.load();
        let caps = tables.tables().flat_map(|table| table.caps());
        let new: Vec<&Cap> = caps.filter(|cap| !counters.contains_key(&key(cap))).collect();
        if new.is_empty() {
            return;
        }
        let mut all = FxHashMap::clone(&counters);
        all.extend(new.into_iter().map(|cap| (key(cap), Arc::new(Counter::new(cap.per)))));
        self.counters.store(Arc::new(all));
    }

    /// Counts a message that is about to leave.
    ///
    /// # Errors
    /// When a cap has no room for it. Nothing was counted then.
    pub(crate) fn take(
        &self,
        table: &Table,
        target: &Target,
        message: &Message,
        now: Timestamp,
    ) -> Result<Taken, Full> {
        let segments = u32::from(target.segments(message));
        let mut taken = Taken { counts: Vec::new(), segments };
        for cap in table.caps_of(&target.route, message.class, target.sender.as_ref()) {
            let counters = self.counters.load();
            let Some(counter) = counters.get(&key(cap)) else { continue };
            let Some(place) = counter.take(now, segments, cap.limit) else {
                taken.give_back();
                return Err(Full { tells_senders_apart: cap.tells_senders_apart() });
            };
            taken.counts.push(Count { counter: Arc::clone(counter), limit: cap.limit, place });
        }
        Ok(taken)
    }

    /// A part of an attempt did not leave after all. It stays counted where it may have been in an earlier period than
    /// its dispatch was written in.
    pub(crate) fn not_sent(&self, table: &Table, attempt: &Attempt, class: Class, dispatched_at: Timestamp) {
        let earliest = Timestamp::from_millis(dispatched_at.as_millis() - WRITTEN_WITHIN.as_millis() as i64);
        let earliest = earliest.max(attempt.queued_at);
        for cap in table.caps_of(&attempt.route, class, attempt.sender.as_ref()) {
            let counters = self.counters.load();
            let Some(counter) = counters.get(&key(cap)) else { continue };
            let place = counter.place(dispatched_at);
            if counter.place(earliest) == place || cap.per == Period::Second {
                counter.give_back(place, 1, cap.limit);
            }
        }
    }

    /// What has changed since it was written, with what it is then known to be written as.
    fn unsaved(&self) -> Vec<(Counted, Arc<Counter>, u64)> {
        let counters = self.counters.load();
        let all = counters.iter().filter(|(_, counter)| counter.period != Period::Second);
        let changed = all.filter_map(|((cap, _), counter)| {
            let state = counter.state.load(Ordering::Relaxed);
            (state != counter.saved.load(Ordering::Relaxed)).then(|| {
                let (period, count) = unpack(state);
                let millis = counter.period.millis();
                let since = Timestamp::from_millis(i64::from(period) * millis);
                let counted = Counted { cap: cap.clone(), period: millis, since, count };
                (counted, Arc::clone(counter), state)
            })
        });
        changed.collect()
    }
}

impl Taken {
    /// The message does not leave after all.
    pub(crate) fn give_back(self) {
        for Count { counter, limit, place } in self.counts {
            counter.give_back(place, self.segments, limit);
        }
    }
}

impl Counter {
    fn new(period: Period) -> Self {
        Self { period, state: AtomicU64::new(0), saved: AtomicU64::new(0), passed_over: AtomicU64::new(0) }
    }

    fn of(counted: &Counted) -> Option<Self> {
        let all = [Period::Minute, Period::Hour, Period::Day];
        let period = all.into_iter().find(|period| period.millis() == counted.period)?;
        let place = u32::try_from(counted.since.as_millis().div_euclid(period.millis())).ok()?;
        let state = pack(place, counted.count);
        let (state, saved) = (AtomicU64::new(state), AtomicU64::new(state));
        Some(Self { period, state, saved, passed_over: AtomicU64::new(0) })
    }

    /// The period that it was counted in; None when there is no room.
    fn take(&self, now: Timestamp, segments: u32, limit: u32) -> Option<u32> {
        let next = |state| match self.period {
            Period::Second => spread(state, now, segments, limit),
            Period::Minute | Period::Hour | Period::Day => {
                let (place, count) = self.at(state, now);
                (!is_full(count, segments, limit)).then(|| pack(place, count.saturating_add(segments)))
            }
        };
        let before = self.state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        Some(self.at(before, now).0)
    }

    /// What was counted in a period that is over stays counted there.
    fn give_back(&self, counted_in: u32, segments: u32, limit: u32) {
        let before = |state| match self.period {
            Period::Second => Some(u64::saturating_sub(state, interval(limit) * u64::from(segments))),
            Period::Minute | Period::Hour | Period::Day => {
                let (place, count) = unpack(state);
                (place == counted_in).then(|| pack(place, count.saturating_sub(segments)))
            }
        };
        let _counted_elsewhere = self.state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, before);
    }

    /// Which period it is, and what was counted in it.
    fn count(&self, now: Timestamp) -> (u32, u32) {
        self.at(self.state.load(Ordering::Relaxed), now)
    }

    /// Which period an instant is in, counted from 1970.
    fn place(&self, at: Timestamp) -> u32 {
        u32::try_from(at.as_millis().div_euclid(self.period.millis())).unwrap_or(0)
    }

    /// A clock that steps back by a little does not begin a period a second time; by more than a period, it was wrong
    /// before.
    fn at(&self, state: u64, now: Timestamp) -> (u32, u32) {
        let (place, count) = unpack(state);
        let current = self.place(now);
        if place == current || place == current.saturating_add(1) { (place, count) } else { (current, 0) }
    }
}

fn key(cap: &Cap) -> (CapId, Period) {
    (cap.id.clone(), cap.per)
}

/// A message of more segments than the limit goes when nothing else was counted: it would never go otherwise.
fn is_full(count: u32, segments: u32, limit: u32) -> bool {
    count > 0 && count.saturating_add(segments) > limit
}

/// Until when what was sent is spread if this is sent too; None when it has to wait.
fn spread(state: u64, now: Timestamp, segments: u32, limit: u32) -> Option<u64> {
    let now = u64::try_from(now.as_millis()).unwrap_or(0).saturating_mul(1_000_000);
    let interval = interval(limit);
    let most = interval.saturating_mul(2 * u64::from(u8::MAX)).saturating_add(nanos(BURST));
    // Farther ahead than any message takes it the clock was wrong.
    let until = if state > now.saturating_add(most) { now } else { state.max(now) };
    let may_leave = until <= now.saturating_add(nanos(BURST).saturating_sub(interval));
    may_leave.then(|| until.saturating_add(interval.saturating_mul(segments.into())))
}

/// Nanoseconds between two segments.
fn interval(limit: u32) -> u64 {
    1_000_000_000 / u64::from(limit.max(1))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn pack(place: u32, count: u32) -> u64 {
    u64::from(place) << 32 | u64::from(count)
}

fn unpack(state: u64) -> (u32, u32) {
    ((state >> 32) as u32, state as u32)
}

/// Writes what was counted, again and again, until it is dropped.
pub(crate) async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(SAVE_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let commits = core.writer.commits();
        save(&core);
        core.writer.written_after(commits, LOOK_EVERY).await;
    }
}

/// Queues what was counted and not written.
pub(crate) fn save(core: &Core) {
    let unsaved = core.caps.unsaved();
    if unsaved.is_empty() || !core.writer.is_writing() {
        return;
    }
    let counted = unsaved.iter().map(|(counted, _, _)| counted.clone()).collect();
    let then = move |result: Result<Written, NotWritten>| {
        for (_, counter, state) in unsaved.into_iter().filter(|_| result.is_ok()) {
            counter.saved.store(state, Ordering::Relaxed);
        }
    };
    core.writer.write(Urgency::Offer, Write::Counted(counted), Box::new(then));
}

#[cfg(test)]
mod tests;
