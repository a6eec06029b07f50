//! Deadlines: validity, scheduled starts, missing receipts and the receipt horizon, all from the store's `wake_at`.

use std::sync::Arc;
use std::time::Duration;

use domain::record::Input;
use store::Claim;

use crate::core::Core;
use crate::worker;

/// How late a deadline may be noticed.
const TICK: Duration = Duration::from_millis(100);
const PAGE: usize = 500;

/// Wakes overdue records, until it is dropped.
pub(crate) async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if core.writer.is_writing() {
            wake_due(&core).await;
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
