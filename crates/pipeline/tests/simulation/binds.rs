//! A connection to a vendor: its binds, their windows, and what is under way on them. It lives as long as the process.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use connectors::connector::HealthState;
use connectors::{Answered, Connector, Events, Health, NoSlot, Slot, Submission};
use domain::attempt::State;
use domain::record::Answer;
use domain::{ConnectionId, ErrorClass};
use parking_lot::Mutex;
use store::Reader;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::vendor::{Reaction, Vendor};
use crate::world::World;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Binds {
    vendor: Arc<Vendor>,
    world: Arc<World>,
    reader: Arc<dyn Reader>,
    /// None once the process has ended.
    events: Mutex<Option<Arc<dyn Events>>>,
    lines: Vec<Line>,
    /// Nothing new is begun any more.
    draining: AtomicBool,
    /// Somebody asked for a slot in vain.
    wanted: AtomicBool,
    next_at: Mutex<Instant>,
    down_since: Mutex<Instant>,
    tasks: Mutex<JoinSet<()>>,
}

struct Line {
    /// The epoch while it is up.
    epoch: Mutex<Option<u64>>,
    changed: Notify,
    opened: Mutex<u64>,
    taken: Mutex<usize>,
}

impl Line {
    fn epoch(&self) -> Option<u64> {
        *self.epoch.lock()
    }

    fn set(&self, epoch: Option<u64>) {
        *self.epoch.lock() = epoch;
        self.changed.notify_waiters();
    }

    /// Waits until the line is not what it was in `epoch`.
    async fn lost(&self, epoch: u64) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.epoch() != Some(epoch) {
                return;
            }
            changed.await;
        }
    }
}

impl Binds {
    pub(crate) fn open(
        vendor: &Arc<Vendor>,
        world: &Arc<World>,
        reader: &Arc<dyn Reader>,
        events: Arc<dyn Events>,
    ) -> Arc<Self> {
        let line = |_| Line {
            epoch: Mutex::new(None),
            changed: Notify::new(),
            opened: Mutex::new(0),
            taken: Mutex::new(0),
        };
        let binds = Arc::new(Self {
            vendor: Arc::clone(vendor),
            world: Arc::clone(world),
            reader: Arc::clone(reader),
            events: Mutex::new(Some(events)),
            lines: (0..vendor.terms.binds).map(line).collect(),
            draining: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            next_at: Mutex::new(Instant::now()),
            down_since: Mutex::new(Instant::now()),
            tasks: Mutex::new(JoinSet::new()),
        });
        for bind in 0..vendor.terms.binds {
            let keeping = Arc::clone(&binds).keep(bind);
            binds.tasks.lock().spawn(keeping);
        }
        binds
    }

    pub(crate) fn id(&self) -> &ConnectionId {
        &self.vendor.terms.connection
    }

    fn health(&self) -> Health {
        let up = self.lines.iter().filter(|line| line.epoch().is_some()).count();
        let state = if up > 0 {
            HealthState::Up
        } else {
            HealthState::Down { since: *self.down_since.lock(), reason: "cut".into() }
        };
        Health { state, binds_up: u16::try_from(up).unwrap(), binds: self.vendor.terms.binds }
    }

    pub(crate) fn events(&self) -> Option<Arc<dyn Events>> {
        self.events.lock().clone()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.lines.iter().any(|line| line.epoch().is_some())
    }

    pub(crate) fn slots_taken(&self) -> usize {
        self.lines.iter().map(|line| *line.taken.lock()).sum()
    }

    /// The process is gone.
    pub(crate) fn kill(&self) {
        drop(self.events.lock().take());
        let tasks = std::mem::take(&mut *self.tasks.lock());
        drop(tasks);
    }

    /// Nothing new is begun; what is under way has its answer, or is unknown, when this returns.
    pub(crate) async fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        tokio::time::sleep(PATIENCE).await;
        for line in &self.lines {
            line.set(None);
        }
        let until = Instant::now() + PATIENCE;
        while self.slots_taken() > 0 && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Opens a bind, again and again.
    async fn keep(self: Arc<Self>, bind: u16) {
        let line = &self.lines[usize::from(bind)];
        loop {
            let closed = match self.world.between(0, 9) {
                // At once, also while the process still takes up what the last one left.
                0..4 => Duration::ZERO,
                _ if self.world.is_calm() => Duration::from_millis(20),
                _ => self.world.millis(10, 1500),
            };
            tokio::time::sleep(closed).await;
            if self.draining.load(Ordering::SeqCst) {
                return;
            }
            let epoch = {
                let mut opened = line.opened.lock();
                *opened += 1;
                *opened
            };
            line.set(Some(epoch));
            self.tell_health();
            let until = Instant::now() + self.world.millis(1000, 20_000);
            // In calm a line that is up stays up.
            while line.epoch() == Some(epoch) && (self.world.is_calm() || Instant::now() < until) {
                drop(tokio::time::timeout(Duration::from_millis(200), line.lost(epoch)).await);
            }
            self.cut(bind);
        }
    }

    fn cut(&self, bind: u16) {
        self.lines[usize::from(bind)].set(None);
        if !self.is_up() {
            *self.down_since.lock() = Instant::now();
        }
        self.world.note(|| format!("bind {bind} of {} is cut", self.id()));
        self.tell_health();
    }

    fn tell_health(&self) {
        if let Some(events) = self.events() {
            events.health_changed(self.id(), self.health());
        }
    }

    fn report(&self, mut answers: Vec<Answered>) {
        if let Some(events) = self.events() {
            for Answered { message, attempt, part, answer, .. } in &answers {
                self.world.judge.answer_reported((*message, *attempt, *part), answer);
            }
            events.answered(self.id(), &mut answers);
        }
    }

    async fn carry(self: Arc<Self>, slot: Slot, submission: Submission) {
        let count = u8::try_from(submission.parts.len()).unwrap();
        let (bind, mut slot) = (slot.bind, Some(slot));
        for part in 0..count {
            let is_last = part + 1 == count;
            let (answer, goes_on) =
                self.exchange(bind, slot.as_ref().map_or(0, |slot| slot.epoch), &submission, part).await;
            let answered = |part, answer, slot| Answered {
                message: submission.message,
                attempt: submission.attempt,
                part,
                answer,
                took: None,
                slot,
            };
            if goes_on && !is_last {
                self.report(vec![answered(part, answer, None)]);
                continue;
            }
            let mut answers = vec![answered(part, answer, None)];
            answers.extend((part + 1..count).map(|part| answered(part, Answer::NotSent, None)));
            if let Some(last) = answers.last_mut() {
                last.slot = slot.take();
            }
            self.report(answers);
            return;
        }
    }

    /// Sends one part; tells its answer, and whether the next may follow.
    async fn exchange(
        self: &Arc<Self>,
        bind: u16,
        epoch: u64,
        submission: &Submission,
        part: u8,
    ) -> (Answer, bool) {
        let line = &self.lines[usize::from(bind)];
        if line.epoch() != Some(epoch) {
            return (Answer::NotSent, false);
        }
        self.check_before_bytes(bind, epoch, submission);
        let place = (submission.message, submission.attempt, part);
        let latency = self.world.millis(0, self.vendor.terms.latency_ms);
        let answer = async {
            tokio::time::sleep(latency).await;
            let reaction = self.vendor.receive(&self.world, place);
            tokio::time::sleep(latency).await;
            match reaction {
                Reaction::Accepted { vendor_id } => {
                    Some((Answer::Accepted { vendor_id: Some(vendor_id.into()) }, true))
                }
                Reaction::Rejected => {
                    let answer = match self.world.error_class() {
                        Some(ErrorClass::UnknownOutcome) => Answer::Unclear { code: "45".into() },
                        class => Answer::Rejected { code: "45".into(), class },
                    };
                    Some((answer, false))
                }
                Reaction::Busy => {
                    Some((Answer::Busy { code: "58".into(), class: ErrorClass::Throttle }, false))
                }
                Reaction::Mute => None,
                Reaction::Cut => {
                    self.cut(bind);
                    None
                }
                Reaction::Late { vendor_id } => {
                    let late = Arc::clone(self).answer_late(bind, epoch, place, vendor_id);
                    self.tasks.lock().spawn(late);
                    None
                }
            }
        };
        tokio::select! {
            biased;
            () = line.lost(epoch) => (Answer::Unknown { line_lost: true }, false),
            Some(answer) = answer => answer,
            () = tokio::time::sleep(PATIENCE) => (Answer::Unknown { line_lost: false }, true),
        }
    }

    async fn answer_late(
        self: Arc<Self>,
        bind: u16,
        epoch: u64,
        place: crate::judge::Place,
        vendor_id: String,
    ) {
        tokio::time::sleep(PATIENCE + self.world.millis(0, 6000)).await;
        // The session that asked has to live.
        if self.lines[usize::from(bind)].epoch() == Some(epoch) {
            let (message, attempt, part) = place;
            let answer = Answer::Accepted { vendor_id: Some(vendor_id.into()) };
            self.report(vec![Answered { message, attempt, part, answer, took: None, slot: None }]);
        }
    }

    /// Bytes leave only for a dispatch that is durable, and what may be a duplicate says so.
    fn check_before_bytes(&self, bind: u16, epoch: u64, submission: &Submission) {
        let (message, number) = (submission.message, submission.attempt);
        self.world.note(|| format!("{} sends attempt {number} of {message}", self.id()));
        let record = self.reader.message(message).ok().flatten();
        let Some(record) = record else {
            self.world.complain(format!("bytes leave for {message}, which is not in the store"));
            return;
        };
        let attempt = record.attempt(number);
        // A part that has its answer may have settled the attempt already.
        let is_dispatched = attempt.is_some_and(|attempt| {
            attempt.state != State::Queued
                && attempt.dispatched_at.is_some()
                && (&attempt.connection, attempt.bind, attempt.epoch) == (self.id(), bind, epoch)
        });
        if !is_dispatched {
            self.world.complain(format!(
                "bytes leave for attempt {number} of {message}, and its dispatch is not durable: {attempt:?}"
            ));
        }
        // A clock that went back makes what was in time look early.
        let goes_on = !self.world.went_back();
        if goes_on
            && record.message.send_at.is_some_and(|at| attempt.is_some_and(|attempt| attempt.queued_at < at))
        {
            self.world.complain(format!("{message} leaves before its time"));
        }
        if self.world.judge.seen(|seen| seen.may_have_arrived_before(message, number)) {
            if !attempt.is_some_and(|attempt| attempt.possible_duplicate) {
                self.world
                    .complain(format!("attempt {number} of {message} may be a duplicate and is not marked"));
            }
            if self.world.policy.holds(&record.message.app) {
                self.world.complain(format!("attempt {number} of {message} is a second one under hold"));
            }
        }
    }
}

/// A place in the window.
struct Hold {
    binds: Arc<Binds>,
    bind: u16,
}

impl Drop for Hold {
    fn drop(&mut self) {
        *self.binds.lines[usize::from(self.bind)].taken.lock() -= 1;
        if self.binds.wanted.swap(false, Ordering::SeqCst)
            && let Some(events) = self.binds.events()
        {
            events.slots_free(self.binds.id());
        }
    }
}

/// What the pipeline holds: the connection, with the right to lend its slots.
pub(crate) struct Lender(pub(crate) Arc<Binds>);

impl Connector for Lender {
    fn id(&self) -> &ConnectionId {
        self.0.id()
    }

    fn reserve(&self) -> Result<Slot, NoSlot> {
        let Self(binds) = self;
        if !binds.is_up() || binds.draining.load(Ordering::SeqCst) {
            return Err(NoSlot::Down);
        }
        let mut next_at = binds.next_at.lock();
        let now = Instant::now();
        let free = binds.lines.iter().zip(0..).find_map(|(line, bind)| {
            let mut taken = line.taken.lock();
            let epoch = line.epoch().filter(|_| *taken < binds.vendor.terms.window && now >= *next_at)?;
            *taken += 1;
            Some((bind, epoch))
        });
        let Some((bind, epoch)) = free else {
            binds.wanted.store(true, Ordering::SeqCst);
            return Err(NoSlot::Busy);
        };
        *next_at = now + Duration::from_millis(binds.vendor.terms.gap_ms);
        Ok(Slot { bind, epoch, hold: Box::new(Hold { binds: Arc::clone(binds), bind }) })
    }

    fn submit(&self, slot: Slot, submission: Submission) {
        let carrying = Arc::clone(&self.0).carry(slot, submission);
        self.0.tasks.lock().spawn(carrying);
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}
