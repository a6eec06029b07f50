//! Keys that were made at a running gateway: some rows, which are read whole at the start.

use domain::Key;
use rusqlite::{Connection, params};

use super::codec;

pub(super) const TABLE: &str = "CREATE TABLE keys(id INTEGER PRIMARY KEY, key BLOB NOT NULL) STRICT;";

/// In place of what is stored of it.
pub(super) fn put(hot: &Connection, key: &Key) -> rusqlite::Result<()> {
    let mut bytes = Vec::new();
    codec::encode(key, &mut bytes);
    hot.prepare_cached("INSERT OR REPLACE INTO keys(id, key) VALUES (?1, ?2)")?
        .execute(params![key.id.key(), bytes])?;
    Ok(())
}

/// One that does not read back opens nothing.
pub(super) fn all(hot: &Connection) -> rusqlite::Result<Vec<Key>> {
    let mut select = hot.prepare("SELECT id, key FROM keys ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        match codec::decode(row.get_ref(1)?.as_blob()?) {
            Ok(key) => keys.push(key),
            Err(damage) => {
                let id: i64 = row.get(0)?;
                tracing::error!(id, %damage, "a damaged key is left out and opens nothing");
            }
        }
    }
    Ok(keys)
}

/// Zero when there is none.
pub(super) fn last_key(hot: &Connection) -> rusqlite::Result<i64> {
    hot.query_row("SELECT coalesce(max(id), 0) FROM keys", [], |row| row.get(0))
}
