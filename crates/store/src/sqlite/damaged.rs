//! Records that do not read back: put aside and counted, so that the rest goes on.

use rusqlite::{Connection, params};

use super::records::{self, DamagedRow};

/// Moves the row out of everybody's way. Its bytes are kept for whoever can still read something in them.
pub(super) fn put_aside(hot: &Connection, row: &DamagedRow) -> rusqlite::Result<()> {
    tracing::error!(key = row.key, reason = %row.damage, "a damaged record is put aside");
    hot.prepare_cached(
        "INSERT OR REPLACE INTO damaged(key, reason, record)
         SELECT key, ?2, record FROM messages WHERE key = ?1",
    )?
    .execute(params![row.key, row.damage.to_string()])?;
    records::remove(hot, row.key)
}

/// Drops those whose key is below, and says how many.
pub(super) fn drop_before(hot: &Connection, key: i64) -> rusqlite::Result<u64> {
    let dropped = hot.prepare_cached("DELETE FROM damaged WHERE key < ?1")?.execute([key])?;
    Ok(dropped as u64)
}

pub(super) fn count_before(hot: &Connection, key: i64) -> rusqlite::Result<u64> {
    let mut select = hot.prepare_cached("SELECT count(*) FROM damaged WHERE key < ?1")?;
    let count: i64 = select.query_row([key], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(super) fn count(hot: &Connection) -> rusqlite::Result<u64> {
    let count: i64 = hot.prepare_cached("SELECT count(*) FROM damaged")?.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Zero when nothing is damaged.
pub(super) fn last_key(hot: &Connection) -> rusqlite::Result<i64> {
    hot.query_row("SELECT coalesce(max(key), 0) FROM damaged", [], |row| row.get(0))
}
