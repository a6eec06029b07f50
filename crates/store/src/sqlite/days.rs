//! The sealed files, as whoever looks into them or writes to them uses them: a few stay open, the rest is opened when
//! it is needed. The writer has one of these to look for what is sealed, and whoever seals has another.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Timestamp;
use domain::record::RECEIPT_HORIZON;
use rusqlite::Connection;

use super::day::Day;
use super::day_pool::DayPool;
use super::fault::Fault;
use super::folder::{Access, Folder, GivenUp};
use super::names::{Kind, Names};
use super::records::{self, Stored};
use super::retention;
use super::schema::{self, Role};
use super::vendor_ids::{self, Place, VendorId};
use super::{OpenError, WHAT_TO_DO};

pub(super) struct Days {
    folder: Arc<Folder>,
    readers: Arc<DayPool>,
    /// Those that have a file.
    known: BTreeSet<Day>,
    /// The one used last is at the end.
    open: Vec<OpenDay>,
}

pub(super) struct OpenDay {
    day: Day,
    pub(super) connection: Connection,
    pub(super) names: Names,
}

/// The receipt horizon touches eight days, and every receipt that is matched nowhere looks into all of them.
const KEPT_OPEN: usize = 10;

impl Days {
    pub(super) fn new(folder: Arc<Folder>, readers: Arc<DayPool>) -> Result<Self, OpenError> {
        let listed = folder.list_days();
        let days = listed.map_err(|source| OpenError::Files { path: folder.path().to_owned(), source })?;
        let known = days.into_iter().collect();
        Ok(Self { folder, readers, known, open: Vec::new() })
    }

    /// The largest key of any sealed record; zero when there is none. A damaged day may have had any of its keys.
    pub(super) fn last_key(&mut self) -> Result<i64, Fault> {
        let Some(newest) = self.known.last().copied() else { return Ok(0) };
        // When this is, a start does not know: what is given up now is tried again when it is used.
        let long_ago = Timestamp::from_millis(i64::MIN);
        let key = self.look(newest, long_ago, |file| records::last_key(&file.connection))?;
        Ok(key.unwrap_or_else(|| newest.end_key() - 1))
    }

    /// A record was sealed into it.
    pub(super) fn learn(&mut self, day: Day) {
        self.known.insert(day);
    }

    /// Its file is gone.
    pub(super) fn forget(&mut self, day: Day) {
        self.open.retain(|open| open.day != day);
        self.known.remove(&day);
    }

    pub(super) fn has(&self, day: Day) -> bool {
        self.known.contains(&day)
    }

    /// Whether anything needs a day that is too old.
    pub(super) fn is_needed(&self, hot: &Connection, day: Day, now: Timestamp) -> rusqlite::Result<bool> {
        retention::is_needed(&self.folder, hot, day, now)
    }

    /// Takes the day's file away, for readers as well.
    pub(super) fn drop_day(&mut self, day: Day) -> Result<(), OpenError> {
        self.open.retain(|open| open.day != day);
        let dropped = retention::drop_day(&self.folder, day);
        // It may have gone although something after that failed.
        if !self.folder.day(day).exists() {
            self.forget(day);
            self.folder.use_again(day);
            self.readers.let_go(day);
        }
        dropped
    }

    pub(super) fn is_given_up(&self, day: Day, now: Timestamp) -> bool {
        self.folder.is_given_up(day, now)
    }

    /// A sealed record. One that is damaged is left where it is and not found.
    pub(super) fn read(&mut self, key: i64, now: Timestamp) -> Result<Option<Stored>, Fault> {
        let found = self.look(Day::of_key(key), now, |file| records::read(&file.connection, key))?;
        Ok(found.flatten().and_then(|row| {
            row.inspect_err(|row| tracing::error!(key, reason = %row.damage, "a sealed record is damaged"))
                .ok()
        }))
    }

    /// Where a vendor's id leads, within the receipt horizon; the newest day wins.
    pub(super) fn find(
        &mut self,
        connection: &str,
        vendor_id: &str,
        now: Timestamp,
    ) -> Result<Option<Place>, Fault> {
        let horizon = i64::try_from(RECEIPT_HORIZON.as_millis()).unwrap_or(i64::MAX);
        let first = Day::of(Timestamp::from_millis(now.as_millis().saturating_sub(horizon)));
        let days: Vec<Day> = self.known.range(first..).rev().copied().collect();
        for day in days {
            let found = self.look(day, now, |file| {
                let Some(connection) = file.names.find(&file.connection, Kind::Connection, connection)?
                else {
                    return Ok(None);
                };
                vendor_ids::find(&file.connection, VendorId { connection, id: vendor_id })
            })?;
            if let Some(place) = found.flatten() {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Does something with a day's file. One that cannot be used holds nothing that can be found and takes nothing
    /// more: None, until a start finds it repaired or, when it is not damaged, for a while. What is open must not stop
    /// because of it. What would befall any file is an error.
    pub(super) fn with<T>(
        &mut self,
        day: Day,
        now: Timestamp,
        work: impl FnOnce(&mut OpenDay) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Fault> {
        if self.folder.is_given_up(day, now) {
            return Ok(None);
        }
        let fault = match self.open(day).and_then(|file| work(file).map_err(Fault::Database)) {
            Ok(done) => {
                self.folder.use_again(day);
                return Ok(Some(done));
            }
            Err(fault) => fault,
        };
        if !fault.is_of_the_file() {
            return Err(fault);
        }
        self.open.retain(|open| open.day != day);
        let file = self.folder.day(day);
        let file = file.display();
        if fault.is_for_good() {
            tracing::error!(%file, %fault, "a sealed file cannot be used and is left alone: {WHAT_TO_DO}, then start again");
            self.folder.give_up(day, GivenUp::UntilTheNextStart);
        } else if self.folder.is_short_of_files() {
            return Err(fault);
        } else {
            tracing::error!(%file, %fault, "a sealed file cannot be used and is left alone for a minute");
            self.folder.give_up(day, GivenUp::At(now));
        }
        Ok(None)
    }

    /// Looks into a day that has a file.
    fn look<T>(
        &mut self,
        day: Day,
        now: Timestamp,
        look: impl FnOnce(&mut OpenDay) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Fault> {
        if self.known.contains(&day) { self.with(day, now, look) } else { Ok(None) }
    }

    /// The file of a day, which is made when it is not there.
    fn open(&mut self, day: Day) -> Result<&mut OpenDay, Fault> {
        if let Some(position) = self.open.iter().position(|open| open.day == day) {
            let used = self.open.remove(position);
            self.open.push(used);
        } else {
            let file = self.folder.day(day);
            if !file.exists() {
                // Left by a day of that date that was dropped while the process died.
                self.folder
                    .remove_logs(day)
                    .map_err(|source| OpenError::Files { path: file.clone(), source })?;
            }
            let failed = |source| OpenError::of(&file, source);
            let mut connection = self.folder.connect(&file, Access::Write).map_err(failed)?;
            schema::prepare(&mut connection, Role::Day, &file)?;
            // Known only once its name is durable: else a failed sync would not be noticed the next time.
            if !self.known.contains(&day) {
                self.folder.sync()?;
                self.known.insert(day);
            }
            if self.open.len() >= KEPT_OPEN {
                self.open.remove(0);
            }
            self.open.push(OpenDay { day, connection, names: Names::default() });
        }
        self.open.last_mut().ok_or(Fault::Database(rusqlite::Error::InvalidQuery))
    }
}
