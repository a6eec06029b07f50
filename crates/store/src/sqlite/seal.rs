//! Closed records leave the hot file for that of their day: copied and synced first, removed after.
//!
//! A crash in between leaves a record in both. The hot one counts then, and the next pass copies it again over the
//! other. A sealed record that changes becomes hot again and is sealed once more, by the same rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Timestamp;
use rusqlite::Connection;

use super::commit::Memory;
use super::day::Day;
use super::days::OpenDay;
use super::fault::Fault;
use super::records::{self, DamagedRow, Rows, Stage, Stored};
use super::{checkpoint, held, idempotency, retention, texts, vendor_ids};

/// What is purged in one pass at most.
const PURGED_AT_ONCE: i64 = 10_000;

#[derive(Default)]
pub(super) struct Closed {
    pub(super) records: Vec<Stored>,
    pub(super) damaged: Vec<DamagedRow>,
}

/// What is durable in its day's file.
#[derive(Default)]
pub(super) struct Sealed {
    pub(super) records: Vec<Stored>,
    /// Days whose write-ahead log has become long.
    pub(super) long_logs: Vec<Day>,
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
                closed.records.push(stored);
                continue;
            }
            match records::read(hot, key)? {
                Some(Ok(stored)) => closed.records.push(stored),
                Some(Err(row)) => closed.damaged.push(row),
                None => {}
            }
        }
    }
    Ok(closed)
}

/// The first half: each day's file has its records, durably.
pub(super) fn copy(memory: &mut Memory, closed: Vec<Stored>, now: Timestamp) -> Result<Sealed, Fault> {
    let mut by_day: BTreeMap<Day, Vec<Stored>> = BTreeMap::new();
    for stored in closed {
        by_day.entry(Day::of_key(stored.record.message.id.key())).or_default().push(stored);
    }
    let mut sealed = Sealed::default();
    for (day, mut records) in by_day {
        if memory.texts_before.is_some_and(|first_kept| day < first_kept) {
            for stored in &mut records {
                Arc::make_mut(&mut stored.record).message.text = Box::default();
            }
        }
        let rows = &mut memory.rows;
        let copied = memory.days.with(day, now, |file| {
            copy_to(file, rows, &records, now)?;
            checkpoint::is_log_long(&file.connection)
        })?;
        if let Some(is_log_long) = copied {
            sealed.records.extend(records);
            sealed.long_logs.extend(is_log_long.then_some(day));
        }
    }
    Ok(sealed)
}

fn copy_to(file: &mut OpenDay, rows: &mut Rows, records: &[Stored], now: Timestamp) -> rusqlite::Result<()> {
    let OpenDay { connection, names, .. } = file;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let any_text = records.iter().any(|stored| !stored.record.message.text.is_empty());
    let unmarked = if any_text { texts::unmark(connection) } else { Ok(()) };
    let mut records = records.iter();
    let noted = unmarked.and_then(|()| retention::note_sealed(connection, now));
    let copied = noted.and_then(|()| {
        records.try_for_each(|stored| {
            rows.replace(connection, names, &stored.record)?;
            vendor_ids::put_all(connection, names, &stored.record)
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

/// The second half, inside a transaction of the hot file.
pub(super) fn remove(
    hot: &Connection,
    memory: &mut Memory,
    sealed: &[Stored],
    now: Timestamp,
) -> rusqlite::Result<()> {
    for stored in sealed {
        records::remove(hot, stored.record.message.id.key())?;
        vendor_ids::remove_all(hot, &mut memory.names, &stored.record)?;
    }
    idempotency::purge(hot, now, PURGED_AT_ONCE)?;
    held::purge(hot, now, PURGED_AT_ONCE)
}

#[cfg(test)]
mod tests;
