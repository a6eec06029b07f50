//! The reading side: connections of its own, which see what is committed and never wait for the writer.

use std::sync::Arc;

use domain::{Key, MessageId, Override, OverrideId, Record, Timestamp, Verdict};
use parking_lot::Mutex;
use rusqlite::Connection;

use super::day::Day;
use super::day_pool::DayPool;
use super::fault::Fault;
use super::folder::{Access, Folder};
use super::{
    adaptive, audit, carried, counts, damaged, imported, keys, list_mappings, log, notices, operators,
    overrides, records, schema, search, versions,
};
use crate::adaptive::{State, VerdictQuery};
use crate::audit::{AuditQuery, Audited, Imported};
use crate::operators::{Learnt, OperatorList};
use crate::query::{LogPage, LogQuery, Page, Query, Reader, Waiting};
use crate::versions::{Published, Summary, Version};
use crate::{Carried, Counted, Error, ListMapping};

pub struct SqliteReader {
    folder: Arc<Folder>,
    /// Connections that nobody uses just now; locked only to take one out or to put it back.
    hot: Mutex<Vec<Connection>>,
    days: Arc<DayPool>,
}

const HOT_KEPT_OPEN: usize = 4;
/// Many files are open, and of each a search touches a few pages.
const DAY_CACHE_KIB: i64 = 256;

impl SqliteReader {
    pub(super) fn new(folder: Arc<Folder>, days: Arc<DayPool>) -> Self {
        Self { folder, hot: Mutex::default(), days }
    }

    pub(super) fn with_hot<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let idle = self.hot.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.folder.connect(&self.folder.hot(), Access::Read)?,
        };
        let result = read(&connection).map_err(|fault| fault.met_in(&self.folder.hot()));
        let mut idle = self.hot.lock();
        if idle.len() < HOT_KEPT_OPEN {
            idle.push(connection);
        }
        result
    }

    /// None when the day has no file, or one that is just being made. What cannot be read just now may be there for all
    /// that, so it is an error: nobody may conclude that there is no such message.
    pub(super) fn with_day<T>(
        &self,
        day: Day,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Fault> {
        let file = self.folder.day(day);
        match self.try_with_day(day, read) {
            // Dropped by age meanwhile, or never made.
            Err(_) if matches!(file.try_exists(), Ok(false)) => Ok(None),
            result => result.map_err(|fault| fault.met_in(&file)),
        }
    }

    pub(super) fn list_days(&self) -> Result<Vec<Day>, Error> {
        self.folder.list_days().map_err(|error| Error::Unavailable { reason: error.to_string() })
    }

    fn try_with_day<T>(
        &self,
        day: Day,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Fault> {
        let (ticket, idle) = self.days.take(day);
        let opened = match idle {
            Some(connection) => Some(connection),
            None => self.open_day(day)?,
        };
        let Some(connection) = opened else { return Ok(None) };
        let result = read(&connection)?;
        self.days.put(day, ticket, connection);
        Ok(Some(result))
    }

    fn open_day(&self, day: Day) -> Result<Option<Connection>, Fault> {
        let file = self.folder.day(day);
        let connection = self.folder.connect(&file, Access::Read)?;
        connection.pragma_update(None, "cache_size", -DAY_CACHE_KIB)?;
        Ok(schema::is_prepared(&connection)?.then_some(connection))
    }
}

impl Reader for SqliteReader {
    fn message(&self, id: MessageId) -> Result<Option<Record>, Error> {
        let key = id.key();
        // In this order: a record is in its day's file before it leaves the hot one.
        let mut found = self.with_hot(|hot| Ok(records::read(hot, key)?)).map_err(|fault| failed(&fault))?;
        if found.is_none() {
            let sealed = self.with_day(Day::of_key(key), |day| records::read(day, key));
            found = sealed.map_err(|fault| failed(&fault))?.flatten();
        }
        match found {
            // The second half of an id is what cannot be guessed.
            Some(Ok(stored)) => {
                Ok(Some(Arc::unwrap_or_clone(stored.record)).filter(|record| record.message.id == id))
            }
            Some(Err(row)) => Err(Error::Damaged { reason: format!("a record is damaged: {}", row.damage) }),
            None => Ok(None),
        }
    }

    fn search(&self, query: &Query) -> Result<Page, Error> {
        let days = self.list_days()?;
        search::search(self, query, &days).map_err(|fault| failed(&fault))
    }

    fn log(&self, query: &LogQuery) -> Result<LogPage, Error> {
        let days = self.list_days()?;
        log::page(self, query, &days).map_err(|fault| failed(&fault))
    }

    fn waiting(&self) -> Result<Vec<Waiting>, Error> {
        let waiting = self.with_hot(|hot| Ok(records::waiting(hot)?)).map_err(|fault| failed(&fault))?;
        let in_lane = |(lane, messages, key)| Waiting {
            lane,
            messages: u64::try_from(messages).unwrap_or(0),
            oldest: Timestamp::from_millis(key >> 16),
        };
        Ok(waiting.into_iter().map(in_lane).collect())
    }

    fn notices_pending(&self) -> Result<u64, Error> {
        self.with_hot(|hot| Ok(notices::count(hot)?)).map_err(|fault| failed(&fault))
    }

    fn overrides(&self, ending_after: Timestamp, limit: usize) -> Result<Vec<Override>, Error> {
        self.with_hot(|hot| Ok(overrides::list(hot, ending_after, limit)?)).map_err(|fault| failed(&fault))
    }

    fn find_override(&self, id: OverrideId) -> Result<Option<Override>, Error> {
        self.with_hot(|hot| Ok(overrides::find(hot, id)?)).map_err(|fault| failed(&fault))
    }

    fn keys(&self) -> Result<Vec<Key>, Error> {
        self.with_hot(|hot| Ok(keys::all(hot)?)).map_err(|fault| failed(&fault))
    }

    fn operator_lists(&self) -> Result<Vec<OperatorList>, Error> {
        self.with_hot(|hot| Ok(operators::lists(hot)?)).map_err(|fault| failed(&fault))
    }

    fn learnt(&self, now: Timestamp, limit: usize) -> Result<Vec<Learnt>, Error> {
        self.with_hot(|hot| Ok(operators::learnt(hot, now, limit)?)).map_err(|fault| failed(&fault))
    }

    fn counted(&self) -> Result<Vec<Counted>, Error> {
        self.with_hot(|hot| Ok(counts::all(hot)?)).map_err(|fault| failed(&fault))
    }

    fn carried(&self, since: i32) -> Result<Vec<Carried>, Error> {
        self.with_hot(|hot| Ok(carried::since(hot, since)?)).map_err(|fault| failed(&fault))
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<Audited>, Error> {
        self.with_hot(|hot| Ok(audit::search(hot, query)?)).map_err(|fault| failed(&fault))
    }

    fn imported(&self) -> Result<Option<Imported>, Error> {
        self.with_hot(|hot| Ok(imported::get(hot)?)).map_err(|fault| failed(&fault))
    }

    fn versions(&self, before: u64, limit: usize) -> Result<Vec<Summary>, Error> {
        self.with_hot(|hot| versions::list(hot, before, limit)).map_err(|fault| failed(&fault))
    }

    fn version(&self, number: u64) -> Result<Option<Version>, Error> {
        self.with_hot(|hot| versions::find(hot, number)).map_err(|fault| failed(&fault))
    }

    fn active_version(&self) -> Result<Option<Version>, Error> {
        self.with_hot(versions::active).map_err(|fault| failed(&fault))
    }

    fn rolling_out(&self) -> Result<Option<Version>, Error> {
        self.with_hot(versions::rolling_out).map_err(|fault| failed(&fault))
    }

    fn text(&self, hash: [u8; 32]) -> Result<Option<Box<str>>, Error> {
        self.with_hot(|hot| versions::text(hot, hash)).map_err(|fault| failed(&fault))
    }

    fn list_mappings(&self) -> Result<Vec<ListMapping>, Error> {
        self.with_hot(|hot| Ok(list_mappings::all(hot)?)).map_err(|fault| failed(&fault))
    }

    fn imported_routing(&self) -> Result<Option<[u8; 32]>, Error> {
        self.with_hot(versions::imported).map_err(|fault| failed(&fault))
    }

    fn published(&self, table: u64) -> Result<Option<Published>, Error> {
        self.with_hot(|hot| versions::published(hot, table)).map_err(|fault| failed(&fault))
    }

    fn adaptive_state(&self) -> Result<Option<State>, Error> {
        self.with_hot(|hot| Ok(adaptive::state(hot)?)).map_err(|fault| failed(&fault))
    }

    fn verdicts(&self, query: &VerdictQuery) -> Result<Vec<Verdict>, Error> {
        self.with_hot(|hot| Ok(adaptive::verdicts(hot, query)?)).map_err(|fault| failed(&fault))
    }

    fn damaged(&self) -> Result<u64, Error> {
        self.with_hot(|hot| Ok(damaged::count(hot)?)).map_err(|fault| failed(&fault))
    }

    fn days_given_up(&self) -> usize {
        self.folder.days_given_up()
    }
}

/// Nothing that a reader meets can put in doubt what was written.
fn failed(fault: &Fault) -> Error {
    let reason = fault.to_string();
    if fault.is_corrupt() { Error::Damaged { reason } } else { Error::Unavailable { reason } }
}
