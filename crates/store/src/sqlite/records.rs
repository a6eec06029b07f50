//! The rows of `messages`, in the hot file and in the sealed ones.

use std::sync::Arc;

use domain::{Lane, Record, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{self, Damage};
use super::names::{self, Kind, Names};

/// For whom a hot row is indexed: each row for one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// An attempt holds a slot; another may wait beside it, once this one was given up.
    Dispatched,
    /// It can be sealed.
    Closed,
    /// A cause waits for the decide stage.
    Undecided,
    /// An attempt waits for a slot, in the lane of this name.
    Waiting(i64),
}

/// Stages from here on are lanes.
const FIRST_LANE: i64 = 16;

impl Stage {
    /// Stable, it is stored.
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Dispatched => 1,
            Self::Closed => 2,
            Self::Undecided => 3,
            Self::Waiting(name) => FIRST_LANE + name,
        }
    }

    fn of(record: &Record, hot: &Connection, names: &mut Names) -> rusqlite::Result<Option<Self>> {
        let work = record.work();
        if record.closed {
            return Ok(Some(Self::Closed));
        }
        if work.dispatched {
            return Ok(Some(Self::Dispatched));
        }
        if work.decide {
            return Ok(Some(Self::Undecided));
        }
        match Lane::of(record) {
            Some(lane) => Ok(Some(Self::Waiting(names.intern(hot, Kind::Lane, lane.as_str())?))),
            None => Ok(None),
        }
    }
}

/// What the indexes of the hot file hold of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Indexed {
    stage: Option<i64>,
    /// At or before the record's own `wake_at`: to move it later would cost two index changes in every step, and most
    /// records close before it is ever reached. A claim that comes too early moves it.
    wake_at: Option<i64>,
}

impl Indexed {
    fn exactly(record: &Record, hot: &Connection, names: &mut Names) -> rusqlite::Result<Self> {
        let stage = Stage::of(record, hot, names)?.map(Stage::code);
        Ok(Self { stage, wake_at: record.wake_at().map(Timestamp::as_millis) })
    }

    /// What has to be indexed now that the record was stepped.
    fn following(self, record: &Record, hot: &Connection, names: &mut Names) -> rusqlite::Result<Self> {
        let Self { stage, wake_at } = Self::exactly(record, hot, names)?;
        let may_stay_early = !record.closed;
        let wake_at = match (self.wake_at, wake_at) {
            (Some(before), Some(now)) => Some(before.min(now)),
            (Some(before), None) if may_stay_early => Some(before),
            (_, now) => now,
        };
        Ok(Self { stage, wake_at })
    }
}

/// Whether a record is found in its row's stage. Gives no name a number, so the file may be one that is only read.
pub(super) fn is_in_stage(record: &Record, file: &Connection, stage: Option<i64>) -> rusqlite::Result<bool> {
    let work = record.work();
    let expected = if record.closed {
        Some(Stage::Closed)
    } else if work.dispatched {
        Some(Stage::Dispatched)
    } else if work.decide {
        Some(Stage::Undecided)
    } else {
        match Lane::of(record) {
            Some(lane) => names::find(file, Kind::Lane, lane.as_str())?.map(Stage::Waiting),
            None => None,
        }
    };
    Ok(expected.map(Stage::code) == stage)
}

/// Whether whoever is woken by the row's time is woken soon enough.
pub(super) fn is_woken_by(record: &Record, wake_at: Option<i64>) -> bool {
    match (record.wake_at().map(Timestamp::as_millis), wake_at) {
        (None, _) => true,
        (Some(wanted), Some(found)) => found <= wanted,
        (Some(_), None) => false,
    }
}

/// A record that was read, and how it is indexed where it was read.
pub(super) struct Stored {
    pub(super) record: Arc<Record>,
    pub(super) indexed: Indexed,
}

/// A row whose record does not read back.
pub(super) struct DamagedRow {
    pub(super) key: i64,
    pub(super) damage: Damage,
}

pub(super) fn read(file: &Connection, key: i64) -> rusqlite::Result<Option<Result<Stored, DamagedRow>>> {
    file.prepare_cached("SELECT stage, wake_at, record FROM messages WHERE key = ?1")?
        .query_row([key], |row| {
            let indexed = Indexed { stage: row.get(0)?, wake_at: row.get(1)? };
            let decoded = codec::decode(row.get_ref(2)?.as_blob()?);
            Ok(decoded
                .map(|record| Stored { record: Arc::new(record), indexed })
                .map_err(|damage| DamagedRow { key, damage }))
        })
        .optional()
}

const KEYS: &str = "SELECT key FROM messages WHERE stage = ?1 AND key > ?2 ORDER BY key LIMIT ?3";

const ALL_KEYS: &str = "SELECT key FROM messages WHERE key > ?1 ORDER BY key LIMIT ?2";

const DUE_KEYS: &str = "SELECT key FROM messages WHERE wake_at <= ?1 ORDER BY wake_at LIMIT ?2";

/// Keys of one stage above `after`, in order.
pub(super) fn keys(hot: &Connection, stage: Stage, after: i64, limit: usize) -> rusqlite::Result<Vec<i64>> {
    hot.prepare_cached(KEYS)?
        .query_map(params![stage.code(), after, sql_limit(limit)], |row| row.get(0))?
        .collect()
}

/// Keys of all records above `after`, in order, whatever their stage.
pub(super) fn all_keys(hot: &Connection, after: i64, limit: usize) -> rusqlite::Result<Vec<i64>> {
    hot.prepare_cached(ALL_KEYS)?.query_map(params![after, sql_limit(limit)], |row| row.get(0))?.collect()
}

/// Keys of records that may have to wake, the most overdue first.
pub(super) fn due_keys(hot: &Connection, now: Timestamp, limit: usize) -> rusqlite::Result<Vec<i64>> {
    hot.prepare_cached(DUE_KEYS)?
        .query_map(params![now.as_millis(), sql_limit(limit)], |row| row.get(0))?
        .collect()
}

const NEXT_DUE: &str = "SELECT wake_at FROM messages WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1";

/// When a record may have to wake at the earliest.
pub(super) fn next_due(hot: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let next = hot.prepare_cached(NEXT_DUE)?.query_row([], |row| row.get(0)).optional()?;
    Ok(next.map(Timestamp::from_millis))
}

pub(super) fn exists(file: &Connection, key: i64) -> rusqlite::Result<bool> {
    file.prepare_cached("SELECT EXISTS(SELECT 1 FROM messages WHERE key = ?1)")?
        .query_row([key], |row| row.get(0))
}

/// Zero when there is no row.
pub(super) fn last_key(file: &Connection) -> rusqlite::Result<i64> {
    file.query_row("SELECT coalesce(max(key), 0) FROM messages", [], |row| row.get(0))
}

const NEXT_LANE: &str = "SELECT stage FROM messages WHERE stage > ?1 ORDER BY stage LIMIT 1";

/// The lanes in which someone waits. One step in the index for each, however many wait in it.
pub(super) fn lanes(hot: &Connection) -> rusqlite::Result<Vec<Lane>> {
    let mut lanes = Vec::new();
    let mut after = FIRST_LANE - 1;
    let mut next = hot.prepare_cached(NEXT_LANE)?;
    while let Some(stage) = next.query_row([after], |row| row.get::<_, i64>(0)).optional()? {
        lanes.extend(lane(hot, stage)?);
        after = stage;
    }
    Ok(lanes)
}

const WAITING: &str = "SELECT stage, count(*), min(key) FROM messages WHERE stage >= ?1 GROUP BY stage";

/// For each lane how many wait in it, and the key of the oldest.
pub(super) fn waiting(hot: &Connection) -> rusqlite::Result<Vec<(Lane, i64, i64)>> {
    let mut waiting = Vec::new();
    let mut select = hot.prepare_cached(WAITING)?;
    let mut rows = select.query([FIRST_LANE])?;
    while let Some(row) = rows.next()? {
        if let Some(lane) = lane(hot, row.get(0)?)? {
            waiting.push((lane, row.get(1)?, row.get(2)?));
        }
    }
    Ok(waiting)
}

fn lane(hot: &Connection, stage: i64) -> rusqlite::Result<Option<Lane>> {
    let name = names::name(hot, Kind::Lane, stage - FIRST_LANE)?;
    Ok(name.and_then(|name| {
        Lane::parse(&name).inspect_err(|bad| tracing::error!(%bad, "the names of the store are damaged")).ok()
    }))
}

fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

const INSERT: &str = "
INSERT INTO messages(key, app, recipient, reference, class, status, stage, wake_at, record)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// `INSERT OR REPLACE` would say the same, but keeps a copy of every page that it changes in case it fails half-way.
const REPLACE: &str = "
INSERT INTO messages(key, app, recipient, reference, class, status, stage, wake_at, record)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT DO UPDATE SET app = excluded.app, recipient = excluded.recipient, reference = excluded.reference,
  class = excluded.class, status = excluded.status, stage = excluded.stage, wake_at = excluded.wake_at,
  record = excluded.record";

/// Writes rows, with a buffer that all of them share.
#[derive(Default)]
pub(super) struct Rows {
    buffer: Vec<u8>,
}

impl Rows {
    /// Fails when the key is taken.
    pub(super) fn insert(
        &mut self,
        hot: &Connection,
        names: &mut Names,
        record: &Record,
    ) -> rusqlite::Result<Indexed> {
        self.put(hot, names, record, INSERT)
    }

    /// In place of what the file may have of the same message.
    pub(super) fn replace(
        &mut self,
        file: &Connection,
        names: &mut Names,
        record: &Record,
    ) -> rusqlite::Result<Indexed> {
        self.put(file, names, record, REPLACE)
    }

    fn put(
        &mut self,
        file: &Connection,
        names: &mut Names,
        record: &Record,
        statement: &str,
    ) -> rusqlite::Result<Indexed> {
        codec::encode(record, &mut self.buffer);
        let message = &record.message;
        let indexed = Indexed::exactly(record, file, names)?;
        file.prepare_cached(statement)?.execute(params![
            message.id.key(),
            names.intern(file, Kind::App, message.app.as_str())?,
            message.to.key(),
            message.reference,
            message.class.code(),
            record.status.code(),
            indexed.stage,
            indexed.wake_at,
            self.buffer
        ])?;
        Ok(indexed)
    }

    /// Writes a step back. An index is only touched when its column changed.
    pub(super) fn update(
        &mut self,
        hot: &Connection,
        names: &mut Names,
        stored: &mut Stored,
    ) -> rusqlite::Result<()> {
        let record = &*stored.record;
        codec::encode(record, &mut self.buffer);
        let key = record.message.id.key();
        let status = record.status.code();
        let next = stored.indexed.following(record, hot, names)?;
        if next == stored.indexed {
            hot.prepare_cached("UPDATE messages SET status = ?2, record = ?3 WHERE key = ?1")?
                .execute(params![key, status, self.buffer])?;
        } else if next.wake_at == stored.indexed.wake_at {
            hot.prepare_cached("UPDATE messages SET status = ?2, record = ?3, stage = ?4 WHERE key = ?1")?
                .execute(params![key, status, self.buffer, next.stage])?;
        } else {
            hot.prepare_cached(
                "UPDATE messages SET status = ?2, record = ?3, stage = ?4, wake_at = ?5 WHERE key = ?1",
            )?
            .execute(params![key, status, self.buffer, next.stage, next.wake_at])?;
        }
        stored.indexed = next;
        Ok(())
    }
}

pub(super) fn remove(file: &Connection, key: i64) -> rusqlite::Result<()> {
    file.prepare_cached("DELETE FROM messages WHERE key = ?1")?.execute([key])?;
    Ok(())
}

/// Corrects the index of a record that was claimed too early.
pub(super) fn set_wake_at(hot: &Connection, record: &Record) -> rusqlite::Result<()> {
    hot.prepare_cached("UPDATE messages SET wake_at = ?2 WHERE key = ?1")?
        .execute(params![record.message.id.key(), record.wake_at().map(Timestamp::as_millis)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::schema::plan;

    #[test]
    fn claims_read_nothing_but_their_index() {
        let expected = "SEARCH messages USING COVERING INDEX messages_by_stage (stage=? AND rowid>?)";
        assert_eq!(plan(KEYS), [expected]);
        let expected = "SEARCH messages USING COVERING INDEX messages_by_wake_at (wake_at<?)";
        assert_eq!(plan(DUE_KEYS), [expected]);
        let expected = "SEARCH messages USING COVERING INDEX messages_by_wake_at (wake_at>?)";
        assert_eq!(plan(NEXT_DUE), [expected]);
        let expected = "SEARCH messages USING COVERING INDEX messages_by_stage (stage>?)";
        assert_eq!(plan(NEXT_LANE), [expected]);
        assert_eq!(plan(WAITING), [expected]);
    }
}
