//! One try of one message on one route, part by part.

use minicbor::{Decode, Encode};

use crate::address::Sender;
use crate::id::{ConnectionId, RateCardId, RouteId};
use crate::money::{Price, Tariff};
use crate::plan::Drawn;
use crate::rewritten::Rewritten;
use crate::time::Timestamp;
use crate::vendor_error::{ErrorClass, Stage};

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Attempt {
    /// Counted from one within the message.
    #[n(0)]
    pub number: u16,
    #[n(1)]
    pub route: RouteId,
    #[n(2)]
    pub connection: ConnectionId,
    #[n(3)]
    pub state: State,
    #[n(4)]
    pub outcome: Option<Outcome>,
    #[n(5)]
    pub receipt: Option<Verdict>,
    /// Bytes of an earlier attempt may have reached a vendor: the recipient may get the text twice.
    #[n(6)]
    pub possible_duplicate: bool,
    /// A receipt was waited for in vain, and the message went on; it no longer counts as open.
    #[n(7)]
    pub given_up: bool,
    #[n(8)]
    pub queued_at: Timestamp,
    #[n(9)]
    pub dispatched_at: Option<Timestamp>,
    #[n(10)]
    pub answered_at: Option<Timestamp>,
    #[n(11)]
    pub receipt_at: Option<Timestamp>,
    /// The bind that carried it and how often that bind had been opened: for looking into logs and captures.
    #[n(12)]
    pub bind: u16,
    #[n(13)]
    pub epoch: u64,
    /// What the parts of a long text have in common on the wire.
    #[n(14)]
    pub reference: u16,
    /// Under which the route sends it.
    #[n(15)]
    pub sender: Option<Sender>,
    /// As the table said when the attempt was made.
    #[n(16)]
    pub price: Option<Tariff>,
    /// How often the vendor said that it is too fast.
    #[n(17)]
    pub throttled: u16,
    #[n(18)]
    pub parts: Vec<Part>,
    /// Where the adaptive engine had a say: the arm is the connection and the message's operator.
    #[cbor(n(24), default, skip_if = "Option::is_none")]
    pub drawn: Option<Drawn>,
    /// What it sends in the place of the message's text; None: that text as it is.
    #[cbor(n(25), default, skip_if = "Option::is_none")]
    pub rewritten: Option<Box<Rewritten>>,
    /// What holds in the place of `price`, which stays as it was.
    #[cbor(n(26), default, skip_if = "Option::is_none")]
    pub rerated: Option<Box<Rerated>>,
}

/// What an attempt is rated at by a card that was corrected after it was made.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Rerated {
    #[n(0)]
    pub price: Tariff,
    #[n(1)]
    pub rate_card: RateCardId,
    /// The version of the policy whose card it is.
    #[n(2)]
    pub version: u64,
    #[n(3)]
    pub at: Timestamp,
}

/// One segment on the wire.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Part {
    #[n(0)]
    pub answer: Option<PartAnswer>,
    #[n(1)]
    pub receipt: Option<Verdict>,
    /// What the vendor calls it, normalised as its connection's `message_id` says, so that it equals a receipt's.
    #[n(2)]
    pub vendor_id: Option<Box<str>>,
    /// The vendor's own words of a refusal or a receipt: for people and for the vendor's support.
    #[n(3)]
    pub vendor_code: Option<Box<str>>,
    /// What the refusal or the receipt means; None where there is none, and where the error map does not know it.
    #[n(4)]
    pub class: Option<ErrorClass>,
}

/// What went wrong with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    pub stage: Stage,
    /// None where the error map does not know the code.
    pub class: Option<ErrorClass>,
    /// The vendor's own words.
    pub code: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum State {
    /// Waits for a window slot.
    #[n(0)]
    Queued,
    /// A window slot is its own; bytes may be out.
    #[n(1)]
    Dispatched,
    /// The vendor answered, or never will.
    #[n(2)]
    Answered,
    /// Taken back before any byte left.
    #[n(3)]
    Withdrawn,
}

/// How the submit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    #[n(0)]
    Accepted,
    #[n(1)]
    Rejected,
    /// Bytes left and no answer came: the vendor may have it.
    #[n(2)]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum PartAnswer {
    #[n(0)]
    Accepted,
    #[n(1)]
    Rejected,
    #[n(2)]
    Unknown,
    /// The vendor asked to slow down.
    #[n(3)]
    Busy,
    #[n(4)]
    NotSent,
}

/// What a final receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Verdict {
    #[n(0)]
    Delivered,
    #[n(1)]
    Undelivered,
    /// The vendor's own validity ended.
    #[n(2)]
    Expired,
}

impl Outcome {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
        }
    }
}

impl Attempt {
    /// Something may still come of it that the message should wait for.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.state {
            State::Queued | State::Dispatched => true,
            State::Answered => {
                self.outcome == Some(Outcome::Accepted) && self.receipt.is_none() && !self.given_up
            }
            State::Withdrawn => false,
        }
    }

    /// The recipient may have some of it: parts are out, and no receipt says that they failed.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        self.parts.iter().any(|part| {
            matches!(part.answer, Some(PartAnswer::Accepted | PartAnswer::Unknown))
                && !matches!(part.receipt, Some(Verdict::Undelivered | Verdict::Expired))
        })
    }

    /// A vendor took it or refused it, or may have: these count against `max_attempts`.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.state == State::Dispatched || self.outcome.is_some()
    }

    /// What went wrong: of its parts the one with the strongest error. None while nothing did.
    #[must_use]
    pub fn failure(&self) -> Option<Failure<'_>> {
        self.parts.iter().filter_map(Part::failure).max_by_key(|failure| failure.class)
    }

    /// What its error means; None also where the error map does not know it.
    #[must_use]
    pub fn error_class(&self) -> Option<ErrorClass> {
        self.failure()?.class
    }

    /// What the API calls its state.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (self.state, self.outcome, self.receipt) {
            (_, _, Some(Verdict::Delivered)) => "delivered",
            (_, _, Some(Verdict::Undelivered)) => "undelivered",
            (_, _, Some(Verdict::Expired)) => "expired",
            (State::Queued, _, None) => "queued",
            (State::Dispatched, _, None) => "dispatched",
            (State::Withdrawn, _, None) => "withdrawn",
            (State::Answered, Some(Outcome::Accepted) | None, None) => "submitted",
            (State::Answered, Some(Outcome::Rejected), None) => "rejected",
            (State::Answered, Some(Outcome::Unknown), None) => "unknown",
        }
    }

    /// Parts that a vendor accepted are paid for, and with the first of them the message: by the corrected price, where
    /// there is one.
    #[must_use]
    pub fn cost(&self) -> Option<Price> {
        let rerated = self.rerated.as_ref().map(|rerated| rerated.price);
        self.cost_at(rerated.or(self.price))
    }

    /// The cost as it was rated when the attempt was made.
    #[must_use]
    pub fn first_cost(&self) -> Option<Price> {
        self.cost_at(self.price)
    }

    fn cost_at(&self, price: Option<Tariff>) -> Option<Price> {
        let taken = self.parts.iter().filter(|part| part.answer == Some(PartAnswer::Accepted)).count();
        let taken = u16::try_from(taken).unwrap_or(u16::MAX);
        price.filter(|_| taken > 0).map(|price| price.times(taken))
    }

    /// What all parts' answers say together; None while one is missing or when the attempt has to be queued again.
    #[must_use]
    pub fn summed_outcome(&self) -> Summed {
        let has = |answer| self.parts.iter().any(|part| part.answer == Some(answer));
        if self.parts.iter().any(|part| part.answer.is_none()) {
            return Summed::Incomplete;
        }
        let some_may_be_out = has(PartAnswer::Accepted) || has(PartAnswer::Unknown);
        if has(PartAnswer::Rejected) {
            return Summed::Done { outcome: Outcome::Rejected, parts_out: some_may_be_out };
        }
        let some_stayed = has(PartAnswer::Busy) || has(PartAnswer::NotSent);
        match (some_may_be_out, some_stayed) {
            (false, _) => Summed::Again,
            (true, true) => Summed::Done { outcome: Outcome::Unknown, parts_out: true },
            (true, false) if has(PartAnswer::Unknown) => {
                Summed::Done { outcome: Outcome::Unknown, parts_out: true }
            }
            (true, false) => Summed::Done { outcome: Outcome::Accepted, parts_out: true },
        }
    }

    /// What all parts' receipts say together: delivered when all are, not delivered as soon as one is not.
    #[must_use]
    pub fn summed_receipt(&self) -> Option<Verdict> {
        let says = |verdict| self.parts.iter().any(|part| part.receipt == Some(verdict));
        if says(Verdict::Undelivered) {
            return Some(Verdict::Undelivered);
        }
        if says(Verdict::Expired) {
            return Some(Verdict::Expired);
        }
        self.parts.iter().all(|part| part.receipt == Some(Verdict::Delivered)).then_some(Verdict::Delivered)
    }
}

impl Part {
    fn failure(&self) -> Option<Failure<'_>> {
        let stage = match (self.answer, self.receipt) {
            (Some(PartAnswer::Rejected), _) => Stage::Submit,
            (_, Some(Verdict::Undelivered | Verdict::Expired)) => Stage::Receipt,
            // An answer that does not say whether the vendor has it.
            (Some(PartAnswer::Unknown), None) if self.class.is_some() => Stage::Submit,
            (
                Some(PartAnswer::Accepted | PartAnswer::Unknown | PartAnswer::Busy | PartAnswer::NotSent)
                | None,
                Some(Verdict::Delivered) | None,
            ) => return None,
        };
        Some(Failure { stage, class: self.class, code: self.vendor_code.as_deref().unwrap_or_default() })
    }
}

/// The parts' answers taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summed {
    Incomplete,
    /// No byte left, or none was taken: back to the queue, unflagged.
    Again,
    Done {
        outcome: Outcome,
        /// Some part reached the vendor, or may have.
        parts_out: bool,
    },
}
