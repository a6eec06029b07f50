//! Dry-runs: a version of the policy, tried on the log or on a file. One at a time, in threads of their own, without side
//! effects; the last few are remembered until the process ends.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use domain::{ConnectionId, DryRunId, Timestamp};
use parking_lot::Mutex;
use pipeline::replay::{Decision, LeftAside, Replay, Report};
use routing::Table;
use rustc_hash::FxHashMap;
use store::{LogPage, LogQuery, Reader};
use tokio::sync::Notify;

use crate::decisions::Period;

mod commitments;
mod file;
mod report;

pub(crate) use file::{Bad, Chunk, replay};
pub(crate) use report::report;

/// Those that are done are remembered up to so many.
const REMEMBERED: usize = 20;
/// Records that are read at a time.
const PAGE: usize = 1000;
/// Pages that are read ahead.
const AHEAD: usize = 2;
/// The longest part of the log that one goes through.
pub(crate) const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// Those of this process, the newest first.
#[derive(Default)]
pub(crate) struct DryRuns {
    runs: Mutex<VecDeque<Arc<DryRun>>>,
}

/// What one is to do.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) id: DryRunId,
    /// The version that is tried.
    pub(crate) version: u64,
    pub(crate) source: Source,
    pub(crate) by: Box<str>,
    pub(crate) at: Timestamp,
    /// What connections may send in a second, in segments.
    pub(crate) throughput: FxHashMap<ConnectionId, u32>,
}

/// Where the messages come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Log {
        since: Timestamp,
        until: Timestamp,
    },
    File {
        /// How long it is, where that is said.
        bytes: Option<u64>,
    },
}

impl Source {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Log { .. } => "log",
            Self::File { .. } => "file",
        }
    }

    /// Where it begins and ends, in what `reached` is counted in: milliseconds since 1970, or bytes.
    fn extent(self) -> (i64, i64) {
        match self {
            Self::Log { since, until } => (since.as_millis(), until.as_millis()),
            Self::File { bytes } => (0, bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or(i64::MAX)),
        }
    }
}

pub(crate) struct DryRun {
    pub(crate) wanted: Wanted,
    is_stopped: AtomicBool,
    /// For who waits for more of a file.
    stopped: Notify,
    decisions: AtomicU64,
    /// When the last message was accepted that it has come to; of a file, how much of it has arrived.
    reached: AtomicI64,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
pub(crate) enum State {
    Running,
    Done(Arc<Found>),
    Stopped,
    Failed(Box<str>),
}

impl State {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done(_) => "done",
            Self::Stopped => "stopped",
            Self::Failed(_) => "failed",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) report: Report,
    /// Records that did not read back.
    pub(crate) damaged: u64,
    /// Days of the log whose files cannot be used.
    pub(crate) days_left_out: BTreeSet<String>,
    pub(crate) period: Period,
}

/// Another one is running.
#[derive(Debug)]
pub(crate) struct Busy(pub(crate) DryRunId);

impl DryRuns {
    /// Begins it and comes back at once.
    pub(crate) fn start(
        &self,
        wanted: Wanted,
        table: Table,
        reader: Arc<dyn Reader>,
    ) -> Result<Arc<DryRun>, Busy> {
        let run = self.begin(wanted)?;
        let at_work = Arc::clone(&run);
        tokio::task::spawn_blocking(move || at_work.work(&table, &*reader));
        Ok(run)
    }

    /// It counts as running from now on; whoever calls this has it read something.
    pub(crate) fn begin(&self, wanted: Wanted) -> Result<Arc<DryRun>, Busy> {
        let mut runs = self.runs.lock();
        if let Some(busy) = runs.iter().find(|run| run.is_running()) {
            return Err(Busy(busy.wanted.id));
        }
        let run = Arc::new(DryRun::new(wanted));
        runs.push_front(Arc::clone(&run));
        runs.truncate(REMEMBERED);
        Ok(run)
    }

    pub(crate) fn list(&self) -> Vec<Arc<DryRun>> {
        self.runs.lock().iter().cloned().collect()
    }

    pub(crate) fn find(&self, id: DryRunId) -> Option<Arc<DryRun>> {
        self.runs.lock().iter().find(|run| run.wanted.id == id).cloned()
    }
}

impl Drop for DryRuns {
    /// A process that ends does not wait for what nobody can ask for any more.
    fn drop(&mut self) {
        self.runs.lock().iter().for_each(|run| run.stop());
    }
}

impl DryRun {
    fn new(wanted: Wanted) -> Self {
        Self {
            is_stopped: AtomicBool::new(false),
            stopped: Notify::new(),
            decisions: AtomicU64::new(0),
            reached: AtomicI64::new(wanted.source.extent().0),
            state: Mutex::new(State::Running),
            wanted,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state.lock().clone()
    }

    fn is_running(&self) -> bool {
        matches!(*self.state.lock(), State::Running)
    }

    /// It ends within a page of the log, or a piece of a file, whether or not more of that comes.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.stopped.notify_one();
    }

    /// Waits until it is stopped. For one who waits.
    pub(crate) async fn stopped(&self) {
        self.stopped.notified().await;
    }

    /// Decisions that were replayed so far.
    pub(crate) fn decisions(&self) -> u64 {
        self.decisions.load(Ordering::Relaxed)
    }

    /// How much of the time or of the file that it is about it has gone through, from 0 to 100.
    pub(crate) fn percent(&self) -> u8 {
        if !self.is_running() {
            return 100;
        }
        let (since, until) = self.wanted.source.extent();
        let gone = self.reached.load(Ordering::Relaxed).clamp(since, until) - since;
        u8::try_from(i128::from(gone) * 100 / i128::from(until - since).max(1)).unwrap_or(100)
    }

    fn work(&self, table: &Table, reader: &dyn Reader) {
        let Source::Log { since, until } = self.wanted.source else { return };
        self.run(reader, (since, until), |pages| self.decide(table, (since, until), pages));
    }

    /// Whatever becomes of `decide`, it is over afterwards: the next one may begin.
    fn run(
        &self,
        reader: &dyn Reader,
        period: (Timestamp, Timestamp),
        decide: impl FnOnce(Receiver<LogPage>) -> Found + Send,
    ) {
        let ended = self.replay(reader, period, decide);
        let state = match ended {
            Ok(Some(found)) => State::Done(Arc::new(found)),
            Ok(None) => State::Stopped,
            Err(error) => {
                tracing::error!(dry_run = %self.wanted.id, error = format!("{error:#}"), "a dry-run failed");
                State::Failed(format!("{error:#}").into())
            }
        };
        *self.state.lock() = state;
    }

    /// One thread reads while the other replays. None when it was stopped.
    fn replay(
        &self,
        reader: &dyn Reader,
        period: (Timestamp, Timestamp),
        decide: impl FnOnce(Receiver<LogPage>) -> Found + Send,
    ) -> anyhow::Result<Option<Found>> {
        let (give, take) = sync_channel(AHEAD);
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || self.read(reader, period, &give));
            // Each is joined: a panic of one is a result, and goes no further.
            let found = scope.spawn(move || decide(take)).join();
            let read = reading.join();
            let found =
                found.map_err(|_| anyhow::anyhow!("the thread that decides ended before its time"))?;
            let read =
                read.map_err(|_| anyhow::anyhow!("the thread that reads the log ended before its time"))?;
            read.context("the log could not be read")?;
            Ok(Some(found).filter(|_| !self.is_stopped.load(Ordering::Relaxed)))
        })
    }

    fn read(
        &self,
        reader: &dyn Reader,
        (since, until): (Timestamp, Timestamp),
        give: &SyncSender<LogPage>,
    ) -> Result<(), store::Error> {
        let mut after = None;
        loop {
            let page = reader.log(&LogQuery { since, until, after, limit: PAGE })?;
            after = page.next;
            let is_over = after.is_none() || self.is_stopped.load(Ordering::Relaxed);
            if give.send(page).is_err() || is_over {
                return Ok(());
            }
        }
    }

    fn decide(
        &self,
        table: &Table,
        (since, until): (Timestamp, Timestamp),
        pages: Receiver<LogPage>,
    ) -> Found {
        let mut replay = Replay::new(table, self.wanted.throughput.clone(), Box::new(|_, _| None));
        let (mut damaged, mut days_left_out) = (0, BTreeSet::new());
        for page in pages {
            damaged += page.damaged;
            days_left_out.extend(page.days_left_out);
            let records = page.records.len();
            if let Some(last) = page.records.last() {
                self.reached.store(last.message.created_at.as_millis(), Ordering::Relaxed);
            }
            for record in page.records {
                match Decision::of(record) {
                    Ok(decision) => drop(replay.decide(&decision)),
                    Err(why) => replay.leave_aside(why),
                }
            }
            self.decisions.fetch_add(records as u64, Ordering::Relaxed);
        }
        let period = Period { since, until, is_said: true };
        Found { report: replay.finish(), damaged, days_left_out, period }
    }
}

/// What people call it.
pub(crate) fn word(why: LeftAside) -> &'static str {
    match why {
        LeftAside::Refused => "refused",
        LeftAside::Canceled => "canceled",
        LeftAside::Withheld => "withheld",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(number: u128) -> Wanted {
        Wanted {
            id: DryRunId::from_u128(number),
            version: 1,
            source: Source::Log { since: Timestamp::from_millis(0), until: Timestamp::from_millis(1000) },
            by: "ops".into(),
            at: Timestamp::from_millis(1000),
            throughput: FxHashMap::default(),
        }
    }

    fn table() -> Table {
        let nothing =
            crate::tables::Sources::new(routing::Settings::default(), std::collections::BTreeMap::new());
        nothing.compile(&crate::tables::Surroundings::default()).unwrap()
    }

    #[test]
    fn one_runs_at_a_time_and_can_be_stopped() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (_writer, reader) =
                store::sqlite::open(folder.path(), &store::sqlite::Options::default()).unwrap();
            let reader: Arc<dyn Reader> = Arc::new(reader);
            let runs = DryRuns::default();
            // Until it is let go, nothing else gets a thread.
            let (go, wait) = sync_channel::<()>(0);
            let held = tokio::task::spawn_blocking(move || wait.recv().is_err());
            let first = runs.start(wanted(1), table(), Arc::clone(&reader)).unwrap();
            let Err(Busy(id)) = runs.start(wanted(2), table(), Arc::clone(&reader)) else {
                panic!("two ran")
            };
            assert_eq!((id, first.state().as_str(), first.percent()), (first.wanted.id, "running", 0));
            first.stop();
            drop(go);
            assert!(held.await.unwrap());
            while first.is_running() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!((first.state().as_str(), first.percent()), ("stopped", 100));
            let second = runs.start(wanted(2), table(), Arc::clone(&reader)).unwrap();
            while second.is_running() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(second.state().as_str(), "done");
            let listed: Vec<DryRunId> = runs.list().iter().map(|run| run.wanted.id).collect();
            assert_eq!(listed, [second.wanted.id, first.wanted.id]);
            assert!(runs.find(DryRunId::from_u128(3)).is_none());
        });
    }

    #[test]
    fn one_that_panics_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let (_writer, reader) =
            store::sqlite::open(folder.path(), &store::sqlite::Options::default()).unwrap();
        let run = DryRun::new(wanted(1));
        let period = (Timestamp::from_millis(0), Timestamp::from_millis(1000));
        run.run(&reader, period, |_| panic!("a record that nobody thought of"));
        let State::Failed(reason) = run.state() else { panic!("it is {}", run.state().as_str()) };
        assert_eq!(&*reason, "the thread that decides ended before its time");
        assert!(!run.is_running());
    }
}
