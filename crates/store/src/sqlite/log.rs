//! Records in the order in which their messages were accepted, from the hot file and the sealed ones together.

use domain::MessageId;
use rusqlite::{Connection, params};

use super::codec;
use super::day::Day;
use super::fault::Fault;
use super::reader::SqliteReader;
use crate::query::{LogPage, LogQuery};

const ROWS: &str = "SELECT key, record FROM messages WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";

/// A row as it lies there.
type Row = (i64, Box<[u8]>);

pub(super) fn page(reader: &SqliteReader, query: &LogQuery, days: &[Day]) -> Result<LogPage, Fault> {
    let after = query.after.map_or(i64::MIN, |id| id.key().saturating_add(1));
    let first = MessageId::first_key_at(query.since).max(after);
    let end = MessageId::first_key_at(query.until);
    // One more tells whether another page follows.
    let wanted = query.limit.max(1) + 1;
    let mut page = LogPage::default();
    // In this order: a record is in its day's file before it leaves the hot one.
    let hot = reader.with_hot(|hot| Ok(rows(hot, first, end, wanted)?))?;
    let mut sealed: Vec<Row> = Vec::new();
    for day in days.iter().filter(|day| day.first_key() < end && first < day.end_key()) {
        if sealed.len() >= wanted {
            break;
        }
        match reader.with_day(*day, |file| rows(file, first, end, wanted - sealed.len())) {
            Ok(found) => sealed.extend(found.into_iter().flatten()),
            // One bad file must not hide all the others.
            Err(fault) if fault.is_of_the_file() => {
                tracing::error!(%day, %fault, "a sealed file cannot be used and is left out of the log");
                page.days_left_out.push(day.to_string());
            }
            Err(fault) => return Err(fault),
        }
    }
    let mut merged = merge(hot, sealed);
    if merged.len() >= wanted {
        merged.truncate(wanted - 1);
        let last = merged.last().map_or(0, |(key, _)| key.unsigned_abs());
        page.next = Some(MessageId::from_u128(u128::from(last) << 64));
    }
    for (key, bytes) in merged {
        match codec::decode(&bytes) {
            Ok(record) => page.records.push(record),
            Err(damage) => {
                tracing::error!(key, %damage, "a damaged record is left out of the log");
                page.damaged += 1;
            }
        }
    }
    Ok(page)
}

fn rows(file: &Connection, first: i64, end: i64, limit: usize) -> rusqlite::Result<Vec<Row>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = file.prepare_cached(ROWS)?;
    let rows = statement
        .query_map(params![first, end, limit], |row| Ok((row.get(0)?, row.get_ref(1)?.as_blob()?.into())))?;
    rows.collect()
}

/// Both are in order. What the hot file has is newer than what its day has of the same message.
fn merge(hot: Vec<Row>, sealed: Vec<Row>) -> Vec<Row> {
    let mut merged = Vec::with_capacity(hot.len() + sealed.len());
    let (mut hot, mut sealed) = (hot.into_iter().peekable(), sealed.into_iter().peekable());
    loop {
        let next = match (hot.peek(), sealed.peek()) {
            (Some((new, _)), Some((old, _))) if old < new => sealed.next(),
            (Some((new, _)), Some((old, _))) => {
                if new == old {
                    sealed.next();
                }
                hot.next()
            }
            (Some(_), None) => hot.next(),
            (None, _) => sealed.next(),
        };
        match next {
            Some(row) => merged.push(row),
            None => return merged,
        }
    }
}
