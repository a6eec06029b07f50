//! The thread that owns the store's writing side: it drains what is queued into one commit after another.
//!
//! While one commit syncs, the next batch gathers; so a batch is as large as the load makes it and nobody waits for a
//! timer. News from vendors goes before acceptances, and when there is too much, acceptances are refused first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use store::{Error, Write, Writer, Written};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::observe::Observer;

/// What one commit holds at most: beyond this a batch gains little and its first operation waits for the last.
const MAX_BATCH: usize = 1024;
/// Acceptances that may wait. At the slowest sync seen this is about a second of work.
const MAX_ACCEPTANCES: usize = 8192;
/// News from vendors that may wait before receipts are refused, so that vendors repeat them.
const MAX_NEWS: usize = 32_768;
/// How long to wait before a store that could not write is asked again.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// How often an operation is tried alone, while others can be written, before it is put aside.
const TRIES_ALONE: usize = 3;
/// How long a store that cannot write may hold up the end of the process. What is not written then is unknown to the
/// next process, as after a crash.
const PATIENCE_AT_END: Duration = Duration::from_secs(5);

/// The write did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    #[error("too much is waiting to be written")]
    Overloaded,
    #[error("the store cannot write now")]
    Unavailable,
    #[error("the store is broken; the process stops")]
    Broken,
    #[error("the process is stopping")]
    Stopping,
    #[error("the store was restored from a backup and is on hold until it is resumed")]
    OnHold,
}

/// Runs once the write is durable, or is known not to be, on the writer's thread: it must not block.
pub(crate) type Then = Box<dyn FnOnce(Result<Written, NotWritten>) + Send>;
/// Something for the writer's thread to do with the store between two commits.
pub(crate) type Errand = Box<dyn FnOnce(&mut dyn Writer) + Send>;

/// Where an operation waits and what becomes of it when the commit fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// What a vendor or a deadline brought: it stays first in the queue until it is written.
    News,
    /// What can be refused or repeated by whoever asked: told of the failure at once.
    Offer,
    /// A new message: refused when too many wait.
    Acceptance,
}

struct Job {
    write: Write,
    urgency: Urgency,
    then: Then,
}

#[derive(Default)]
struct Queues {
    news: VecDeque<Job>,
    acceptances: VecDeque<Job>,
    errands: VecDeque<Errand>,
    closing: bool,
    /// The thread is gone, and nothing that is queued would ever be done.
    ended: bool,
}

impl Queues {
    fn is_empty(&self) -> bool {
        self.news.is_empty() && self.acceptances.is_empty() && self.errands.is_empty()
    }
}

struct Shared {
    queues: Mutex<Queues>,
    wake: Condvar,
    state: AtomicU8,
    /// Why the last commit failed. Locked for moments only.
    failure: Mutex<Option<String>>,
    commits_failed: AtomicU64,
    put_aside: AtomicU64,
}

const WRITING: u8 = 0;
const FAILING: u8 = 1;
const BROKEN: u8 = 2;

/// The way to the writer's thread.
#[derive(Clone)]
pub(crate) struct WriterHandle {
    shared: Arc<Shared>,
}

impl WriterHandle {
    /// Starts the thread. It ends after `close`, once all that was queued is written.
    pub(crate) fn start(
        store: Box<dyn Writer>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let shared = Arc::new(Shared {
            queues: Mutex::new(Queues::default()),
            wake: Condvar::new(),
            state: AtomicU8::new(WRITING),
            failure: Mutex::default(),
            commits_failed: AtomicU64::new(0),
            put_aside: AtomicU64::new(0),
        });
        let ending = Ending { shared: Arc::clone(&shared) };
        let thread = Thread { store, clock, observer, failing_at_end: None, ending };
        let join = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || thread.run())?;
        Ok((Self { shared }, join))
    }

    /// Queues one operation; `then` runs in any case, on this thread when it is refused at once.
    pub(crate) fn write(&self, urgency: Urgency, write: Write, then: Then) {
        let refusal = {
            let mut queues = self.shared.queues.lock();
            let refusal = self.refusal(&queues, urgency);
            if refusal.is_none() {
                let job = Job { write, urgency, then };
                match urgency {
                    Urgency::News | Urgency::Offer => queues.news.push_back(job),
                    Urgency::Acceptance => queues.acceptances.push_back(job),
                }
                self.shared.wake.notify_one();
                return;
            }
            refusal
        };
        if let Some(refusal) = refusal {
            then(Err(refusal));
        }
    }

    pub(crate) fn errand(&self, errand: Errand) {
        let mut queues = self.shared.queues.lock();
        if !queues.ended {
            queues.errands.push_back(errand);
            self.shared.wake.notify_one();
        }
    }

    /// Whether more news may come: false asks vendors to repeat their receipts.
    pub(crate) fn takes_receipts(&self) -> bool {
        self.shared.queues.lock().news.len() < MAX_NEWS && self.is_writing()
    }

    pub(crate) fn is_writing(&self) -> bool {
        self.shared.state.load(Ordering::Relaxed) == WRITING
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.shared.state.load(Ordering::Relaxed) == BROKEN
    }

    pub(crate) fn failure(&self) -> Option<String> {
        self.shared.failure.lock().clone()
    }

    pub(crate) fn commits_failed(&self) -> u64 {
        self.shared.commits_failed.load(Ordering::Relaxed)
    }

    pub(crate) fn put_aside(&self) -> u64 {
        self.shared.put_aside.load(Ordering::Relaxed)
    }

    /// What an errand met: a store that is broken takes no commit any more either.
    pub(crate) fn note(&self, error: &Error) {
        match error {
            Error::Broken { reason } => self.shared.fail(BROKEN, reason),
            Error::Unavailable { .. } | Error::Damaged { .. } => {}
        }
    }

    /// Lets the thread end once its queues are empty.
    pub(crate) fn close(&self) {
        self.shared.queues.lock().closing = true;
        self.shared.wake.notify_one();
    }

    fn refusal(&self, queues: &Queues, urgency: Urgency) -> Option<NotWritten> {
        match (self.shared.state.load(Ordering::Relaxed), urgency) {
            (BROKEN, _) => Some(NotWritten::Broken),
            _ if queues.ended => Some(NotWritten::Stopping),
            (FAILING, Urgency::Acceptance) => Some(NotWritten::Unavailable),
            (_, Urgency::Acceptance) if queues.closing => Some(NotWritten::Stopping),
            (_, Urgency::Acceptance) if queues.acceptances.len() >= MAX_ACCEPTANCES => {
                Some(NotWritten::Overloaded)
            }
            (_, Urgency::News | Urgency::Offer | Urgency::Acceptance) => None,
        }
    }
}

impl Shared {
    fn fail(&self, state: u8, reason: &str) {
        *self.failure.lock() = Some(reason.to_owned());
        self.state.store(state, Ordering::Relaxed);
    }

    fn recover(&self) {
        if self.state.load(Ordering::Relaxed) == FAILING {
            *self.failure.lock() = None;
            self.state.store(WRITING, Ordering::Relaxed);
            tracing::info!("the store writes again");
        }
    }

    fn is_failing(&self) -> bool {
        self.state.load(Ordering::Relaxed) == FAILING
    }
}

struct Thread {
    store: Box<dyn Writer>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    /// Since when nothing could be written although the process is stopping.
    failing_at_end: Option<Instant>,
    ending: Ending,
}

/// Tells whoever waits for the thread that it is gone, however it ended.
struct Ending {
    shared: Arc<Shared>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.state.store(BROKEN, Ordering::Relaxed);
        }
        let left = {
            let mut queues = self.shared.queues.lock();
            std::mem::replace(&mut *queues, Queues { ended: true, ..Queues::default() })
        };
        // Outside the lock: what is dropped may call back.
        drop(left);
    }
}

impl Thread {
    fn run(mut self) {
        while let Some((jobs, errands)) = self.next() {
            if !jobs.is_empty() {
                self.commit(jobs);
            } else if self.ending.shared.is_failing() {
                // Nothing waits whose commit would show that writing works again.
                self.can_write();
            }
            for errand in errands {
                errand(&mut *self.store);
            }
        }
    }

    /// Waits for something to do; None when closed and done.
    fn next(&self) -> Option<(Vec<Job>, VecDeque<Errand>)> {
        let shared = &self.ending.shared;
        let mut queues = shared.queues.lock();
        loop {
            let news = queues.news.len().min(MAX_BATCH);
            let mut jobs: Vec<Job> = queues.news.drain(..news).collect();
            let room = (MAX_BATCH - news).min(queues.acceptances.len());
            jobs.extend(queues.acceptances.drain(..room));
            let errands = std::mem::take(&mut queues.errands);
            if !jobs.is_empty() || !errands.is_empty() {
                return Some((jobs, errands));
            }
            if queues.closing {
                return None;
            }
            if shared.is_failing() {
                shared.wake.wait_for(&mut queues, RETRY_AFTER);
                if queues.is_empty() {
                    return Some((Vec::new(), VecDeque::new()));
                }
            } else {
                shared.wake.wait(&mut queues);
            }
        }
    }

    fn commit(&mut self, jobs: Vec<Job>) {
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
                self.observer.committed(written.len(), started.elapsed());
                for ((_, then), written) in waiting.into_iter().zip(written) {
                    then(Ok(written));
                }
            }
            Err(Error::Broken { reason }) => {
                self.broke(&reason);
                for (_, then) in waiting {
                    then(Err(NotWritten::Broken));
                }
            }
            Err(error @ (Error::Unavailable { .. } | Error::Damaged { .. })) => {
                tracing::error!(%error, operations = batch.len(), "a commit failed");
                self.ending.shared.commits_failed.fetch_add(1, Ordering::Relaxed);
                self.ending.shared.fail(FAILING, &error.to_string());
                let jobs = batch.into_iter().zip(waiting);
                let jobs = jobs.map(|(write, (urgency, then))| Job { write, urgency, then }).collect();
                self.try_alone(jobs);
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
    fn try_alone(&mut self, jobs: Vec<Job>) {
        let mut jobs = VecDeque::from(jobs);
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
                    if let Some(written) = written.pop() {
                        then(Ok(written));
                    }
                }
                Err(Error::Broken { reason }) => {
                    self.broke(&reason);
                    then(Err(NotWritten::Broken));
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
                        then(Err(NotWritten::Unavailable));
                    }
                }
            }
        }
        if !jobs.is_empty() {
            self.give_back(jobs);
        }
    }

    /// What a vendor said of an attempt is unknown then: the next start settles the attempt as after a crash.
    fn put_aside(&self, error: &Error, write: &Write, urgency: Urgency) {
        let what = match write {
            Write::Accept { record, .. } => format!("acceptance of {}", record.message.id),
            Write::Apply { message, .. } => format!("step of {message}"),
            Write::Receipt(receipt) => format!("receipt for {} of {}", receipt.vendor_id, receipt.connection),
            Write::Notice { id, .. } => format!("outcome of notice {id}"),
            Write::Override(given) => format!("override {}", given.id),
        };
        tracing::error!(%error, what, "an operation cannot be written though others can, and is put aside");
        match urgency {
            Urgency::News => drop(self.ending.shared.put_aside.fetch_add(1, Ordering::Relaxed)),
            // Whoever asked is told.
            Urgency::Offer | Urgency::Acceptance => {}
        }
    }

    /// While nothing can be written: offers are told, news goes back to the head of the queue.
    fn give_back(&mut self, jobs: VecDeque<Job>) {
        let mut kept = Vec::new();
        for job in jobs {
            match job.urgency {
                Urgency::News => kept.push(job),
                Urgency::Offer | Urgency::Acceptance => (job.then)(Err(NotWritten::Unavailable)),
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
            for job in kept.into_iter().chain(left) {
                (job.then)(Err(NotWritten::Stopping));
            }
            return;
        }
        for job in kept.into_iter().rev() {
            queues.news.push_front(job);
        }
        shared.wake.wait_for(&mut queues, RETRY_AFTER);
    }
}
