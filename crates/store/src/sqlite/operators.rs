//! The buyer's lists of operators, one row for each kind, and what was learnt of numbers. None of it is looked up on the
//! way of a message: it is read whole at the start.

use domain::Timestamp;
use domain::message::OperatorSource;
use rusqlite::{Connection, Row, params};

use crate::operators::{Learnt, OperatorList, OperatorListKind};

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS operator_lists(
  kind INTEGER PRIMARY KEY,
  imported_at INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS learnt_operators(
  number INTEGER NOT NULL,
  source INTEGER NOT NULL,
  operator TEXT,
  known_at INTEGER NOT NULL,
  holds_until INTEGER NOT NULL,
  said_by TEXT NOT NULL,
  ported INTEGER,
  PRIMARY KEY(number, source)
) WITHOUT ROWID, STRICT;
CREATE INDEX IF NOT EXISTS learnt_operators_by_known_at ON learnt_operators(known_at);
CREATE INDEX IF NOT EXISTS learnt_operators_by_holds_until ON learnt_operators(holds_until);
";

/// In place of the one of its kind.
pub(super) fn put_list(hot: &Connection, list: &OperatorList) -> rusqlite::Result<()> {
    hot.prepare_cached("INSERT OR REPLACE INTO operator_lists(kind, imported_at, text) VALUES (?1, ?2, ?3)")?
        .execute(params![kind_code(list.kind), list.imported_at.as_millis(), &*list.text])?;
    Ok(())
}

pub(super) fn lists(hot: &Connection) -> rusqlite::Result<Vec<OperatorList>> {
    let mut select = hot.prepare("SELECT kind, imported_at, text FROM operator_lists ORDER BY kind")?;
    let found = select.query_map([], |row| {
        let code: i64 = row.get(0)?;
        let kind = OperatorListKind::ALL.into_iter().find(|kind| kind_code(*kind) == code);
        let imported_at = Timestamp::from_millis(row.get(1)?);
        Ok(kind.map(|kind| Ok(OperatorList { kind, imported_at, text: row.get::<_, String>(2)?.into() })))
    })?;
    found.filter_map(Result::transpose).map(|list| list.and_then(|list| list)).collect()
}

/// Each in place of what its source said of the number before.
pub(super) fn learn(hot: &Connection, learnt: &[Learnt]) -> rusqlite::Result<()> {
    let mut insert = hot.prepare_cached(
        "INSERT OR REPLACE INTO learnt_operators(number, source, operator, known_at, holds_until, said_by, ported)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for one in learnt {
        insert.execute(params![
            one.number.cast_signed(),
            source_code(one.source),
            one.operator.as_deref(),
            one.known_at.as_millis(),
            one.holds_until.as_millis(),
            &*one.said_by,
            one.ported,
        ])?;
    }
    Ok(())
}

/// Drops what no longer holds, and of the rest all but the newest `keep`.
pub(super) fn prune(hot: &Connection, now: Timestamp, keep: usize) -> rusqlite::Result<()> {
    hot.prepare_cached("DELETE FROM learnt_operators WHERE holds_until <= ?1")?.execute([now.as_millis()])?;
    hot.prepare_cached(
        "DELETE FROM learnt_operators WHERE known_at <=
           (SELECT known_at FROM learnt_operators ORDER BY known_at DESC LIMIT 1 OFFSET ?1)",
    )?
    .execute([i64::try_from(keep).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// What still holds, the newest first.
pub(super) fn learnt(hot: &Connection, now: Timestamp, limit: usize) -> rusqlite::Result<Vec<Learnt>> {
    let mut select = hot.prepare(
        "SELECT number, source, operator, known_at, holds_until, said_by, ported FROM learnt_operators
         WHERE holds_until > ?1 ORDER BY known_at DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    select.query_map(params![now.as_millis(), limit], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Learnt> {
    let source: i64 = row.get(1)?;
    let receipt = source_code(OperatorSource::Receipt);
    Ok(Learnt {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        source: if source == receipt { OperatorSource::Receipt } else { OperatorSource::Lookup },
        operator: row.get::<_, Option<String>>(2)?.map(Into::into),
        known_at: Timestamp::from_millis(row.get(3)?),
        holds_until: Timestamp::from_millis(row.get(4)?),
        said_by: row.get::<_, String>(5)?.into(),
        ported: row.get(6)?,
    })
}

fn kind_code(kind: OperatorListKind) -> i64 {
    match kind {
        OperatorListKind::Numbers => 0,
        OperatorListKind::Prefixes => 1,
        OperatorListKind::Networks => 2,
    }
}

fn source_code(source: OperatorSource) -> i64 {
    match source {
        OperatorSource::Prefix => 0,
        OperatorSource::Import => 1,
        OperatorSource::Lookup => 2,
        OperatorSource::Receipt => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn one(number: u64, source: OperatorSource, known_at: i64, holds_until: i64) -> Learnt {
        Learnt {
            number,
            source,
            operator: Some("26201".into()),
            known_at: at(known_at),
            holds_until: at(holds_until),
            said_by: "mnp".into(),
            ported: Some(true),
        }
    }

    #[test]
    fn what_was_learnt_reads_back_the_newest_first_and_ends() {
        let hot = Connection::open_in_memory().unwrap();
        hot.execute_batch(TABLES).unwrap();
        let lookup = one(4_915_112_345_678, OperatorSource::Lookup, 10, 1000);
        let receipt = one(4_915_112_345_678, OperatorSource::Receipt, 20, 50);
        let other =
            Learnt { operator: None, ported: None, ..one(447_700_900_123, OperatorSource::Lookup, 5, 90) };
        learn(&hot, &[lookup.clone(), receipt.clone(), other.clone()]).unwrap();
        assert_eq!(learnt(&hot, at(30), 9).unwrap(), [receipt.clone(), lookup.clone(), other]);
        assert_eq!(learnt(&hot, at(30), 1).unwrap(), [receipt]);
        let newer = Learnt { operator: Some("26202".into()), known_at: at(60), ..lookup };
        learn(&hot, std::slice::from_ref(&newer)).unwrap();
        prune(&hot, at(50), 1).unwrap();
        assert_eq!(learnt(&hot, at(0), 9).unwrap(), [newer]);
    }

    #[test]
    fn a_list_takes_the_place_of_the_one_of_its_kind() {
        let hot = Connection::open_in_memory().unwrap();
        hot.execute_batch(TABLES).unwrap();
        let list = |kind, text: &str| OperatorList { kind, imported_at: at(7), text: text.into() };
        put_list(&hot, &list(OperatorListKind::Networks, "a")).unwrap();
        put_list(&hot, &list(OperatorListKind::Numbers, "b")).unwrap();
        put_list(&hot, &list(OperatorListKind::Numbers, "c")).unwrap();
        let found = lists(&hot).unwrap();
        assert_eq!(found, [list(OperatorListKind::Numbers, "c"), list(OperatorListKind::Networks, "a")]);
    }
}
