//! As many messages as go through, durable, over four binds with windows of 50.

use anyhow::Result;
use tokio::time::Instant;

use crate::figures::{Run, Target};
use crate::stand::{Bench, Stand, Ways, add_latencies, add_memory};
use crate::{load, profile};

pub(crate) async fn run(bench: &Bench) -> Result<Run> {
    let stand = Stand::build(&bench.folder, &bench.program, Ways::USUAL).await?;
    let mut run = Run::default();
    let before = stand.meter()?;
    let began = Instant::now();
    let until = began + bench.seconds;
    load::closed(stand.gateway.address(), &stand.ledger, bench.connections, until, profile::message).await?;
    let took = began.elapsed();
    let drain = stand.drain(&mut run).await?;
    let after = stand.meter()?;

    let judgement = stand.ledger.judge();
    let messages = judgement.accepted;
    run.add("accepted", "messages/s", messages as f64 / took.as_secs_f64());
    run.with_target(Target::AtLeast(5_000.0));
    // A backlog that the load left behind counts against the rate, too.
    run.add("accepted to told", "messages/s", messages as f64 / (took + drain).as_secs_f64());
    run.add("messages", "", messages as f64);
    let refused: u64 = judgement.refusals.values().sum();
    run.add("refused or failed requests", "", refused as f64);
    after.add_to(&mut run, before, messages);
    if let Some(figure) = run.figures.iter_mut().find(|figure| figure.name == "gateway CPU") {
        figure.target = Some(Target::AtMost(120.0));
    }
    add_latencies(&mut run, &stand.ledger, |_| true);
    run.add("drain after the load", "s", drain.as_secs_f64());
    add_memory(&mut run, &stand.gateway)?;
    stand.end().await?;
    Ok(run)
}
