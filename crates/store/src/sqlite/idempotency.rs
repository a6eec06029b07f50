//! Keys by which applications repeat a request without sending twice.

use domain::{MessageId, Record, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::names::{Kind, Names};
use crate::write::{IDEMPOTENCY_KEPT, Idempotency};

/// The message that a key was used for.
pub(super) struct Earlier {
    pub(super) message: i64,
    pub(super) same_body: bool,
}

/// What the key was used for before; otherwise it now is used for this message.
pub(super) fn claim(
    hot: &Connection,
    names: &mut Names,
    record: &Record,
    idempotency: &Idempotency,
    now: Timestamp,
) -> rusqlite::Result<Option<Earlier>> {
    let app = names.intern(hot, Kind::App, record.message.app.as_str())?;
    let earlier = hot
        .prepare_cached(
            "SELECT message, fingerprint FROM idempotency WHERE app = ?1 AND key = ?2 AND message >= ?3",
        )?
        .query_row(params![app, idempotency.key, first_kept(now)], |row| {
            let same_body = row.get_ref(1)?.as_blob()? == idempotency.fingerprint;
            Ok(Earlier { message: row.get(0)?, same_body })
        })
        .optional()?;
    if earlier.is_none() {
        // In place of one that is past its time and was not purged yet.
        hot.prepare_cached(
            "INSERT OR REPLACE INTO idempotency(message, app, key, fingerprint) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![record.message.id.key(), app, idempotency.key, idempotency.fingerprint])?;
    }
    Ok(earlier)
}

/// Whether some key is past its time.
pub(super) fn any_to_purge(hot: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
    hot.prepare_cached("SELECT EXISTS(SELECT 1 FROM idempotency WHERE message < ?1)")?
        .query_row([first_kept(now)], |row| row.get(0))
}

pub(super) fn purge(hot: &Connection, now: Timestamp, limit: i64) -> rusqlite::Result<()> {
    hot.prepare_cached(
        "DELETE FROM idempotency WHERE message IN
           (SELECT message FROM idempotency WHERE message < ?1 ORDER BY message LIMIT ?2)",
    )?
    .execute(params![first_kept(now), limit])?;
    Ok(())
}

/// A key is as old as its message.
fn first_kept(now: Timestamp) -> i64 {
    let kept = i64::try_from(IDEMPOTENCY_KEPT.as_millis()).unwrap_or(i64::MAX);
    MessageId::first_key_at(Timestamp::from_millis(now.as_millis().saturating_sub(kept)))
}
