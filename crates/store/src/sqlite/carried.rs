//! One row for each vendor, day and currency.

use domain::{Currency, VendorId};
use rusqlite::{Connection, params};

use crate::Carried;

/// No currency is an empty text, so that it can be part of the key.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS carried_by_vendor(
  vendor TEXT NOT NULL,
  day INTEGER NOT NULL,
  currency TEXT NOT NULL,
  messages INTEGER NOT NULL,
  segments INTEGER NOT NULL,
  spend TEXT NOT NULL,
  PRIMARY KEY(vendor, day, currency)
) WITHOUT ROWID, STRICT;
";

/// Each in place of what was written of its vendor, day and currency before.
pub(super) fn put(hot: &Connection, carried: &[Carried]) -> rusqlite::Result<()> {
    let mut insert = hot.prepare_cached(
        "INSERT OR REPLACE INTO carried_by_vendor(vendor, day, currency, messages, segments, spend) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for Carried { vendor, day, currency, messages, segments, spend } in carried {
        let currency = currency.as_ref().map_or("", |currency| currency.as_str());
        let [messages, segments] =
            [messages, segments].map(|count| i64::try_from(*count).unwrap_or(i64::MAX));
        insert.execute(params![vendor.as_str(), day, currency, messages, segments, spend.to_string()])?;
    }
    Ok(())
}

/// From this day on. A row that does not read back is left out.
pub(super) fn since(hot: &Connection, day: i32) -> rusqlite::Result<Vec<Carried>> {
    let mut select = hot.prepare(
        "SELECT vendor, day, currency, messages, segments, spend FROM carried_by_vendor WHERE day >= ?1 \
         ORDER BY vendor, day, currency",
    )?;
    let found = select.query_map([day], |row| {
        let [vendor, currency, spend]: [String; 3] = [row.get(0)?, row.get(2)?, row.get(5)?];
        let [messages, segments]: [i64; 2] = [row.get(3)?, row.get(4)?];
        let day = row.get(1)?;
        let read = || {
            let currency = if currency.is_empty() { None } else { Some(currency.parse::<Currency>().ok()?) };
            Some(Carried {
                vendor: VendorId::new(&vendor).ok()?,
                day,
                currency,
                messages: u64::try_from(messages).ok()?,
                segments: u64::try_from(segments).ok()?,
                spend: spend.parse().ok()?,
            })
        };
        Ok(read())
    })?;
    found.filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sum_of_each_day_is_kept_to_the_last_decimal() {
        let hot = Connection::open_in_memory().unwrap();
        hot.execute_batch(TABLES).unwrap();
        let carried = |vendor: &str, day, currency: Option<&str>, messages, spend: &str| Carried {
            vendor: vendor.parse().unwrap(),
            day,
            currency: currency.map(|text| text.parse().unwrap()),
            messages,
            segments: 2 * messages,
            spend: spend.parse().unwrap(),
        };
        let euros = carried("acme", 20_000, Some("EUR"), 7, "123456789.000000000001");
        let unknown = carried("acme", 20_000, None, 3, "0");
        put(&hot, &[euros.clone(), unknown.clone(), carried("acme", 19_999, Some("EUR"), 9, "1")]).unwrap();
        let more = Carried { messages: 8, spend: "123456789.050000000001".parse().unwrap(), ..euros };
        put(&hot, std::slice::from_ref(&more)).unwrap();
        assert_eq!(since(&hot, 20_000).unwrap(), [unknown, more]);
        assert_eq!(since(&hot, 0).unwrap().len(), 3);
        assert_eq!(since(&hot, 20_001).unwrap(), []);
    }
}
