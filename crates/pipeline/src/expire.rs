//! Deadlines: validity, scheduled starts, missing receipts and the receipt horizon, all from the store's `wake_at`.

use std::sync::Arc;
use std::time::Duration;

use domain::record::Input;
use store::Claim;
use tokio::time::Instant;

use crate::core::Core;
use crate::worker;

/// How late a deadline may be noticed.
const TICK: Duration = Duration::from_millis(100);
const PAGE: usize = 500;
/// Closed records moved to their day per tick: a long way above what is closed at full load.
const SEALED_PER_TICK: usize = 2000;
/// How often something that is too old is dropped, if there is anything.
const RETAIN_EVERY: Duration = Duration::from_secs(1);

/// Wakes overdue records and lets the store tidy up, until it is dropped.
pub(crate) async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(TICK);
    let mut retained: Option<Instant> = None;
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if !core.writer.is_writing() {
            continue;
        }
        wake_due(&core).await;
        tidy(&core);
        if retained.is_none_or(|at| at.elapsed() >= RETAIN_EVERY) {
            retained = Some(Instant::now());
            retain(&core);
        }
    }
}

async fn wake_due(core: &Arc<Core>) {
    let claim = Claim::Due { now: core.clock.now() };
    // A failed claim is logged where it failed; the next tick asks again.
    let Ok(due) = worker::claim(core, claim, PAGE).await else { return };
    for record in due {
        core.step(record.message.id, Input::Wake);
    }
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

fn tidy(core: &Arc<Core>) {
    let now = core.clock.now();
    let writer = core.writer.clone();
    core.writer.errand(Box::new(move |store| {
        if let Err(error) = store.tidy(now, SEALED_PER_TICK) {
            tracing::error!(%error, "closed records could not be moved to their day");
            // At rest no commit follows that would notice.
            writer.note(&error);
        }
    }));
}
