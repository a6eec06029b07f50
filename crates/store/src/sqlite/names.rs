//! Small numbers for names that rows repeat: apps, connections, and where callbacks go.

use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

/// What a name is of. The numbers are unique over all kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    App = 1,
    Connection = 2,
    /// Scheme and authority of callback URLs.
    Origin = 3,
    /// Where messages wait for a slot.
    Lane = 4,
}

/// The numbers known so far, of one file.
#[derive(Default)]
pub(super) struct Names {
    known: FxHashMap<Kind, FxHashMap<Box<str>, i64>>,
}

/// Callback URLs come from applications, so their origins have no natural bound.
const MAX_KNOWN: usize = 10_000;

impl Names {
    /// The number of a name, which gets one if it has none yet.
    pub(super) fn intern(&mut self, file: &Connection, kind: Kind, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.find(file, kind, name)? {
            return Ok(id);
        }
        file.prepare_cached("INSERT INTO names(kind, name) VALUES (?1, ?2)")?
            .execute(params![kind as i64, name])?;
        let id = file.last_insert_rowid();
        self.remember(kind, name, id);
        Ok(id)
    }

    /// The number of a name that has one.
    pub(super) fn find(
        &mut self,
        file: &Connection,
        kind: Kind,
        name: &str,
    ) -> rusqlite::Result<Option<i64>> {
        if let Some(id) = self.known.get(&kind).and_then(|names| names.get(name)) {
            return Ok(Some(*id));
        }
        let found = find(file, kind, name)?;
        if let Some(id) = found {
            self.remember(kind, name, id);
        }
        Ok(found)
    }

    /// After a rollback: numbers given in that transaction are gone.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    fn remember(&mut self, kind: Kind, name: &str, id: i64) {
        let names = self.known.entry(kind).or_default();
        if names.len() >= MAX_KNOWN {
            names.clear();
        }
        names.insert(name.into(), id);
    }
}

pub(super) fn find(file: &Connection, kind: Kind, name: &str) -> rusqlite::Result<Option<i64>> {
    file.prepare_cached("SELECT id FROM names WHERE kind = ?1 AND name = ?2")?
        .query_row(params![kind as i64, name], |row| row.get(0))
        .optional()
}

/// What a number stands for.
pub(super) fn name(file: &Connection, kind: Kind, id: i64) -> rusqlite::Result<Option<String>> {
    file.prepare_cached("SELECT name FROM names WHERE kind = ?1 AND id = ?2")?
        .query_row(params![kind as i64, id], |row| row.get(0))
        .optional()
}
