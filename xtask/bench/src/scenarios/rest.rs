//! What a gateway costs that has nothing to do: fresh, and after it had much to do.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::figures::{Run, Target, mebibytes};
use crate::stand::{Bench, Stand, Ways};
use crate::{load, profile};

const REST_FOR: Duration = Duration::from_secs(20);
/// After the start, until caches are filled and binds are there.
const SETTLE: Duration = Duration::from_secs(2);

pub(crate) async fn run(bench: &Bench) -> Result<Run> {
    let stand = Stand::build(&bench.folder, &bench.program, Ways::USUAL).await?;
    let mut run = Run::default();
    rest(&stand, &mut run, bench, "after the start").await?;
    let until = Instant::now() + bench.seconds.min(Duration::from_secs(20));
    load::closed(stand.gateway.address(), &stand.ledger, bench.connections, until, profile::message).await?;
    stand.drain(&mut run).await?;
    rest(&stand, &mut run, bench, "after load").await?;
    stand.end().await?;
    Ok(run)
}

async fn rest(stand: &Stand, run: &mut Run, bench: &Bench, when: &str) -> Result<()> {
    let rest_for = if bench.smoke { Duration::from_secs(1) } else { REST_FOR };
    sleep(SETTLE.min(rest_for)).await;
    let before = stand.meter()?;
    sleep(rest_for).await;
    let share = stand.meter()?.gateway_share(before);
    run.add(format!("RSS {when}"), "MiB", mebibytes(stand.gateway.rss()?));
    run.with_target(Target::AtMost(64.0));
    run.add(format!("CPU {when}"), "% of a core", share * 100.0);
    run.with_target(Target::AtMost(0.1));
    Ok(())
}
