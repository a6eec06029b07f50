//! One batch inside its transaction: what each operation does to the records and the tables around them.
//!
//! A record is read at most once for a batch and written once at its end, however many operations step it. Vendor
//! ids, held receipts and notices are written at once, so that a later operation of the batch finds them.

use std::sync::Arc;

use domain::record::{Answer, Effects, Input};
use domain::{MessageId, Record, Timestamp};
use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::cache::Cache;
use super::day::Day;
use super::days::Days;
use super::fault::Fault;
use super::names::{Kind, Names};
use super::notices::Outbox;
use super::records::{Rows, Stored};
use super::seal::Leaving;
use super::vendor_ids::{Place, VendorId};
use super::{
    adaptive, audit, carried, counts, damaged, held, idempotency, imported, keys, list_mappings, notices,
    operators, overrides, parts, records, vendor_ids, versions,
};
use crate::audit::{Change, Changed};
use crate::write::{Idempotency, Notice, Receipt, Sealed, Write, Written};

/// What the writer knows besides the hot file. After a rollback `forget` has to be called.
pub(super) struct Memory {
    pub(super) cache: Cache,
    pub(super) names: Names,
    pub(super) rows: Rows,
    pub(super) outbox: Outbox,
    pub(super) days: Days,
    pub(super) leaving: Leaving,
}

impl Memory {
    /// Records need not be forgotten: those of the failed batch were taken out of the cache.
    pub(super) fn forget(&mut self) {
        self.names.forget();
        self.outbox.forget();
    }
}

struct Commit<'a> {
    hot: &'a Connection,
    memory: &'a mut Memory,
    now: Timestamp,
    touched: FxHashMap<i64, Touched>,
    receipts_are_held: bool,
}

struct Touched {
    stored: Stored,
    home: Home,
    is_changed: bool,
}

/// Where the record was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    Hot,
    /// In a sealed file. It becomes hot again when it changes.
    Day,
}

/// What an operation came to, before the transaction is durable.
pub(super) enum Step {
    /// The record is in the batch, from where it is handed back.
    Accepted {
        notices: Vec<Notice>,
    },
    Done(Written),
}

/// What is durable once the transaction is.
pub(super) struct Prepared {
    pub(super) steps: Vec<Step>,
    touched: FxHashMap<i64, Touched>,
}

impl Prepared {
    /// Keeps the records of the batch for their next steps, now that it is durable.
    pub(super) fn keep(self, cache: &mut Cache) -> Vec<Step> {
        for touched in self.touched.into_values() {
            if touched.is_changed || touched.home == Home::Hot {
                cache.put(touched.stored);
            }
        }
        self.steps
    }
}

/// Does everything but COMMIT.
pub(super) fn prepare(
    hot: &Connection,
    memory: &mut Memory,
    batch: &[Write],
    now: Timestamp,
) -> Result<Prepared, Fault> {
    let receipts_are_held = held::any(hot)?;
    let mut commit = Commit { hot, memory, now, touched: FxHashMap::default(), receipts_are_held };
    let mut steps = Vec::with_capacity(batch.len());
    for write in batch {
        steps.push(commit.step(write)?);
    }
    commit.write_back()?;
    Ok(Prepared { steps, touched: commit.touched })
}

impl Commit<'_> {
    fn step(&mut self, write: &Write) -> Result<Step, Fault> {
        match write {
            Write::Accept { record, effects, idempotency } => {
                self.accept(record, effects, idempotency.as_ref())
            }
            Write::Apply { message, input } => self.apply_to(*message, input).map(Step::Done),
            Write::Receipt(receipt) => self.receipt(receipt).map(Step::Done),
            Write::Notice { id, outcome } => {
                notices::settle(self.hot, *id, *outcome)?;
                Ok(Step::Done(Written::Noted))
            }
            Write::Change(change) => self.change(change).map(Step::Done),
            Write::Published(published) => {
                versions::publish(self.hot, published)?;
                Ok(Step::Done(Written::Noted))
            }
            Write::Part(part) => {
                parts::put(self.hot, &mut self.memory.names, part)?;
                Ok(Step::Done(Written::Noted))
            }
            Write::Learnt { learnt, keep } => {
                operators::learn(self.hot, learnt)?;
                if let Some(keep) = *keep {
                    operators::prune(self.hot, self.now, keep)?;
                }
                Ok(Step::Done(Written::Noted))
            }
            Write::Counted(counted) => {
                counts::put(self.hot, counted)?;
                Ok(Step::Done(Written::Noted))
            }
            Write::Carried(carried) => {
                carried::put(self.hot, carried)?;
                Ok(Step::Done(Written::Noted))
            }
            Write::Adaptive(learned) => {
                adaptive::put(self.hot, learned, self.now)?;
                Ok(Step::Done(Written::Noted))
            }
            Write::Sealed(sealed) => {
                self.remove(sealed)?;
                Ok(Step::Done(Written::Noted))
            }
        }
    }

    fn change(&mut self, change: &Change) -> Result<Written, Fault> {
        let written = match &change.what {
            Changed::Override(one) => {
                overrides::put(self.hot, one)?;
                Written::Noted
            }
            Changed::Keys(changed) => {
                changed.iter().try_for_each(|key| keys::put(self.hot, key))?;
                Written::Noted
            }
            Changed::Configuration(configuration) => {
                imported::put(self.hot, configuration)?;
                Written::Noted
            }
            Changed::Versions(changed) => {
                versions::change(self.hot, changed)?;
                Written::Noted
            }
            Changed::Operators(list) => {
                operators::put_list(self.hot, list)?;
                Written::Noted
            }
            Changed::ListMapping(one) => {
                list_mappings::put(self.hot, one)?;
                Written::Noted
            }
            Changed::Noted => Written::Noted,
            Changed::Step { message, input } => {
                let written = self.apply_to(*message, input)?;
                if !matches!(written, Written::Applied { .. }) {
                    return Ok(written);
                }
                written
            }
        };
        audit::append(self.hot, &change.entry)?;
        Ok(written)
    }

    fn apply_to(&mut self, message: MessageId, input: &Input) -> Result<Written, Fault> {
        if self.holds(message)? { self.apply(message.key(), input) } else { Ok(Written::Missing) }
    }

    fn remove(&mut self, sealed: &Sealed) -> rusqlite::Result<()> {
        for record in &sealed.records {
            let key = record.message.id.key();
            let Memory { cache, names, days, leaving, .. } = &mut *self.memory;
            // Whatever this batch has looked at it may still change.
            if leaving.is_to_leave(sealed.search, key) && !self.touched.contains_key(&key) {
                cache.take(key);
                days.learn(Day::of_key(key));
                records::remove(self.hot, key)?;
                vendor_ids::remove_all(self.hot, names, record)?;
            }
        }
        Ok(())
    }

    fn accept(
        &mut self,
        record: &Arc<Record>,
        effects: &Effects,
        idempotency: Option<&Idempotency>,
    ) -> Result<Step, Fault> {
        if let Some(idempotency) = idempotency {
            let names = &mut self.memory.names;
            if let Some(earlier) = idempotency::claim(self.hot, names, record, idempotency, self.now)? {
                return Ok(Step::Done(self.answer_again(&earlier)?));
            }
        }
        // Its id was given before it: whoever accepts it twice gets what was accepted first.
        if parts::came_in_parts(record)
            && let Some(earlier) = self.load(record.message.id.key())?
        {
            let earlier = Arc::clone(earlier);
            parts::take(self.hot, record)?;
            return Ok(Step::Done(Written::Replayed(earlier)));
        }
        let indexed = self.memory.rows.insert(self.hot, &mut self.memory.names, record)?;
        parts::take(self.hot, record)?;
        let stored = Stored { record: Arc::clone(record), indexed };
        let notices =
            self.memory.outbox.leave(self.hot, &mut self.memory.names, record, &effects.changes, self.now)?;
        let key = record.message.id.key();
        self.touched.insert(key, Touched { stored, home: Home::Hot, is_changed: false });
        Ok(Step::Accepted { notices })
    }

    fn answer_again(&mut self, earlier: &idempotency::Earlier) -> Result<Written, Fault> {
        if !earlier.same_body {
            return Ok(Written::KeyReused);
        }
        let record = self.load(earlier.message)?;
        Ok(record.map_or(Written::Missing, |record| Written::Replayed(Arc::clone(record))))
    }

    fn receipt(&mut self, receipt: &Receipt) -> Result<Written, Fault> {
        let connection = self.memory.names.intern(self.hot, Kind::Connection, receipt.connection.as_str())?;
        let id = VendorId { connection, id: &receipt.vendor_id };
        let place = match vendor_ids::find(self.hot, id)? {
            Some(place) => Some(place),
            None => self.memory.days.find(receipt.connection.as_str(), &receipt.vendor_id, self.now)?,
        };
        match place {
            Some(Place { key, attempt, part }) if self.load(key)?.is_some() => {
                self.apply(key, &Input::Receipt { attempt, part, receipt: receipt.news.clone() })
            }
            Some(_) | None => {
                held::put(self.hot, connection, receipt)?;
                self.receipts_are_held = true;
                Ok(Written::Held)
            }
        }
    }

    /// Steps a record that was loaded.
    fn apply(&mut self, key: i64, input: &Input) -> Result<Written, Fault> {
        let Some(touched) = self.touched.get_mut(&key) else { return Ok(Written::Missing) };
        // A repeated receipt must not bring a sealed record back.
        let sealed = (touched.home == Home::Day).then(|| Arc::clone(&touched.stored.record));
        // Copied only while somebody still tells of an earlier step.
        let record = Arc::make_mut(&mut touched.stored.record);
        let mut changes = match record.apply(input.clone(), self.now) {
            Ok(effects) => effects.changes,
            Err(refusal) => {
                return Ok(Written::Refused { refusal, record: Arc::clone(&touched.stored.record) });
            }
        };
        if let Input::Answer { attempt, part, answer: Answer::Accepted { vendor_id: Some(id) } } = input {
            let place = Place { key, attempt: *attempt, part: *part };
            let id = learn(self.hot, &mut self.memory.names, record, place, id)?;
            let early = match id.filter(|_| self.receipts_are_held) {
                Some(id) => held::take(self.hot, id)?,
                None => Vec::new(),
            };
            for receipt in early {
                let input = Input::Receipt { attempt: *attempt, part: *part, receipt };
                // A receipt that no longer fits is no worse for having been early.
                if let Ok(effects) = record.apply(input, self.now) {
                    changes.extend(effects.changes);
                }
            }
        }
        touched.is_changed |= sealed.is_none_or(|sealed| *sealed != *record);
        let notices =
            self.memory.outbox.leave(self.hot, &mut self.memory.names, record, &changes, self.now)?;
        Ok(Written::Applied { record: Arc::clone(&touched.stored.record), changes, notices })
    }

    /// Whether the message is stored and, if it is, at hand in `touched`.
    fn holds(&mut self, message: MessageId) -> Result<bool, Fault> {
        let record = self.load(message.key())?;
        // The second half of an id is what cannot be guessed.
        Ok(record.is_some_and(|record| record.message.id == message))
    }

    fn load(&mut self, key: i64) -> Result<Option<&Arc<Record>>, Fault> {
        if !self.touched.contains_key(&key) {
            let Some((stored, home)) = self.read(key)? else { return Ok(None) };
            self.touched.insert(key, Touched { stored, home, is_changed: false });
        }
        Ok(self.touched.get(&key).map(|touched| &touched.stored.record))
    }

    fn read(&mut self, key: i64) -> Result<Option<(Stored, Home)>, Fault> {
        if let Some(stored) = self.memory.cache.take(key) {
            return Ok(Some((stored, Home::Hot)));
        }
        match records::read(self.hot, key)? {
            Some(Ok(stored)) => Ok(Some((stored, Home::Hot))),
            Some(Err(row)) => {
                damaged::put_aside(self.hot, &row)?;
                Ok(None)
            }
            None => Ok(self.memory.days.read(key, self.now)?.map(|stored| (stored, Home::Day))),
        }
    }

    /// In the order of the keys, which is that of the pages.
    fn write_back(&mut self) -> rusqlite::Result<()> {
        let mut changed: Vec<_> = self.touched.iter_mut().filter(|(_, touched)| touched.is_changed).collect();
        changed.sort_unstable_by_key(|(key, _)| **key);
        for (key, touched) in changed {
            let stored = &mut touched.stored;
            let Memory { rows, names, leaving, .. } = &mut *self.memory;
            leaving.stay(*key);
            match touched.home {
                Home::Hot => rows.update(self.hot, names, stored)?,
                Home::Day => {
                    stored.indexed = rows.insert(self.hot, names, &stored.record)?;
                    vendor_ids::put_all(self.hot, names, &stored.record)?;
                }
            }
        }
        Ok(())
    }
}

/// Indexes what the vendor calls a part. None when the record has no such part.
fn learn<'id>(
    hot: &Connection,
    names: &mut Names,
    record: &Record,
    place: Place,
    id: &'id str,
) -> rusqlite::Result<Option<VendorId<'id>>> {
    let Some(attempt) = record.attempt(place.attempt) else { return Ok(None) };
    let connection = names.intern(hot, Kind::Connection, attempt.connection.as_str())?;
    let id = VendorId { connection, id };
    vendor_ids::put(hot, id, place)?;
    Ok(Some(id))
}
