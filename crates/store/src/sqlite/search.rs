//! A page of records, newest first, from the hot file and the sealed ones together.
//!
//! Work is bounded: a scan that looked at its share of rows stops, and says down to which key it saw everything. The
//! page then ends at the highest such key of all scans, and the next one goes on below it.

use domain::{Attempt, MessageId, Record};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::codec;
use super::day::Day;
use super::fault::Fault;
use super::names::{self, Kind};
use super::reader::SqliteReader;
use super::records;
use crate::query::{Page, Query};

/// Rows looked at in the hot file, and in all sealed ones together.
const ROWS: usize = 20_000;
/// Sealed files looked into.
const DAYS: usize = 62;

pub(super) fn search(reader: &SqliteReader, query: &Query, days: &[Day]) -> Result<Page, Fault> {
    let range = Range::of(query);
    let wanted = query.limit.max(1);
    reader.with_hot(|hot| {
        // One view of the hot file for the whole search: what it holds, it decides on, whatever moves meanwhile.
        let view = hot.unchecked_transaction()?;
        let mut found = Scan::new(query, wanted + 1);
        found.run(&view, range)?;
        let sealed = search_days(reader, query, days, found.rest_of(range))?;
        for record in sealed.records {
            if !records::exists(&view, record.message.id.key())? {
                found.records.push(record);
            }
        }
        Ok(page(found.records, found.floor.max(sealed.floor), wanted))
    })
}

fn search_days<'q>(
    reader: &SqliteReader,
    query: &'q Query,
    days: &[Day],
    range: Range,
) -> Result<Scan<'q>, Fault> {
    let mut scan = Scan::new(query, query.limit.max(1) + 1);
    let in_range = days.iter().rev().filter(|day| range.overlaps(day.first_key(), day.end_key()));
    for (visited, day) in in_range.enumerate() {
        if visited == DAYS {
            scan.floor = Some(day.end_key());
        }
        if scan.floor.is_some() {
            break;
        }
        match reader.with_day(*day, |file| scan.run(file, range)) {
            // One bad file must not hide all the others.
            Err(fault) if fault.is_of_the_file() => {
                tracing::error!(%day, %fault, "a sealed file cannot be used and is left out of a search");
            }
            Err(fault) => return Err(fault),
            Ok(Some(()) | None) => {}
        }
    }
    Ok(scan)
}

/// What of the matches is complete, as a page.
fn page(mut records: Vec<Record>, floor: Option<i64>, wanted: usize) -> Page {
    let key = |record: &Record| record.message.id.key();
    records.retain(|record| floor.is_none_or(|floor| key(record) >= floor));
    records.sort_unstable_by_key(|record| std::cmp::Reverse(key(record)));
    let next = if records.len() > wanted {
        records.truncate(wanted);
        records.last().map(|record| record.message.id)
    } else {
        // The smallest id with this key: what is older than it is not looked at yet.
        floor.map(|floor| MessageId::from_u128(u128::from(floor.unsigned_abs()) << 64))
    };
    Page { records, next }
}

/// Keys from `first` up to and without `end`.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: i64,
    end: i64,
}

impl Range {
    fn of(query: &Query) -> Self {
        let first = query.since.map_or(i64::MIN, MessageId::first_key_at);
        let until = query.until.map_or(i64::MAX, MessageId::first_key_at);
        let before = query.before.map_or(i64::MAX, MessageId::key);
        Self { first, end: until.min(before) }
    }

    fn overlaps(self, first: i64, end: i64) -> bool {
        self.first < end && first < self.end
    }
}

/// A search through files, newest first, with what may still be looked at.
struct Scan<'q> {
    query: &'q Query,
    wanted: usize,
    rows: usize,
    records: Vec<Record>,
    /// Set when it stopped: every match from this key up was seen.
    floor: Option<i64>,
}

impl<'q> Scan<'q> {
    fn new(query: &'q Query, wanted: usize) -> Self {
        Self { query, wanted, rows: ROWS, records: Vec::new(), floor: None }
    }

    /// What other files have to be searched for: below where this scan stopped nothing can be shown anyway.
    fn rest_of(&self, range: Range) -> Range {
        Range { first: self.floor.map_or(range.first, |floor| floor.max(range.first)), end: range.end }
    }

    fn run(&mut self, file: &Connection, range: Range) -> rusqlite::Result<()> {
        let app = match &self.query.app {
            None => None,
            Some(app) => match names::find(file, Kind::App, app.as_str())? {
                Some(id) => Some(id),
                // No row of this file has it.
                None => return Ok(()),
            },
        };
        let (condition, value) = self.selective();
        let mut statement = file.prepare_cached(&statement(condition))?;
        let bounds = [Value::from(range.first), Value::from(range.end)];
        let mut rows = statement.query(params_from_iter(bounds.into_iter().chain(value)))?;
        while let Some(row) = rows.next()? {
            self.rows = self.rows.saturating_sub(1);
            if self.columns_match(row, app)? {
                self.take(row)?;
            }
            if self.records.len() >= self.wanted || self.rows == 0 {
                self.floor = Some(row.get(0)?);
                return Ok(());
            }
        }
        Ok(())
    }

    /// The index that leads to the fewest rows.
    fn selective(&self) -> (&'static str, Option<Value>) {
        let query = self.query;
        if let Some(vendor_id) = &query.vendor_id {
            let ids = "key IN (SELECT key FROM vendor_ids WHERE vendor_id = ?3) AND";
            return (ids, Some(Value::from(vendor_id.to_string())));
        }
        if let Some(reference) = &query.reference {
            return ("reference = ?3 AND", Some(Value::from(reference.to_string())));
        }
        if let Some(to) = &query.to {
            return ("recipient = ?3 AND", Some(Value::from(to.key())));
        }
        ("", None)
    }

    fn columns_match(&self, row: &Row<'_>, app: Option<i64>) -> rusqlite::Result<bool> {
        let query = self.query;
        Ok(app.is_none_or(|app| row.get(1) == Ok(app))
            && query.status.is_none_or(|status| row.get(2) == Ok(status.code()))
            && query.class.is_none_or(|class| row.get(3) == Ok(class.code())))
    }

    fn take(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        match codec::decode(row.get_ref(4)?.as_blob()?) {
            Ok(record) if matches(&record, self.query) => self.records.push(record),
            Ok(_) => {}
            Err(damage) => {
                let key: i64 = row.get(0)?;
                tracing::error!(key, %damage, "a damaged record is left out of a search");
            }
        }
        Ok(())
    }
}

fn statement(condition: &str) -> String {
    format!(
        "SELECT key, app, status, class, record FROM messages
         WHERE {condition} key >= ?1 AND key < ?2 ORDER BY key DESC"
    )
}

/// What the columns do not say.
fn matches(record: &Record, query: &Query) -> bool {
    let message = &record.message;
    let of_any_attempt = |holds: &dyn Fn(&Attempt) -> bool| record.attempts.iter().any(holds);
    query.to.as_ref().is_none_or(|to| message.to == *to)
        && query.reference.as_ref().is_none_or(|reference| message.reference.as_ref() == Some(reference))
        && query.operator.as_ref().is_none_or(|operator| message.operator.as_ref() == Some(operator))
        && query.route.as_ref().is_none_or(|route| of_any_attempt(&|attempt| attempt.route == *route))
        && query.vendor_id.as_ref().is_none_or(|id| {
            of_any_attempt(&|attempt| attempt.parts.iter().any(|part| part.vendor_id.as_ref() == Some(id)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::schema::plan;

    #[test]
    fn recipient_reference_and_vendor_id_are_looked_up_in_an_index() {
        let scan = |query: &Query| plan(&statement(Scan::new(query, 1).selective().0)).join("; ");
        let to = Some(domain::Recipient::unresolved("nobody"));
        let of = scan(&Query { to, ..Query::default() });
        assert_eq!(
            of,
            "SEARCH messages USING INDEX messages_by_recipient (recipient=? AND rowid>? AND rowid<?)"
        );
        let of = scan(&Query { reference: Some("r".into()), ..Query::default() });
        assert_eq!(
            of,
            "SEARCH messages USING INDEX messages_by_reference (reference=? AND rowid>? AND rowid<?)"
        );
        let of = scan(&Query { vendor_id: Some("v".into()), ..Query::default() });
        assert!(of.contains("SEARCH vendor_ids USING PRIMARY KEY (vendor_id=?)"), "{of}");
        assert!(of.contains("SEARCH messages USING INTEGER PRIMARY KEY"), "{of}");
    }
}
