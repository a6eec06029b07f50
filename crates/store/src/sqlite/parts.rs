//! Parts of texts that are not all there yet. The record that is made of them takes them away, in the commit that accepts it.

use domain::{AppId, MessageId, Record, Timestamp};
use rusqlite::{Connection, params};

use super::names::{self, Kind, Names};
use crate::write::Part;

/// One that is repeated takes the place of the one before. One that the message has overtaken is in it already.
pub(super) fn put(hot: &Connection, names: &mut Names, part: &Part) -> rusqlite::Result<()> {
    let app = names.intern(hot, Kind::App, part.app.as_str())?;
    hot.prepare_cached(
        "INSERT OR REPLACE INTO parts(message, number, app, received_at, body)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM messages WHERE key = ?6)",
    )?
    .execute(params![
        part.message.as_u128().to_be_bytes(),
        part.number,
        app,
        part.received_at.as_millis(),
        &*part.body,
        part.message.key()
    ])?;
    Ok(())
}

/// The record is accepted.
pub(super) fn take(hot: &Connection, record: &Record) -> rusqlite::Result<()> {
    if came_in_parts(record) {
        hot.prepare_cached("DELETE FROM parts WHERE message = ?1")?.execute([record
            .message
            .id
            .as_u128()
            .to_be_bytes()])?;
    }
    Ok(())
}

pub(super) fn came_in_parts(record: &Record) -> bool {
    record.message.by_smpp.as_ref().is_some_and(|by_smpp| !by_smpp.parts.is_empty())
}

pub(super) fn all(hot: &Connection) -> rusqlite::Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut select =
        hot.prepare("SELECT message, number, app, received_at, body FROM parts ORDER BY message, number")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let message: Option<[u8; 16]> = row.get_ref(0)?.as_blob()?.try_into().ok();
        let app = names::name(hot, Kind::App, row.get(2)?)?.and_then(|app| AppId::new(&app).ok());
        let (Some(message), Some(app)) = (message, app) else {
            tracing::error!("a damaged part of a text is passed over");
            continue;
        };
        parts.push(Part {
            message: MessageId::from_u128(u128::from_be_bytes(message)),
            app,
            number: row.get(1)?,
            received_at: Timestamp::from_millis(row.get(3)?),
            body: row.get_ref(4)?.as_blob()?.into(),
        });
    }
    Ok(parts)
}

/// Zero when none waits.
pub(super) fn last_key(hot: &Connection) -> rusqlite::Result<i64> {
    Ok(all(hot)?.iter().map(|part| part.message.key()).max().unwrap_or(0))
}
