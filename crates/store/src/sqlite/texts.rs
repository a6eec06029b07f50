//! Dropping the texts of a sealed day, while all else of its records stays.
//!
//! Records are rewritten in place, in small transactions of a connection of its own, and SQLite overwrites what becomes
//! free, so that afterwards no byte of a text is left in the file or its log. The file does not become smaller.
//!
//! Rejected: texts in a file of their own beside the day, which would go at once, but costs every message a second row
//! and every pass of sealing a second sync, for all who keep their texts as well; a copy of the day without texts that
//! takes its place, which needs the room twice and a moment in which nobody else changes the day.

use domain::Record;
use rusqlite::{Connection, TransactionBehavior, params};

use super::codec;
use super::day::Day;
use super::fault::Fault;
use super::folder::{Access, Folder};

/// What one transaction looks at: some milliseconds, for which a pass of sealing into the same day may have to wait.
const ROWS: i64 = 500;

/// Says in its first half how many texts went, or None when the day had none left.
pub(super) fn drop_of(
    folder: &Folder,
    day: Day,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Option<u64>, Fault> {
    let mut file = folder.connect(&folder.day(day), Access::Change)?;
    if is_marked(&file)? {
        return Ok(None);
    }
    // Nothing is acknowledged by these transactions; the checkpoint at the end syncs them.
    file.pragma_update(None, "synchronous", "normal")?;
    file.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    let (mut after, mut dropped) = (i64::MIN, 0);
    while let Some(step) = step(&mut file, after)? {
        after = step.last;
        dropped += step.dropped;
        if !go_on() {
            return Ok(Some(dropped));
        }
    }
    // The log holds the pages as they were before, until it is cut off. A reader that is just looking prevents that,
    // and then the next pass finds no text and tries again.
    let busy: i64 = file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 {
        file.execute("INSERT OR REPLACE INTO counters(name, value) VALUES ('texts_dropped', 1)", [])?;
    }
    Ok(Some(dropped))
}

/// How many records of the day still have their text.
pub(super) fn count_of(file: &Connection) -> rusqlite::Result<u64> {
    if is_marked(file)? {
        return Ok(0);
    }
    let mut select = file.prepare("SELECT record FROM messages")?;
    let mut rows = select.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += u64::from(
            codec::decode::<Record>(row.get_ref(0)?.as_blob()?).is_ok_and(|it| !it.message.text.is_empty()),
        );
    }
    Ok(count)
}

/// A record with its text is being sealed into a day whose texts may have been dropped before.
pub(super) fn unmark(file: &Connection) -> rusqlite::Result<()> {
    file.prepare_cached("DELETE FROM counters WHERE name = 'texts_dropped'")?.execute([])?;
    Ok(())
}

fn is_marked(file: &Connection) -> rusqlite::Result<bool> {
    file.query_row("SELECT EXISTS(SELECT 1 FROM counters WHERE name = 'texts_dropped')", [], |row| row.get(0))
}

struct Step {
    last: i64,
    dropped: u64,
}

/// None at the end of the file.
fn step(file: &mut Connection, after: i64) -> rusqlite::Result<Option<Step>> {
    // Read and written in one transaction: the writer may seal one of these records again at any time.
    let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut last = None;
    let mut changed: Vec<(i64, Vec<u8>)> = Vec::new();
    {
        let mut select = transaction
            .prepare_cached("SELECT key, record FROM messages WHERE key > ?1 ORDER BY key LIMIT ?2")?;
        let mut rows = select.query([after, ROWS])?;
        while let Some(row) = rows.next()? {
            let key = row.get(0)?;
            last = Some(key);
            changed.extend(without_text(row.get_ref(1)?.as_blob()?).map(|bytes| (key, bytes)));
        }
        let mut update = transaction.prepare_cached("UPDATE messages SET record = ?2 WHERE key = ?1")?;
        for (key, bytes) in &changed {
            update.execute(params![key, bytes])?;
        }
    }
    transaction.commit()?;
    Ok(last.map(|last| Step { last, dropped: changed.len() as u64 }))
}

/// The record without its text; None when it has none. A damaged record has its text somewhere in it and goes whole.
fn without_text(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut record = match codec::decode::<Record>(bytes) {
        Ok(record) => record,
        Err(_) => return (!bytes.is_empty()).then(Vec::new),
    };
    if !record.drop_texts() {
        return None;
    }
    let mut shorter = Vec::with_capacity(bytes.len());
    codec::encode(&record, &mut shorter);
    Some(shorter)
}
