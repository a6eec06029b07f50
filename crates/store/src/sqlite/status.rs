//! How a store stands, for people: read beside whoever uses it.

use std::fs;
use std::path::Path;

use domain::{MessageId, Timestamp};
use rusqlite::Connection;

use super::folder::{Access, Folder};
use super::records::Stage;
use super::retention;
use super::schema;
use super::{OpenError, Options, hold};

#[derive(Clone, Debug)]
pub struct Status {
    /// Whether a process has the store open for writing.
    pub in_use: bool,
    /// Restored from a backup, and not yet resumed.
    pub on_hold: bool,
    pub schema: i64,
    pub hot_bytes: u64,
    /// Of the hot file's write-ahead log.
    pub log_bytes: u64,
    pub days: Vec<DayStatus>,
    /// Messages of which something is still expected.
    pub open: u64,
    /// Of those, the ones that wait for a slot or for a decision, or are at a vendor's door.
    pub working: u64,
    /// Closed and not yet moved to their day.
    pub closed: u64,
    pub oldest_open: Option<Timestamp>,
    /// Receipts that wait for their attempt.
    pub held_receipts: u64,
    /// Changes that applications have still to be told of.
    pub notices: u64,
    pub damaged: u64,
}

#[derive(Clone, Debug)]
pub struct DayStatus {
    /// As `2026-03-01`.
    pub day: String,
    pub bytes: u64,
    /// None when its file cannot be read.
    pub messages: Option<u64>,
}

/// # Errors
/// When there is no store, or it was written by a newer version, or its hot file cannot be read.
pub fn status(path: &Path) -> Result<Status, OpenError> {
    let folder = Folder::new(path.to_owned(), Options::default());
    let file = folder.hot();
    if !file.exists() {
        return Err(OpenError::NoStore { folder: path.to_owned() });
    }
    let hot = folder.connect(&file, Access::Read);
    let hot = hot.map_err(|source| OpenError::Database { file: file.clone(), source })?;
    let schema = schema::refuse_newer(&hot, &file)?;
    let listed = folder.list_days().map_err(|source| OpenError::Files { path: path.to_owned(), source })?;
    let days = listed.into_iter().map(|day| DayStatus {
        day: day.to_string(),
        bytes: size(&folder.day(day)),
        messages: retention::count(&folder, day).ok(),
    });
    let of_hot = Status {
        in_use: matches!(super::try_lock(&folder), Err(OpenError::InUse { .. })),
        on_hold: false,
        schema,
        hot_bytes: size(&file),
        log_bytes: size(&path.join("hot.db-wal")),
        days: days.collect(),
        open: 0,
        working: 0,
        closed: 0,
        oldest_open: None,
        held_receipts: 0,
        notices: 0,
        damaged: 0,
    };
    counted(&hot, of_hot).map_err(|source| OpenError::Database { file, source })
}

fn counted(hot: &Connection, mut status: Status) -> rusqlite::Result<Status> {
    let moment = hot.unchecked_transaction()?;
    let count = |what: &str| -> rusqlite::Result<u64> {
        let count: i64 = moment.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    };
    let closed = Stage::Closed.code();
    let oldest: Option<i64> =
        moment
            .query_row("SELECT min(key) FROM messages WHERE stage IS NOT ?1", [closed], |row| row.get(0))?;
    status.on_hold = hold::is_set(&moment)?;
    status.closed = count(&format!("messages WHERE stage = {closed}"))?;
    status.open = count("messages")? - status.closed;
    status.working = count(&format!("messages WHERE stage IS NOT NULL AND stage <> {closed}"))?;
    status.oldest_open =
        oldest.map(|key| MessageId::from_u128(u128::from(key.unsigned_abs()) << 64).created_at());
    status.held_receipts = count("held")?;
    status.notices = count("notices")?;
    status.damaged = count("damaged")?;
    Ok(status)
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |found| found.len())
}
