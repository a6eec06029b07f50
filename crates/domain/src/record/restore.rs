//! What becomes of a message that was open in a backup, when the store is restored from it.
//!
//! Nobody knows what was sent between the backup and the restore. So it is said of each message once, by whoever starts
//! the restored store: send it although it may be a duplicate, or never send it again; under `hold` it is never sent
//! again whatever is said. Repeating the step changes nothing, so that a start that died half-way can be made again.

use super::{Effects, Record, Restored};
use crate::attempt::{Outcome, PartAnswer, State};
use crate::event::Kind;
use crate::plan::OnUnknown;
use crate::status::Status;
use crate::time::Timestamp;

impl Record {
    pub(super) fn restore(&mut self, restored: Restored, now: Timestamp, effects: &mut Effects) {
        if self.closed || self.is_withheld() || self.is_due_later(now) {
            return;
        }
        // At most once was promised, and once it may have been.
        let restored = if self.on_unknown() == OnUnknown::Hold { Restored::Withheld } else { restored };
        if self.restored.is_none() {
            self.note(now, Kind::Restored { resumed: restored == Restored::Resumed });
        }
        self.restored = Some(restored);
        match restored {
            Restored::Resumed => {
                self.settle_dispatched(now, effects);
                for attempt in self.attempts.iter_mut().filter(|attempt| attempt.state == State::Queued) {
                    attempt.possible_duplicate = true;
                }
            }
            Restored::Withheld => self.withhold(now, effects),
        }
    }

    fn is_due_later(&self, now: Timestamp) -> bool {
        self.status == Status::Scheduled
            && self.cause.is_none()
            && self.message.send_at.is_some_and(|due| due > now)
    }

    fn withhold(&mut self, now: Timestamp, effects: &mut Effects) {
        let work = self.work();
        let waits = work.queued || work.decide || self.retry_at.is_some();
        let may_have_been_sent = self.status == Status::Scheduled || waits;
        self.cause = None;
        self.retry_at = None;
        let mut answered = Vec::new();
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.state == State::Queued) {
            attempt.state = State::Answered;
            attempt.outcome = Some(Outcome::Unknown);
            attempt.answered_at = Some(now);
            for part in &mut attempt.parts {
                part.answer = Some(PartAnswer::Unknown);
            }
            answered.push(attempt.number);
        }
        for attempt in answered {
            self.note(now, Kind::Answered { attempt, outcome: Outcome::Unknown });
        }
        self.settle_dispatched(now, effects);
        if may_have_been_sent && !self.status.is_final() {
            self.become_uncertain(now, effects);
        }
    }
}
