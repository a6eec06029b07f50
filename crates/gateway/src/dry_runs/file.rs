//! A dry-run over a file of decisions, read as it comes: nothing of it is kept.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Bytes;
use domain::ConnectionId;
use pipeline::replay::Replay;
use routing::Table;
use rustc_hash::FxHashMap;
use tokio::sync::mpsc::Receiver;

use super::{DryRun, Found, State};
use crate::decisions::{Items, Known, Problems, Read as Item, Whole};

/// How much is read at a time.
const BUFFER: usize = 64 * 1024;

/// A piece of a file that arrives.
#[derive(Debug)]
pub(crate) enum Chunk {
    Bytes(Bytes),
    /// There is no more of it. Without this, it did not arrive whole.
    Over,
}

/// Why nothing was found out.
#[derive(Debug)]
pub(crate) enum Bad {
    Unreadable(io::Error),
    Wrong(Problems),
}

/// Goes through a file to its end. None when `go_on`, which is told how many lines were read, has it end before.
///
/// # Errors
/// When it cannot be read, and with its problems when it has any: then nothing is told of it.
pub(crate) fn replay(
    input: &mut dyn BufRead,
    known: &Known,
    table: &Table,
    throughput: FxHashMap<ConnectionId, u32>,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<Found>, Bad> {
    let mut items = Items::new(input, known);
    let mut replay = Replay::new(table, throughput, Box::new(|_, _| None));
    let mut lines = 0;
    while let Some(item) = items.read_item().map_err(Bad::Unreadable)? {
        lines += 1;
        if !go_on(lines) {
            return Ok(None);
        }
        // A file that is refused is only looked through for what else is wrong with it.
        if items.has_problems() {
            continue;
        }
        match item {
            Item::Decision(decision) => drop(replay.decide(&decision)),
            Item::Aside(why) => replay.leave_aside(why),
        }
    }
    let Whole { period, damaged, days_left_out } = items.finish().map_err(Bad::Wrong)?;
    let days_left_out = days_left_out.into_iter().collect();
    Ok(Some(Found { report: replay.finish(), damaged, days_left_out, period }))
}

impl DryRun {
    /// Blocking. Whatever becomes of it, it is over afterwards: the next one may begin.
    ///
    /// # Errors
    /// With what is wrong with the file.
    pub(crate) fn read_file(
        self: &Arc<Self>,
        table: &Table,
        known: &Known,
        chunks: Receiver<Chunk>,
    ) -> Result<(), Problems> {
        // If this thread dies, the next dry-run may begin all the same.
        let ending = Ending(Arc::clone(self));
        let arriving = Arriving { run: self, chunks, now: Bytes::new(), is_over: false };
        let mut input = BufReader::with_capacity(BUFFER, arriving);
        let mut go_on = |lines| {
            self.decisions.store(lines, Ordering::Relaxed);
            !self.is_stopped.load(Ordering::Relaxed)
        };
        let throughput = self.wanted.throughput.clone();
        let (state, read) = match replay(&mut input, known, table, throughput, &mut go_on) {
            Ok(Some(found)) => (State::Done(Arc::new(found)), Ok(())),
            Ok(None) => (State::Stopped, Ok(())),
            Err(Bad::Unreadable(_)) if self.is_stopped.load(Ordering::Relaxed) => (State::Stopped, Ok(())),
            Err(Bad::Unreadable(error)) => (State::Failed(error.to_string().into()), Ok(())),
            Err(Bad::Wrong(problems)) => (State::Failed(problems.to_string().into()), Err(problems)),
        };
        *self.state.lock() = state;
        drop(ending);
        read
    }
}

struct Ending(Arc<DryRun>);

impl Drop for Ending {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if matches!(*state, State::Running) {
            *state = State::Failed("the thread that decides ended before its time".into());
        }
    }
}

/// A file as it arrives.
struct Arriving<'a> {
    run: &'a DryRun,
    chunks: Receiver<Chunk>,
    now: Bytes,
    is_over: bool,
}

impl Read for Arriving<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // A file may have no line that can be used, and so none that is asked after.
        if self.run.is_stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("the dry-run was stopped"));
        }
        while self.now.is_empty() && !self.is_over {
            match self.chunks.blocking_recv() {
                Some(Chunk::Bytes(bytes)) => {
                    let arrived = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
                    self.run.reached.fetch_add(arrived, Ordering::Relaxed);
                    self.now = bytes;
                }
                Some(Chunk::Over) => self.is_over = true,
                None => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the file did not arrive whole",
                    ));
                }
            }
        }
        let taken = self.now.split_to(self.now.len().min(into.len()));
        into.iter_mut().zip(&taken).for_each(|(into, byte)| *into = *byte);
        Ok(taken.len())
    }
}

#[cfg(test)]
mod tests {
    use domain::{Class, DryRunId, Timestamp};

    use super::super::{DryRuns, Source, Wanted};
    use super::*;

    #[test]
    fn a_file_without_a_line_that_can_be_used_is_stopped_while_it_comes() {
        let nothing =
            crate::tables::Sources::new(routing::Settings::default(), std::collections::BTreeMap::new());
        let table = nothing.compile(&crate::tables::Surroundings::default()).unwrap();
        let now = Timestamp::from_millis(0);
        let known = || Known {
            apps: FxHashMap::default(),
            default_class: Class::Otp,
            operator: Box::new(|_| None),
            now,
        };
        let wanted = || Wanted {
            id: DryRunId::from_u128(1),
            version: 1,
            source: Source::File { bytes: None },
            by: "".into(),
            at: now,
            throughput: FxHashMap::default(),
        };
        let runs = DryRuns::default();
        for lines in ["\n\n\n\n", "what is no decision\n"] {
            let run = runs.begin(wanted()).unwrap();
            let (give, take) = tokio::sync::mpsc::channel(1);
            let stop = Arc::clone(&run);
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    let mut given = 0;
                    while give.blocking_send(Chunk::Bytes(Bytes::from_static(lines.as_bytes()))).is_ok() {
                        given += 1;
                        if given == 1000 {
                            stop.stop();
                        }
                    }
                });
                run.read_file(&table, &known(), take).unwrap();
            });
            assert!(matches!(run.state(), State::Stopped), "{:?}", run.state());
        }
    }
}
