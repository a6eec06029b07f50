//! What is closed leaves the open records, and what is too old is dropped: a little again and again, beside all else.

use std::sync::Arc;
use std::time::Duration;

use store::{Error, Sealed, Write};
use tokio::time::Instant;

use crate::core::Core;
use crate::writer::{NotWritten, Urgency};
use crate::{worker, workplace};

const TICK: Duration = Duration::from_millis(100);
/// Closed records moved to their day per tick: a long way above what is closed at full load.
const SEALED_PER_TICK: usize = 2000;
/// How often something that is too old is dropped, if there is anything.
const RETAIN_EVERY: Duration = Duration::from_secs(1);

/// Keys and held receipts grow old without anything being written.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// So long after the last write the store gives back what it keeps to be fast.
const RESTS_AFTER: Duration = Duration::from_secs(5);

/// Lets the store tidy up, until it is dropped.
pub(crate) async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(TICK);
    let mut retained: Option<Instant> = None;
    let mut looked: Option<(u64, Instant)> = None;
    let mut rest = Rest::default();
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if !core.writer.is_writing() {
            continue;
        }
        let commits = core.writer.commits();
        if looked.is_none_or(|(before, at)| before != commits || at.elapsed() >= LOOK_EVERY) {
            // What failed is logged where it failed; the next tick begins anew.
            looked = match seal(&core).await {
                Ok(Some(sealed)) => {
                    core.writer.write(Urgency::Offer, Write::Sealed(sealed), Box::new(|_| {}));
                    None
                }
                Ok(None) => Some((commits, Instant::now())),
                Err(_) => None,
            };
        }
        if rest.begins(commits) {
            core.writer.errand(Box::new(|store| store.rest()));
        }
        if retained.is_none_or(|at| at.elapsed() >= RETAIN_EVERY) {
            retained = Some(Instant::now());
            retain(&core);
        }
        if looked.is_some() {
            core.writer.written_after(commits, RETAIN_EVERY).await;
        }
    }
}

/// Notices when nothing is written any more.
#[derive(Default)]
struct Rest {
    commits: u64,
    since: Option<Instant>,
    is_over: bool,
}

impl Rest {
    /// Once for each time of rest.
    fn begins(&mut self, commits: u64) -> bool {
        if self.commits != commits || self.since.is_none() {
            *self = Self { commits, since: Some(Instant::now()), is_over: false };
        }
        let begins = !self.is_over && self.since.is_some_and(|since| since.elapsed() >= RESTS_AFTER);
        self.is_over |= begins;
        begins
    }
}

/// Copies closed records to their days, away from the writer. What was copied has still to be removed.
async fn seal(core: &Arc<Core>) -> Result<Option<Sealed>, NotWritten> {
    let now = core.clock.now();
    let found = worker::ask(core, move |store| store.find_closed(now, SEALED_PER_TICK)).await;
    let Some(sealing) = found? else { return Ok(None) };
    match workplace::run(core, move || sealing.copy()).await {
        Ok(sealed) => {
            let sealed = sealed.map_err(|error| failed(core, &error))?;
            Ok(Some(sealed).filter(|sealed| !sealed.is_empty()))
        }
        Err(panicked) => {
            tracing::error!(%panicked, "closed records could not be moved to their day");
            Ok(None)
        }
    }
}

fn failed(core: &Core, error: &Error) -> NotWritten {
    tracing::error!(%error, "closed records could not be moved to their day");
    core.writer.note(error);
    NotWritten::Unavailable
}

fn retain(core: &Arc<Core>) {
    let now = core.clock.now();
    let retention = *core.retention.lock();
    core.writer.errand(Box::new(move |store| {
        if let Err(error) = store.retain(now, &retention) {
            tracing::error!(%error, "what is too old could not be dropped");
        }
    }));
}
