//! The mark of a restored store: nobody has said yet what becomes of what was open in the backup.

use rusqlite::Connection;

pub(super) fn set(hot: &Connection) -> rusqlite::Result<()> {
    hot.execute("INSERT OR REPLACE INTO counters(name, value) VALUES ('on_hold', 1)", [])?;
    Ok(())
}

pub(super) fn is_set(hot: &Connection) -> rusqlite::Result<bool> {
    hot.query_row("SELECT EXISTS(SELECT 1 FROM counters WHERE name = 'on_hold')", [], |row| row.get(0))
}

pub(super) fn clear(hot: &Connection) -> rusqlite::Result<()> {
    hot.execute("DELETE FROM counters WHERE name = 'on_hold'", [])?;
    Ok(())
}
