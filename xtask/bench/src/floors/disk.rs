//! Append and fdatasync, as every durable write must do in the end.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use crate::figures::{Run, Sample, millis};
use crate::stand::Bench;

const RECORD: usize = 400;
const EVERY: [usize; 3] = [1, 32, 128];
const MEASURE_FOR: Duration = Duration::from_secs(3);

pub(crate) async fn run(bench: &Bench, run: &mut Run) -> Result<()> {
    let measure_for = if bench.smoke { Duration::from_millis(100) } else { MEASURE_FOR };
    for every in EVERY {
        let took = measure(&bench.folder, every, measure_for).await?;
        let records = (took.len() * every) as f64;
        let seconds: f64 = took.iter().map(Duration::as_secs_f64).sum();
        let sample: Sample = took.into_iter().collect();
        run.add(format!("sync every {every}: p50"), "ms", sample.at(0.5).map(millis));
        run.add(format!("sync every {every}: p99"), "ms", sample.at(0.99).map(millis));
        run.add(format!("sync every {every}"), "records/s", records / seconds);
    }
    Ok(())
}

/// How long each write of so many records with its sync took.
pub(crate) async fn measure(folder: &Path, every: usize, lasts: Duration) -> Result<Vec<Duration>> {
    let path = folder.join("floor");
    let work = move || -> Result<Vec<Duration>> {
        let mut file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let records = vec![b'x'; RECORD * every];
        let began = Instant::now();
        let mut took = Vec::new();
        while began.elapsed() < lasts {
            let before = Instant::now();
            file.write_all(&records)?;
            file.sync_data()?;
            took.push(before.elapsed());
        }
        drop(file);
        fs::remove_file(&path)?;
        Ok(took)
    };
    tokio::task::spawn_blocking(work).await.context("the disk could not be measured")?
}
