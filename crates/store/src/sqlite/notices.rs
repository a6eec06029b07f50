//! What applications still have to be told of, and who may tell it now.
//!
//! A notice is born with a lease that is not indexed. Only when that runs out untold is the notice aged: it gets its
//! `due_at`, by which claims find it. Notices age in the order of their ids, so one position says how far that came.

use domain::record::Change;
use domain::{AppId, MessageId, Record, Status, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::names::{Kind, Names};
use crate::write::{NOTICE_LEASE, Notice, NoticeLimit, NoticeOutcome};

#[derive(Default)]
pub(super) struct Outbox {
    next_id: i64,
    /// Ids below it are reserved in the file, so that no id is ever given twice, whatever was deleted meanwhile.
    reserved: i64,
    /// No notice up to this one has yet to age.
    aged: i64,
    /// The first id that this process gave. Whoever leased those below it has ended.
    first_own: Option<i64>,
}

const IDS_RESERVED_AT_ONCE: i64 = 1_000_000;
/// Notices looked at by one claim to see whether they have to age.
const AGED_AT_ONCE: i64 = 10_000;

impl Outbox {
    /// Leaves a notice for each change that the message's application wants to be told of.
    pub(super) fn leave(
        &mut self,
        hot: &Connection,
        names: &mut Names,
        record: &Record,
        changes: &[Change],
        now: Timestamp,
    ) -> rusqlite::Result<Vec<Notice>> {
        let message = &record.message;
        let mut left = Vec::new();
        for change in changes.iter().filter(|change| message.notify.contains(change.status)) {
            let app = names.intern(hot, Kind::App, message.app.as_str())?;
            let target = match &message.callback_url {
                None => app,
                Some(url) => names.intern(hot, Kind::Origin, origin(url))?,
            };
            let id = self.new_id(hot)?;
            hot.prepare_cached(
                "INSERT INTO notices(id, message, app, target, callback_url, status, sequence, at, tries)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
            )?
            .execute(params![
                id,
                message.id.as_u128().to_be_bytes(),
                app,
                target,
                message.callback_url,
                change.status.code(),
                change.sequence,
                change.at.as_millis()
            ])?;
            left.push(Notice {
                id,
                message: message.id,
                app: message.app.clone(),
                callback_url: message.callback_url.clone(),
                status: change.status,
                sequence: change.sequence,
                at: change.at,
                tries: 0,
                due_at: now.plus(NOTICE_LEASE),
            });
        }
        Ok(left)
    }

    /// Whether a claim would write anything.
    pub(super) fn has_due(&mut self, hot: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
        Ok(!self.find_ageing(hot, now)?.is_empty() || !due_targets(hot, now)?.is_empty())
    }

    pub(super) fn claim(
        &mut self,
        hot: &Connection,
        now: Timestamp,
        limit: NoticeLimit,
    ) -> rusqlite::Result<Vec<Notice>> {
        for (id, due_at) in self.find_ageing(hot, now)? {
            set_due_at(hot, id, due_at)?;
        }
        let mut claimed = Vec::new();
        for target in due_targets(hot, now)? {
            let room = limit.total.saturating_sub(claimed.len()).min(limit.per_target);
            if room == 0 {
                break;
            }
            claimed.extend(due_of(hot, target, now, room)?);
        }
        claimed.sort_by_key(|notice| (notice.due_at, notice.id));
        for notice in &mut claimed {
            notice.due_at = now.plus(NOTICE_LEASE);
            set_due_at(hot, notice.id, notice.due_at)?;
        }
        Ok(claimed)
    }

    /// After a rollback: ids reserved in that transaction are not, and what it aged is not aged.
    pub(super) fn forget(&mut self) {
        *self = Self { first_own: self.first_own, ..Self::default() };
    }

    fn new_id(&mut self, hot: &Connection) -> rusqlite::Result<i64> {
        if self.next_id >= self.reserved {
            self.next_id = hot
                .query_row("SELECT value FROM counters WHERE name = 'notices'", [], |row| row.get(0))
                .optional()?
                .unwrap_or(1);
            self.reserved = self.next_id + IDS_RESERVED_AT_ONCE;
            self.first_own.get_or_insert(self.next_id);
            hot.execute(
                "INSERT OR REPLACE INTO counters(name, value) VALUES ('notices', ?1)",
                [self.reserved],
            )?;
        }
        let id = self.next_id;
        self.next_id += 1;
        Ok(id)
    }

    /// Notices whose first lease ran out or ended with its process, with when they are due.
    fn find_ageing(&mut self, hot: &Connection, now: Timestamp) -> rusqlite::Result<Vec<(i64, Timestamp)>> {
        let mut ageing = Vec::new();
        let mut passed = self.aged;
        let mut select = hot.prepare_cached(
            "SELECT id, at, due_at IS NULL FROM notices WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let mut rows = select.query([self.aged, AGED_AT_ONCE])?;
        while let Some(row) = rows.next()? {
            let (id, at, is_new) = (row.get(0)?, Timestamp::from_millis(row.get(1)?), row.get(2)?);
            if is_new {
                let due_at = at.plus(NOTICE_LEASE);
                let is_leased = self.first_own.is_some_and(|first| id >= first);
                // One from the future was written before the clock was set back, and nobody knows how old it is.
                if is_leased && at <= now && due_at > now {
                    break;
                }
                ageing.push((id, due_at.min(now)));
            } else if ageing.is_empty() {
                passed = id;
            }
        }
        self.aged = passed;
        Ok(ageing)
    }
}

pub(super) fn settle(hot: &Connection, id: i64, outcome: NoticeOutcome) -> rusqlite::Result<()> {
    match outcome {
        NoticeOutcome::Told | NoticeOutcome::GivenUp => remove(hot, id),
        NoticeOutcome::RetryAt(at) => {
            hot.prepare_cached("UPDATE notices SET tries = tries + 1, due_at = ?2 WHERE id = ?1")?
                .execute([id, at.as_millis()])?;
            Ok(())
        }
        NoticeOutcome::WaitUntil(at) => set_due_at(hot, id, at),
    }
}

/// Has what waits for the callback come due.
pub(super) fn wake(
    hot: &Connection,
    names: &mut Names,
    callback: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    if let Some(target) = names.find(hot, Kind::Origin, origin(callback))? {
        hot.prepare_cached("UPDATE notices SET due_at = ?2 WHERE target = ?1 AND due_at > ?2")?
            .execute([target, now.as_millis()])?;
    }
    Ok(())
}

pub(super) fn count(hot: &Connection) -> rusqlite::Result<u64> {
    let count: i64 = hot.prepare_cached("SELECT count(*) FROM notices")?.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn remove(hot: &Connection, id: i64) -> rusqlite::Result<()> {
    hot.prepare_cached("DELETE FROM notices WHERE id = ?1")?.execute([id])?;
    Ok(())
}

fn set_due_at(hot: &Connection, id: i64, due_at: Timestamp) -> rusqlite::Result<()> {
    hot.prepare_cached("UPDATE notices SET due_at = ?2 WHERE id = ?1")?.execute([id, due_at.as_millis()])?;
    Ok(())
}

const NEXT_TARGET: &str = "SELECT target, due_at FROM notices WHERE due_at IS NOT NULL AND target > ?1 ORDER BY target, due_at LIMIT 1";

const DUE_OF_TARGET: &str = "
SELECT n.id, n.message, n.callback_url, n.status, n.sequence, n.at, n.tries, n.due_at, a.name
FROM notices n JOIN names a ON a.id = n.app
WHERE n.target = ?1 AND n.due_at <= ?2 ORDER BY n.due_at LIMIT ?3";

/// Targets for which something is due, the most overdue first. One step in the index for each target, however much
/// waits for it.
fn due_targets(hot: &Connection, now: Timestamp) -> rusqlite::Result<Vec<i64>> {
    let mut targets: Vec<(i64, i64)> = Vec::new();
    let mut after = i64::MIN;
    let mut select = hot.prepare_cached(NEXT_TARGET)?;
    while let Some((target, due_at)) =
        select.query_row([after], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).optional()?
    {
        if due_at <= now.as_millis() {
            targets.push((due_at, target));
        }
        after = target;
    }
    targets.sort_unstable();
    Ok(targets.into_iter().map(|(_, target)| target).collect())
}

fn due_of(hot: &Connection, target: i64, now: Timestamp, limit: usize) -> rusqlite::Result<Vec<Notice>> {
    let mut found = Vec::new();
    let mut unreadable = Vec::new();
    let mut select = hot.prepare_cached(DUE_OF_TARGET)?;
    let mut rows = select.query([target, now.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        match read(row)? {
            Some(notice) => found.push(notice),
            None => unreadable.push(row.get(0)?),
        }
    }
    for id in unreadable {
        tracing::error!(notice = id, "a damaged notice is dropped");
        remove(hot, id)?;
    }
    Ok(found)
}

/// None when a value is none that this version ever wrote.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<Notice>> {
    let message: Option<[u8; 16]> = row.get_ref(1)?.as_blob()?.try_into().ok();
    let status = Status::from_code(row.get(3)?);
    let app = AppId::new(row.get_ref(8)?.as_str()?).ok();
    let (Some(message), Some(status), Some(app)) = (message, status, app) else { return Ok(None) };
    Ok(Some(Notice {
        id: row.get(0)?,
        message: MessageId::from_u128(u128::from_be_bytes(message)),
        app,
        callback_url: row.get(2)?,
        status,
        sequence: row.get(4)?,
        at: Timestamp::from_millis(row.get(5)?),
        tries: row.get(6)?,
        due_at: Timestamp::from_millis(row.get(7)?),
    }))
}

/// Scheme and authority: all callbacks to one host share its fate.
fn origin(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url
        .get(authority..)
        .and_then(|rest| rest.find(['/', '?', '#']))
        .map_or(url.len(), |at| authority + at);
    url.get(..end).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::schema::plan;

    #[test]
    fn claims_read_nothing_that_is_not_due() {
        let expected = "SEARCH notices USING COVERING INDEX notices_by_due_at (target>?)";
        assert_eq!(plan(NEXT_TARGET), [expected]);
        let expected = [
            "SEARCH n USING INDEX notices_by_due_at (target=? AND due_at<?)",
            "SEARCH a USING INTEGER PRIMARY KEY (rowid=?)",
        ];
        assert_eq!(plan(DUE_OF_TARGET), expected);
    }

    #[test]
    fn callbacks_to_one_host_have_one_origin() {
        assert_eq!(origin("https://a.example:8443/x?y"), "https://a.example:8443");
        assert_eq!(origin("https://a.example?y"), "https://a.example");
        assert_eq!(origin("https://a.example"), "https://a.example");
        assert_eq!(origin("nonsense"), "nonsense");
    }
}
