//! The keeper of a connection: a task that does what no session and no caller can do at the right time.
//!
//! It sends the parts that wait for throughput or the end of a pause, reports the answers that no session will give,
//! and tells of free slots and of changes of health.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::client::Shared;
use crate::{Answered, Health};

/// How long it sleeps when nothing is due: it is woken when there is.
const LONG: Duration = Duration::from_secs(3600);

/// What it found to do.
struct Chores {
    reports: Vec<Answered>,
    health: Health,
    slots_free: bool,
    next: Option<Instant>,
}

/// `told` is the health before any bind was opened.
pub(super) async fn keep(shared: Arc<Shared>, mut told: Health, stop: CancellationToken) {
    loop {
        let stopped = stop.is_cancelled();
        let now = Instant::now();
        let next = tend(&shared, &mut told, now).unwrap_or(now + LONG);
        if stopped {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = shared.slots.woken() => {}
            () = sleep_until(next) => {}
        }
    }
}

/// Does what is due now, and says when more will be.
fn tend(shared: &Shared, told: &mut Health, now: Instant) -> Option<Instant> {
    let mut chores = find_chores(shared, now);
    if chores.health != *told {
        shared.events.health_changed(&shared.id, chores.health.clone());
        *told = chores.health;
    }
    if !chores.reports.is_empty() {
        shared.events.answered(&shared.id, &mut chores.reports);
    }
    if chores.slots_free {
        shared.events.slots_free(&shared.id);
    }
    chores.next
}

/// All that needs the lock, which must be free again when events are told.
fn find_chores(shared: &Shared, now: Instant) -> Chores {
    let mut gate = shared.gate.lock();
    gate.pump(now);
    let health = gate.health(now);
    let mut next = [gate.next_due(now), gate.health_changes_at(now)].into_iter().flatten().min();
    let mut slots_free = false;
    if shared.slots.was_refused() {
        match gate.look(&shared.slots, now) {
            Ok(_) => {
                shared.slots.tell();
                slots_free = true;
            }
            Err(shut) => next = [next, shut.until].into_iter().flatten().min(),
        }
    }
    Chores { reports: gate.take_reports(), health, slots_free, next }
}
