//! The real store on a disk that is slow, full or broken at times, and the pace at which its writer goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{ConnectionId, Lane, Record, Timestamp};
use pipeline::{Pace, Pause};
use store::sqlite::SqliteWriter;
use store::write::NoticeLimit;
use store::{Claim, Error, Notice, Sealing, Write, Writer, Written};
use tokio::time::Instant;

use crate::world::World;

pub(crate) struct Disk {
    store: SqliteWriter,
    world: Arc<World>,
    windows: BTreeMap<ConnectionId, usize>,
    is_broken: bool,
}

impl Disk {
    pub(crate) fn new(store: SqliteWriter, world: Arc<World>) -> Self {
        let windows =
            world.policy.vendors.iter().map(|terms| (terms.connection.clone(), terms.window)).collect();
        Self { store, world, windows, is_broken: false }
    }

    fn check(&self) -> Result<(), Error> {
        if self.is_broken {
            return Err(Error::Broken { reason: "the sync failed".to_owned() });
        }
        let mut full = self.world.full_until.lock();
        match *full {
            Some(until) if Instant::now() < until => {
                Err(Error::Unavailable { reason: "the disk is full".to_owned() })
            }
            Some(_) | None => {
                *full = None;
                Ok(())
            }
        }
    }
}

impl Writer for Disk {
    fn commit(&mut self, batch: &mut Vec<Write>, now: Timestamp) -> Result<Vec<Written>, Error> {
        self.check()?;
        if self.world.misfortune(10) {
            let until = Instant::now() + self.world.millis(50, 4000);
            self.world.note(|| "the disk is full".to_owned());
            *self.world.full_until.lock() = Some(until);
            self.check()?;
        }
        let breaks = self.world.misfortune(4);
        if breaks && self.world.chance(500) {
            self.world.note(|| "a sync fails, and nothing of the batch is there".to_owned());
            self.is_broken = true;
            self.check()?;
        }
        let writes = batch.clone();
        let written = self.store.commit(batch, now)?;
        self.world.note(|| format!("commit {}", writes.iter().map(name).collect::<Vec<_>>().join(", ")));
        self.world.judge.committed(&writes, &written, &self.windows);
        for write in &writes {
            if let Write::Sealed(sealed) = write {
                self.world.judge.seen(|seen| seen.tidied = sealed.len());
            }
        }
        if breaks {
            self.world.note(|| "a sync fails, and the batch is there".to_owned());
            *batch = writes;
            self.is_broken = true;
            self.check()?;
        }
        Ok(written)
    }

    fn claim(&mut self, claim: Claim, limit: usize) -> Result<Vec<Record>, Error> {
        self.store.claim(claim, limit)
    }

    fn lanes(&mut self) -> Result<Vec<Lane>, Error> {
        self.store.lanes()
    }

    fn claim_notices(&mut self, now: Timestamp, limit: NoticeLimit) -> Result<Vec<Notice>, Error> {
        self.check()?;
        self.store.claim_notices(now, limit)
    }

    fn next_due(&mut self) -> Result<Option<Timestamp>, Error> {
        self.store.next_due()
    }

    fn rest(&mut self) {
        self.store.rest();
    }

    fn wake_notices(&mut self, callback: &str, now: Timestamp) -> Result<(), Error> {
        self.store.wake_notices(callback, now)
    }

    fn parts(&mut self) -> Result<Vec<store::Part>, Error> {
        self.store.parts()
    }

    fn find_closed(&mut self, now: Timestamp, limit: usize) -> Result<Option<Box<dyn Sealing>>, Error> {
        self.check()?;
        let found = self.store.find_closed(now, limit)?;
        if found.is_none() {
            self.world.judge.seen(|seen| seen.tidied = 0);
        }
        Ok(found)
    }

    /// Nothing: it has threads of its own, which no seed decides, and drops only what is older than a run.
    fn retain(&mut self, _: Timestamp, _: &store::Retention) -> Result<(), Error> {
        Ok(())
    }

    fn probe(&mut self) -> Result<(), Error> {
        self.check()?;
        self.store.probe()
    }

    fn is_on_hold(&mut self) -> Result<bool, Error> {
        self.store.is_on_hold()
    }

    fn end_hold(&mut self) -> Result<(), Error> {
        self.check()?;
        self.store.end_hold()
    }

    fn last_key(&mut self) -> Result<i64, Error> {
        self.store.last_key()
    }
}

fn name(write: &Write) -> String {
    match write {
        Write::Accept { record, .. } => format!("accept {}", record.message.id),
        Write::Apply { message, input } => format!("{input:?} of {message}"),
        Write::Receipt(receipt) => format!("receipt {} {}", receipt.vendor_id, receipt.news.word),
        Write::Change(change) => format!("change {}", change.entry),
        Write::Notice { id, outcome } => format!("notice {id} {outcome:?}"),
        Write::Part(part) => format!("part {} of {}", part.number, part.message),
        Write::Published(table) => format!("table {}", table.number),
        Write::Counted(counted) => format!("{} counted", counted.len()),
        Write::Carried(carried) => format!("{} carried", carried.len()),
        Write::Adaptive(_) => "what was learned".to_owned(),
        Write::Learnt { learnt, .. } => format!("{} learnt", learnt.len()),
        Write::Sealed(sealed) => format!("removal of {} sealed", sealed.len()),
    }
}

/// Commits take their time, and between two steps of the writer the process may end.
pub(crate) struct Steps {
    world: Arc<World>,
    /// How many steps are left until it ends.
    left: Option<u64>,
    is_first: bool,
}

impl Steps {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let left = world.misfortune(700).then(|| world.between(0, 120));
        Self { world, left, is_first: true }
    }

    async fn step(&mut self, pause: std::time::Duration) {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let Some(left) = self.left.filter(|_| !self.world.is_calm()) else { return };
        if left == 0 {
            self.world.note(|| "the process ends between two writes".to_owned());
            self.world.crash.notify_one();
            std::future::pending::<()>().await;
        }
        self.left = Some(left - 1);
    }
}

impl Pace for Steps {
    fn before_commit(&mut self) -> Pause<'_> {
        let world = &self.world;
        // A disk that was left alone takes its time.
        let per_mille = if std::mem::take(&mut self.is_first) { 250 } else { 5 };
        if world.misfortune(per_mille) {
            *world.slow_until.lock() = Some(Instant::now() + world.millis(500, 6000));
        }
        let is_slow = world.slow_until.lock().is_some_and(|until| Instant::now() < until);
        let pause = if is_slow { world.millis(200, 3000) } else { world.millis(1, 8) };
        Box::pin(self.step(pause))
    }

    fn before_follow_up(&mut self) -> Pause<'_> {
        let pause =
            if self.world.misfortune(150) { self.world.millis(1, 20) } else { std::time::Duration::ZERO };
        Box::pin(self.step(pause))
    }
}
