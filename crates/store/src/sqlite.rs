//! The embedded backend: one folder of SQLite databases, with one writer.
//!
//! `hot.db` holds everything open: records, vendor ids, held receipts, notices, idempotency keys, parts of
//! texts that are not whole, overrides, API keys and the audit log.
//! Closed records move to `days/YYYY-MM-DD.db`, by the UTC day of their id. No transaction spans two files: a sealed
//! record that has to change is first taken back into the hot database, changed there, and sealed again by the next
//! `tidy`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod adaptive;
mod audit;
pub mod backup;
mod cache;
mod carried;
mod checkpoint;
mod codec;
mod commit;
mod counts;
mod damaged;
mod day;
mod day_pool;
mod days;
mod fault;
mod folder;
mod held;
mod hold;
mod idempotency;
mod imported;
mod keys;
mod list_mappings;
mod log;
mod names;
mod notices;
mod operators;
mod overrides;
mod parts;
mod prune;
mod reader;
mod records;
mod restore;
mod retention;
mod schema;
mod seal;
mod search;
mod status;
mod texts;
mod vendor_ids;
mod verify;
mod versions;
mod writer;

pub use prune::{Dropped, Prune, prune};
pub use reader::SqliteReader;
pub use restore::restore;
pub use status::{Status, status};
pub use verify::{Verified, verify};
pub use writer::SqliteWriter;

use day_pool::DayPool;
use folder::Folder;

/// How the databases are opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The name of a registered VFS to go through instead of the default one.
    pub vfs: Option<Box<str>>,
    pub synchronous: Synchronous,
}

/// Whether a commit waits until it is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// As `Writer::commit` promises.
    #[default]
    Full,
    /// It does not wait, and a power cut takes what was acknowledged: for tests that have to see a loss.
    Off,
}

/// Why a folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("another process uses the store in {}", .folder.display())]
    InUse { folder: PathBuf },
    #[error(
        "{} was written by a newer version: its schema is {found}, this version knows {known}",
        .file.display()
    )]
    NewerSchema { file: PathBuf, found: i64, known: i64 },
    #[error(
        "{} was written before the first release: its schema is {found}, and nothing older than {oldest} can be used. \
         Move the folder away to begin anew",
        .file.display()
    )]
    OlderSchema { file: PathBuf, found: i64, oldest: i64 },
    #[error("{} holds a restore that did not finish: empty the folder and restore again", .folder.display())]
    HalfRestored { folder: PathBuf },
    #[error("there is no store in {}", .folder.display())]
    NoStore { folder: PathBuf },
    #[error("{} is not empty", .folder.display())]
    NotEmpty { folder: PathBuf },
    #[error("{} cannot be used: {source}", .path.display())]
    Files { path: PathBuf, source: io::Error },
    #[error("{} cannot be opened: {source}", .file.display())]
    Database { file: PathBuf, source: rusqlite::Error },
    #[error("{} is damaged ({source}), {WHAT_TO_DO}", .file.display())]
    Damaged { file: PathBuf, source: rusqlite::Error },
    /// A sync failed. What it was to keep may be gone, and the next one would not tell.
    #[error("{} could not be synced: {source}", .path.display())]
    Unsynced { path: PathBuf, source: io::Error },
}

/// For whoever finds a file of the store damaged.
const WHAT_TO_DO: &str =
    "restore the folder from a backup, or move the file away to go on without what it held";

impl OpenError {
    fn of(file: &Path, source: rusqlite::Error) -> Self {
        let file = file.to_owned();
        if fault::is_corrupt(&source) {
            Self::Damaged { file, source }
        } else {
            Self::Database { file, source }
        }
    }
}

/// Opens the store in `path`, and makes it when it is not there. What an earlier process committed and nobody synced
/// since, because it died in between, is synced here before anything else happens.
///
/// # Errors
/// When the folder is in use, was written by a newer version, or cannot be read or written.
pub fn open(path: &Path, options: &Options) -> Result<(SqliteWriter, SqliteReader), OpenError> {
    let folder = Arc::new(Folder::new(path.to_owned(), options.clone()));
    folder.create()?;
    let lock = lock(&folder)?;
    if folder.half_restored().exists() {
        return Err(OpenError::HalfRestored { folder: path.to_owned() });
    }
    let days = Arc::new(DayPool::default());
    let writer = SqliteWriter::open(Arc::clone(&folder), Arc::clone(&days), lock)?;
    folder.sync()?;
    Ok((writer, SqliteReader::new(folder, days)))
}

/// How long whoever only asks whether the store is in use may have the lock.
const ASKED_WITHIN: Duration = Duration::from_millis(100);

/// The lock ends with the process, however that ends.
fn lock(folder: &Folder) -> Result<File, OpenError> {
    match try_lock(folder) {
        Err(OpenError::InUse { .. }) => {
            std::thread::sleep(ASKED_WITHIN);
            try_lock(folder)
        }
        tried => tried,
    }
}

fn try_lock(folder: &Folder) -> Result<File, OpenError> {
    let path = folder.lock();
    let failed = |source| OpenError::Files { path: path.clone(), source };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse { folder: folder.path().to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}
