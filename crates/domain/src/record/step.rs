//! One step of a record: what each input changes and what follows from it.

use super::{
    Answer, Cause, Converted, Dispatch, Effects, Input, NewText, ReceiptNews, Record, Refusal, Replacement,
};
use crate::attempt::{Attempt, Outcome, Part, PartAnswer, State, Summed, Verdict};
use crate::content;
use crate::event::Kind;
use crate::plan::{FailoverOn, OnUnknown};
use crate::status::Status;
use crate::time::Timestamp;
use crate::vendor_error::ErrorClass;

impl Record {
    /// Steps the record by one input.
    ///
    /// # Errors
    /// When the input no longer fits, such as a dispatch of an attempt that was withdrawn meanwhile. The record is
    /// then as it was.
    pub fn apply(&mut self, input: Input, now: Timestamp) -> Result<Effects, Refusal> {
        let mut effects = Effects::default();
        match input {
            Input::Dispatch(dispatch) => self.dispatch(dispatch, now)?,
            Input::Answer { attempt, part, answer } => {
                self.answer(attempt, part, answer, now, &mut effects)?;
            }
            Input::Receipt { attempt, part, receipt } => {
                self.receipt(attempt, part, receipt, now, &mut effects)?;
            }
            Input::Try(next) => {
                self.cause.take().ok_or(Refusal::NothingToDecide)?;
                if self.status == Status::Scheduled {
                    self.set_status(Status::Accepted, now, &mut effects);
                }
                self.retry_at = None;
                self.push_attempt(next, now);
            }
            Input::Exhaust => {
                self.cause.take().ok_or(Refusal::NothingToDecide)?;
                self.retry_at = None;
                self.note(now, Kind::Exhausted);
                self.settle_status(now, &mut effects);
            }
            Input::Wake => self.wake(now, &mut effects),
            Input::Cancel => self.cancel(now, &mut effects)?,
            Input::Replace(replacement) => self.replace(replacement, now)?,
            Input::Convert { converted, at } => {
                self.converted = Some(Converted { converted, at });
                self.note(now, Kind::Converted { converted });
            }
            Input::Rerate(attempts) => self.rerate(attempts)?,
            Input::Settle => self.settle_dispatched(now, &mut effects),
            Input::Restored(restored) => self.restore(restored, now, &mut effects),
        }
        self.close_if_done();
        Ok(effects)
    }

    fn dispatch(&mut self, dispatch: Dispatch, now: Timestamp) -> Result<(), Refusal> {
        if self.status.is_final() || now >= self.message.expires_at {
            return Err(Refusal::TooLate);
        }
        let segments = dispatch.target.segments(&self.message);
        let is_of_another_text = dispatch.text_revision != self.text_revision;
        let attempt = find(&mut self.attempts, dispatch.attempt)?;
        if attempt.state != State::Queued || is_of_another_text {
            return Err(Refusal::NotQueued);
        }
        let target = dispatch.target;
        let left = (attempt.route != target.route).then(|| attempt.route.clone());
        attempt.route = target.route;
        attempt.connection = target.connection;
        attempt.sender = target.sender;
        attempt.price = target.price;
        attempt.drawn = target.drawn;
        attempt.rerated = None;
        attempt.rewritten = target.rewritten;
        attempt.parts.resize(usize::from(segments), Part::default());
        attempt.state = State::Dispatched;
        attempt.dispatched_at = Some(now);
        attempt.bind = dispatch.bind;
        attempt.epoch = dispatch.epoch;
        if let Some(from) = left {
            self.note(now, Kind::Moved { attempt: dispatch.attempt, from });
        }
        self.note(now, Kind::Dispatched { attempt: dispatch.attempt });
        Ok(())
    }

    fn answer(
        &mut self,
        number: u16,
        part: u8,
        answer: Answer,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let attempt = find(&mut self.attempts, number)?;
        let is_late = match attempt.state {
            State::Dispatched => false,
            State::Answered => true,
            State::Queued | State::Withdrawn => return Err(Refusal::TooLate),
        };
        let slot = attempt.parts.get_mut(usize::from(part)).ok_or(Refusal::NoSuchAttempt)?;
        // An answer that was given up may come after all, as long as the session lives; no other answer comes twice.
        let may_replace = slot.answer.is_none() || slot.answer == Some(PartAnswer::Unknown);
        if !may_replace {
            return Err(Refusal::TooLate);
        }
        let line_lost = matches!(answer, Answer::Unknown { line_lost: true });
        match answer {
            Answer::Accepted { vendor_id } => {
                slot.answer = Some(PartAnswer::Accepted);
                slot.vendor_id = vendor_id;
                slot.class = slot.class.filter(|_| slot.receipt.is_some());
            }
            Answer::Rejected { code, class } => {
                slot.answer = Some(PartAnswer::Rejected);
                slot.vendor_code = Some(code);
                slot.class = class;
            }
            Answer::Unclear { code } => {
                slot.answer = Some(PartAnswer::Unknown);
                slot.vendor_code = Some(code);
                slot.class = Some(ErrorClass::UnknownOutcome);
            }
            Answer::Busy { code, .. } => {
                slot.answer = Some(PartAnswer::Busy);
                slot.vendor_code = Some(code);
            }
            Answer::Unknown { .. } => slot.answer = Some(PartAnswer::Unknown),
            Answer::NotSent => slot.answer = Some(PartAnswer::NotSent),
        }
        match attempt.summed_outcome() {
            // What the message would go on to, because the attempt was given up, is asked no more either.
            Summed::Incomplete => self.bar_if_final(number, now, effects),
            Summed::Again if is_late => {}
            Summed::Again => self.requeue(number, now, effects),
            // Nothing new, unless what is left of it is known to be nowhere.
            Summed::Done { outcome, parts_out: true } if is_late && attempt.outcome == Some(outcome) => {}
            Summed::Done { outcome, parts_out } => {
                attempt.state = State::Answered;
                attempt.outcome = Some(outcome);
                attempt.answered_at = Some(now);
                let (receipt, given_up) = (attempt.receipt, attempt.given_up);
                let kind = if is_late {
                    Kind::AnsweredLate { attempt: number, outcome }
                } else {
                    Kind::Answered { attempt: number, outcome }
                };
                self.note(now, kind);
                let after = Aftermath { parts_out, line_lost, given_up };
                self.after_outcome(number, outcome, after, now, effects);
                // It may have come while other parts were still on their way.
                if self.cause.is_none() && self.retry_at.is_none() {
                    self.after_receipt(number, receipt, now, effects);
                }
            }
        }
        Ok(())
    }

    /// No byte left, or the vendor asked to slow down: the attempt waits again, as the same one.
    fn requeue(&mut self, number: u16, now: Timestamp, effects: &mut Effects) {
        let Ok(attempt) = find(&mut self.attempts, number) else { return };
        let throttled = attempt.parts.iter().any(|part| part.answer == Some(PartAnswer::Busy));
        for part in &mut attempt.parts {
            part.answer = None;
        }
        let was_given_up = attempt.given_up;
        attempt.state = if was_given_up { State::Withdrawn } else { State::Queued };
        attempt.dispatched_at = None;
        if throttled {
            attempt.throttled = attempt.throttled.saturating_add(1);
        }
        let kind =
            if throttled { Kind::Throttled { attempt: number } } else { Kind::NotSent { attempt: number } };
        self.note(now, kind);
        if self.status.is_final() {
            self.withdraw_queued(now);
        } else if self.is_barred() {
            self.withdraw_queued(now);
            self.settle_status(now, effects);
        } else if was_given_up {
            // What the message went on to must not be joined by it; when there was nothing, it is decided anew.
            self.note(now, Kind::Withdrawn { attempt: number });
            self.go_on(Cause::NoReceipt, now, effects);
        }
    }

    /// Asks for another attempt, unless one is still waited for, or a route is: how that ends says whether to go on. A closed record
    /// is never opened again, whatever its validity: its text may be gone, and no stage looks at it.
    pub(super) fn go_on(&mut self, cause: Cause, now: Timestamp, effects: &mut Effects) {
        if self.closed || self.is_barred() {
            self.settle_status(now, effects);
        } else if !self.is_waited_for() && self.retry_at.is_none() {
            self.cause = Some(cause);
        }
    }

    fn after_outcome(
        &mut self,
        number: u16,
        outcome: Outcome,
        after: Aftermath,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if self.status.is_final() {
            return;
        }
        let on_unknown = self.on_unknown();
        match outcome {
            Outcome::Accepted => {
                if matches!(self.cause, Some(Cause::Unknown { .. })) {
                    self.cause = None;
                }
                if !after.given_up {
                    self.withdraw_queued(now);
                    self.retry_at = None;
                }
                if self.status != Status::Submitted {
                    self.set_status(Status::Submitted, now, effects);
                }
            }
            Outcome::Rejected => self.after_rejection(number, after, now, effects),
            Outcome::Unknown => match on_unknown {
                OnUnknown::Hold => self.become_uncertain(now, effects),
                OnUnknown::Resend | OnUnknown::NextRoute => {
                    self.go_on(Cause::Unknown { line_lost: after.line_lost }, now, effects);
                }
            },
        }
    }

    fn receipt(
        &mut self,
        number: u16,
        part: u8,
        news: ReceiptNews,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let attempt = find(&mut self.attempts, number)?;
        let slot = attempt.parts.get_mut(usize::from(part)).ok_or(Refusal::NoSuchAttempt)?;
        let Some(verdict) = news.verdict else {
            self.note(now, Kind::Receipt { attempt: number, part, word: news.word });
            return Ok(());
        };
        // A delivery is believed over a failure, whichever came first; the same word twice changes nothing.
        if slot.receipt == Some(verdict) || slot.receipt == Some(Verdict::Delivered) {
            return Ok(());
        }
        slot.receipt = Some(verdict);
        slot.vendor_code = Some(news.word.clone());
        slot.class = news.class;
        let before = attempt.receipt;
        attempt.receipt = attempt.summed_receipt();
        let sum = attempt.receipt;
        if sum != before {
            attempt.receipt_at = sum.map(|_| now);
        }
        // A receipt proves that the vendor took the part, whatever became of its answer.
        if slot_was_unanswered(attempt, part) {
            attempt.state = State::Answered;
            attempt.outcome = Some(Outcome::Accepted);
        }
        self.note(now, Kind::Receipt { attempt: number, part, word: news.word });
        if sum != before {
            self.after_receipt(number, sum, now, effects);
        } else {
            self.bar_if_final(number, now, effects);
        }
        Ok(())
    }

    fn after_receipt(&mut self, number: u16, sum: Option<Verdict>, now: Timestamp, effects: &mut Effects) {
        match sum {
            Some(Verdict::Delivered) => {
                self.cause = None;
                self.retry_at = None;
                self.withdraw_queued(now);
                if !matches!(self.status, Status::Delivered | Status::Read) {
                    self.set_status(Status::Delivered, now, effects);
                }
            }
            Some(Verdict::Undelivered | Verdict::Expired) if !self.status.is_final() => {
                self.after_bad_receipt(number, now, effects);
            }
            Some(Verdict::Undelivered | Verdict::Expired) | None => {}
        }
    }

    fn wake(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.closed {
            return;
        }
        if self.status == Status::Scheduled && now < self.message.expires_at {
            let due = self.message.send_at.unwrap_or(self.message.created_at);
            if now >= due {
                self.cause = Some(Cause::Due);
            }
            return;
        }
        if now >= self.message.expires_at && !self.status.is_final() {
            let work = self.work();
            let pending =
                self.status == Status::Scheduled || work.queued || work.decide || self.retry_at.is_some();
            if pending {
                self.withdraw_queued(now);
                self.cause = None;
                self.retry_at = None;
                self.settle_status(now, effects);
            }
        }
        self.wake_retry(now, effects);
        self.give_up_receipts(now, effects);
        let idle = self.work() == super::Work::default() && self.retry_at.is_none();
        if idle && self.waits_since().is_some_and(|at| now >= at.plus(super::RECEIPT_HORIZON)) {
            self.note(now, Kind::HorizonReached);
            self.closed = true;
        }
    }

    fn give_up_receipts(&mut self, now: Timestamp, effects: &mut Effects) {
        let overdue: Vec<u16> = self
            .attempts
            .iter()
            .filter(|attempt| self.receipt_deadline(attempt).is_some_and(|deadline| now >= deadline))
            .map(|attempt| attempt.number)
            .collect();
        for number in overdue {
            if let Ok(attempt) = find(&mut self.attempts, number) {
                attempt.given_up = true;
            }
            self.note(now, Kind::NoReceipt { attempt: number });
            if now < self.message.expires_at {
                self.go_on(Cause::NoReceipt, now, effects);
            } else {
                self.settle_status(now, effects);
            }
        }
    }

    fn cancel(&mut self, now: Timestamp, effects: &mut Effects) -> Result<(), Refusal> {
        let may_be_out = self.attempts.iter().any(Attempt::counts);
        if self.status.is_final() || may_be_out {
            return Err(Refusal::TooLate);
        }
        self.withdraw_queued(now);
        self.cause = None;
        self.retry_at = None;
        self.set_status(Status::Canceled, now, effects);
        Ok(())
    }

    fn replace(&mut self, with: Replacement, now: Timestamp) -> Result<(), Refusal> {
        let may_be_out = self.attempts.iter().any(Attempt::counts);
        let is_scheduled = self.status == Status::Scheduled;
        let comes_too_late = with.send_at.is_some() && !is_scheduled;
        if self.status.is_final() || may_be_out || comes_too_late {
            return Err(Refusal::TooLate);
        }
        let send_at = with.send_at.or_else(|| self.message.send_at.filter(|_| is_scheduled)).unwrap_or(now);
        let expires_at = with.expires_at.unwrap_or(self.message.expires_at);
        if expires_at <= send_at.max(now) {
            return Err(Refusal::EndsTooSoon);
        }
        if with.send_at.is_some() {
            self.message.send_at = Some(send_at);
            // It may have come due, and has to wait again.
            self.cause = self.cause.filter(|_| now >= send_at);
        }
        self.message.expires_at = expires_at;
        self.message.notify = with.notify.unwrap_or(self.message.notify);
        if let Some(NewText { text, encoding, segments }) = with.text {
            self.message.has_link = content::has_link(&text);
            self.message.text = text;
            self.message.encoding = encoding;
            self.message.segments = segments;
            self.text_revision = self.text_revision.wrapping_add(1);
            // None of them left. What a route makes of the new text is found out when one does.
            self.attempts.iter_mut().for_each(|attempt| attempt.rewritten = None);
            for attempt in self.attempts.iter_mut().filter(|attempt| attempt.state == State::Queued) {
                attempt.parts = vec![Part::default(); usize::from(segments.max(1))];
            }
        }
        self.note(now, Kind::Replaced);
        Ok(())
    }

    pub(super) fn settle_dispatched(&mut self, now: Timestamp, effects: &mut Effects) {
        let dispatched: Vec<(u16, usize)> = self
            .attempts
            .iter()
            .filter(|attempt| attempt.state == State::Dispatched)
            .map(|attempt| (attempt.number, attempt.parts.len()))
            .collect();
        for (number, parts) in dispatched {
            for part in 0..u8::try_from(parts).unwrap_or(u8::MAX) {
                match self.answer(number, part, Answer::Unknown { line_lost: true }, now, effects) {
                    Ok(()) => {}
                    // A part that has its answer keeps it.
                    Err(
                        Refusal::TooLate
                        | Refusal::NotQueued
                        | Refusal::NoSuchAttempt
                        | Refusal::NothingToDecide
                        | Refusal::EndsTooSoon,
                    ) => {}
                }
            }
        }
    }

    pub(super) fn become_uncertain(&mut self, now: Timestamp, effects: &mut Effects) {
        self.retry_at = None;
        if self.status != Status::Uncertain {
            self.set_status(Status::Uncertain, now, effects);
        }
    }

    /// No further attempt will be made: the status that the attempts so far add up to.
    pub(super) fn settle_status(&mut self, now: Timestamp, effects: &mut Effects) {
        // Its route gets it again.
        if self.retry_at.is_some() {
            return;
        }
        let any = |holds: fn(&Attempt) -> bool| self.attempts.iter().any(holds);
        let settled = if any(Attempt::is_open) || any(|attempt| attempt.receipt == Some(Verdict::Delivered)) {
            return;
        } else if any(|attempt| attempt.receipt == Some(Verdict::Undelivered)) {
            Status::Undelivered
        } else if any(|attempt| attempt.receipt == Some(Verdict::Expired)) {
            Status::Expired
        } else if any(|attempt| attempt.outcome == Some(Outcome::Accepted)) {
            // A vendor took it and was given up: it may still tell, until the horizon.
            Status::Submitted
        } else if any(|attempt| attempt.outcome == Some(Outcome::Unknown)) {
            Status::Uncertain
        } else if now >= self.message.expires_at {
            Status::Expired
        } else {
            Status::Failed
        };
        if settled != self.status {
            self.set_status(settled, now, effects);
        }
    }

    pub(super) fn withdraw_queued(&mut self, now: Timestamp) {
        let queued: Vec<u16> = self
            .attempts
            .iter()
            .filter(|attempt| attempt.state == State::Queued)
            .map(|attempt| attempt.number)
            .collect();
        for number in queued {
            if let Ok(attempt) = find(&mut self.attempts, number) {
                attempt.state = State::Withdrawn;
            }
            self.note(now, Kind::Withdrawn { attempt: number });
        }
    }

    pub(super) fn on_unknown(&self) -> OnUnknown {
        if self.is_withheld() {
            return OnUnknown::Hold;
        }
        self.plan.as_ref().map_or(OnUnknown::Hold, |plan| plan.terms.on_unknown)
    }

    pub(super) fn fails_over_on(&self, word: FailoverOn) -> bool {
        !self.is_withheld() && self.plan.as_ref().is_some_and(|plan| plan.terms.failover_on.contains(word))
    }
}

/// What else is known when an attempt has its outcome.
#[derive(Clone, Copy)]
pub(super) struct Aftermath {
    /// Some part reached the vendor, or may have.
    pub(super) parts_out: bool,
    line_lost: bool,
    /// The message went on without waiting for it.
    given_up: bool,
}

pub(super) fn find(attempts: &mut [Attempt], number: u16) -> Result<&mut Attempt, Refusal> {
    let index = number.checked_sub(1).ok_or(Refusal::NoSuchAttempt)?;
    attempts.get_mut(usize::from(index)).ok_or(Refusal::NoSuchAttempt)
}

/// The part's receipt came while its answer is unknown; true once that makes the whole attempt an accepted one.
fn slot_was_unanswered(attempt: &mut Attempt, part: u8) -> bool {
    if let Some(slot) = attempt.parts.get_mut(usize::from(part))
        && slot.answer == Some(PartAnswer::Unknown)
    {
        slot.answer = Some(PartAnswer::Accepted);
    }
    let done = attempt.outcome == Some(Outcome::Unknown);
    done && attempt.parts.iter().all(|part| part.answer == Some(PartAnswer::Accepted))
}
