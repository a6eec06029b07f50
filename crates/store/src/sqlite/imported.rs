//! The configuration that was read last.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::audit::Imported;

pub(super) const TABLE: &str = "CREATE TABLE imported(
  only INTEGER PRIMARY KEY CHECK (only = 1),
  version INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT;";

pub(super) fn put(hot: &Connection, imported: &Imported) -> rusqlite::Result<()> {
    hot.prepare_cached("INSERT OR REPLACE INTO imported(only, version, document) VALUES (1, ?1, ?2)")?
        .execute(params![imported.version.cast_signed(), &*imported.document])?;
    Ok(())
}

pub(super) fn get(hot: &Connection) -> rusqlite::Result<Option<Imported>> {
    hot.query_row("SELECT version, document FROM imported", [], |row| {
        let version = row.get::<_, i64>(0)?.cast_unsigned();
        Ok(Imported { version, document: row.get::<_, String>(1)?.into() })
    })
    .optional()
}
