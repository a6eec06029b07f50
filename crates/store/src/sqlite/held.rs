//! Receipts that found no attempt and wait for one.

use domain::attempt::Verdict;
use domain::record::ReceiptNews;
use domain::{ErrorClass, Timestamp};
use rusqlite::{Connection, params};

use super::vendor_ids::VendorId;
use crate::write::{RECEIPTS_HELD, Receipt};

/// What the error map says of a receipt that is held, by its id, beside a table that is older than the map.
pub(super) const CLASSES: &str =
    "CREATE TABLE IF NOT EXISTS held_classes(id INTEGER PRIMARY KEY, class INTEGER NOT NULL) STRICT;";

pub(super) fn put(hot: &Connection, connection: i64, receipt: &Receipt) -> rusqlite::Result<()> {
    hot.prepare_cached(
        "INSERT INTO held(vendor_id, connection, received_at, verdict, word) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        receipt.vendor_id,
        connection,
        receipt.received_at.as_millis(),
        receipt.news.verdict.map(code),
        receipt.news.word
    ])?;
    if let Some(class) = receipt.news.class {
        hot.prepare_cached("INSERT INTO held_classes(id, class) VALUES (last_insert_rowid(), ?1)")?
            .execute([class_code(class)])?;
    }
    Ok(())
}

/// Whether any receipt waits at all: mostly none does, and nobody has to look for one.
pub(super) fn any(hot: &Connection) -> rusqlite::Result<bool> {
    hot.prepare_cached("SELECT EXISTS(SELECT 1 FROM held)")?.query_row([], |row| row.get(0))
}

/// Takes what was held for the id, in the order in which it came.
pub(super) fn take(hot: &Connection, id: VendorId<'_>) -> rusqlite::Result<Vec<ReceiptNews>> {
    let mut found = Vec::new();
    let mut select = hot.prepare_cached(
        "SELECT held.id, verdict, word, class FROM held LEFT JOIN held_classes ON held_classes.id = held.id \
         WHERE vendor_id = ?1 AND connection = ?2 ORDER BY held.id",
    )?;
    let mut rows = select.query(params![id.id, id.connection])?;
    while let Some(row) = rows.next()? {
        let verdict: Option<u8> = row.get(1)?;
        let class: Option<u8> = row.get(3)?;
        let (verdict, class) = (verdict.and_then(verdict_of), class.and_then(class_of));
        let news = ReceiptNews { verdict, word: row.get(2)?, class };
        found.push((row.get::<_, i64>(0)?, news));
    }
    for (row, _) in &found {
        hot.prepare_cached("DELETE FROM held WHERE id = ?1")?.execute([row])?;
        hot.prepare_cached("DELETE FROM held_classes WHERE id = ?1")?.execute([row])?;
    }
    Ok(found.into_iter().map(|(_, news)| news).collect())
}

/// Whether some receipt has waited long enough. They are counted up, so the first one is the oldest.
pub(super) fn any_to_purge(hot: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
    hot.prepare_cached(
        "SELECT EXISTS(SELECT 1 FROM (SELECT received_at FROM held ORDER BY id LIMIT 1) WHERE received_at < ?1)",
    )?
    .query_row([first_kept(now)], |row| row.get(0))
}

pub(super) fn purge(hot: &Connection, now: Timestamp, limit: i64) -> rusqlite::Result<()> {
    hot.prepare_cached(
        "DELETE FROM held_classes WHERE id IN \
         (SELECT id FROM (SELECT id, received_at FROM held ORDER BY id LIMIT ?2) WHERE received_at < ?1)",
    )?
    .execute(params![first_kept(now), limit])?;
    hot.prepare_cached(
        "DELETE FROM held WHERE id IN (SELECT id FROM held ORDER BY id LIMIT ?2) AND received_at < ?1",
    )?
    .execute(params![first_kept(now), limit])?;
    Ok(())
}

fn first_kept(now: Timestamp) -> i64 {
    let held = i64::try_from(RECEIPTS_HELD.as_millis()).unwrap_or(i64::MAX);
    now.as_millis().saturating_sub(held)
}

/// Stable, it is stored.
fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Delivered => 0,
        Verdict::Undelivered => 1,
        Verdict::Expired => 2,
    }
}

fn verdict_of(code: u8) -> Option<Verdict> {
    [Verdict::Delivered, Verdict::Undelivered, Verdict::Expired]
        .into_iter()
        .find(|verdict| self::code(*verdict) == code)
}

/// Stable, it is stored.
fn class_code(class: ErrorClass) -> u8 {
    match class {
        ErrorClass::Throttle => 0,
        ErrorClass::Pause => 1,
        ErrorClass::Retry => 2,
        ErrorClass::FailOver => 3,
        ErrorClass::UnknownOutcome => 4,
        ErrorClass::Sender => 5,
        ErrorClass::PermanentNumber => 6,
        ErrorClass::PermanentContent => 7,
        ErrorClass::Fraud => 8,
        ErrorClass::OptOut => 9,
    }
}

fn class_of(code: u8) -> Option<ErrorClass> {
    ErrorClass::ALL.into_iter().find(|class| class_code(*class) == code)
}
