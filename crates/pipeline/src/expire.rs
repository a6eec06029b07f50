//! Deadlines: validity, scheduled starts, missing receipts and the receipt horizon, all from the store's `wake_at`.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::record::Input;
use store::Claim;

use crate::core::Core;
use crate::worker;

/// How late a deadline may be noticed.
const TICK: Duration = Duration::from_millis(100);
/// The longest time without a look at the clock.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const PAGE: usize = 500;

/// Wakes overdue records, until it is dropped.
pub(crate) async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(TICK);
    let mut looked: Option<Looked> = None;
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Some(looked) = looked.as_ref().filter(|looked| looked.still_holds(&core)) {
            core.writer.written_after(looked.commits, looked.next_look(&core)).await;
        } else if core.writer.is_writing() {
            looked = wake_due(&core).await;
        }
    }
}

/// What the store said when it was asked last: a gateway at rest does not ask again and again.
struct Looked {
    commits: u64,
    next_due: Option<Timestamp>,
}

impl Looked {
    /// The clock may be set ahead meanwhile.
    fn next_look(&self, core: &Core) -> Duration {
        let now = core.clock.now();
        self.next_due.filter(|due| *due > now).map_or(LOOK_AGAIN, |due| due.since(now).min(LOOK_AGAIN))
    }

    fn still_holds(&self, core: &Core) -> bool {
        self.commits == core.writer.commits() && self.next_due.is_none_or(|due| core.clock.now() < due)
    }
}

/// None when the store has to be asked again in any case.
async fn wake_due(core: &Arc<Core>) -> Option<Looked> {
    let commits = core.writer.commits();
    let claim = Claim::Due { now: core.clock.now() };
    let found = worker::ask(core, |store| Ok((store.claim(claim, PAGE)?, store.next_due()?))).await;
    // A failed claim is logged where it failed.
    let (due, next_due) = found.ok()?;
    for record in due {
        core.step(record.message.id, Input::Wake);
    }
    Some(Looked { commits, next_due })
}
