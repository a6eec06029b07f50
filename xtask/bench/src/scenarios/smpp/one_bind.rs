//! What one bind with a window of ten carries, of what a sync and a round trip would let through.
//!
//! Each slot of the window is taken until its message was written durably and its answer came. Both are measured by
//! themselves in the same run: append and fdatasync on the same disk, and a bind with one message at a time straight
//! against the bench's vendor.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use smpp_wire::connection::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{MAX_NOTES, WAYS, bind, submit_one, take_notes};
use crate::figures::{Run, Sample, Target, millis};
use crate::floors::{disk, pair};
use crate::profile::Policy;
use crate::stand::{Bench, Stand, Ways, drained};
use crate::vendor::{Conduct, Vendor};

const WINDOW: u16 = 10;
const LONGEST: Duration = Duration::from_secs(10);
/// Before the rate is taken, so that caches and binds are warm.
const WARM: Duration = Duration::from_millis(500);
/// Of a vendor's bind: so many messages wait for it, and no more, because taking them costs the same cores.
const AHEAD: u64 = 200;
const LOOK_EVERY: Duration = Duration::from_millis(1);
const SHARE: f64 = 80.0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The application's one bind waits for answers; the vendors have room.
    Application,
    /// The vendor's one bind waits for answers; messages wait for it.
    Vendor,
}

pub(super) async fn run(bench: &Bench, run: &mut Run) -> Result<()> {
    let mut syncs = disk::measure(&bench.folder, 1, bench.floor_for()).await?;
    let mut measured = Vec::new();
    for side in [Side::Application, Side::Vendor] {
        let rate = side.rate(bench, run).await?;
        measured.push((side, rate, pair::round_trip(bench, side.conduct()).await?.at(0.5)));
    }
    syncs.extend(disk::measure(&bench.folder, 1, bench.floor_for()).await?);
    let sync = syncs.into_iter().collect::<Sample>().at(0.5);
    run.add("one bind: sync p50", "ms", sync.map(millis));
    for (side, rate, round_trip) in measured {
        let name = side.name();
        run.add(format!("{name}: messages"), "messages/s", rate);
        run.add(format!("{name}: round trip p50"), "ms", round_trip.map(millis));
        let least = sync.zip(round_trip).map(|(sync, round_trip)| sync + round_trip);
        run.add(
            format!("{name}: of window / (sync + round trip)"),
            "%",
            least.map(|least| share(rate, least)),
        );
        run.with_target(Target::AtLeast(SHARE));
    }
    Ok(())
}

/// In per cent, of what a window carries whose slots are each taken for so long.
fn share(rate: f64, each: Duration) -> f64 {
    100.0 * rate * each.as_secs_f64() / f64::from(WINDOW)
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Application => "one bind of an app, window 10",
            Self::Vendor => "one bind to a vendor, window 10",
        }
    }

    fn ways(self) -> Ways {
        match self {
            Self::Application => WAYS,
            Self::Vendor => Ways { vendors: 1, binds: 1, window: WINDOW, policy: Policy::Shared },
        }
    }

    /// How whoever answers the bind does so at best.
    fn conduct(self) -> Conduct {
        match self {
            Self::Application => Conduct::AT_ONCE,
            Self::Vendor => Conduct::USUAL,
        }
    }

    fn window_of_application(self) -> usize {
        match self {
            Self::Application => usize::from(WINDOW),
            Self::Vendor => super::WINDOW,
        }
    }

    /// Messages a second. Whatever was lost or went wrong is told by the run.
    async fn rate(self, bench: &Bench, run: &mut Run) -> Result<f64> {
        let stand = Stand::build(&bench.folder, &bench.program, self.ways()).await?;
        let door = stand.gateway.smpp().context("the program serves no SMPP")?;
        let (notes, noted) = mpsc::channel(MAX_NOTES);
        let told = Rc::new(Cell::new(0));
        let (mut taking, mut lines) = (JoinSet::new(), JoinSet::new());
        taking.spawn_local(take_notes(noted, stand.ledger.clone(), Rc::clone(&told)));
        let handle = bind(door, self.window_of_application(), notes, &mut lines).await?;
        let began = Instant::now();
        self.submit(&handle, &stand, began + WARM).await?;
        let (warm, before) = (Instant::now(), self.count(&stand));
        self.submit(&handle, &stand, warm + bench.seconds.min(LONGEST)).await?;
        let (took, count) = (warm.elapsed(), self.count(&stand) - before);
        drained(&stand.ledger, || 2 * told.get()).await;
        stand.ledger.judge().failures().into_iter().for_each(|failure| run.fail(failure));
        handle.close();
        while lines.join_next().await.is_some() {}
        stand.end().await?;
        Ok(count as f64 / took.as_secs_f64())
    }

    async fn submit(self, handle: &Handle<u32>, stand: &Stand, until: Instant) -> Result<()> {
        while Instant::now() < until {
            let waiting = stand.ledger.count().saturating_sub(taken(stand));
            if self == Self::Vendor && waiting >= AHEAD {
                sleep(LOOK_EVERY).await;
            } else {
                submit_one(handle, &stand.ledger).await?;
            }
        }
        Ok(())
    }

    /// What the bind has carried until now.
    fn count(self, stand: &Stand) -> u64 {
        match self {
            Self::Application => stand.ledger.accepted_count(),
            Self::Vendor => taken(stand),
        }
    }
}

fn taken(stand: &Stand) -> u64 {
    stand.vendors.iter().map(Vendor::taken).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_whose_slots_come_back_in_the_least_time_carries_all_that_it_can() {
        assert_eq!(share(5_000.0, Duration::from_millis(2)), 100.0);
        assert_eq!(share(2_500.0, Duration::from_millis(2)), 50.0);
    }
}
