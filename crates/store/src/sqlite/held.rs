//! Receipts that found no attempt and wait for one.

use domain::Timestamp;
use domain::attempt::Verdict;
use domain::record::ReceiptNews;
use rusqlite::{Connection, params};

use super::vendor_ids::VendorId;
use crate::write::{RECEIPTS_HELD, Receipt};

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
        "SELECT id, verdict, word FROM held WHERE vendor_id = ?1 AND connection = ?2 ORDER BY id",
    )?;
    let mut rows = select.query(params![id.id, id.connection])?;
    while let Some(row) = rows.next()? {
        let verdict: Option<u8> = row.get(1)?;
        let news = ReceiptNews { verdict: verdict.and_then(verdict_of), word: row.get(2)? };
        found.push((row.get::<_, i64>(0)?, news));
    }
    for (row, _) in &found {
        hot.prepare_cached("DELETE FROM held WHERE id = ?1")?.execute([row])?;
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
