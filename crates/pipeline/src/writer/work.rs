//! What the writer does: takes a batch from the queues, commits it, and tells whoever waits.
//!
//! How it waits for work is the only difference between a thread of its own and a task of the simulation.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::MutexGuard;
use store::{Error, Write, Writer, Written};
use tokio::time::Instant;

use super::{BROKEN, Errand, FAILING, Job, NotWritten, Queues, Shared, Then, Urgency};
use crate::clock::Clock;
use crate::observe::Observer;
use crate::workplace::Pace;

/// What one commit holds at most: beyond this a batch gains little and its first operation waits for the last.
const MAX_BATCH: usize = 1024;
/// How long to wait before a store that could not write is asked again.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// How often an operation is tried alone, while others can be written, before it is put aside.
const TRIES_ALONE: usize = 3;
/// How long a store that cannot write may hold up the end of the process. What is not written then is unknown to the
/// next process, as after a crash.
const PATIENCE_AT_END: Duration = Duration::from_secs(5);

/// The least time from one commit to the next, unless many operations wait: a disk that syncs in a fraction of this
/// would else be given batches of a few operations, and each commit writes its pages anew, however few rows it has.
/// The larger the last commit, the longer: so latency is what there is to save while there is little to do, and work
/// when there is much, and everybody waits for others longer than for this.
const GATHER_PER_OPERATION: Duration = Duration::from_micros(80);
const LEAST_GATHER: Duration = Duration::from_millis(1);
const MOST_GATHER: Duration = Duration::from_millis(5);
/// How long nobody may have come for a commit to wait no longer; twice as long each time that somebody did.
const FIRST_NAP: Duration = Duration::from_micros(150);
/// So many are worth a commit at once.
const GATHERED: usize = 512;

pub(super) struct Work {
    store: Box<dyn Writer>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    /// Since when nothing could be written although the process is stopping.
    failing_at_end: Option<Instant>,
    ending: Ending,
}

/// Tells whoever waits for the writer that it is gone, however it ended.
struct Ending {
    shared: Arc<Shared>,
}

/// What there is to do next.
enum Next {
    Do(Vec<Job>, VecDeque<Errand>),
    /// Nothing, for at most so long: while the store fails it is asked again.
    Wait(Option<Duration>),
    End,
}

/// What a commit came to.
#[derive(Default)]
struct Committed {
    told: Vec<FollowUp>,
    /// The store cannot write: it is not asked again for a moment.
    pause: bool,
}

/// Someone to tell what became of an operation.
struct FollowUp {
    then: Then,
    result: Result<Written, NotWritten>,
}

impl Work {
    pub(super) fn new(
        store: Box<dyn Writer>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        shared: Arc<Shared>,
    ) -> Self {
        Self { store, clock, observer, failing_at_end: None, ending: Ending { shared } }
    }

    pub(super) fn run_on_thread(mut self) {
        let shared = Arc::clone(&self.ending.shared);
        let mut queues = shared.queues.lock();
        let mut not_before: Option<Instant> = None;
        loop {
            if let Some(until) = not_before {
                Self::gather(&mut queues, until);
            }
            match Self::next(&mut queues, shared.is_failing()) {
                Next::Do(jobs, errands) => {
                    if !jobs.is_empty() {
                        not_before = Some(Instant::now() + gather_after(jobs.len()));
                    }
                    let pause = MutexGuard::unlocked(&mut queues, || {
                        let Committed { told, pause } = self.commit(jobs);
                        told.into_iter().for_each(FollowUp::run);
                        self.run(errands);
                        pause
                    });
                    if pause {
                        shared.wake.wait(&mut queues, Some(RETRY_AFTER));
                    }
                }
                Next::Wait(at_most) => {
                    shared.wake.wait(&mut queues, at_most);
                    if at_most.is_some() && queues.is_empty() {
                        MutexGuard::unlocked(&mut queues, || self.can_write());
                    }
                }
                Next::End => return,
            }
        }
    }

    /// Waits for more operations, but no longer than they come: where nobody came in a while, whoever is still to come
    /// may be waiting for this commit, as does a client whose window is full.
    fn gather(queues: &mut MutexGuard<'_, Queues>, until: Instant) {
        let mut nap = FIRST_NAP;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let waiting = queues.len();
            if left.is_zero() || !(1..GATHERED).contains(&waiting) || queues.closing {
                return;
            }
            // Not woken by those who come: nobody waits for a signal meanwhile, so theirs cost nothing.
            MutexGuard::unlocked(queues, || std::thread::sleep(nap.min(left)));
            if queues.len() == waiting {
                return;
            }
            nap *= 2;
        }
    }

    /// The same, with the pauses that a thread has between its steps.
    pub(super) async fn run_on_runtime(mut self, mut pace: Box<dyn Pace>) {
        let shared = Arc::clone(&self.ending.shared);
        loop {
            let next = Self::next(&mut shared.queues.lock(), shared.is_failing());
            match next {
                Next::Do(jobs, errands) => {
                    if !jobs.is_empty() {
                        pace.before_commit().await;
                    }
                    let Committed { told, pause } = self.commit(jobs);
                    for follow_up in told {
                        pace.before_follow_up().await;
                        follow_up.run();
                    }
                    self.run(errands);
                    if pause {
                        shared.wake.queued(Some(RETRY_AFTER)).await;
                    }
                }
                Next::Wait(at_most) => {
                    shared.wake.queued(at_most).await;
                    if at_most.is_some() && shared.queues.lock().is_empty() {
                        self.can_write();
                    }
                }
                Next::End => return,
            }
        }
    }

    fn next(queues: &mut Queues, is_failing: bool) -> Next {
        let news = queues.news.len().min(MAX_BATCH);
        let mut jobs: Vec<Job> = queues.news.drain(..news).collect();
        let room = (MAX_BATCH - news).min(queues.acceptances.len());
        jobs.extend(queues.acceptances.drain(..room));
        let errands = std::mem::take(&mut queues.errands);
        if !jobs.is_empty() || !errands.is_empty() {
            return Next::Do(jobs, errands);
        }
        if queues.closing {
            return Next::End;
        }
        Next::Wait(is_failing.then_some(RETRY_AFTER))
    }

    fn run(&mut self, errands: VecDeque<Errand>) {
        for errand in errands {
            errand(&mut *self.store);
        }
    }

    fn commit(&mut self, jobs: Vec<Job>) -> Committed {
        if jobs.is_empty() {
            if self.ending.shared.is_failing() {
                // Nothing waits whose commit would show that writing works again.
                self.can_write();
            }
            return Committed::default();
        }
        let started = Instant::now();
        let mut batch = Vec::with_capacity(jobs.len());
        let mut waiting = Vec::with_capacity(jobs.len());
        for job in jobs {
            batch.push(job.write);
            waiting.push((job.urgency, job.then));
        }
        match self.store.commit(&mut batch, self.clock.now()) {
            Ok(written) => {
                self.ending.shared.recover();
                self.ending.shared.written();
                self.observer.committed(written.len(), started.elapsed());
                let told = waiting.into_iter().zip(written);
                let told = told.map(|((_, then), written)| FollowUp { then, result: Ok(written) });
                Committed { told: told.collect(), pause: false }
            }
            Err(Error::Broken { reason }) => {
                self.broke(&reason);
                let told = waiting.into_iter().map(|(_, then)| FollowUp::refused(then, NotWritten::Broken));
                Committed { told: told.collect(), pause: false }
            }
            Err(error @ (Error::Unavailable { .. } | Error::Damaged { .. })) => {
                tracing::error!(%error, operations = batch.len(), "a commit failed");
                self.ending.shared.commits_failed.fetch_add(1, Ordering::Relaxed);
                self.ending.shared.fail(FAILING, &error.to_string());
                let jobs = batch.into_iter().zip(waiting);
                let jobs = jobs.map(|(write, (urgency, then))| Job { write, urgency, then }).collect();
                self.try_alone(jobs)
            }
        }
    }

    fn broke(&self, reason: &str) {
        tracing::error!(reason, "the store is broken, nothing more is written");
        self.ending.shared.commits_failed.fetch_add(1, Ordering::Relaxed);
        self.ending.shared.fail(BROKEN, reason);
    }

    /// Whether the store can write anything at all.
    fn can_write(&mut self) -> bool {
        match self.store.probe() {
            Ok(()) => {
                self.ending.shared.recover();
                true
            }
            Err(Error::Broken { reason }) => {
                self.broke(&reason);
                false
            }
            Err(Error::Unavailable { .. } | Error::Damaged { .. }) => false,
        }
    }

    /// After a commit of which nothing happened. When the store can write all the same, some operation of the batch
    /// cannot be written, and that one must not hold up the others for ever.
    fn try_alone(&mut self, mut jobs: VecDeque<Job>) -> Committed {
        let mut committed = Committed::default();
        let mut tries = 0;
        let mut may_be_the_store = true;
        while let Some(Job { write, urgency, then }) = jobs.pop_front() {
            if may_be_the_store && !self.can_write() {
                jobs.push_front(Job { write, urgency, then });
                break;
            }
            let mut batch = vec![write];
            let result = self.store.commit(&mut batch, self.clock.now());
            may_be_the_store = result.is_err();
            match result {
                Ok(mut written) => {
                    tries = 0;
                    self.ending.shared.written();
                    if let Some(written) = written.pop() {
                        committed.told.push(FollowUp { then, result: Ok(written) });
                    }
                }
                Err(Error::Broken { reason }) => {
                    self.broke(&reason);
                    committed.told.push(FollowUp::refused(then, NotWritten::Broken));
                }
                Err(error @ (Error::Unavailable { .. } | Error::Damaged { .. })) => {
                    tries += 1;
                    // What was not written is still there.
                    let Some(write) = batch.pop() else { continue };
                    if tries < TRIES_ALONE {
                        jobs.push_front(Job { write, urgency, then });
                    } else {
                        tries = 0;
                        self.put_aside(&error, &write, urgency);
                        committed.told.push(FollowUp::refused(then, NotWritten::Unavailable));
                    }
                }
            }
        }
        if !jobs.is_empty() {
            self.give_back(jobs, &mut committed);
        }
        committed
    }

    /// What a vendor said of an attempt is unknown then: the next start settles the attempt as after a crash.
    fn put_aside(&self, error: &Error, write: &Write, urgency: Urgency) {
        let what = match write {
            Write::Accept { record, .. } => format!("acceptance of {}", record.message.id),
            Write::Apply { message, .. } => format!("step of {message}"),
            Write::Receipt(receipt) => format!("receipt for {} of {}", receipt.vendor_id, receipt.connection),
            Write::Notice { id, .. } => format!("outcome of notice {id}"),
            Write::Change(change) => format!("change {}", change.entry),
            Write::Part(part) => format!("part {} of {}", part.number, part.message),
            Write::Published(table) => format!("table {}", table.number),
            Write::Counted(counted) => format!("counts of {} caps", counted.len()),
            Write::Carried(carried) => format!("what was carried, {} sums", carried.len()),
            Write::Adaptive(_) => "what the adaptive engine learned".to_owned(),
            Write::Learnt { learnt, .. } => format!("what was learnt of {} operators", learnt.len()),
            Write::Sealed(sealed) => format!("removal of {} sealed records", sealed.len()),
        };
        tracing::error!(%error, what, "an operation cannot be written though others can, and is put aside");
        match urgency {
            Urgency::News => drop(self.ending.shared.put_aside.fetch_add(1, Ordering::Relaxed)),
            // Whoever asked is told.
            Urgency::Offer | Urgency::Acceptance => {}
        }
    }

    /// While nothing can be written: offers are told, news goes back to the head of the queue.
    fn give_back(&mut self, jobs: VecDeque<Job>, committed: &mut Committed) {
        let mut kept = Vec::new();
        for job in jobs {
            match job.urgency {
                Urgency::News => kept.push(job),
                Urgency::Offer | Urgency::Acceptance => {
                    committed.told.push(FollowUp::refused(job.then, NotWritten::Unavailable));
                }
            }
        }
        let shared = &self.ending.shared;
        let mut queues = shared.queues.lock();
        if queues.closing && self.failing_at_end.get_or_insert_with(Instant::now).elapsed() >= PATIENCE_AT_END
        {
            let left = std::mem::take(&mut queues.news);
            drop(queues);
            tracing::error!(
                operations = kept.len() + left.len(),
                "the store takes nothing more before the end"
            );
            let left = kept.into_iter().chain(left);
            committed.told.extend(left.map(|job| FollowUp::refused(job.then, NotWritten::Stopping)));
            return;
        }
        for job in kept.into_iter().rev() {
            queues.news.push_front(job);
        }
        committed.pause = true;
    }
}

fn gather_after(operations: usize) -> Duration {
    let gather = GATHER_PER_OPERATION * u32::try_from(operations).unwrap_or(u32::MAX);
    gather.clamp(LEAST_GATHER, MOST_GATHER)
}

impl FollowUp {
    fn refused(then: Then, why: NotWritten) -> Self {
        Self { then, result: Err(why) }
    }

    fn run(self) {
        (self.then)(self.result);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.fail(BROKEN, "the store's writer panicked");
        }
        let left = {
            let mut queues = self.shared.queues.lock();
            std::mem::replace(&mut *queues, Queues { ended: true, ..Queues::default() })
        };
        // Outside the lock: what is dropped may call back.
        drop(left);
    }
}
