//! The overrides, those in force and those that are over: a few rows each day, which nobody looks up on the way of a
//! message.

use domain::{Override, OverrideId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec;

/// In place of what is stored of it.
pub(super) fn put(hot: &Connection, one: &Override) -> rusqlite::Result<()> {
    let mut bytes = Vec::new();
    codec::encode(one, &mut bytes);
    hot.prepare_cached("INSERT OR REPLACE INTO overrides(key, ends_at, override) VALUES (?1, ?2, ?3)")?
        .execute(params![one.id.key(), one.ends_at().as_millis(), bytes])?;
    Ok(())
}

pub(super) fn list(
    hot: &Connection,
    ending_after: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<Override>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut select = hot.prepare_cached(
        "SELECT key, override FROM overrides WHERE ends_at > ?1 ORDER BY key DESC LIMIT ?2",
    )?;
    let found = select.query_map(params![ending_after.as_millis(), limit], read)?;
    found.filter_map(Result::transpose).collect()
}

pub(super) fn find(hot: &Connection, id: OverrideId) -> rusqlite::Result<Option<Override>> {
    let found = hot
        .prepare_cached("SELECT key, override FROM overrides WHERE key = ?1")?
        .query_row([id.key()], read)
        .optional()?
        .flatten();
    // The second half of an id is what cannot be guessed.
    Ok(found.filter(|one| one.id == id))
}

/// Zero when there is none.
pub(super) fn last_key(hot: &Connection) -> rusqlite::Result<i64> {
    hot.query_row("SELECT coalesce(max(key), 0) FROM overrides", [], |row| row.get(0))
}

/// None when it does not read back: traffic then goes as the policy has it, which is where an override ends anyway.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<Override>> {
    let decoded = codec::decode(row.get_ref(1)?.as_blob()?);
    Ok(decoded
        .inspect_err(|damage| {
            let key: i64 = row.get(0).unwrap_or_default();
            tracing::error!(key, %damage, "a damaged override is left out");
        })
        .ok())
}
