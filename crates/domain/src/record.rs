//! All that is known of one message, and the only code that changes it.
//!
//! A record is stepped by `apply`, a pure function: the store calls it inside its transaction, so that what happened
//! and what follows from it are one durable write. What `apply` cannot decide, because it takes the routing table of
//! now, it leaves as a `Cause` for the decide stage; a crash in between loses nothing, the cause is in the record.

use std::time::Duration;

use minicbor::{Decode, Encode};

use crate::address::Sender;
use crate::attempt::{Attempt, Part, Rerated, State, Verdict};
use crate::event::{Event, Kind};
use crate::id::{ConnectionId, RouteId};
use crate::message::Message;
use crate::money::{Price, Tariff};
use crate::plan::{Drawn, Plan};
use crate::rewritten::Rewritten;
use crate::segment::Encoding;
use crate::status::{Status, StatusSet};
use crate::time::Timestamp;
use crate::vendor_error::ErrorClass;

mod failure;
mod rerate;
mod restore;
mod step;

pub use failure::RETRY_AFTER;

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Record {
    #[n(0)]
    pub message: Message,
    /// None for a request that was refused before a plan was made.
    #[n(1)]
    pub plan: Option<Plan>,
    #[n(2)]
    pub status: Status,
    /// How many status changes there were.
    #[n(3)]
    pub sequence: u16,
    #[n(4)]
    pub attempts: Vec<Attempt>,
    #[n(5)]
    pub events: Vec<Event>,
    /// What the decide stage has to answer.
    #[n(6)]
    pub cause: Option<Cause>,
    /// Why we refused it, when we did.
    #[n(7)]
    pub rejection: Option<Box<str>>,
    #[n(8)]
    pub converted: Option<Converted>,
    /// Nothing more is expected; what still comes is a correction.
    #[n(9)]
    pub closed: bool,
    /// Set when the store was restored from a backup while the message was open: it may have been sent since then by
    /// whoever used the store meanwhile.
    #[n(10)]
    pub restored: Option<Restored>,
    /// When a route that asked for that gets the message again. It stands in no lane until then.
    #[n(11)]
    pub retry_at: Option<Timestamp>,
    /// How often the application has put another text in the place of its own.
    #[cbor(n(16), default, skip_if = "is_zero")]
    pub text_revision: u16,
}

fn is_zero(count: &u16) -> bool {
    *count == 0
}

/// What is done with a message that was open in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Restored {
    /// It is sent, flagged as a possible duplicate.
    #[n(0)]
    Resumed,
    /// It is never sent again.
    #[n(1)]
    Withheld,
}

/// The application said whether its user acted on the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Converted {
    #[n(0)]
    pub converted: bool,
    #[n(1)]
    pub at: Timestamp,
}

/// Why another attempt may be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Cause {
    /// The first attempt: a scheduled message came due.
    #[n(0)]
    Due,
    #[n(1)]
    Rejected,
    /// After which bytes may be at a vendor; `line_lost` when the session is gone, else only the answer is late.
    #[n(2)]
    Unknown {
        #[n(0)]
        line_lost: bool,
    },
    #[n(3)]
    Undelivered,
    #[n(4)]
    NoReceipt,
    /// The vendor's error may have passed by now.
    #[n(5)]
    Retry,
}

/// What happens to a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A slot was reserved. Bytes may leave once this is durable.
    Dispatch(Dispatch),
    Answer {
        attempt: u16,
        part: u8,
        answer: Answer,
    },
    Receipt {
        attempt: u16,
        part: u8,
        receipt: ReceiptNews,
    },
    /// The decide stage found a route.
    Try(NextAttempt),
    /// The decide stage found none.
    Exhaust,
    /// A deadline of the record has passed.
    Wake,
    Cancel,
    /// Another text, or other times, as long as nothing of it has left.
    Replace(Replacement),
    Convert {
        converted: bool,
        at: Timestamp,
    },
    /// What attempts cost after all, by their numbers.
    Rerate(Vec<(u16, Rerated)>),
    /// The process that dispatched is gone: what has no outcome never will have one.
    Settle,
    /// The store was restored from a backup: what was dispatched has no outcome, and what was not may have been sent
    /// after the backup. Of a message that is due only later nobody sent anything, and it goes on as if nothing had been.
    Restored(Restored),
}

/// What the application puts in the place of what it asked for. What is None stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replacement {
    pub text: Option<NewText>,
    /// Only of a message that is still scheduled.
    pub send_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub notify: Option<StatusSet>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewText {
    pub text: Box<str>,
    pub encoding: Encoding,
    pub segments: u8,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    pub attempt: u16,
    /// The route of now, which need not be the one that the attempt was queued for.
    pub target: Target,
    /// Of the record that the target was found for: what it sends is made of the text of then.
    pub text_revision: u16,
    pub bind: u16,
    pub epoch: u64,
}

/// Where an attempt goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub route: RouteId,
    pub connection: ConnectionId,
    pub sender: Option<Sender>,
    pub price: Option<Tariff>,
    /// Where the adaptive engine had a say.
    pub drawn: Option<Drawn>,
    /// What the route sends in the place of the message's text; None: that text as it is.
    pub rewritten: Option<Box<Rewritten>>,
}

impl Target {
    /// What the message takes on this route.
    #[must_use]
    pub fn segments(&self, of: &Message) -> u8 {
        self.rewritten.as_ref().map_or(of.segments, |rewritten| rewritten.segments).max(1)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct NextAttempt {
    pub target: Target,
    /// What the parts of a long text have in common on the wire.
    pub reference: u16,
}

/// What became of one part's submit.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The vendor's id may be missing; such an attempt can only be settled by a missing receipt.
    Accepted {
        vendor_id: Option<Box<str>>,
    },
    Rejected {
        code: Box<str>,
        /// None where the error map does not know the code.
        class: Option<ErrorClass>,
    },
    Busy {
        code: Box<str>,
        /// How it asks to slow down.
        class: ErrorClass,
    },
    Unknown {
        line_lost: bool,
    },
    /// An error that does not say whether the vendor has it.
    Unclear {
        code: Box<str>,
    },
    NotSent,
}

/// What a receipt says of one part.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiptNews {
    /// None while it is on its way, and for words that nobody knows.
    pub verdict: Option<Verdict>,
    /// The vendor's word for the state, with its error code where there is one.
    pub word: Box<str>,
    /// What that means; None for a delivery, while it is on its way, and where the error map does not know it.
    pub class: Option<ErrorClass>,
}

/// What follows from a step, besides the record itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Status changes of this step, with their sequence, in order.
    pub changes: Vec<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub status: Status,
    pub sequence: u16,
    pub at: Timestamp,
}

/// The input does not fit the record any more; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the attempt is no longer queued")]
    NotQueued,
    #[error("the message has no such attempt or part")]
    NoSuchAttempt,
    #[error("the message is already final or at a vendor")]
    TooLate,
    #[error("nothing is to be decided for the message")]
    NothingToDecide,
    #[error("the message would end before it begins")]
    EndsTooSoon,
}

/// Which stage has to look at a record. A record may wait for several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// An attempt waits for a slot.
    pub queued: bool,
    /// An attempt holds a slot.
    pub dispatched: bool,
    /// A cause waits for the decide stage.
    pub decide: bool,
}

/// A receipt is matched, and a message that nobody settled stays open, for this long after its last dispatch.
pub const RECEIPT_HORIZON: Duration = Duration::from_secs(7 * 24 * 3600);

/// A message in endless throttling must not grow without end: beyond this only status changes are recorded.
const MAX_EVENTS: usize = 200;

impl Record {
    /// A message with its plan and nothing yet done. `first` is None for one that is scheduled.
    #[must_use]
    pub fn accepted(message: Message, plan: Plan, first: Option<NextAttempt>) -> (Self, Effects) {
        let now = message.created_at;
        let mut record = Self::empty(message, Some(plan));
        let mut effects = Effects::default();
        match first {
            Some(next) => {
                record.set_status(Status::Accepted, now, &mut effects);
                record.push_attempt(next, now);
            }
            None => record.set_status(Status::Scheduled, now, &mut effects),
        }
        (record, effects)
    }

    /// A request that we refuse, kept so that it can be found.
    #[must_use]
    pub fn rejected(message: Message, because: &str) -> (Self, Effects) {
        let now = message.created_at;
        let mut record = Self::empty(message, None);
        let mut effects = Effects::default();
        record.rejection = Some(because.into());
        record.set_status(Status::Rejected, now, &mut effects);
        record.close_if_done();
        (record, effects)
    }

    fn empty(message: Message, plan: Option<Plan>) -> Self {
        Self {
            message,
            plan,
            status: Status::Accepted,
            sequence: 0,
            attempts: Vec::new(),
            events: Vec::new(),
            cause: None,
            rejection: None,
            converted: None,
            closed: false,
            restored: None,
            retry_at: None,
            text_revision: 0,
        }
    }

    /// Cuts the text out of it, and what routes made of that. False when there was none any more.
    pub fn drop_texts(&mut self) -> bool {
        let had_text = !self.message.text.is_empty();
        self.message.text = Box::default();
        for rewritten in self.attempts.iter_mut().filter_map(|attempt| attempt.rewritten.as_mut()) {
            rewritten.text = Box::default();
        }
        had_text
    }

    #[must_use]
    pub fn attempt(&self, number: u16) -> Option<&Attempt> {
        self.attempts.get(usize::from(number.checked_sub(1)?))
    }

    /// Which stages have to look at it now.
    #[must_use]
    pub fn work(&self) -> Work {
        let any = |state| self.attempts.iter().any(|attempt| attempt.state == state);
        Work { queued: any(State::Queued), dispatched: any(State::Dispatched), decide: self.cause.is_some() }
    }

    /// When `Input::Wake` is due next; None when nothing but news from outside can change the record.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        if self.closed {
            return None;
        }
        if self.status == Status::Scheduled && self.cause.is_none() {
            let due = self.message.send_at.unwrap_or(self.message.created_at);
            return Some(due.min(self.message.expires_at));
        }
        let work = self.work();
        let validity =
            (work.queued || work.decide || self.retry_at.is_some()).then_some(self.message.expires_at);
        let receipts = self.attempts.iter().filter_map(|attempt| self.receipt_deadline(attempt)).min();
        let idle = !(work.queued || work.dispatched || work.decide || self.retry_at.is_some());
        let horizon = self.waits_since().filter(|_| idle).map(|at| at.plus(RECEIPT_HORIZON));
        [validity, self.retry_at, receipts, horizon].into_iter().flatten().min()
    }

    /// The text will be paid for where a vendor took it; None when no price is known or prices differ in currency.
    #[must_use]
    pub fn cost(&self) -> Option<Price> {
        let mut costs = self.attempts.iter().filter_map(Attempt::cost);
        let first = costs.next()?;
        costs.try_fold(first, |sum, cost| {
            (sum.currency == cost.currency)
                .then(|| Price { amount: sum.amount.saturating_add(cost.amount), currency: sum.currency })
        })
    }

    /// Whether any attempt was sent although an earlier one may have arrived.
    #[must_use]
    pub fn possible_duplicate(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.possible_duplicate && attempt.counts())
    }

    /// Attempts that a vendor may have taken or refused.
    #[must_use]
    pub fn counted_attempts(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.counts()).count()
    }

    /// When what is still waited for began. A withheld message may never have been dispatched here; had it been sent
    /// elsewhere, then within its validity.
    fn waits_since(&self) -> Option<Timestamp> {
        let dispatched = self.attempts.iter().filter_map(|attempt| attempt.dispatched_at).max();
        dispatched.or_else(|| self.is_withheld().then_some(self.message.expires_at))
    }

    fn is_withheld(&self) -> bool {
        self.restored == Some(Restored::Withheld)
    }

    /// When a missing receipt of the attempt becomes a reason to go on.
    fn receipt_deadline(&self, attempt: &Attempt) -> Option<Timestamp> {
        let waits = attempt.receipt.is_none()
            && !attempt.given_up
            && !self.is_withheld()
            && !self.status.is_final()
            && (attempt.state == State::Dispatched
                || attempt.outcome == Some(crate::attempt::Outcome::Accepted));
        let after = self.plan.as_ref()?.terms.no_receipt_after()?;
        attempt.dispatched_at.filter(|_| waits).map(|at| at.plus(after))
    }

    fn push_attempt(&mut self, next: NextAttempt, now: Timestamp) {
        // A vendor that said no, at submit or by receipt, has not delivered it; one that never said may have.
        let possible_duplicate = self.restored.is_some()
            || self.attempts.iter().any(|attempt| {
                attempt.may_have_arrived() || (attempt.given_up && attempt.state == State::Dispatched)
            });
        let segments = next.target.segments(&self.message);
        let number = u16::try_from(self.attempts.len()).unwrap_or(u16::MAX).saturating_add(1);
        self.attempts.push(Attempt {
            number,
            route: next.target.route,
            connection: next.target.connection,
            sender: next.target.sender,
            price: next.target.price,
            drawn: next.target.drawn,
            rerated: None,
            rewritten: next.target.rewritten,
            reference: next.reference,
            state: State::Queued,
            outcome: None,
            receipt: None,
            possible_duplicate,
            given_up: false,
            queued_at: now,
            dispatched_at: None,
            answered_at: None,
            receipt_at: None,
            bind: 0,
            epoch: 0,
            throttled: 0,
            parts: vec![Part::default(); usize::from(segments)],
        });
        self.note(now, Kind::Queued { attempt: number });
    }

    fn set_status(&mut self, status: Status, now: Timestamp, effects: &mut Effects) {
        self.status = status;
        self.sequence = self.sequence.saturating_add(1);
        self.events.push(Event { at: now, kind: Kind::Status { status, sequence: self.sequence } });
        effects.changes.push(Change { status, sequence: self.sequence, at: now });
    }

    fn note(&mut self, at: Timestamp, kind: Kind) {
        if self.events.len() < MAX_EVENTS {
            self.events.push(Event { at, kind });
        }
    }

    fn close_if_done(&mut self) {
        let work = self.work();
        if self.status.is_final() && !work.queued && !work.dispatched {
            self.cause = None;
            self.retry_at = None;
            self.closed = true;
        }
    }
}

#[cfg(test)]
mod tests;
