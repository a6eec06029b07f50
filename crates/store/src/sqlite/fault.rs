//! Which errors of SQLite leave the store as it was, and after which nobody knows.
//!
//! Until COMMIT runs, nothing of a transaction counts, so a full disk, a lock or a failed read are `Unavailable` and
//! the batch may be tried again. A failed sync is `Broken` wherever it happens: the kernel may have dropped the pages
//! and report success the next time. A failed COMMIT is `Broken` as well, except for a full disk: frames go to the
//! log in order with the committing one last, so when one of them found no room, the committing one was not written.

use std::path::Path;

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

    /// As it is told to somebody who has to find the file: SQLite does not say which one is damaged.
    pub(super) fn met_in(self, file: &Path) -> Self {
        match self {
            Self::Database(error) if is_corrupt(&error) => Self::Open(OpenError::of(file, error)),
            other @ (Self::Database(_) | Self::Open(_)) => other,
        }
    }

    /// The file itself is not what SQLite wrote.
    pub(super) fn is_corrupt(&self) -> bool {
        self.code().is_some_and(says_corrupt)
    }

    /// No time repairs the file: it is damaged or none of ours, or a newer version wrote it.
    pub(super) fn is_for_good(&self) -> bool {
        self.is_corrupt()
            || matches!(self, Self::Open(OpenError::NewerSchema { .. } | OpenError::OlderSchema { .. }))
    }

    /// The file cannot be used, and to try again at once does not change that: it is as `is_for_good` says, or the disk
    /// does not give it back. A full disk, a lock and want of memory pass, and of a failed sync more must be said than
    /// that.
    pub(super) fn is_of_the_file(&self) -> bool {
        if self.is_for_good() {
            return true;
        }
        let Some(code) = self.code() else { return false };
        !is_of_a_sync(code)
            && !says_full(code)
            && code != ffi::SQLITE_IOERR_NOMEM
            && matches!(
                primary(code),
                ffi::SQLITE_CANTOPEN
                    | ffi::SQLITE_PERM
                    | ffi::SQLITE_AUTH
                    | ffi::SQLITE_READONLY
                    | ffi::SQLITE_IOERR
                    | ffi::SQLITE_ERROR
            )
    }

    fn is_lasting(&self, phase: Phase) -> bool {
        if matches!(self, Self::Open(OpenError::Unsynced { .. }))
            || self.is_corrupt()
            || self.code().is_some_and(is_of_a_sync)
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
            Self::Database(error)
            | Self::Open(
                OpenError::Database { source: error, .. } | OpenError::Damaged { source: error, .. },
            ) => error,
            Self::Open(
                OpenError::InUse { .. }
                | OpenError::NewerSchema { .. }
                | OpenError::OlderSchema { .. }
                | OpenError::HalfRestored { .. }
                | OpenError::NoStore { .. }
                | OpenError::NotEmpty { .. }
                | OpenError::Files { .. }
                | OpenError::Unsynced { .. },
            ) => return None,
        };
        error.sqlite_error().map(|error| error.extended_code)
    }
}

/// What was read is at fault, and not what was written.
pub(super) fn is_of_reading(error: &rusqlite::Error) -> bool {
    let is_of_reading = |code| {
        let read = [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_SHORT_READ, ffi::SQLITE_IOERR_CORRUPTFS];
        says_corrupt(code) || read.contains(&code)
    };
    error.sqlite_error().is_some_and(|error| is_of_reading(error.extended_code))
}

pub(super) fn is_corrupt(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| says_corrupt(error.extended_code))
}

fn says_corrupt(code: i32) -> bool {
    matches!(primary(code), ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB)
}

pub(super) fn is_of_a_full_disk(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| says_full(error.extended_code))
}

/// The index of a log has errors of its own for that.
fn says_full(code: i32) -> bool {
    matches!(
        code,
        ffi::SQLITE_FULL | ffi::SQLITE_IOERR_SHMOPEN | ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_SHMMAP
    )
}

fn is_of_a_sync(code: i32) -> bool {
    matches!(code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
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
    fn a_folder_that_could_not_be_synced_breaks_the_store() {
        let source = std::io::Error::other("EIO");
        let fault = Fault::Open(OpenError::Unsynced { path: "days".into(), source });
        assert!(matches!(fault.classify(Phase::BeforeCommit), Error::Broken { .. }));
        assert!(!fault.is_of_the_file());
    }

    #[test]
    fn a_file_is_given_up_for_what_is_its_own_and_never_for_a_full_disk_or_a_failed_sync() {
        let fault = |code| Fault::Database(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        let is_of_the_file = |code| fault(code).is_of_the_file();
        for code in [ffi::SQLITE_CORRUPT_INDEX, ffi::SQLITE_NOTADB] {
            assert!(fault(code).is_for_good(), "{code}");
        }
        for code in [ffi::SQLITE_CANTOPEN, ffi::SQLITE_IOERR_READ, ffi::SQLITE_PERM, ffi::SQLITE_FULL] {
            assert!(!fault(code).is_for_good(), "{code}");
        }
        for code in [ffi::SQLITE_IOERR_SHMOPEN, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_SHMMAP] {
            assert!(!is_of_the_file(code), "{code}");
        }
        for code in [ffi::SQLITE_CANTOPEN_ISDIR, ffi::SQLITE_NOTADB, ffi::SQLITE_IOERR_READ, ffi::SQLITE_PERM]
        {
            assert!(is_of_the_file(code), "{code}");
        }
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC]
        {
            assert!(!is_of_the_file(code), "{code}");
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
