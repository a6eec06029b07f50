//! The audit log. The file itself refuses to change or to lose an entry.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use crate::audit::{AuditQuery, Audited, Hash, Order};

pub(super) const TABLE: &str = "
CREATE TABLE audit(number INTEGER PRIMARY KEY, hash BLOB NOT NULL, entry TEXT NOT NULL) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
";

/// Binds the entry to the last one. There is one writer, so nobody comes between.
pub(super) fn append(hot: &Connection, entry: &str) -> rusqlite::Result<()> {
    let last = hot
        .prepare_cached("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 32]>(1)?)))
        .optional()?;
    let (last, before) = last.map_or((0, Hash::START), |(number, hash)| (number, Hash(hash)));
    let number = last + 1;
    let hash = before.next(number.unsigned_abs(), entry);
    hot.prepare_cached("INSERT INTO audit(number, hash, entry) VALUES (?1, ?2, ?3)")?
        .execute(params![number, hash.0, entry])?;
    Ok(())
}

pub(super) fn search(hot: &Connection, query: &AuditQuery) -> rusqlite::Result<Vec<Audited>> {
    let mut sql = "SELECT number, hash, entry FROM audit WHERE ".to_owned();
    let mut values: Vec<Value> = Vec::new();
    let order = match query.order {
        Order::Before(number) => {
            sql.push_str("number < ?");
            values.push(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)));
            "DESC"
        }
        Order::After(number) => {
            sql.push_str("number > ?");
            values.push(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)));
            "ASC"
        }
    };
    // Instants are written in one form, which sorts as a text.
    let instant = |at: domain::Timestamp| at.to_string();
    let filters = [
        ("entry ->> '$.actor.id' = ?", query.actor.as_deref().map(str::to_owned)),
        ("entry ->> '$.action' = ?", query.action.as_deref().map(str::to_owned)),
        ("entry ->> '$.target' = ?", query.target.as_deref().map(str::to_owned)),
        ("entry ->> '$.at' >= ?", query.since.map(instant)),
        ("entry ->> '$.at' < ?", query.until.map(instant)),
    ];
    for (condition, value) in filters {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(Value::Text(value));
        }
    }
    sql.push_str(&format!(" ORDER BY number {order} LIMIT ?"));
    values.push(Value::Integer(i64::try_from(query.limit).unwrap_or(i64::MAX)));
    let mut select = hot.prepare(&sql)?;
    let found = select.query_map(params_from_iter(values), |row| {
        Ok(Audited {
            number: row.get::<_, i64>(0)?.unsigned_abs(),
            hash: Hash(row.get(1)?),
            entry: row.get::<_, String>(2)?.into(),
        })
    })?;
    found.collect()
}

/// The number of the first entry that is not bound to those before it.
pub(super) fn first_broken(hot: &Connection) -> rusqlite::Result<Option<u64>> {
    let mut select = hot.prepare("SELECT number, hash, entry FROM audit ORDER BY number")?;
    let mut rows = select.query([])?;
    let (mut before, mut expected) = (Hash::START, 1);
    while let Some(row) = rows.next()? {
        let number = row.get::<_, i64>(0)?.unsigned_abs();
        let next = before.next(number, row.get_ref(2)?.as_str()?);
        if number != expected || row.get::<_, [u8; 32]>(1)? != next.0 {
            return Ok(Some(expected));
        }
        (before, expected) = (next, number + 1);
    }
    Ok(None)
}
