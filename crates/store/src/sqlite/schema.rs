//! The tables, and how a file comes to have those of this version.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{
    OpenError, adaptive, audit, carried, counts, held, imported, keys, list_mappings, operators, versions,
};

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Hot,
    Day,
}

/// Both kinds of file count their schema in step, in `user_version`.
const VERSION: i64 = 5;
/// No release wrote an older one.
const OLDEST: i64 = 2;

/// The narrow columns stand in front of the record, so that a search rarely reads more than the first page of a row.
const RECORDS: &str = "
CREATE TABLE names(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE(kind, name)) STRICT;
CREATE TABLE messages(
  key INTEGER PRIMARY KEY,
  app INTEGER NOT NULL,
  recipient INTEGER NOT NULL,
  reference TEXT,
  class INTEGER NOT NULL,
  status INTEGER NOT NULL,
  stage INTEGER,
  wake_at INTEGER,
  record BLOB NOT NULL
) STRICT;
CREATE INDEX messages_by_recipient ON messages(recipient);
CREATE INDEX messages_by_reference ON messages(reference) WHERE reference IS NOT NULL;
CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE vendor_ids(
  vendor_id TEXT NOT NULL,
  connection INTEGER NOT NULL,
  key INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  part INTEGER NOT NULL,
  PRIMARY KEY(vendor_id, connection)
) WITHOUT ROWID, STRICT;
";

/// `notices.due_at` is NULL while a notice has only the lease that it was born with: nearly all are told within it,
/// and then cost no index entry.
const HOT: &str = "
CREATE INDEX messages_by_stage ON messages(stage) WHERE stage IS NOT NULL;
CREATE INDEX messages_by_wake_at ON messages(wake_at) WHERE wake_at IS NOT NULL;
CREATE TABLE held(
  id INTEGER PRIMARY KEY,
  vendor_id TEXT NOT NULL,
  connection INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  verdict INTEGER,
  word TEXT NOT NULL
) STRICT;
CREATE INDEX held_by_vendor_id ON held(vendor_id, connection);
CREATE TABLE notices(
  id INTEGER PRIMARY KEY,
  message BLOB NOT NULL,
  app INTEGER NOT NULL,
  target INTEGER NOT NULL,
  callback_url TEXT,
  status INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  at INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  due_at INTEGER
) STRICT;
CREATE INDEX notices_by_due_at ON notices(target, due_at) WHERE due_at IS NOT NULL;
CREATE TABLE idempotency(
  message INTEGER PRIMARY KEY,
  app INTEGER NOT NULL,
  key TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  UNIQUE(app, key)
) STRICT;
CREATE TABLE overrides(key INTEGER PRIMARY KEY, ends_at INTEGER NOT NULL, override BLOB NOT NULL) STRICT;
CREATE TABLE damaged(
  key INTEGER PRIMARY KEY,
  reason TEXT NOT NULL,
  record BLOB NOT NULL
) STRICT;
";

const PARTS: &str = "
CREATE TABLE parts(
  message BLOB NOT NULL,
  number INTEGER NOT NULL,
  app INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY(message, number)
) WITHOUT ROWID, STRICT;
";

/// How much of the database the writer keeps in memory: the right edge of every index, and what is open in between.
const HOT_CACHE_KIB: i64 = 64 * 1024;
const DAY_CACHE_KIB: i64 = 16 * 1024;

/// Gives the file a write-ahead log and the tables of this version.
pub(super) fn prepare(connection: &mut Connection, role: Role, file: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::of(file, source);
    let found = refuse_newer(connection, file)?;
    configure(connection, role).map_err(failed)?;
    if found == 0 {
        create(connection, role).map_err(failed)?;
    } else if found < VERSION {
        upgrade(connection, role, found).map_err(failed)?;
    } else if role == Role::Hot {
        complete(connection).map_err(failed)?;
    }
    Ok(())
}

/// The version of the file's schema, when this program knows it.
pub(super) fn refuse_newer(connection: &Connection, file: &Path) -> Result<i64, OpenError> {
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    let found = found.map_err(|source| OpenError::of(file, source))?;
    if found > VERSION {
        return Err(OpenError::NewerSchema { file: file.to_owned(), found, known: VERSION });
    }
    if found != 0 && found < OLDEST {
        return Err(OpenError::OlderSchema { file: file.to_owned(), found, oldest: OLDEST });
    }
    Ok(found)
}

/// False while the writer is still making the file.
pub(super) fn is_prepared(connection: &Connection) -> rusqlite::Result<bool> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(found != 0)
}

/// Nothing was made in the file yet.
pub(super) fn is_blank(connection: &Connection) -> rusqlite::Result<bool> {
    let is_empty = "SELECT NOT EXISTS(SELECT 1 FROM sqlite_schema)";
    Ok(!is_prepared(connection)? && connection.query_row(is_empty, [], |row| row.get(0))?)
}

fn configure(connection: &Connection, role: Role) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // Checkpoints have a thread of their own.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update(None, "temp_store", "memory")?;
    let cache = match role {
        Role::Hot => HOT_CACHE_KIB,
        Role::Day => DAY_CACHE_KIB,
    };
    connection.pragma_update(None, "cache_size", -cache)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Version 2 had no parts, version 3 no keys and no audit log, and version 4 none of `FIFTH`. The files of days are the same in all.
fn upgrade(connection: &mut Connection, role: Role, found: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match role {
        Role::Hot => {
            if found < 3 {
                transaction.execute_batch(PARTS)?;
            }
            if found < 4 {
                administration(&transaction)?;
            }
            fifth(&transaction)?;
        }
        Role::Day => {}
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Version 5 grew after the first files of it were made.
fn complete(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    fifth(&transaction)?;
    transaction.commit()
}

/// Tables and version are one transaction: a process that dies here leaves a file that is still empty.
fn create(connection: &mut Connection, role: Role) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(RECORDS)?;
    match role {
        Role::Hot => {
            transaction.execute_batch(HOT)?;
            transaction.execute_batch(PARTS)?;
            administration(&transaction)?;
            fifth(&transaction)?;
        }
        Role::Day => {}
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// What version 5 brought. Each makes what is missing.
const FIFTH: [&str; 7] = [
    operators::TABLES,
    versions::TABLES,
    held::CLASSES,
    list_mappings::TABLE,
    counts::TABLES,
    adaptive::TABLES,
    carried::TABLES,
];

fn fifth(hot: &Connection) -> rusqlite::Result<()> {
    FIFTH.into_iter().try_for_each(|tables| hot.execute_batch(tables))
}

/// What no message needs: keys, the configuration that was read last, and who changed what.
fn administration(hot: &Connection) -> rusqlite::Result<()> {
    [keys::TABLE, imported::TABLE, audit::TABLE].into_iter().try_for_each(|table| hot.execute_batch(table))
}

/// How SQLite goes about a statement on the hot file, whatever is bound to it.
#[cfg(test)]
pub(super) fn plan(statement: &str) -> Vec<String> {
    let folder = tempfile::TempDir::new().unwrap();
    let folder = super::folder::Folder::new(folder.path().to_owned(), super::Options::default());
    let mut hot = folder.connect(&folder.hot(), super::folder::Access::Write).unwrap();
    prepare(&mut hot, Role::Hot, &folder.hot()).unwrap();
    let mut explain = hot.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    let unbound = vec![rusqlite::types::Null; explain.parameter_count()];
    let rows = explain.query_map(rusqlite::params_from_iter(unbound), |row| row.get("detail")).unwrap();
    rows.map(Result::unwrap).collect()
}
