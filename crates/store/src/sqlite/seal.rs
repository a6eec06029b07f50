//! Closed records leave the hot file for that of their day: copied and synced first, removed after.
//!
//! The writer finds them and, in one of its commits, removes them. The copying in between is nobody's whom a message
//! waits for: a record that changes meanwhile stays hot. A crash in between leaves a record in both. The hot one counts
//! then, and the next pass copies it again over the other. A sealed record that changes becomes hot again and is sealed
//! once more, by the same rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Record, Timestamp};
use parking_lot::Mutex;
use rusqlite::Connection;
use rustc_hash::FxHashSet;

use super::commit::Memory;
use super::day::Day;
use super::days::{Days, OpenDay};
use super::fault::{Fault, Phase};
use super::records::{self, DamagedRow, Rows, Stage};
use super::{checkpoint, held, idempotency, retention, texts, vendor_ids};
use crate::Error;
use crate::write::{Sealed, Sealing};

/// What is purged in one pass at most.
const PURGED_AT_ONCE: i64 = 10_000;

#[derive(Default)]
pub(super) struct Closed {
    pub(super) records: Vec<Arc<Record>>,
    pub(super) damaged: Vec<DamagedRow>,
}

/// Closed records, oldest first. Those of a day that cannot be used stay where they are.
pub(super) fn find(
    hot: &Connection,
    memory: &mut Memory,
    limit: usize,
    now: Timestamp,
) -> Result<Closed, Fault> {
    let mut closed = Closed::default();
    let mut after = i64::MIN;
    while closed.records.len() < limit {
        let keys = records::keys(hot, Stage::Closed, after, limit - closed.records.len())?;
        let Some(last) = keys.last() else { break };
        after = *last;
        for key in keys {
            let day = Day::of_key(key);
            if memory.days.is_given_up(day, now) {
                after = after.max(day.end_key() - 1);
                continue;
            }
            if let Some(stored) = memory.cache.take(key) {
                closed.records.push(stored.record);
                continue;
            }
            match records::read(hot, key)? {
                Some(Ok(stored)) => closed.records.push(stored.record),
                Some(Err(row)) => closed.damaged.push(row),
                None => {}
            }
        }
    }
    Ok(closed)
}

/// The records that the last search found and that have not changed since.
#[derive(Default)]
pub(super) struct Leaving {
    search: u64,
    keys: FxHashSet<i64>,
}

impl Leaving {
    /// Returns the number of the search.
    pub(super) fn found(&mut self, records: &[Arc<Record>]) -> u64 {
        self.search += 1;
        self.keys.clear();
        self.keys.extend(records.iter().map(|record| record.message.id.key()));
        self.search
    }

    pub(super) fn is_to_leave(&self, search: u64, key: i64) -> bool {
        search == self.search && self.keys.contains(&key)
    }

    /// The record is another one now than its copy.
    pub(super) fn stay(&mut self, key: i64) {
        self.keys.remove(&key);
    }
}

/// Writes to the files of days.
pub(super) struct Sealer {
    days: Days,
    rows: Rows,
}

impl Sealer {
    pub(super) fn new(days: Days) -> Self {
        Self { days, rows: Rows::default() }
    }

    /// The file of the day is to be dropped.
    pub(super) fn let_go(&mut self, day: Day) {
        self.days.forget(day);
    }

    /// None when the file of the day cannot be used; else whether its log has become long.
    fn copy(&mut self, day: Day, records: &[Arc<Record>], now: Timestamp) -> Result<Option<bool>, Fault> {
        let Self { days, rows } = self;
        days.with(day, now, |file| {
            copy_to(file, rows, records, now)?;
            checkpoint::is_log_long(&file.connection)
        })
    }
}

/// The first half: each day's file has its records, durably.
pub(super) struct Copying {
    pub(super) search: u64,
    pub(super) records: Vec<Arc<Record>>,
    pub(super) sealer: Arc<Mutex<Sealer>>,
    pub(super) checkpoints: checkpoint::Orders,
    pub(super) texts_before: Option<Day>,
    pub(super) now: Timestamp,
}

impl Sealing for Copying {
    fn copy(self: Box<Self>) -> Result<Sealed, Error> {
        let mut by_day: BTreeMap<Day, Vec<Arc<Record>>> = BTreeMap::new();
        for record in self.records {
            by_day.entry(Day::of_key(record.message.id.key())).or_default().push(record);
        }
        let mut sealed = Sealed { search: self.search, records: Vec::new() };
        let mut sealer = self.sealer.lock();
        for (day, mut records) in by_day {
            if self.texts_before.is_some_and(|first_kept| day < first_kept) {
                for record in &mut records {
                    Arc::make_mut(record).drop_texts();
                }
            }
            let copied = sealer.copy(day, &records, self.now);
            if let Some(is_log_long) = copied.map_err(|fault| fault.classify(Phase::BeforeCommit))? {
                sealed.records.extend(records);
                if is_log_long {
                    self.checkpoints.move_day(day);
                }
            }
        }
        Ok(sealed)
    }
}

fn copy_to(
    file: &mut OpenDay,
    rows: &mut Rows,
    records: &[Arc<Record>],
    now: Timestamp,
) -> rusqlite::Result<()> {
    let OpenDay { connection, names, .. } = file;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let any_text = records.iter().any(|record| !record.message.text.is_empty());
    let unmarked = if any_text { texts::unmark(connection) } else { Ok(()) };
    let mut records = records.iter();
    let noted = unmarked.and_then(|()| retention::note_sealed(connection, now));
    let copied = noted.and_then(|()| {
        records.try_for_each(|record| {
            rows.replace(connection, names, record)?;
            vendor_ids::put_all(connection, names, record)
        })
    });
    let committed = copied.and_then(|()| connection.execute_batch("COMMIT"));
    if committed.is_err() {
        names.forget();
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
    }
    committed
}

/// Whether keys or held receipts are past their time.
pub(super) fn any_to_purge(hot: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
    Ok(idempotency::any_to_purge(hot, now)? || held::any_to_purge(hot, now)?)
}

/// Forgets them, inside a transaction of the hot file.
pub(super) fn purge(hot: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    idempotency::purge(hot, now, PURGED_AT_ONCE)?;
    held::purge(hot, now, PURGED_AT_ONCE)
}

#[cfg(test)]
mod tests;
