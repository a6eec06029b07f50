//! The thread that owns the store's writing side: it drains what is queued into one commit after another.
//!
//! While one commit syncs, the next batch gathers; so a batch is as large as the load makes it; on a fast disk it
//! gathers for some milliseconds more, the longer the larger the last one was. News from vendors goes before acceptances, and when there is too much, acceptances are refused first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use store::{Error, Write, Writer, Written};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::observe::Observer;
use crate::workplace::Workplace;

mod work;

use work::Work;

/// Acceptances that may wait. At the slowest sync seen this is about a second of work.
const MAX_ACCEPTANCES: usize = 8192;
/// News from vendors that may wait before receipts are refused, so that vendors repeat them.
const MAX_NEWS: usize = 32_768;

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
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.news.len() + self.acceptances.len() + self.errands.len()
    }
}

struct Shared {
    queues: Mutex<Queues>,
    wake: Wake,
    state: AtomicU8,
    /// Why the last commit failed. Locked for moments only.
    failure: Mutex<Option<String>>,
    commits: AtomicU64,
    /// Something was written, or the store broke.
    changed: Notify,
    commits_failed: AtomicU64,
    put_aside: AtomicU64,
}

/// Tells the writer that something was queued.
enum Wake {
    Thread(Condvar),
    Task(Notify),
}

impl Wake {
    fn up(&self) {
        match self {
            Self::Thread(wake) => drop(wake.notify_one()),
            Self::Task(wake) => wake.notify_one(),
        }
    }

    /// On the writer's own thread: until something is queued, or for at most so long.
    fn wait(&self, queues: &mut MutexGuard<'_, Queues>, at_most: Option<Duration>) {
        match (self, at_most) {
            (Self::Thread(wake), None) => wake.wait(queues),
            (Self::Thread(wake), Some(at_most)) => drop(wake.wait_for(queues, at_most)),
            // A task waits in `queued`.
            (Self::Task(_), _) => {}
        }
    }

    async fn queued(&self, at_most: Option<Duration>) {
        match (self, at_most) {
            (Self::Task(wake), None) => wake.notified().await,
            (Self::Task(wake), Some(at_most)) => drop(tokio::time::timeout(at_most, wake.notified()).await),
            // A thread waits in `wait`.
            (Self::Thread(_), _) => {}
        }
    }
}

const WRITING: u8 = 0;
const FAILING: u8 = 1;
const BROKEN: u8 = 2;

/// The way to the writer's thread.
#[derive(Clone)]
pub(crate) struct WriterHandle {
    shared: Arc<Shared>,
}

/// A writer that was started. It ends after `close`, once all that was queued is written.
pub(crate) enum Running {
    Thread(std::thread::JoinHandle<()>),
    Task(JoinSet<()>),
}

impl Running {
    pub(crate) async fn ended(self) {
        match self {
            // How it ended is told by `Ending`.
            Self::Thread(thread) => drop(tokio::task::spawn_blocking(move || thread.join()).await),
            Self::Task(mut task) => while task.join_next().await.is_some() {},
        }
    }
}

impl WriterHandle {
    /// Starts the thread. It ends after `close`, once all that was queued is written.
    pub(crate) fn start(
        store: Box<dyn Writer>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        workplace: Workplace,
    ) -> std::io::Result<(Self, Running)> {
        let wake = match &workplace {
            Workplace::Threads => Wake::Thread(Condvar::new()),
            Workplace::Runtime(_) => Wake::Task(Notify::new()),
        };
        let shared = Arc::new(Shared {
            queues: Mutex::new(Queues::default()),
            wake,
            state: AtomicU8::new(WRITING),
            failure: Mutex::default(),
            commits: AtomicU64::new(0),
            changed: Notify::new(),
            commits_failed: AtomicU64::new(0),
            put_aside: AtomicU64::new(0),
        });
        let work = Work::new(store, clock, observer, Arc::clone(&shared));
        let running = match workplace {
            Workplace::Threads => {
                let thread = std::thread::Builder::new().name("store-writer".to_owned());
                Running::Thread(thread.spawn(move || work.run_on_thread())?)
            }
            Workplace::Runtime(pace) => {
                let mut task = JoinSet::new();
                task.spawn(work.run_on_runtime(pace));
                Running::Task(task)
            }
        };
        Ok((Self { shared }, running))
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
                self.shared.wake.up();
                return;
            }
            refusal
        };
        if let Some(refusal) = refusal {
            then(Err(refusal));
        }
    }

    /// Waits until all is written, or refused, that news and offers had queued by now, and told to whoever queued it.
    pub(crate) async fn drained(&self) {
        let (tell, told) = tokio::sync::oneshot::channel();
        let then = move |_| {
            // Nobody may wait any more.
            tell.send(()).ok();
        };
        self.write(Urgency::Offer, Write::Carried(Vec::new()), Box::new(then));
        told.await.ok();
    }

    pub(crate) fn errand(&self, errand: Errand) {
        let mut queues = self.shared.queues.lock();
        if !queues.ended {
            queues.errands.push_back(errand);
            self.shared.wake.up();
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

    /// How often something was written: while that stays the same, so does the store.
    pub(crate) fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// Waits until something is written after so many commits, or for at most so long.
    pub(crate) async fn written_after(&self, commits: u64, at_most: Duration) {
        let changed = self.shared.changed.notified();
        if self.commits() == commits {
            // Either will do.
            tokio::time::timeout(at_most, changed).await.ok();
        }
    }

    /// Waits until the store is broken.
    pub(crate) async fn broken(&self) {
        loop {
            let changed = self.shared.changed.notified();
            if self.is_broken() {
                return;
            }
            changed.await;
        }
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
        self.shared.wake.up();
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
        self.changed.notify_waiters();
    }

    fn written(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
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
