//! Which part of which attempt a vendor calls by which id, per connection.

use domain::Record;
use rusqlite::{Connection, OptionalExtension, params};

use super::names::{Kind, Names};

/// Where an id leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) key: i64,
    pub(super) attempt: u16,
    pub(super) part: u8,
}

/// An id of a part, as a vendor gave it.
#[derive(Clone, Copy)]
pub(super) struct VendorId<'a> {
    pub(super) connection: i64,
    pub(super) id: &'a str,
}

/// Vendors use ids again: whoever learnt it last has it.
pub(super) fn put(hot: &Connection, id: VendorId<'_>, place: Place) -> rusqlite::Result<()> {
    hot.prepare_cached(
        "INSERT INTO vendor_ids(vendor_id, connection, key, attempt, part) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET key = excluded.key, attempt = excluded.attempt, part = excluded.part",
    )?
    .execute(params![id.id, id.connection, place.key, place.attempt, place.part])?;
    Ok(())
}

pub(super) fn find(file: &Connection, id: VendorId<'_>) -> rusqlite::Result<Option<Place>> {
    file.prepare_cached("SELECT key, attempt, part FROM vendor_ids WHERE vendor_id = ?1 AND connection = ?2")?
        .query_row(params![id.id, id.connection], |row| {
            Ok(Place { key: row.get(0)?, attempt: row.get(1)?, part: row.get(2)? })
        })
        .optional()
}

/// Indexes every id of a record that is being sealed. Records are sealed in any order, so the newest message has it.
pub(super) fn put_all(day: &Connection, names: &mut Names, record: &Record) -> rusqlite::Result<()> {
    let mut put = day.prepare_cached(
        "INSERT INTO vendor_ids(vendor_id, connection, key, attempt, part) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET key = excluded.key, attempt = excluded.attempt, part = excluded.part
         WHERE excluded.key >= vendor_ids.key",
    )?;
    for (place, connection, id) in of(record) {
        let connection = names.intern(day, Kind::Connection, connection)?;
        put.execute(params![id, connection, place.key, place.attempt, place.part])?;
    }
    Ok(())
}

/// Forgets the ids of a record that leaves the file, unless a newer message has them.
pub(super) fn remove_all(hot: &Connection, names: &mut Names, record: &Record) -> rusqlite::Result<()> {
    let mut remove =
        hot.prepare_cached("DELETE FROM vendor_ids WHERE vendor_id = ?1 AND connection = ?2 AND key = ?3")?;
    for (place, connection, id) in of(record) {
        let connection = names.intern(hot, Kind::Connection, connection)?;
        remove.execute(params![id, connection, place.key])?;
    }
    Ok(())
}

/// Every id of a record, with the connection that it is of.
pub(super) fn of(record: &Record) -> impl Iterator<Item = (Place, &str, &str)> {
    let key = record.message.id.key();
    record.attempts.iter().flat_map(move |attempt| {
        attempt.parts.iter().zip(0u8..).filter_map(move |(part, index)| {
            let place = Place { key, attempt: attempt.number, part: index };
            Some((place, attempt.connection.as_str(), part.vendor_id.as_deref()?))
        })
    })
}
