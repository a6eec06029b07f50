//! What must survive a crash: the traits, one per concern, and the SQLite backend behind them.
//!
//! The traits speak of operations on messages, never of SQL, and work is claimed rather than held, so that a shared
//! database can serve several nodes behind the same traits. `tests/it/suite` is what every backend must pass.

pub mod adaptive;
pub mod audit;
mod carried;
mod counts;
pub mod list_mappings;
pub mod operators;
pub mod query;
pub mod retention;
pub mod sqlite;
pub mod versions;
pub mod write;

pub use adaptive::{Adaptive, VerdictQuery};
pub use audit::{AuditQuery, Audited, Change, Changed, Imported};
pub use carried::Carried;
pub use counts::Counted;
pub use list_mappings::ListMapping;
pub use operators::{Learnt, OperatorList, OperatorListKind};
pub use query::{LogPage, LogQuery, Page, Query, Reader, Waiting};
pub use retention::Retention;
pub use versions::{Published, Version, Versions};
pub use write::{Claim, Notice, NoticeOutcome, Part, Sealed, Sealing, Write, Writer, Written};

/// Why the store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing of the batch is durable, and trying again may work: the disk is full, or the database is locked.
    #[error("the store cannot write now: {reason}")]
    Unavailable { reason: String },
    /// Nobody can say what of the batch is durable: a sync failed. It must not be tried again; the process has to stop.
    #[error("the store is broken: {reason}")]
    Broken { reason: String },
    /// Something stored does not read back as it was written.
    #[error("{reason}")]
    Damaged { reason: String },
}
