//! How vendors write their price lists: a row a vendor.

use domain::Timestamp;
use rusqlite::{Connection, params};

use crate::ListMapping;

pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS list_mappings(
  vendor TEXT PRIMARY KEY,
  mapping TEXT NOT NULL,
  at INTEGER NOT NULL,
  by TEXT NOT NULL
) WITHOUT ROWID, STRICT;
";

/// In place of the one of its vendor.
pub(super) fn put(hot: &Connection, one: &ListMapping) -> rusqlite::Result<()> {
    match &one.mapping {
        None => hot.execute("DELETE FROM list_mappings WHERE vendor = ?1", [&*one.vendor])?,
        Some(mapping) => hot.execute(
            "INSERT OR REPLACE INTO list_mappings(vendor, mapping, at, by) VALUES (?1, ?2, ?3, ?4)",
            params![&*one.vendor, &**mapping, one.at.as_millis(), &*one.by],
        )?,
    };
    Ok(())
}

/// In order of vendor.
pub(super) fn all(hot: &Connection) -> rusqlite::Result<Vec<ListMapping>> {
    let mut select = hot.prepare("SELECT vendor, mapping, at, by FROM list_mappings ORDER BY vendor")?;
    let found = select.query_map([], |row| {
        Ok(ListMapping {
            vendor: row.get::<_, String>(0)?.into(),
            mapping: Some(row.get::<_, String>(1)?.into()),
            at: Timestamp::from_millis(row.get(2)?),
            by: row.get::<_, String>(3)?.into(),
        })
    })?;
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_takes_the_place_of_the_one_before_and_can_be_forgotten() {
        let hot = Connection::open_in_memory().unwrap();
        hot.execute_batch(TABLE).unwrap();
        let one = |vendor: &str, mapping: Option<&str>| ListMapping {
            vendor: vendor.into(),
            mapping: mapping.map(Into::into),
            at: Timestamp::from_millis(7),
            by: "ops".into(),
        };
        for (vendor, mapping) in [("borealis", "{}"), ("acme", "{}"), ("acme", "{\"zero\":\"free\"}")] {
            put(&hot, &one(vendor, Some(mapping))).unwrap();
        }
        assert_eq!(
            all(&hot).unwrap(),
            [one("acme", Some("{\"zero\":\"free\"}")), one("borealis", Some("{}"))]
        );
        put(&hot, &one("acme", None)).unwrap();
        assert_eq!(all(&hot).unwrap(), [one("borealis", Some("{}"))]);
    }
}
