//! One row for each cap and what it counts by.

use domain::{CapId, Timestamp};
use rusqlite::{Connection, params};

use crate::Counted;

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS cap_counts(
  cap TEXT NOT NULL,
  period INTEGER NOT NULL,
  since INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY(cap, period)
) WITHOUT ROWID, STRICT;
";

/// Each in place of what was counted of its cap by the same period before.
pub(super) fn put(hot: &Connection, counted: &[Counted]) -> rusqlite::Result<()> {
    let mut insert = hot.prepare_cached(
        "INSERT OR REPLACE INTO cap_counts(cap, period, since, count) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for Counted { cap, period, since, count } in counted {
        insert.execute(params![cap.as_str(), period, since.as_millis(), count])?;
    }
    Ok(())
}

/// Of a cap whose name does not read back there is none any more.
pub(super) fn all(hot: &Connection) -> rusqlite::Result<Vec<Counted>> {
    let mut select = hot.prepare("SELECT cap, period, since, count FROM cap_counts ORDER BY cap, period")?;
    let found = select.query_map([], |row| {
        let (period, since, count) = (row.get(1)?, Timestamp::from_millis(row.get(2)?), row.get(3)?);
        let cap = CapId::new(&row.get::<_, String>(0)?).ok();
        Ok(cap.map(|cap| Counted { cap, period, since, count }))
    })?;
    found.filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_count_of_each_cap_is_kept() {
        let hot = Connection::open_in_memory().unwrap();
        hot.execute_batch(TABLES).unwrap();
        let counted = |cap: &str, since, count| Counted {
            cap: cap.parse().unwrap(),
            period: 60_000,
            since: Timestamp::from_millis(since),
            count,
        };
        put(&hot, &[counted("b", 0, 7), counted("a", 0, u32::MAX)]).unwrap();
        put(&hot, &[counted("b", 60_000, 1)]).unwrap();
        assert_eq!(all(&hot).unwrap(), [counted("a", 0, u32::MAX), counted("b", 60_000, 1)]);
    }
}
