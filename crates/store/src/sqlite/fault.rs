//! Which errors of SQLite leave the store as it was, and after which nobody knows.
//!
//! Until COMMIT runs, nothing of a transaction counts, so a full disk, a lock or a failed read are `Unavailable` and
//! the batch may be tried again. A failed sync is `Broken` wherever it happens: the kernel may have dropped the pages
//! and report success the next time. A failed COMMIT is `Broken` as well, except for a full disk: frames go to the
//! log in order with the committing one last, so when one of them found no room, the committing one was not written.

use rusqlite::ffi;

use super::OpenError;
use crate::Error;

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// How far the transaction had come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    BeforeCommit,
    AtCommit,
}

impl Fault {
    pub(super) fn classify(&self, phase: Phase) -> Error {
        let reason = self.to_string();
        if self.is_lasting(phase) { Error::Broken { reason } } else { Error::Unavailable { reason } }
    }

    /// The file itself is not what SQLite wrote.
    pub(super) fn is_corrupt(&self) -> bool {
        matches!(self.code().map(primary), Some(ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB))
    }

    fn is_lasting(&self, phase: Phase) -> bool {
        if self.is_corrupt()
            || matches!(self.code(), Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
        {
            return true;
        }
        match phase {
            Phase::BeforeCommit => false,
            Phase::AtCommit => !matches!(self.code().map(primary), Some(ffi::SQLITE_FULL | ffi::SQLITE_BUSY)),
        }
    }

    fn code(&self) -> Option<i32> {
        let error = match self {
            Self::Database(error) | Self::Open(OpenError::Database { source: error, .. }) => error,
            Self::Open(
                OpenError::InUse { .. }
                | OpenError::NewerSchema { .. }
                | OpenError::HalfRestored { .. }
                | OpenError::NoStore { .. }
                | OpenError::NotEmpty { .. }
                | OpenError::Files { .. },
            ) => return None,
        };
        error.sqlite_error().map(|error| error.extended_code)
    }
}

/// The code without what narrows it down.
fn primary(extended: i32) -> i32 {
    extended & 0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_broken(code: i32, phase: Phase) -> bool {
        let fault = Fault::Database(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        matches!(fault.classify(phase), Error::Broken { .. })
    }

    #[test]
    fn what_happened_before_the_commit_can_be_tried_again_unless_a_sync_failed() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_READ] {
            assert!(!is_broken(code, Phase::BeforeCommit), "{code}");
        }
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            assert!(is_broken(code, Phase::BeforeCommit), "{code}");
        }
    }

    #[test]
    fn after_a_failed_commit_nobody_knows_unless_the_disk_was_full() {
        for code in [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_CORRUPT, ffi::SQLITE_NOMEM]
        {
            assert!(is_broken(code, Phase::AtCommit), "{code}");
        }
        assert!(!is_broken(ffi::SQLITE_FULL, Phase::AtCommit));
        assert!(!is_broken(ffi::SQLITE_BUSY, Phase::AtCommit));
    }
}
