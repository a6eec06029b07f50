//! Who may send now: the lines that are up, the throughput, the pauses, and the parts that wait for these.
//!
//! One gate for a connection, behind one lock that is held for moments, from the callers of the client, the tasks of its
//! binds and the keeper. Nothing outside is called under it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use domain::ErrorClass;
use domain::record::Answer;
use smpp_wire::connection::Handle;
use tokio::time::Instant;

use super::mute::Mute;
use super::slot::Slots;
use super::text::{Part, Text};
use super::throttle::{Pause, Throttle};
use crate::connector::HealthState;
use crate::{Answered, Health, NoSlot};

pub(super) struct Gate {
    binds: Vec<Bind>,
    throttle: Throttle,
    /// Further parts of texts under way, which hold their slots.
    waiting: VecDeque<Waiting>,
    /// Answers that no session will give, for the keeper to report. No more than there are slots and parts on them.
    reports: Vec<Answered>,
    /// Nothing new is begun any more.
    closed: bool,
    /// The last time no bind was up: since when, and why.
    down: Down,
}

struct Bind {
    /// How often it has been opened.
    epoch: u64,
    /// There while it is bound.
    line: Option<Handle<Part>>,
    pause: Pause,
    mute: Mute,
}

struct Waiting {
    text: Arc<Text>,
    part: u8,
    due: Instant,
}

struct Down {
    since: Instant,
    reason: Arc<str>,
}

/// No slot can be had.
pub(super) struct Shut {
    pub(super) why: NoSlot,
    /// When time alone may change that.
    pub(super) until: Option<Instant>,
}

/// The vendor's two ways to say that it cannot take more now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    TooFast,
    QueueFull,
}

impl Complaint {
    pub(super) fn class(self) -> ErrorClass {
        match self {
            Self::TooFast => ErrorClass::Throttle,
            Self::QueueFull => ErrorClass::Pause,
        }
    }
}

/// A part that was throttled after others of its text were taken is tried again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Gate {
    pub(super) fn new(binds: u16, throughput: Option<f64>, now: Instant) -> Self {
        let bind = |_| Bind { epoch: 0, line: None, pause: Pause::new(), mute: Mute::default() };
        Self {
            binds: (0..binds).map(bind).collect(),
            throttle: Throttle::new(throughput, now),
            waiting: VecDeque::new(),
            reports: Vec::new(),
            closed: false,
            down: Down { since: now, reason: "not bound yet".into() },
        }
    }

    /// The bind with the most free slots and its epoch, if anything may be sent now.
    pub(super) fn look(&mut self, slots: &Slots, now: Instant) -> Result<(u16, u64), Shut> {
        self.throttle.give_back(slots.unused_tokens());
        if self.closed || self.binds.iter().all(|bind| bind.line.is_none()) {
            return Err(Shut { why: NoSlot::Down, until: None });
        }
        let busy = |until| Shut { why: NoSlot::Busy, until };
        // What the vendor has part of goes first.
        if self.waiting.iter().any(|waiting| self.is_ready(waiting, now)) {
            return Err(busy(None));
        }
        let up = || (0..).zip(&self.binds).filter(|(_, bind)| bind.line.is_some());
        let open = up().filter(|(_, bind)| bind.shut_until(now).is_none());
        let most_free = open.max_by_key(|(number, _)| slots.free(*number));
        let Some((number, bind)) = most_free else {
            return Err(busy(up().filter_map(|(_, bind)| bind.shut_until(now)).min()));
        };
        if slots.free(number) == 0 {
            return Err(busy(None));
        }
        let found = (number, bind.epoch);
        self.throttle.look(now).map_err(|until| busy(Some(until)))?;
        Ok(found)
    }

    /// Takes what `look` has found.
    pub(super) fn reserve(&mut self, slots: &Slots, now: Instant) -> Result<(u16, u64), Shut> {
        let found = self.look(slots, now)?;
        self.throttle.take(now).map_err(|until| Shut { why: NoSlot::Busy, until: Some(until) })?;
        if let Some(bind) = self.binds.get_mut(usize::from(found.0)) {
            bind.mute.tried(now);
        }
        Ok(found)
    }

    /// Sends the first part of a text, whose slot and token are there.
    pub(super) fn begin(&mut self, text: &Arc<Text>, now: Instant) {
        if self.closed {
            text.part(0, now).answered(Answer::NotSent, None, &mut self.reports);
            return;
        }
        self.send(text, 0, now);
    }

    /// The text cannot be sent at all.
    pub(super) fn refuse(&mut self, text: &Arc<Text>, code: &str, now: Instant) {
        // Another vendor's settings may have a way to write it.
        let answer = Answer::Rejected { code: code.into(), class: Some(ErrorClass::FailOver) };
        text.part(0, now).answered(answer, None, &mut self.reports);
    }

    /// A further part is to go out, once nothing stands in its way.
    pub(super) fn go_on(&mut self, text: Arc<Text>, part: u8, now: Instant) {
        self.waiting.push_back(Waiting { text, part, due: now });
    }

    /// A part is to be tried again.
    pub(super) fn try_again(&mut self, text: Arc<Text>, part: u8, now: Instant) {
        self.waiting.push_back(Waiting { text, part, due: now + AGAIN_AFTER });
    }

    /// Sends what waits, as far as it may leave, and reports what never will.
    pub(super) fn pump(&mut self, now: Instant) {
        for _ in 0..self.waiting.len() {
            let Some(waiting) = self.waiting.pop_front() else { return };
            let pause = match self.bind_of(&waiting.text) {
                Some(bind) => bind.pause.until(now),
                None => {
                    waiting.text.part(waiting.part, now).answered(Answer::NotSent, None, &mut self.reports);
                    continue;
                }
            };
            if waiting.due > now || pause.is_some() || self.throttle.take(now).is_err() {
                self.waiting.push_back(waiting);
                continue;
            }
            self.send(&waiting.text, waiting.part, now);
        }
    }

    /// When `pump` is worth calling again.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<Instant> {
        let open_at = self.throttle.look(now).err().unwrap_or(now);
        let due = |waiting: &Waiting| {
            let pause = self.bind_of(&waiting.text).and_then(|bind| bind.pause.until(now));
            waiting.due.max(pause.unwrap_or(now)).max(open_at)
        };
        self.waiting.iter().map(due).min()
    }

    /// The answers that no session will give.
    pub(super) fn take_reports(&mut self) -> Vec<Answered> {
        std::mem::take(&mut self.reports)
    }

    pub(super) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// A bind is up. Says how often it has been now.
    pub(super) fn opened(&mut self, number: u16, line: Handle<Part>) -> u64 {
        let Some(bind) = self.binds.get_mut(usize::from(number)) else { return 0 };
        bind.epoch += 1;
        bind.line = Some(line);
        bind.mute = Mute::default();
        bind.epoch
    }

    /// A bind is down, or was not brought up.
    pub(super) fn lost(&mut self, number: u16, reason: Arc<str>, now: Instant) {
        let was_up = self.binds.iter().any(|bind| bind.line.is_some());
        if let Some(bind) = self.binds.get_mut(usize::from(number)) {
            bind.line = None;
        }
        let since = if was_up { now } else { self.down.since };
        self.down = Down { since, reason };
    }

    /// The vendor could not take what left at `sent` on a bind.
    pub(super) fn complained(&mut self, number: u16, complaint: Complaint, sent: Instant, now: Instant) {
        match (complaint, self.binds.get_mut(usize::from(number))) {
            (Complaint::TooFast, _) => self.throttle.slow_down(sent, now),
            (Complaint::QueueFull, Some(bind)) => bind.pause.queue_full(sent, now),
            (Complaint::QueueFull, None) => {}
        }
    }

    /// The vendor took what left at `sent` on a bind.
    pub(super) fn accepted(&mut self, number: u16, sent: Instant) {
        if let Some(bind) = self.binds.get_mut(usize::from(number)) {
            bind.pause.accepted(sent);
        }
    }

    /// The vendor did not answer in time what left at `sent` on a bind.
    pub(super) fn unanswered(&mut self, number: u16, sent: Instant, now: Instant) {
        if let Some(bind) = self.binds.get_mut(usize::from(number)) {
            bind.mute.unanswered(sent, now);
        }
    }

    /// The vendor answered something on a bind, whatever it said. True when that opens a bind that was mute.
    pub(super) fn heard(&mut self, number: u16, now: Instant) -> bool {
        let Some(bind) = self.binds.get_mut(usize::from(number)) else { return false };
        let was_mute = bind.mute.is_mute();
        bind.mute.answered(now);
        was_mute
    }

    /// Nothing new is begun from now on.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn health(&self, now: Instant) -> Health {
        let up = || self.binds.iter().filter(|bind| bind.line.is_some());
        let all_paused = up().all(|bind| bind.pause.until(now).is_some() || bind.mute.is_mute());
        let state = if up().next().is_none() {
            HealthState::Down { since: self.down.since, reason: Arc::clone(&self.down.reason) }
        } else if all_paused || self.throttle.slowed_until(now).is_some() {
            HealthState::Throttled
        } else {
            HealthState::Up
        };
        Health { state, binds_up: count(up().count()), binds: count(self.binds.len()) }
    }

    /// When time alone changes the health.
    pub(super) fn health_changes_at(&self, now: Instant) -> Option<Instant> {
        let pauses = self.binds.iter().filter_map(|bind| bind.pause.until(now));
        pauses.chain(self.throttle.slowed_until(now)).min()
    }

    /// Whether only the throughput keeps it waiting.
    fn is_ready(&self, waiting: &Waiting, now: Instant) -> bool {
        let open = self.bind_of(&waiting.text).is_some_and(|bind| bind.pause.until(now).is_none());
        waiting.due <= now && open
    }

    fn bind_of(&self, text: &Text) -> Option<&Bind> {
        let bind = self.binds.get(usize::from(text.bind))?;
        (bind.epoch == text.epoch && bind.line.is_some()).then_some(bind)
    }

    fn send(&mut self, text: &Arc<Text>, number: u8, now: Instant) {
        let part = text.part(number, now);
        let line = self.bind_of(text).and_then(|bind| bind.line.as_ref());
        let (Some(line), Some(pdu)) = (line, part.pdu()) else {
            part.answered(Answer::NotSent, None, &mut self.reports);
            return;
        };
        if let Err(not_taken) = line.try_request(part, pdu) {
            not_taken.token.answered(Answer::NotSent, None, &mut self.reports);
        }
    }
}

impl Bind {
    /// Until when nothing new may be begun on it.
    fn shut_until(&self, now: Instant) -> Option<Instant> {
        self.pause.until(now).max(self.mute.until(now))
    }
}

fn count(binds: usize) -> u16 {
    u16::try_from(binds).unwrap_or(u16::MAX)
}
