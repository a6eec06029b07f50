//! The reading side: one message, or a page of those that match. Readers never wait for the writer.

use domain::{
    AppId, Class, Key, Lane, MessageId, Override, OverrideId, Recipient, Record, RouteId, Status, Timestamp,
    Verdict,
};

use crate::adaptive::State;
use crate::{
    AuditQuery, Audited, Carried, Counted, Error, Imported, Learnt, ListMapping, OperatorList, Published,
    VerdictQuery, Version, versions,
};

/// What a search is for. Every field given must match.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// None only for whoever may see every app's messages.
    pub app: Option<AppId>,
    pub to: Option<Recipient>,
    pub status: Option<Status>,
    pub class: Option<Class>,
    /// The route of any attempt.
    pub route: Option<RouteId>,
    pub operator: Option<Box<str>>,
    pub reference: Option<Box<str>>,
    /// The vendor's id of any part.
    pub vendor_id: Option<Box<str>>,
    /// Accepted at or after.
    pub since: Option<Timestamp>,
    /// Accepted before.
    pub until: Option<Timestamp>,
    /// Only messages older than this one: the cursor of the page before.
    pub before: Option<MessageId>,
    pub limit: usize,
}

/// Newest first.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub records: Vec<Record>,
    /// Where the next page begins; None on the last.
    pub next: Option<MessageId>,
}

/// Which part of the log is read next.
#[derive(Clone, Copy, Debug)]
pub struct LogQuery {
    /// Accepted at or after.
    pub since: Timestamp,
    /// Accepted before.
    pub until: Timestamp,
    /// The `next` of the page before.
    pub after: Option<MessageId>,
    pub limit: usize,
}

/// Records in the order in which their messages were accepted.
#[derive(Clone, Debug, Default)]
pub struct LogPage {
    pub records: Vec<Record>,
    /// Records that did not read back.
    pub damaged: u64,
    /// Days whose files cannot be used.
    pub days_left_out: Vec<String>,
    /// Where the next page begins; None on the last.
    pub next: Option<MessageId>,
}

/// How many wait in a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub lane: Lane,
    pub messages: u64,
    /// When the first of them was accepted.
    pub oldest: Timestamp,
}

/// Blocking: call it where blocking is allowed. Sees every commit that has returned.
pub trait Reader: Send + Sync {
    /// # Errors
    /// As `Error` says.
    fn message(&self, id: MessageId) -> Result<Option<Record>, Error>;

    /// A search stops after a bounded number of records, and of days, and then returns a short page with a cursor to
    /// go on from. Recipient, reference and vendor id are indexed: with one of them only days are bounded.
    ///
    /// # Errors
    /// As `Error` says.
    fn search(&self, query: &Query) -> Result<Page, Error>;

    /// The next page of the log.
    ///
    /// # Errors
    /// As `Error` says.
    fn log(&self, query: &LogQuery) -> Result<LogPage, Error>;

    /// Every lane in which someone waits. Reads one index: some 50 ms for a million.
    ///
    /// # Errors
    /// As `Error` says.
    fn waiting(&self) -> Result<Vec<Waiting>, Error>;

    /// How many notices wait.
    ///
    /// # Errors
    /// As `Error` says.
    fn notices_pending(&self) -> Result<u64, Error>;

    /// The overrides that end or ended after this instant, the newest first: with the time of now, those in force.
    /// One that does not read back is told to the log and left out.
    ///
    /// # Errors
    /// As `Error` says.
    fn overrides(&self, ending_after: Timestamp, limit: usize) -> Result<Vec<Override>, Error>;

    /// # Errors
    /// As `Error` says.
    fn find_override(&self, id: OverrideId) -> Result<Option<Override>, Error>;

    /// The API keys, the oldest first, whatever became of them. One that does not read back is told to the log and
    /// left out.
    ///
    /// # Errors
    /// As `Error` says.
    fn keys(&self) -> Result<Vec<Key>, Error>;

    /// The lists of operators that were imported.
    ///
    /// # Errors
    /// As `Error` says.
    fn operator_lists(&self) -> Result<Vec<OperatorList>, Error>;

    /// What was learnt of operators and still holds, the newest first.
    ///
    /// # Errors
    /// As `Error` says.
    fn learnt(&self, now: Timestamp, limit: usize) -> Result<Vec<Learnt>, Error>;

    /// What was counted towards caps, each as it was written last.
    ///
    /// # Errors
    /// As `Error` says.
    fn counted(&self) -> Result<Vec<Counted>, Error>;

    /// What vendors carried from this day on, counted from 1970-01-01, each as it was written last.
    ///
    /// # Errors
    /// As `Error` says.
    fn carried(&self, since: i32) -> Result<Vec<Carried>, Error>;

    /// Entries of the audit log.
    ///
    /// # Errors
    /// As `Error` says.
    fn audit(&self, query: &AuditQuery) -> Result<Vec<Audited>, Error>;

    /// The configuration that was read last; None before the first.
    ///
    /// # Errors
    /// As `Error` says.
    fn imported(&self) -> Result<Option<Imported>, Error>;

    /// How vendors write their price lists, in order of vendor.
    ///
    /// # Errors
    /// As `Error` says.
    fn list_mappings(&self) -> Result<Vec<ListMapping>, Error>;

    /// The versions of the routing document below this number, the newest first.
    ///
    /// # Errors
    /// As `Error` says.
    fn versions(&self, before: u64, limit: usize) -> Result<Vec<versions::Summary>, Error>;

    /// # Errors
    /// As `Error` says.
    fn version(&self, number: u64) -> Result<Option<Version>, Error>;

    /// # Errors
    /// As `Error` says.
    fn active_version(&self) -> Result<Option<Version>, Error>;

    /// The version that is rolled out to a share of the recipients.
    ///
    /// # Errors
    /// As `Error` says.
    fn rolling_out(&self) -> Result<Option<Version>, Error>;

    /// A text that a version names, by its SHA-256.
    ///
    /// # Errors
    /// As `Error` says.
    fn text(&self, hash: [u8; 32]) -> Result<Option<Box<str>>, Error>;

    /// The hash of the routing document that was imported from the configuration file last.
    ///
    /// # Errors
    /// As `Error` says.
    fn imported_routing(&self) -> Result<Option<[u8; 32]>, Error>;

    /// What the table of this number was made of.
    ///
    /// # Errors
    /// As `Error` says.
    fn published(&self, table: u64) -> Result<Option<Published>, Error>;

    /// What the adaptive engine learned in an earlier run.
    ///
    /// # Errors
    /// As `Error` says.
    fn adaptive_state(&self) -> Result<Option<State>, Error>;

    /// Verdicts of the adaptive engine, the newest first.
    ///
    /// # Errors
    /// As `Error` says.
    fn verdicts(&self, query: &VerdictQuery) -> Result<Vec<Verdict>, Error>;

    /// How many records did not read back as they were written and were put aside.
    ///
    /// # Errors
    /// As `Error` says.
    fn damaged(&self) -> Result<u64, Error>;

    /// How many sealed days cannot be used and are left alone: until the next start, or for a minute.
    fn days_given_up(&self) -> usize {
        0
    }
}
