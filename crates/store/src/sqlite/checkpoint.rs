//! The thread that moves what is in the write-ahead logs into the databases, so that commits need not.
//!
//! A log begins anew only when a transaction starts while all of it has been moved, which beside a busy writer no
//! other thread ever achieves. So the thread moves the bulk, and the writer itself moves the little that was added
//! meanwhile, between two commits: the log is bounded by its threshold and by what one pass lets through.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;

use super::OpenError;
use super::day::Day;
use super::fault::{Fault, Phase};
use super::folder::{Access, Folder};
use crate::Error;

/// Pages of 4 KiB in a log. A page that changes many times before is moved once.
const THRESHOLD: i32 = 2048;

/// Owned by the writer; the thread ends with it.
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Held for moments only, by the writer's thread and this one.
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    hot_is_long: bool,
    days: BTreeSet<Day>,
    /// The bulk is moved and the writer is to move the rest.
    rest: bool,
    /// Why the database may have lost what was moved to it.
    failure: Option<String>,
    stopping: bool,
}

impl Checkpointer {
    pub(super) fn start(folder: Arc<Folder>, hot: &mut Connection) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared { state: Mutex::new(State::default()), wake: Condvar::new() });
        let file = folder.hot();
        let failed = |source| OpenError::of(&file, source);
        let watching = Arc::clone(&shared);
        hot.wal_hook(Some(move |_: &mut Wal, pages| {
            if pages >= THRESHOLD {
                watching.state.lock().hot_is_long = true;
                watching.wake.notify_one();
            }
            Ok(())
        }))
        .map_err(failed)?;
        let working = Arc::clone(&shared);
        let path = folder.path().to_owned();
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || run(&folder, &working))
            .map_err(|source| OpenError::Files { path, source })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn orders(&self) -> Orders {
        Orders { shared: Arc::clone(&self.shared) }
    }

    /// Moves the rest of the log when that is the writer's turn. To be called between two transactions.
    pub(super) fn help(&self, hot: &Connection) {
        let is_wanted = std::mem::take(&mut self.shared.state.lock().rest);
        if is_wanted {
            note(&self.shared, checkpoint(hot));
        }
    }

    /// Why nothing may be written any more.
    pub(super) fn failure(&self) -> Option<String> {
        self.shared.state.lock().failure.clone()
    }
}

/// For whoever writes to the files of days.
pub(super) struct Orders {
    shared: Arc<Shared>,
}

impl Orders {
    /// Has the log of a day's file moved.
    pub(super) fn move_day(&self, day: Day) {
        self.shared.state.lock().days.insert(day);
        self.shared.wake.notify_one();
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.shared.state.lock().stopping = true;
        self.shared.wake.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

fn run(folder: &Folder, shared: &Shared) {
    let mut hot = None;
    loop {
        let (hot_is_long, days) = {
            let mut state = shared.state.lock();
            while !state.stopping && !state.hot_is_long && state.days.is_empty() {
                shared.wake.wait(&mut state);
            }
            if state.stopping {
                return;
            }
            (std::mem::take(&mut state.hot_is_long), std::mem::take(&mut state.days))
        };
        if hot_is_long && note(shared, checkpoint_hot(folder, &mut hot)) {
            shared.state.lock().rest = true;
        }
        for day in days {
            let file = folder.day(day);
            note(shared, folder.connect(&file, Access::Change).and_then(|file| checkpoint(&file)));
        }
    }
}

fn checkpoint_hot(folder: &Folder, hot: &mut Option<Connection>) -> rusqlite::Result<()> {
    if hot.is_none() {
        *hot = Some(folder.connect(&folder.hot(), Access::Write)?);
    }
    hot.as_ref().map_or(Ok(()), checkpoint)
}

/// Whether the log of a file, which the connection has written to, has reached its threshold.
pub(super) fn is_log_long(file: &Connection) -> rusqlite::Result<bool> {
    let (pages, _) = file.wal_checkpoint_v2(None::<&str>, CheckpointMode::NOOP)?;
    Ok(pages >= THRESHOLD)
}

/// Moves what can be moved without waiting for anybody. As a statement: the function of the same name does nothing on
/// a connection that has not read from its file yet.
pub(super) fn checkpoint(file: &Connection) -> rusqlite::Result<()> {
    file.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?.query_row([], |_| Ok(()))
}

/// A pass that found no room is made again later: the log still has everything. After a failed sync the database may
/// have lost pages that the log no longer gives back, so then the store is broken.
fn note(shared: &Shared, result: rusqlite::Result<()>) -> bool {
    match result.map_err(|error| Fault::Database(error).classify(Phase::BeforeCommit)) {
        Ok(()) => true,
        Err(Error::Broken { reason }) => {
            tracing::error!(reason, "a checkpoint failed");
            shared.state.lock().failure = Some(reason);
            false
        }
        Err(error @ (Error::Unavailable { .. } | Error::Damaged { .. })) => {
            tracing::warn!(%error, "a checkpoint has to wait");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::Options;
    use crate::sqlite::schema::{self, Role};

    #[test]
    fn a_new_connection_moves_what_another_one_wrote() {
        let directory = tempfile::TempDir::new().unwrap();
        let folder = Folder::new(directory.path().to_owned(), Options::default());
        let file = folder.hot();
        let mut writer = folder.connect(&file, Access::Write).unwrap();
        schema::prepare(&mut writer, Role::Hot, &file).unwrap();
        writer
            .execute("INSERT INTO damaged(key, reason, record) VALUES (1, '', zeroblob(1000000))", [])
            .unwrap();
        let size = || std::fs::metadata(&file).unwrap().len();
        assert!(size() < 1_000_000);
        checkpoint(&folder.connect(&file, Access::Write).unwrap()).unwrap();
        assert!(size() > 1_000_000);
    }
}
