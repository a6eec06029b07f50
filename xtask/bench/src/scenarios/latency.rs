//! What one message waits for at a thousand a second, held against the sync of the same disk in the same run.

use std::time::Duration;

use anyhow::Result;

use crate::figures::{Figure, Run, Target};
use crate::floors::disk;
use crate::load::{self, Schedule};
use crate::profile;
use crate::stand::{Bench, Stand, Ways, add_latencies, add_lateness, add_memory};

const PER_SECOND: u32 = 1_000;
/// Before and after the load, not during: two who sync at once would both be slower, and the target softer.
const SYNC_FOR: Duration = Duration::from_secs(3);
/// Where the 99th sync takes no longer than this, fixed limits hold beside those that follow from it.
const FAST_SYNC_MS: f64 = 8.0;

pub(crate) async fn run(bench: &Bench) -> Result<Run> {
    let stand = Stand::build(&bench.folder, &bench.program, Ways::USUAL).await?;
    let mut run = Run::default();
    let sync_for = if bench.smoke { Duration::from_millis(200) } else { SYNC_FOR };
    let mut syncs = disk::measure(&bench.folder, 1, sync_for).await?;
    let before = stand.meter()?;
    let schedule = Schedule {
        starts: Duration::ZERO,
        lasts: bench.seconds,
        per_second: if bench.smoke { 100 } else { PER_SECOND },
        make: profile::message,
    };
    load::open(stand.gateway.address(), &stand.ledger, bench.connections, &[schedule]).await?;
    stand.drain(&mut run).await?;
    let after = stand.meter()?;
    syncs.extend(disk::measure(&bench.folder, 1, sync_for).await?);

    run.add_percentiles("sync", &syncs.into_iter().collect());
    add_latencies(&mut run, &stand.ledger, |_| true);
    let sync = run.value("sync p99");
    for (name, fixed) in [("API p99", 25.0), ("accept-to-wire p99", 30.0)] {
        if let (Some(sync), Some(figure)) = (sync, find(&mut run, name)) {
            figure.target = Some(Target::AtMost(limit(sync, fixed)));
        }
    }
    add_lateness(&mut run, &stand.ledger);
    run.add("messages", "", stand.ledger.judge().accepted as f64);
    after.add_to(&mut run, before, stand.ledger.accepted_count());
    add_memory(&mut run, &stand.gateway)?;
    stand.end().await?;
    Ok(run)
}

fn limit(sync: f64, fixed: f64) -> f64 {
    let relative = 2.5 * sync + 5.0;
    if sync <= FAST_SYNC_MS { relative.min(fixed) } else { relative }
}

fn find<'a>(run: &'a mut Run, name: &str) -> Option<&'a mut Figure> {
    run.figures.iter_mut().find(|figure| figure.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_follows_the_disk_and_is_fixed_on_a_fast_one() {
        assert_eq!(limit(2.0, 25.0), 10.0);
        assert_eq!(limit(8.0, 20.0), 20.0);
        assert_eq!(limit(20.0, 25.0), 55.0);
    }
}
