//! Versions of the routing document and the tables that were made of them: some rows each day, which nobody looks up on
//! the way of a message. Nothing is ever removed.

use domain::{OverrideId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

use super::fault::Fault;
use crate::versions::{Deed, Named, Origin, Published, Source, State, Summary, Version, Versions};

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS versions(
  number INTEGER PRIMARY KEY,
  state TEXT NOT NULL,
  source TEXT NOT NULL,
  hash BLOB NOT NULL,
  based_on INTEGER,
  equals INTEGER,
  comment TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  activated_at INTEGER,
  activated_by TEXT,
  share INTEGER,
  document TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS versions_one_is_active ON versions(state) WHERE state = 'active';
CREATE UNIQUE INDEX IF NOT EXISTS versions_one_rolls_out ON versions(state) WHERE state = 'rolling_out';
CREATE TABLE IF NOT EXISTS version_texts(
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY(version, name)
) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS texts(hash BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS routing_import(only INTEGER PRIMARY KEY CHECK (only = 1), hash BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS published(
  number INTEGER PRIMARY KEY,
  version INTEGER,
  base INTEGER,
  inputs TEXT NOT NULL,
  overrides TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
";

const SUMMARY: &str = "number, state, source, hash, based_on, equals, comment, created_at, created_by, activated_at, \
                       activated_by, share";

pub(super) fn change(hot: &Connection, change: &Versions) -> rusqlite::Result<()> {
    if let Some(number) = change.supersede {
        hot.execute("UPDATE versions SET state = 'superseded' WHERE number = ?1", [number.cast_signed()])?;
    }
    for text in &change.texts {
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        hot.execute("INSERT OR IGNORE INTO texts(hash, text) VALUES (?1, ?2)", params![hash, &**text])?;
    }
    change.put.iter().try_for_each(|version| put(hot, version))?;
    if let Some(hash) = change.imported {
        hot.execute("INSERT OR REPLACE INTO routing_import(only, hash) VALUES (1, ?1)", [hash])?;
    }
    change.published.iter().try_for_each(|published| publish(hot, published))
}

/// A second version that is active, or rolled out, is an error: `REPLACE` would remove the first one for it.
fn put(hot: &Connection, version: &Version) -> rusqlite::Result<()> {
    let Summary { number, state, source, hash, based_on, equals, comment, created, activated, share } =
        &version.summary;
    let number = number.cast_signed();
    hot.execute(
        &format!(
            "INSERT INTO versions({SUMMARY}, document) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
             ON CONFLICT(number) DO UPDATE SET state = excluded.state, source = excluded.source, \
             hash = excluded.hash, based_on = excluded.based_on, equals = excluded.equals, \
             comment = excluded.comment, created_at = excluded.created_at, created_by = excluded.created_by, \
             activated_at = excluded.activated_at, activated_by = excluded.activated_by, \
             share = excluded.share, document = excluded.document"
        ),
        params![
            number,
            state.as_str(),
            source.as_str(),
            hash,
            based_on.map(u64::cast_signed),
            equals.map(u64::cast_signed),
            &**comment,
            created.at.as_millis(),
            &*created.by,
            activated.as_ref().map(|deed| deed.at.as_millis()),
            activated.as_ref().map(|deed| &*deed.by),
            share,
            &*version.document,
        ],
    )?;
    for Named { name, hash } in &version.texts {
        hot.execute(
            "INSERT OR REPLACE INTO version_texts(version, name, hash) VALUES (?1, ?2, ?3)",
            params![number, &**name, hash],
        )?;
    }
    Ok(())
}

/// The first time counts: a table that comes back is the same one.
pub(super) fn publish(hot: &Connection, published: &Published) -> rusqlite::Result<()> {
    let (version, base, inputs, overrides) = match &published.of {
        Origin::Version { number, inputs } => (Some(number.cast_signed()), None, &**inputs, String::new()),
        Origin::Overrides { base, overrides } => {
            let ids: Vec<String> = overrides.iter().map(ToString::to_string).collect();
            (None, Some(base.cast_signed()), "", ids.join(" "))
        }
    };
    hot.prepare_cached(
        "INSERT OR IGNORE INTO published(number, version, base, inputs, overrides, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        published.number.cast_signed(),
        version,
        base,
        inputs,
        overrides,
        published.at.as_millis()
    ])?;
    Ok(())
}

pub(super) fn list(hot: &Connection, before: u64, limit: usize) -> Result<Vec<Summary>, Fault> {
    let sql = format!("SELECT {SUMMARY} FROM versions WHERE number < ?1 ORDER BY number DESC LIMIT ?2");
    let mut select = hot.prepare(&sql)?;
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = select.query_map(params![before, limit], summary)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn find(hot: &Connection, number: u64) -> Result<Option<Version>, Fault> {
    one(hot, "number = ?1", Some(number))
}

pub(super) fn active(hot: &Connection) -> Result<Option<Version>, Fault> {
    one(hot, "state = 'active' AND ?1 IS NULL", None)
}

pub(super) fn rolling_out(hot: &Connection) -> Result<Option<Version>, Fault> {
    one(hot, "state = 'rolling_out' AND ?1 IS NULL", None)
}

fn one(hot: &Connection, condition: &str, number: Option<u64>) -> Result<Option<Version>, Fault> {
    let sql = format!("SELECT {SUMMARY}, document FROM versions WHERE {condition}");
    let found = hot
        .query_row(&sql, [number.map(u64::cast_signed)], |row| {
            Ok((summary(row)?, row.get::<_, String>("document")?))
        })
        .optional()?;
    let Some((summary, document)) = found else { return Ok(None) };
    let mut select =
        hot.prepare_cached("SELECT name, hash FROM version_texts WHERE version = ?1 ORDER BY name")?;
    let texts = select.query_map([summary.number.cast_signed()], |row| {
        Ok(Named { name: row.get::<_, String>(0)?.into(), hash: row.get(1)? })
    })?;
    let texts = texts.collect::<Result<_, _>>()?;
    Ok(Some(Version { summary, document: document.into(), texts }))
}

pub(super) fn text(hot: &Connection, hash: [u8; 32]) -> Result<Option<Box<str>>, Fault> {
    let found =
        hot.query_row("SELECT text FROM texts WHERE hash = ?1", [hash], |row| row.get::<_, String>(0));
    Ok(found.optional()?.map(Into::into))
}

pub(super) fn imported(hot: &Connection) -> Result<Option<[u8; 32]>, Fault> {
    Ok(hot.query_row("SELECT hash FROM routing_import", [], |row| row.get(0)).optional()?)
}

pub(super) fn published(hot: &Connection, number: u64) -> Result<Option<Published>, Fault> {
    let found = hot.query_row(
        "SELECT version, base, overrides, at, inputs FROM published WHERE number = ?1",
        [number.cast_signed()],
        |row| {
            let version: Option<i64> = row.get(0)?;
            let base: i64 = row.get::<_, Option<i64>>(1)?.unwrap_or_default();
            let overrides: String = row.get(2)?;
            let of = match version {
                Some(version) => Origin::Version {
                    number: version.cast_unsigned(),
                    inputs: row.get::<_, String>(4)?.into(),
                },
                None => Origin::Overrides {
                    base: base.cast_unsigned(),
                    overrides: overrides
                        .split_whitespace()
                        .map(|id| id.parse::<OverrideId>())
                        .collect::<Result<_, _>>()
                        .map_err(|_| unreadable(2))?,
                },
            };
            Ok(Published { number, of, at: Timestamp::from_millis(row.get(3)?) })
        },
    );
    Ok(found.optional()?)
}

fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    let number = |column: &str| -> rusqlite::Result<Option<u64>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(i64::cast_unsigned))
    };
    let (state, source): (String, String) = (row.get("state")?, row.get("source")?);
    let state = State::ALL.into_iter().find(|known| known.as_str() == state).ok_or_else(|| unreadable(1))?;
    let source =
        Source::ALL.into_iter().find(|known| known.as_str() == source).ok_or_else(|| unreadable(2))?;
    let activated_by: Option<String> = row.get("activated_by")?;
    let activated_at: Option<i64> = row.get("activated_at")?;
    Ok(Summary {
        number: number("number")?.unwrap_or_default(),
        state,
        source,
        hash: row.get("hash")?,
        based_on: number("based_on")?,
        equals: number("equals")?,
        comment: row.get::<_, String>("comment")?.into(),
        created: Deed {
            at: Timestamp::from_millis(row.get("created_at")?),
            by: row.get::<_, String>("created_by")?.into(),
        },
        activated: activated_at
            .zip(activated_by)
            .map(|(at, by)| Deed { at: Timestamp::from_millis(at), by: by.into() }),
        share: row.get("share")?,
    })
}

fn unreadable(column: usize) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, "text".to_owned(), rusqlite::types::Type::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64, state: State, comment: &str) -> Version {
        let created = Deed { at: Timestamp::from_millis(1), by: "ops".into() };
        let summary = Summary {
            number,
            state,
            source: Source::Api,
            hash: [7; 32],
            based_on: None,
            equals: None,
            comment: comment.into(),
            created,
            activated: None,
            share: None,
        };
        Version { summary, document: "".into(), texts: Vec::new() }
    }

    fn commit(hot: &Connection, version: Version) -> rusqlite::Result<()> {
        change(hot, &Versions { put: vec![version], ..Versions::default() })
    }

    #[test]
    fn a_second_version_that_is_rolled_out_is_an_error_and_removes_nothing() {
        let hot = Connection::open_in_memory().unwrap();
        hot.execute_batch(TABLES).unwrap();
        commit(&hot, version(1, State::Active, "")).unwrap();
        commit(&hot, version(4, State::RollingOut, "first")).unwrap();
        commit(&hot, version(4, State::RollingOut, "again")).unwrap();
        commit(&hot, version(5, State::RollingOut, "second")).unwrap_err();
        commit(&hot, version(6, State::Active, "second")).unwrap_err();
        let found = list(&hot, 100, 100).unwrap();
        let told: Vec<(u64, &str)> = found.iter().map(|one| (one.number, &*one.comment)).collect();
        assert_eq!(told, [(4, "again"), (1, "")]);
        assert_eq!(rolling_out(&hot).unwrap().unwrap().summary.number, 4);
    }
}
