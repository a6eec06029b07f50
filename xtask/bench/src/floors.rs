//! What the machine itself can do, measured beside the gateway: nothing can be faster than this here.

use anyhow::Result;

use crate::figures::Run;
use crate::stand::Bench;

pub(crate) mod disk;
mod echo;
pub(crate) mod pair;
mod webhook;

/// All floors, one after the other, so that none takes from another.
pub(crate) async fn run(bench: &Bench) -> Result<Run> {
    let mut run = Run::default();
    echo::run(bench, &mut run).await?;
    pair::run(bench, &mut run).await?;
    webhook::run(bench, &mut run).await?;
    disk::run(bench, &mut run).await?;
    Ok(run)
}
