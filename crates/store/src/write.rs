//! The writing side: batches of operations, each batch one durable commit.

use std::sync::Arc;
use std::time::Duration;

use domain::record::{Change, Effects, Input, ReceiptNews, Refusal};
use domain::{AppId, ConnectionId, Lane, MessageId, Record, Status, Timestamp};

use crate::{Adaptive, Carried, Counted, Error, Learnt, Retention, audit};

/// One operation of a batch.
#[derive(Clone, Debug)]
pub enum Write {
    /// A new message, with what has to be told of it, and its idempotency key, in the same commit.
    Accept { record: Arc<Record>, effects: Effects, idempotency: Option<Idempotency> },
    /// A step of a record. Every vendor id that the step learns is indexed, and receipts that were held for it are
    /// applied, in the same commit.
    Apply { message: MessageId, input: Input },
    /// A receipt, which finds its attempt by connection and vendor id, in the hot records or in the sealed days.
    /// One that finds none is held.
    Receipt(Receipt),
    /// What became of a notice that was sent to the application.
    Notice { id: i64, outcome: NoticeOutcome },
    /// A change that somebody made, with its entry of the audit log.
    Change(Box<audit::Change>),
    /// A table that is in place from now on. Written before any decision of it is.
    Published(crate::Published),
    /// A part of a text that came in several. It waits until a record is accepted under its message's id.
    Part(Box<Part>),
    /// Records that are durable in the files of their days leave the open ones, but for those that changed since they
    /// were found.
    Sealed(Sealed),
    /// What was found out about operators. With `keep`, what no longer holds is dropped, and of the rest all but the newest
    /// so many.
    Learnt { learnt: Vec<Learnt>, keep: Option<usize> },
    /// What was counted towards caps.
    Counted(Vec<Counted>),
    /// What vendors carried, by day.
    Carried(Vec<Carried>),
    /// What the adaptive engine learned or concluded.
    Adaptive(Adaptive),
}

/// A part of a text that is not all there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The id that the message will have.
    pub message: MessageId,
    pub app: AppId,
    /// Counted from one.
    pub number: u8,
    pub received_at: Timestamp,
    /// As it came; the store does not look into it.
    pub body: Box<[u8]>,
}

/// Closed records that were found, to be copied to the sealed files of their days: on any thread, and nobody waits for it.
/// What is dropped before it is copied, or never removed after, is found again.
pub trait Sealing: Send {
    /// When this returns the copies survive a crash and a power cut.
    ///
    /// # Errors
    /// As `Error` says.
    fn copy(self: Box<Self>) -> Result<Sealed, Error>;
}

/// What was copied, for `Write::Sealed`.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Which search found them: only what the last one found can be removed.
    pub(crate) search: u64,
    pub(crate) records: Vec<Arc<Record>>,
}

impl Sealed {
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// A key by which an application repeats a request without sending twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    pub key: Box<str>,
    /// A hash of the request's body: another body under the same key is a mistake of the application.
    pub fingerprint: [u8; 32],
}

/// Idempotency keys are kept for this long.
pub const IDEMPOTENCY_KEPT: Duration = Duration::from_secs(24 * 3600);

/// A receipt as a connector reports it. The vendor id is normalised already.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    pub connection: ConnectionId,
    pub vendor_id: Box<str>,
    pub news: ReceiptNews,
    pub received_at: Timestamp,
}

/// A receipt that finds no attempt waits for one at least this long: responses can come after their receipts.
pub const RECEIPTS_HELD: Duration = Duration::from_secs(15 * 60);

/// What one operation came to. In the order of the batch.
#[derive(Clone, Debug)]
pub enum Written {
    Accepted {
        record: Arc<Record>,
        notices: Vec<Notice>,
    },
    /// The key was used before with the same body: the record of then.
    Replayed(Arc<Record>),
    /// The key was used before with another body.
    KeyReused,
    /// The record as it is now, with the receipts that had been held for it applied.
    Applied {
        record: Arc<Record>,
        /// Every status change of the step and of the held receipts, told or not.
        changes: Vec<Change>,
        notices: Vec<Notice>,
    },
    /// The step no longer fitted; the record is unchanged.
    Refused {
        refusal: Refusal,
        record: Arc<Record>,
    },
    /// No such message: never accepted here, or deleted by age.
    Missing,
    /// The receipt found no attempt and is held.
    Held,
    Noted,
}

/// A new notice belongs to whoever made the commit for this long, or until that process has ended where the backend can
/// know; then it can be claimed.
pub const NOTICE_LEASE: Duration = Duration::from_secs(60);

/// A change that the application has to be told of. It stays in the store until it is told or given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub id: i64,
    pub message: MessageId,
    pub app: AppId,
    /// Where it goes: the message's own callback, or None for the app's webhook.
    pub callback_url: Option<Box<str>>,
    pub status: Status,
    pub sequence: u16,
    /// When the change happened.
    pub at: Timestamp,
    /// How often it was sent in vain.
    pub tries: u16,
    /// When it can be claimed, again or for the first time.
    pub due_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeOutcome {
    /// The application has it.
    Told,
    /// It will never be told.
    GivenUp,
    /// It was told in vain.
    RetryAt(Timestamp),
    /// Nobody was there to be told.
    WaitUntil(Timestamp),
}

/// Which messages a claim is for.
///
/// Where there is an `after`, records come by their key: begin with zero and go on from the last key of each page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Records with an attempt that holds a slot: what a start has to settle.
    Dispatched { after: i64 },
    /// Records whose cause waits for the decide stage and that hold no slot: what a start has to take up.
    Undecided { after: i64 },
    /// Records that wait for a slot in this lane, and for nothing else.
    Waiting { lane: Lane, after: i64 },
    /// Records whose `wake_at` has passed, the most overdue first.
    Due { now: Timestamp },
    /// Every record that is not closed, by its key, as `Work`: for a store that was restored.
    Open { after: i64 },
}

/// The one owner of the store's writing side. Blocking: it belongs on a thread of its own.
pub trait Writer: Send {
    /// Applies the batch, in order, as one durable commit: when this returns, it survives a crash and a power cut.
    /// On success the batch is drained. On an error it is left as it was, for the caller to keep first in its queue:
    /// nothing of it happened (`Unavailable`), or nobody knows (`Broken`).
    ///
    /// # Errors
    /// As `Error` says.
    fn commit(&mut self, batch: &mut Vec<Write>, now: Timestamp) -> Result<Vec<Written>, Error>;

    /// Up to `limit` records of the claim.
    ///
    /// # Errors
    /// As `Error` says.
    fn claim(&mut self, claim: Claim, limit: usize) -> Result<Vec<Record>, Error>;

    /// The lanes in which someone waits, in any order. Cheap: it grows with the lanes, not with who waits in them.
    ///
    /// # Errors
    /// As `Error` says.
    fn lanes(&mut self) -> Result<Vec<Lane>, Error>;

    /// Notices whose time has come, the most overdue first, within `limit`: `per_target` bounds those for one app or
    /// callback, so that a dead endpoint cannot fill the page. What is returned is leased: it comes due again after
    /// `NOTICE_LEASE` unless a `Write::Notice` says otherwise.
    ///
    /// # Errors
    /// As `Error` says.
    fn claim_notices(&mut self, now: Timestamp, limit: NoticeLimit) -> Result<Vec<Notice>, Error>;

    /// When the next record is due at the earliest, by `Claim::Due`; None when nothing but news can wake any.
    ///
    /// # Errors
    /// As `Error` says.
    fn next_due(&mut self) -> Result<Option<Timestamp>, Error>;

    /// Nothing was written for a while: gives back the memory that is kept only to be faster.
    fn rest(&mut self);

    /// Has what waits for a callback come due.
    ///
    /// # Errors
    /// As `Error` says.
    fn wake_notices(&mut self, callback: &str, now: Timestamp) -> Result<(), Error>;

    /// Finds up to `limit` closed records, which are to leave for the sealed files of their days: copy them, then write
    /// `Write::Sealed`. None when there are none. Whatever was found before and is not removed yet will not be by that.
    /// Forgets keys and held receipts that are past their time, too. Cheap when there is nothing to do.
    ///
    /// # Errors
    /// As `Error` says.
    fn find_closed(&mut self, now: Timestamp, limit: usize) -> Result<Option<Box<dyn Sealing>>, Error>;

    /// All of sealing at once, for whoever has nothing else to write meanwhile. Returns how many records moved.
    ///
    /// # Errors
    /// As `Error` says.
    fn tidy(&mut self, now: Timestamp, limit: usize) -> Result<usize, Error> {
        let Some(sealing) = self.find_closed(now, limit)? else { return Ok(0) };
        let sealed = sealing.copy()?;
        let moved = sealed.len();
        self.commit(&mut vec![Write::Sealed(sealed)], now)?;
        Ok(moved)
    }

    /// Has what is too old dropped: whole sealed days when nothing can refer to them any more, and the texts of sealed
    /// days. Only what takes no time is done in this call; files are searched and rewritten elsewhere, and what that
    /// found is dropped by a later call. Call it again and again.
    ///
    /// # Errors
    /// As `Error` says.
    fn retain(&mut self, now: Timestamp, retention: &Retention) -> Result<(), Error>;

    /// The parts that wait for others, by their messages' ids.
    ///
    /// # Errors
    /// As `Error` says.
    fn parts(&mut self) -> Result<Vec<Part>, Error>;

    /// Whether the store was restored from a backup and nobody has yet said what becomes of what was open in it.
    ///
    /// # Errors
    /// As `Error` says.
    fn is_on_hold(&mut self) -> Result<bool, Error>;

    /// Every open record has been told what becomes of it. Durable when this returns.
    ///
    /// # Errors
    /// As `Error` says.
    fn end_hold(&mut self) -> Result<(), Error>;

    /// Writes something without meaning, larger than any operation, and removes it: whether writing works at all. For
    /// telling a store that cannot write from an operation that cannot be written.
    ///
    /// # Errors
    /// As `Error` says.
    fn probe(&mut self) -> Result<(), Error>;

    /// The largest key of any record, override, verdict, API key or message of parts ever stored: new ids must be above it.
    ///
    /// # Errors
    /// As `Error` says.
    fn last_key(&mut self) -> Result<i64, Error>;
}

/// How many notices one claim may return.
#[derive(Clone, Copy, Debug)]
pub struct NoticeLimit {
    pub total: usize,
    pub per_target: usize,
}
