//! The embedded backend: one folder of SQLite databases, with one writer.
//!
//! `hot.db` holds everything open: records, vendor ids, held receipts, notices, idempotency keys, and the overrides.
//! Closed records move to `days/YYYY-MM-DD.db`, by the UTC day of their id. No transaction spans two files: a sealed
//! record that has to change is first taken back into the hot database, changed there, and sealed again by the next
//! `tidy`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod cache;
mod checkpoint;
mod codec;
mod commit;
mod damaged;
mod day;
mod days;
mod fault;
mod folder;
mod held;
mod idempotency;
mod names;
mod notices;
mod overrides;
mod reader;
mod records;
mod schema;
mod seal;
mod search;
mod vendor_ids;
mod writer;

pub use reader::SqliteReader;
pub use writer::SqliteWriter;

use folder::Folder;

/// How the databases are opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The name of a registered VFS to go through instead of the default one.
    pub vfs: Option<Box<str>>,
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
    #[error("{} cannot be used: {source}", .path.display())]
    Files { path: PathBuf, source: io::Error },
    #[error("{} cannot be opened: {source}", .file.display())]
    Database { file: PathBuf, source: rusqlite::Error },
}

/// Opens the store in `path`, and makes it when it is not there. What an earlier process committed and nobody synced
/// since, because it died in between, is synced here before anything else happens.
///
/// # Errors
/// When the folder is in use, was written by a newer version, or cannot be read or written.
pub fn open(path: &Path, options: &Options) -> Result<(SqliteWriter, SqliteReader), OpenError> {
    let folder = Arc::new(Folder::new(path.to_owned(), options.vfs.clone()));
    folder.create()?;
    let lock = lock(&folder)?;
    let writer = SqliteWriter::open(Arc::clone(&folder), lock)?;
    folder.sync()?;
    Ok((writer, SqliteReader::new(folder)))
}

/// The lock ends with the process, however that ends.
fn lock(folder: &Folder) -> Result<File, OpenError> {
    let path = folder.lock();
    let failed = |source| OpenError::Files { path: path.clone(), source };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse { folder: folder.path().to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}
