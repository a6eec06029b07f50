//! What happened to a message, in order: the record that its trace is told from.

use minicbor::{Decode, Encode};

use crate::attempt::Outcome;
use crate::id::RouteId;
use crate::status::Status;
use crate::time::Timestamp;
use crate::vendor_error::ErrorClass;

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Event {
    #[n(0)]
    pub at: Timestamp,
    #[n(1)]
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Kind {
    /// The status changed; the sequence counts the changes of this message from one and goes out with webhooks.
    #[n(0)]
    Status {
        #[n(0)]
        status: Status,
        #[n(1)]
        sequence: u16,
    },
    #[n(1)]
    Queued {
        #[n(0)]
        attempt: u16,
    },
    /// The plan was checked again and another route takes the attempt.
    #[n(2)]
    Moved {
        #[n(0)]
        attempt: u16,
        #[n(1)]
        from: RouteId,
    },
    #[n(3)]
    Dispatched {
        #[n(0)]
        attempt: u16,
    },
    #[n(4)]
    Answered {
        #[n(0)]
        attempt: u16,
        #[n(1)]
        outcome: Outcome,
    },
    /// The vendor asked to slow down; the attempt waits again.
    #[n(5)]
    Throttled {
        #[n(0)]
        attempt: u16,
    },
    /// No byte left: the attempt waits again.
    #[n(6)]
    NotSent {
        #[n(0)]
        attempt: u16,
    },
    /// The answer that had been given up came after all.
    #[n(7)]
    AnsweredLate {
        #[n(0)]
        attempt: u16,
        #[n(1)]
        outcome: Outcome,
    },
    /// A receipt; `word` is the vendor's own.
    #[n(8)]
    Receipt {
        #[n(0)]
        attempt: u16,
        #[n(1)]
        part: u8,
        #[n(2)]
        word: Box<str>,
    },
    /// No receipt came in time.
    #[n(9)]
    NoReceipt {
        #[n(0)]
        attempt: u16,
    },
    #[n(10)]
    Withdrawn {
        #[n(0)]
        attempt: u16,
    },
    #[n(11)]
    Converted {
        #[n(0)]
        converted: bool,
    },
    /// Every route of the plan was used or none may be tried any more.
    #[n(12)]
    Exhausted,
    /// Nothing more is expected: the record is closed as it stands.
    #[n(13)]
    HorizonReached,
    /// The store was restored from a backup in which the message was open; `resumed` when it is sent nevertheless.
    #[n(14)]
    Restored {
        #[n(0)]
        resumed: bool,
    },
    /// The application put another text or other times in place.
    #[n(15)]
    Replaced,
    /// The vendor's error may pass: the route gets it again then.
    #[n(16)]
    Retrying {
        #[n(0)]
        attempt: u16,
        #[n(1)]
        at: Timestamp,
    },
    /// The vendor's error says that no vendor needs to be asked again.
    #[n(17)]
    Barred {
        #[n(0)]
        attempt: u16,
        #[n(1)]
        class: ErrorClass,
    },
}
