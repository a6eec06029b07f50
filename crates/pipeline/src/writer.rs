//! The thread that owns the store's writing side: it drains what is queued into one commit after another.
//!
//! While one commit syncs, the next batch gathers; so a batch is as large as the load makes it and nobody waits for a
//! timer. News from vendors goes before acceptances, and when there is too much, acceptances are refused first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
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

struct Shared {
    queues: Mutex<Queues>,
    wake: Condvar,
    state: AtomicU8,
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
            shared.wake.wait(&mut queues);
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
                self.ending.shared.state.store(WRITING, Ordering::Relaxed);
                self.observer.committed(written.len(), started.elapsed());
                for ((_, then), written) in waiting.into_iter().zip(written) {
                    then(Ok(written));
                }
            }
            Err(Error::Broken { reason }) => {
                tracing::error!(reason, "the store is broken, nothing more is written");
                self.ending.shared.state.store(BROKEN, Ordering::Relaxed);
                for (_, then) in waiting {
                    then(Err(NotWritten::Broken));
                }
            }
            Err(error @ (Error::Unavailable { .. } | Error::Damaged { .. })) => {
                tracing::error!(%error, operations = batch.len(), "a commit failed");
                self.ending.shared.state.store(FAILING, Ordering::Relaxed);
                self.give_back(batch, waiting);
            }
        }
    }

    /// After a commit of which nothing happened: offers are told, news goes back to the head of the queue.
    fn give_back(&mut self, batch: Vec<Write>, waiting: Vec<(Urgency, Then)>) {
        let mut kept = Vec::new();
        for (write, (urgency, then)) in batch.into_iter().zip(waiting) {
            match urgency {
                Urgency::News => kept.push(Job { write, urgency, then }),
                Urgency::Offer | Urgency::Acceptance => then(Err(NotWritten::Unavailable)),
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
        // A probe is needed to notice that writing works again, also when no news waits.
        let nothing_to_try = kept.is_empty() && queues.news.is_empty();
        for job in kept.into_iter().rev() {
            queues.news.push_front(job);
        }
        shared.wake.wait_for(&mut queues, RETRY_AFTER);
        if nothing_to_try {
            shared.state.store(WRITING, Ordering::Relaxed);
        }
    }
}
