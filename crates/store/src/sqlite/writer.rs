//! The writing side: one connection, one transaction at a time, and what is remembered between them.

use std::fs::File;
use std::sync::Arc;

use domain::{Lane, Record, Timestamp};
use parking_lot::Mutex;
use rusqlite::Connection;

use super::cache::Cache;
use super::checkpoint::{self, Checkpointer};
use super::commit::{self, Memory, Step};
use super::day::Day;
use super::day_pool::DayPool;
use super::days::Days;
use super::fault::{Fault, Phase};
use super::folder::{Access, Folder};
use super::names::{Kind, Names};
use super::notices::Outbox;
use super::records::{self, DamagedRow, Rows, Stage};
use super::retention::{Due, Sweeper, Unneeded};
use super::schema::{self, Role};
use super::seal::{self, Copying, Leaving, Sealer};
use super::{OpenError, WHAT_TO_DO, adaptive, damaged, hold, keys, notices, overrides, parts};
use crate::write::{Claim, Notice, NoticeLimit, Part, Sealing, Write, Writer, Written};
use crate::{Error, Retention};

/// A table of its own, and none of the schema: it is there for a moment of a bad day.
const WRITE_PROBE: &str = "
DROP TABLE IF EXISTS probe;
CREATE TABLE probe(filler BLOB NOT NULL) STRICT;
INSERT INTO probe VALUES (zeroblob(262144));";
const REMOVE_PROBE: &str = "DROP TABLE probe;";

pub struct SqliteWriter {
    /// Ends before the connections close, so that they are the last ones and leave no log behind.
    checkpointer: Checkpointer,
    sweeper: Sweeper,
    pub(super) hot: Connection,
    pub(super) memory: Memory,
    /// Locked while records are copied, which the writer does not wait for.
    pub(super) sealer: Arc<Mutex<Sealer>>,
    /// Records of days before this one are sealed without their text.
    texts_before: Option<Day>,
    /// Why nothing may be written any more, once a sync or a commit failed.
    broken: Option<String>,
    /// Released last.
    _lock: File,
}

impl SqliteWriter {
    pub(super) fn open(folder: Arc<Folder>, readers: Arc<DayPool>, lock: File) -> Result<Self, OpenError> {
        let file = folder.hot();
        let failed = |source| OpenError::of(&file, source);
        let mut hot = folder.connect(&file, Access::Write).map_err(failed)?;
        schema::prepare(&mut hot, Role::Hot, &file)?;
        // What was read back from the log may be in the page cache only: a checkpoint syncs it.
        checkpoint::checkpoint(&hot).map_err(failed)?;
        let days = Days::new(Arc::clone(&folder), Arc::clone(&readers))?;
        let sealer = Sealer::new(Days::new(Arc::clone(&folder), readers)?);
        let sealer = Arc::new(Mutex::new(sealer));
        let sweeper = Sweeper::start(Arc::clone(&folder))?;
        let checkpointer = Checkpointer::start(folder, &mut hot)?;
        let memory = Memory {
            cache: Cache::default(),
            names: Names::default(),
            rows: Rows::default(),
            outbox: Outbox::default(),
            days,
            leaving: Leaving::default(),
        };
        Ok(Self { hot, memory, sealer, checkpointer, sweeper, texts_before: None, broken: None, _lock: lock })
    }

    /// Runs `work` as one durable transaction.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Memory) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        self.refuse_when_broken()?;
        let done = self.attempt(work).map_err(|(fault, phase)| self.roll_back(&fault, phase))?;
        self.checkpointer.help(&self.hot);
        Ok(done)
    }

    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Memory) -> Result<T, Fault>,
    ) -> Result<T, (Fault, Phase)> {
        let before = |fault| (fault, Phase::BeforeCommit);
        self.run("BEGIN IMMEDIATE").map_err(before)?;
        let done = work(&self.hot, &mut self.memory).map_err(before)?;
        self.run("COMMIT").map_err(|fault| (fault, Phase::AtCommit))?;
        Ok(done)
    }

    fn run(&self, statement: &str) -> Result<(), Fault> {
        self.hot.prepare_cached(statement)?.execute([])?;
        Ok(())
    }

    fn roll_back(&mut self, fault: &Fault, phase: Phase) -> Error {
        self.memory.forget();
        let mut error = self.classify(fault, phase);
        // SQLite has rolled back by itself after some errors.
        if !self.hot.is_autocommit()
            && let Err(fault) = self.run("ROLLBACK")
        {
            error = Error::Broken { reason: fault.to_string() };
        }
        self.note_broken(error)
    }

    fn read<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Memory) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        self.refuse_when_broken()?;
        let done = work(&self.hot, &mut self.memory);
        done.map_err(|fault| self.note_broken(self.classify(&fault, Phase::BeforeCommit)))
    }

    /// A sealed file that is damaged stops nothing, so the one that does is the hot one.
    fn classify(&self, fault: &Fault, phase: Phase) -> Error {
        let error = fault.classify(phase);
        if !fault.is_corrupt() {
            return error;
        }
        let file = self.hot.path().unwrap_or_default();
        Error::Broken { reason: format!("{file} is damaged ({fault}), {WHAT_TO_DO}") }
    }

    fn refuse_when_broken(&mut self) -> Result<(), Error> {
        let reason = self.broken.clone().or_else(|| self.checkpointer.failure());
        reason.map_or(Ok(()), |reason| Err(self.note_broken(Error::Broken { reason })))
    }

    fn note_broken(&mut self, error: Error) -> Error {
        if let Error::Broken { reason } = &error {
            self.broken = Some(reason.clone());
        }
        error
    }

    /// A page must not end up empty because all of its rows were damaged: that would say that there are no more.
    fn claim_stage(&mut self, stage: Stage, after: i64, limit: usize) -> Result<Vec<Record>, Error> {
        let mut after = after;
        loop {
            let keys = self.read(|hot, _| Ok(records::keys(hot, stage, after, limit)?))?;
            let page = self.read_all(&keys)?;
            self.put_aside(&page.damaged)?;
            match keys.last() {
                Some(last) if page.records.is_empty() => after = *last,
                Some(_) | None => return Ok(page.records),
            }
        }
    }

    /// As `claim_work`.
    fn claim_open(&mut self, after: i64, limit: usize) -> Result<Vec<Record>, Error> {
        let mut after = after;
        loop {
            let keys = self.read(|hot, _| Ok(records::all_keys(hot, after, limit)?))?;
            let mut page = self.read_all(&keys)?;
            self.put_aside(&page.damaged)?;
            page.records.retain(|record| !record.closed);
            match keys.last() {
                Some(last) if page.records.is_empty() => after = *last,
                Some(_) | None => return Ok(page.records),
            }
        }
    }

    fn drop_damaged(&mut self, before: Day) -> Result<(), Error> {
        let key = before.first_key();
        if self.read(|hot, _| Ok(damaged::count_before(hot, key)?))? > 0 {
            let records = self.transact(|hot, _| Ok(damaged::drop_before(hot, key)?))?;
            tracing::info!(records, "damaged records were dropped by age");
        }
        Ok(())
    }

    /// Records are indexed by the earliest time at which they may have to wake. Those that came up too early get
    /// their true time, and the page is read anew.
    fn claim_due(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Record>, Error> {
        loop {
            let keys = self.read(|hot, _| Ok(records::due_keys(hot, now, limit)?))?;
            let page = self.read_all(&keys)?;
            let is_due = |record: &Record| record.wake_at().is_some_and(|at| at <= now);
            let (mut due, early): (Vec<Record>, Vec<Record>) = page.records.into_iter().partition(is_due);
            if early.is_empty() && page.damaged.is_empty() {
                due.sort_by_key(Record::wake_at);
                return Ok(due);
            }
            self.put_aside(&page.damaged)?;
            self.transact(|hot, memory| {
                for record in &early {
                    memory.cache.take(record.message.id.key());
                    records::set_wake_at(hot, record)?;
                }
                Ok(())
            })?;
        }
    }

    fn read_all(&mut self, keys: &[i64]) -> Result<Rowset, Error> {
        self.read(|hot, _| {
            let mut set = Rowset::default();
            for key in keys {
                match records::read(hot, *key)? {
                    Some(Ok(stored)) => set.records.push(Arc::unwrap_or_clone(stored.record)),
                    Some(Err(row)) => set.damaged.push(row),
                    None => {}
                }
            }
            Ok(set)
        })
    }

    fn put_aside(&mut self, rows: &[DamagedRow]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        self.transact(|hot, _| {
            for row in rows {
                damaged::put_aside(hot, row)?;
            }
            Ok(())
        })
    }
}

#[derive(Default)]
struct Rowset {
    records: Vec<Record>,
    damaged: Vec<DamagedRow>,
}

impl Writer for SqliteWriter {
    fn commit(&mut self, batch: &mut Vec<Write>, now: Timestamp) -> Result<Vec<Written>, Error> {
        let prepared = self.transact(|hot, memory| commit::prepare(hot, memory, batch, now))?;
        let steps = prepared.keep(&mut self.memory.cache);
        Ok(batch.drain(..).zip(steps).map(|(write, step)| written(write, step)).collect())
    }

    fn claim(&mut self, claim: Claim, limit: usize) -> Result<Vec<Record>, Error> {
        match claim {
            Claim::Dispatched { after } => self.claim_stage(Stage::Dispatched, after, limit),
            Claim::Undecided { after } => self.claim_stage(Stage::Undecided, after, limit),
            Claim::Waiting { lane, after } => {
                let lane =
                    self.read(|hot, memory| Ok(memory.names.find(hot, Kind::Lane, lane.as_str())?))?;
                lane.map_or(Ok(Vec::new()), |lane| self.claim_stage(Stage::Waiting(lane), after, limit))
            }
            Claim::Due { now } => self.claim_due(now, limit),
            Claim::Open { after } => self.claim_open(after, limit),
        }
    }

    fn lanes(&mut self) -> Result<Vec<Lane>, Error> {
        self.read(|hot, _| Ok(records::lanes(hot)?))
    }

    fn claim_notices(&mut self, now: Timestamp, limit: NoticeLimit) -> Result<Vec<Notice>, Error> {
        if !self.read(|hot, memory| Ok(memory.outbox.has_due(hot, now)?))? {
            return Ok(Vec::new());
        }
        self.transact(|hot, memory| Ok(memory.outbox.claim(hot, now, limit)?))
    }

    fn parts(&mut self) -> Result<Vec<Part>, Error> {
        self.read(|hot, _| Ok(parts::all(hot)?))
    }

    fn next_due(&mut self) -> Result<Option<Timestamp>, Error> {
        self.read(|hot, _| Ok(records::next_due(hot)?))
    }

    fn rest(&mut self) {
        self.memory.cache = Cache::default();
        if let Err(error) = self.hot.execute_batch("PRAGMA shrink_memory") {
            tracing::debug!(%error, "the page cache keeps its memory");
        }
    }

    fn wake_notices(&mut self, callback: &str, now: Timestamp) -> Result<(), Error> {
        self.transact(|hot, memory| Ok(notices::wake(hot, &mut memory.names, callback, now)?))
    }

    fn find_closed(&mut self, now: Timestamp, limit: usize) -> Result<Option<Box<dyn Sealing>>, Error> {
        if self.read(|hot, _| Ok(seal::any_to_purge(hot, now)?))? {
            self.transact(|hot, _| Ok(seal::purge(hot, now)?))?;
        }
        let closed = self.read(|hot, memory| seal::find(hot, memory, limit, now))?;
        self.put_aside(&closed.damaged)?;
        if closed.records.is_empty() {
            return Ok(None);
        }
        let search = self.memory.leaving.found(&closed.records);
        Ok(Some(Box::new(Copying {
            search,
            records: closed.records,
            sealer: Arc::clone(&self.sealer),
            checkpoints: self.checkpointer.orders(),
            texts_before: self.texts_before,
            now,
        })))
    }

    fn retain(&mut self, now: Timestamp, retention: &Retention) -> Result<(), Error> {
        let due = Due {
            messages_before: retention.messages_before(now).map(Day::of),
            texts_before: retention.texts_before(now).map(Day::of),
        };
        self.texts_before = due.texts_before;
        if let Some(before) = due.messages_before.max(due.texts_before) {
            self.drop_damaged(before)?;
        }
        // One for each call: to drop a day takes as long as a commit does.
        let sealer = Arc::clone(&self.sealer);
        // Not while records are copied, which may be of that day: the next call comes soon.
        if let Some(mut sealer) = sealer.try_lock()
            && let Some(Unneeded { day, messages }) = self.sweeper.found()
            && due.messages_before.is_some_and(|before| day < before)
            && self.memory.days.has(day)
            // A message that was scheduled may have been sealed into it since it was found.
            && !self.read(|hot, memory| Ok(memory.days.is_needed(hot, day, now)?))?
        {
            sealer.let_go(day);
            self.read(|_, memory| Ok(memory.days.drop_day(day)?))?;
            tracing::info!(%day, messages, "a sealed day was dropped by age");
            self.sweeper.free();
        }
        self.sweeper.want(due, now);
        Ok(())
    }

    fn is_on_hold(&mut self) -> Result<bool, Error> {
        self.read(|hot, _| Ok(hold::is_set(hot)?))
    }

    fn end_hold(&mut self) -> Result<(), Error> {
        self.transact(|hot, _| Ok(hold::clear(hot)?))
    }

    fn probe(&mut self) -> Result<(), Error> {
        // In two commits: what is removed in the same one is never written.
        self.transact(|hot, _| Ok(hot.execute_batch(WRITE_PROBE)?))?;
        self.transact(|hot, _| Ok(hot.execute_batch(REMOVE_PROBE)?))
    }

    fn last_key(&mut self) -> Result<i64, Error> {
        self.read(|hot, memory| {
            let records = records::last_key(hot)?.max(damaged::last_key(hot)?);
            let others = overrides::last_key(hot)?.max(parts::last_key(hot)?).max(keys::last_key(hot)?);
            let others = others.max(adaptive::last_key(hot)?);
            Ok(records.max(others).max(memory.days.last_key()?))
        })
    }
}

fn written(write: Write, step: Step) -> Written {
    match (step, write) {
        (Step::Done(written), _) => written,
        (Step::Accepted { notices }, Write::Accept { record, .. }) => Written::Accepted { record, notices },
        // Only an acceptance is answered like one.
        (
            Step::Accepted { .. },
            Write::Apply { .. }
            | Write::Receipt(_)
            | Write::Notice { .. }
            | Write::Change(_)
            | Write::Part(_)
            | Write::Published(_)
            | Write::Sealed(_)
            | Write::Learnt { .. }
            | Write::Counted(_)
            | Write::Carried(_)
            | Write::Adaptive(_),
        ) => Written::Noted,
    }
}
