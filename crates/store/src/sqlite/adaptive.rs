//! What the adaptive engine learned, in one row, and its verdicts: a few rows each day, which nobody looks up on the way
//! of a message.

use domain::{Timestamp, Verdict};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec;
use crate::adaptive::{Adaptive, State, VerdictQuery};

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS adaptive_state(
  id INTEGER PRIMARY KEY CHECK (id = 0),
  saved_at INTEGER NOT NULL,
  state BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS verdicts(
  key INTEGER PRIMARY KEY,
  raised_at INTEGER NOT NULL,
  recovered_at INTEGER,
  verdict BLOB NOT NULL
) STRICT;
";

/// Older ones are dropped.
const VERDICTS_KEPT: i64 = 20_000;

pub(super) fn put(hot: &Connection, learned: &Adaptive, now: Timestamp) -> rusqlite::Result<()> {
    match learned {
        Adaptive::State(bytes) => {
            hot.prepare_cached(
                "INSERT OR REPLACE INTO adaptive_state(id, saved_at, state) VALUES (0, ?1, ?2)",
            )?
            .execute(params![now.as_millis(), bytes])?;
        }
        Adaptive::Verdict(verdict) => put_verdict(hot, verdict)?,
    }
    Ok(())
}

fn put_verdict(hot: &Connection, verdict: &Verdict) -> rusqlite::Result<()> {
    let mut bytes = Vec::new();
    codec::encode(verdict, &mut bytes);
    hot.prepare_cached(
        "INSERT OR REPLACE INTO verdicts(key, raised_at, recovered_at, verdict) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        verdict.id.key(),
        verdict.raised_at.as_millis(),
        verdict.recovered_at.map(Timestamp::as_millis),
        bytes
    ])?;
    hot.prepare_cached(
        "DELETE FROM verdicts WHERE key <= (SELECT key FROM verdicts ORDER BY key DESC LIMIT 1 OFFSET ?1)",
    )?
    .execute([VERDICTS_KEPT])?;
    Ok(())
}

pub(super) fn state(hot: &Connection) -> rusqlite::Result<Option<State>> {
    hot.query_row("SELECT saved_at, state FROM adaptive_state", [], |row| {
        let bytes: Vec<u8> = row.get(1)?;
        Ok(State { saved_at: Timestamp::from_millis(row.get(0)?), bytes: bytes.into() })
    })
    .optional()
}

/// The newest first.
pub(super) fn verdicts(hot: &Connection, query: &VerdictQuery) -> rusqlite::Result<Vec<Verdict>> {
    let mut select = hot.prepare_cached(
        "SELECT key, verdict FROM verdicts
         WHERE (?1 IS NULL OR (recovered_at IS NULL) = ?1)
           AND (?2 IS NULL OR recovered_at IS NULL OR recovered_at > ?2)
           AND (?3 IS NULL OR raised_at < ?3)
           AND (?4 IS NULL OR key < ?4)
         ORDER BY key DESC LIMIT ?5",
    )?;
    let bound = params![
        query.is_open,
        query.since.map(Timestamp::as_millis),
        query.until.map(Timestamp::as_millis),
        query.before.map(|id| id.key()),
        i64::try_from(query.limit).unwrap_or(i64::MAX)
    ];
    let found = select.query_map(bound, read)?;
    found.filter_map(Result::transpose).collect()
}

/// Zero when there is none.
pub(super) fn last_key(hot: &Connection) -> rusqlite::Result<i64> {
    hot.query_row("SELECT coalesce(max(key), 0) FROM verdicts", [], |row| row.get(0))
}

/// None when it does not read back: what is told of it is not what is done about it.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<Verdict>> {
    let decoded = codec::decode(row.get_ref(1)?.as_blob()?);
    Ok(decoded
        .inspect_err(|damage| {
            let key: i64 = row.get(0).unwrap_or_default();
            tracing::error!(key, %damage, "a damaged verdict is left out");
        })
        .ok())
}

#[cfg(test)]
mod tests {
    use domain::VerdictId;
    use domain::verdict::{Kind, Proof, Scope};

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn verdict(key: u128, raised_at: i64) -> Verdict {
        Verdict {
            id: VerdictId::from_u128(key << 64),
            kind: Kind::SilentDrop,
            scope: Scope::default(),
            raised_at: at(raised_at),
            revised_at: None,
            recovered_at: None,
            proof: Proof::default(),
        }
    }

    #[test]
    fn verdicts_are_listed_the_newest_first_and_change_in_place() {
        let hot = Connection::open_in_memory().unwrap();
        hot.execute_batch(TABLES).unwrap();
        let (one, two) = (verdict(1, 10), verdict(2, 20));
        for verdict in [&one, &two] {
            put(&hot, &Adaptive::Verdict(Box::new(verdict.clone())), at(30)).unwrap();
        }
        let over = Verdict { recovered_at: Some(at(40)), ..one };
        put(&hot, &Adaptive::Verdict(Box::new(over.clone())), at(40)).unwrap();
        let all = VerdictQuery { limit: 9, ..VerdictQuery::default() };
        let list = |query: VerdictQuery| {
            let found = verdicts(&hot, &query).unwrap();
            found.iter().map(|verdict| verdict.id.key()).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(&hot, &all).unwrap(), [two.clone(), over]);
        assert_eq!(list(VerdictQuery { is_open: Some(true), ..all }), [2]);
        assert_eq!(list(VerdictQuery { is_open: Some(false), ..all }), [1]);
        assert_eq!(list(VerdictQuery { before: Some(two.id), ..all }), [1]);
        assert_eq!(list(VerdictQuery { since: Some(at(40)), ..all }), [2]);
        assert_eq!(list(VerdictQuery { until: Some(at(20)), ..all }), [1]);
        assert_eq!(list(VerdictQuery { limit: 1, ..all }), [2]);
        assert_eq!(last_key(&hot).unwrap(), 2);
    }

    #[test]
    fn what_was_learned_is_kept_in_one_place() {
        let hot = Connection::open_in_memory().unwrap();
        hot.execute_batch(TABLES).unwrap();
        assert_eq!(state(&hot).unwrap(), None);
        for (now, bytes) in [(1, [1, 2]), (2, [3, 4])] {
            put(&hot, &Adaptive::State(Box::from(bytes)), at(now)).unwrap();
        }
        assert_eq!(state(&hot).unwrap(), Some(State { saved_at: at(2), bytes: Box::from([3, 4]) }));
    }
}
