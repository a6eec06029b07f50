//! The thread that looks for what is too old and rewrites files, so that the writer only drops what is found.
//!
//! A day is dropped by the writer, who may have it open: it renames the file, which takes no time however large it is,
//! and readers let go of it. The bytes go afterwards, here. What still needs a day is whoever has to be told of one of
//! its messages, and a message that was sealed into it of late, because it was open for long: it stays as long as one
//! of its own day that closed at once. The writer looks again before it drops what was found. A record of the day that
//! is in the hot file does not need it: what is there counts, and it is sealed into a new file that is dropped in its
//! turn.

use std::fs;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use domain::record::RECEIPT_HORIZON;
use domain::{MessageId, Timestamp};
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::OpenError;
use super::day::Day;
use super::fault::Fault;
use super::folder::{Access, Folder};
use super::{fault, schema, texts};

/// Which days are too old: all before these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) messages_before: Option<Day>,
    pub(super) texts_before: Option<Day>,
}

/// A day that is too old and that nothing needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unneeded {
    pub(super) day: Day,
    /// None when its file cannot be read.
    pub(super) messages: Option<u64>,
}

/// Owned by the writer; the thread ends with it.
pub(super) struct Sweeper {
    shared: Arc<Shared>,
    /// What it looked for last, and when.
    wanted: Option<(Due, Timestamp)>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Held for moments only, by the writer's thread and this one.
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// And when that was.
    wanted: Option<(Due, Timestamp)>,
    found: Vec<Unneeded>,
    stopping: bool,
}

/// Between two steps of rewriting a file: whoever shares the disk goes first.
const PAUSE: Duration = Duration::from_millis(10);
const AGAIN_AFTER: Duration = Duration::from_secs(600);
/// To free gigabytes at once would hold up every sync of the file system meanwhile.
const FREED_AT_ONCE: u64 = 256 << 20;

impl Sweeper {
    pub(super) fn start(folder: Arc<Folder>) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared { state: Mutex::new(State::default()), wake: Condvar::new() });
        let working = Arc::clone(&shared);
        let path = folder.path().to_owned();
        let thread = std::thread::Builder::new()
            .name("store-retention".to_owned())
            .spawn(move || run(&folder, &working))
            .map_err(|source| OpenError::Files { path, source })?;
        Ok(Self { shared, wanted: None, thread: Some(thread) })
    }

    /// One of the days that were found, if there is any.
    pub(super) fn found(&self) -> Option<Unneeded> {
        self.shared.state.lock().found.pop()
    }

    /// Has it look for what is due: when that is not what it looked for last, and again from time to time, because days
    /// that somebody needed then may be free now.
    pub(super) fn want(&mut self, due: Due, now: Timestamp) {
        let is_known = self.wanted.is_some_and(|(before, at)| before == due && now.since(at) < AGAIN_AFTER);
        if is_known || due == Due::default() {
            return;
        }
        self.wanted = Some((due, now));
        self.shared.state.lock().wanted = Some((due, now));
        self.shared.wake.notify_one();
    }

    /// A file was dropped: its room is to be given back.
    pub(super) fn free(&self) {
        let nothing_else = (Due::default(), Timestamp::from_millis(0));
        self.shared.state.lock().wanted.get_or_insert(nothing_else);
        self.shared.wake.notify_one();
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.shared.state.lock().stopping = true;
        self.shared.wake.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the retention thread panicked");
        }
    }
}

fn run(folder: &Folder, shared: &Shared) {
    loop {
        let (due, now) = {
            let mut state = shared.state.lock();
            loop {
                if state.stopping {
                    return;
                }
                if let Some(wanted) = state.wanted.take() {
                    break wanted;
                }
                shared.wake.wait(&mut state);
            }
        };
        if let Err(fault) = sweep(folder, due, now, shared) {
            tracing::warn!(%fault, "what is too old could not all be dropped; it is tried again");
        }
    }
}

fn sweep(folder: &Folder, due: Due, now: Timestamp, shared: &Shared) -> Result<(), Fault> {
    let mut go_on = || {
        let mut state = shared.state.lock();
        shared.wake.wait_for(&mut state, PAUSE);
        !state.stopping
    };
    free_dropped(folder, &mut go_on).map_err(|source| files(folder, source))?;
    let days = folder.list_days().map_err(|source| files(folder, source))?;
    let is_before = |day: &Day, before: Option<Day>| before.is_some_and(|before| *day < before);
    let (old, kept): (Vec<Day>, Vec<Day>) =
        days.into_iter().partition(|day| is_before(day, due.messages_before));
    if due.messages_before.is_some() {
        let found = find_unneeded(folder, &old, now)?;
        shared.state.lock().found = found;
    }
    for day in kept.into_iter().filter(|day| is_before(day, due.texts_before)) {
        match texts::drop_of(folder, day, &mut go_on) {
            Ok(None | Some(0)) => {}
            Ok(Some(texts)) => tracing::info!(%day, texts, "texts were dropped by age"),
            // A damaged day stops no other.
            Err(fault) => tracing::warn!(%day, %fault, "texts could not be dropped"),
        }
        if !go_on() {
            break;
        }
    }
    Ok(())
}

/// Those of the days that nothing needs any more.
pub(super) fn find_unneeded(folder: &Folder, days: &[Day], now: Timestamp) -> Result<Vec<Unneeded>, Fault> {
    if days.is_empty() {
        return Ok(Vec::new());
    }
    let hot = folder.connect(&folder.hot(), Access::Read)?;
    let mut found = Vec::new();
    for day in days {
        if !is_needed(folder, &hot, *day, now)? {
            found.push(Unneeded { day: *day, messages: count(folder, *day).ok() });
        }
    }
    Ok(found)
}

pub(super) fn is_needed(
    folder: &Folder,
    hot: &Connection,
    day: Day,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    Ok(waits_to_be_told(hot, day)? || was_sealed_into(folder, day, now))
}

/// Whether that was within the receipt horizon. Damaged files have their time as well, and a full disk needs the room
/// most; one that cannot be read for another reason is asked another time.
fn was_sealed_into(folder: &Folder, day: Day, now: Timestamp) -> bool {
    let file = folder.connect(&folder.day(day), Access::Read);
    match file.and_then(|file| sealed_at(&file)) {
        Ok(at) => at.is_some_and(|at| now.since(at) < RECEIPT_HORIZON),
        Err(error) => !fault::is_corrupt(&error) && !fault::is_of_a_full_disk(&error),
    }
}

/// When a record was sealed into the file last.
fn sealed_at(file: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    if !schema::is_prepared(file)? {
        return Ok(None);
    }
    let millis = file
        .query_row("SELECT value FROM counters WHERE name = 'sealed_at'", [], |row| row.get(0))
        .optional();
    Ok(millis?.map(Timestamp::from_millis))
}

/// Notes that a record is being sealed into the file.
pub(super) fn note_sealed(file: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    file.prepare_cached("INSERT OR REPLACE INTO counters(name, value) VALUES ('sealed_at', ?1)")?
        .execute([now.as_millis()])?;
    Ok(())
}

/// Whether an application still has to be told of a message of the day.
fn waits_to_be_told(hot: &Connection, day: Day) -> rusqlite::Result<bool> {
    let id = |key: i64| MessageId::from_u128(u128::from(key.unsigned_abs()) << 64).as_u128().to_be_bytes();
    hot.query_row(
        "SELECT EXISTS(SELECT 1 FROM notices WHERE message >= ?1 AND message < ?2)",
        params![id(day.first_key()), id(day.end_key())],
        |row| row.get(0),
    )
}

pub(super) fn count(folder: &Folder, day: Day) -> rusqlite::Result<u64> {
    let file = folder.connect(&folder.day(day), Access::Read)?;
    let count: i64 = file.query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Takes the day's file away. Nobody may have it open for writing.
pub(super) fn drop_day(folder: &Folder, day: Day) -> Result<(), OpenError> {
    let file = folder.day(day);
    let failed = |source| OpenError::Files { path: file.clone(), source };
    match fs::rename(&file, folder.dropped(day)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        renamed => renamed.map_err(failed)?,
    }
    folder.remove_logs(day).map_err(failed)?;
    folder.sync_days()
}

/// Gives the disk its room back, in steps.
pub(super) fn free_dropped(folder: &Folder, go_on: &mut dyn FnMut() -> bool) -> io::Result<()> {
    for path in folder.list_dropped()? {
        let file = fs::OpenOptions::new().write(true).open(&path)?;
        let mut length = file.metadata()?.len();
        while length > FREED_AT_ONCE {
            length -= FREED_AT_ONCE;
            file.set_len(length)?;
            if !go_on() {
                return Ok(());
            }
        }
        fs::remove_file(&path)?;
    }
    Ok(())
}

fn files(folder: &Folder, source: io::Error) -> Fault {
    Fault::Open(OpenError::Files { path: folder.days(), source })
}
