//! A gateway with its vendors and its sink, in a folder of its own: what every scenario is run on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep};

use crate::figures::{Run, Sample, mebibytes, millis};
use crate::gateway::{Gateway, own_cpu};
use crate::ledger::{Entry, Ledger};
use crate::profile::{Configuration, Connection, Policy};
use crate::sink::Sink;
use crate::vendor::{Conduct, Vendor};

/// What all scenarios are told.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) program: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) seconds: Duration,
    pub(crate) connections: usize,
    /// Whether only to see that it runs: few messages, short waits.
    pub(crate) smoke: bool,
    /// How many messages wait in the backlog.
    pub(crate) backlog: u32,
    /// Messages a second for each of the three vendors whose faults are tried.
    pub(crate) offered: u32,
    /// Only faults whose name contains this.
    pub(crate) fault: String,
}

pub(crate) struct Stand {
    pub(crate) gateway: Gateway,
    pub(crate) vendors: Vec<Vendor>,
    pub(crate) sink: Sink,
    pub(crate) ledger: Ledger,
}

/// How many binds, over all vendors, and how they are chosen.
#[derive(Clone, Copy)]
pub(crate) struct Ways {
    pub(crate) vendors: u8,
    pub(crate) binds: u16,
    pub(crate) window: u16,
    pub(crate) policy: Policy,
}

/// CPU time at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Meter {
    at: Instant,
    gateway: Duration,
    bench: Duration,
}

const BOUND_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Nothing new has come for so long: what is missing is lost.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// Sealing goes on long after the last webhook.
const QUIET_WITHIN: Duration = Duration::from_secs(600);

impl Bench {
    /// How long each floor is measured.
    pub(crate) fn floor_for(&self) -> Duration {
        if self.smoke { Duration::from_millis(200) } else { Duration::from_secs(3) }
    }
}

impl Ways {
    /// Of the fixed profile: four binds with windows of 50.
    pub(crate) const USUAL: Self = Self { vendors: 2, binds: 2, window: 50, policy: Policy::Shared };
}

impl Stand {
    /// Starts everything, and returns once every bind is there.
    pub(crate) async fn build(folder: &Path, program: &Path, ways: Ways) -> Result<Self> {
        make_anew(folder)?;
        let ledger = Ledger::new();
        let sink = Sink::start(&ledger).await?;
        let mut vendors = Vec::new();
        for number in 0..ways.vendors {
            vendors.push(Vendor::start(number, 0, Conduct::USUAL, &ledger).await?);
        }
        let connection =
            |vendor: &Vendor| Connection { vendor: vendor.address(), binds: ways.binds, window: ways.window };
        let connections = vendors.iter().map(connection).collect();
        let file = write_configuration(
            folder,
            &Configuration { hook: sink.address(), connections, policy: ways.policy },
        )?;
        let gateway = Gateway::start(program, &file, &folder.join("gateway.log")).await?;
        let stand = Self { gateway, vendors, sink, ledger };
        let wanted = usize::from(ways.binds) * usize::from(ways.vendors);
        until_bound(wanted, || stand.vendors.iter().map(Vendor::binds).sum()).await?;
        Ok(stand)
    }

    pub(crate) fn meter(&self) -> Result<Meter> {
        Ok(Meter { at: Instant::now(), gateway: self.gateway.cpu()?, bench: own_cpu()? })
    }

    /// Waits until every accepted message is told of and the gateway is quiet, or nothing comes any more. Returns how
    /// long the messages took.
    pub(crate) async fn drain(&self, run: &mut Run) -> Result<Duration> {
        let began = Instant::now();
        drained(&self.ledger, || self.sink.count()).await;
        let took = began.elapsed();
        if !self.gateway.until_quiet(QUIET_WITHIN).await? {
            run.fail(format!("the gateway was still busy {QUIET_WITHIN:?} after the last webhook"));
        }
        for failure in self.ledger.judge().failures() {
            run.fail(failure);
        }
        Ok(took)
    }

    /// Ends the gateway in order, so that a drain that hangs is noticed.
    pub(crate) async fn end(self) -> Result<()> {
        self.gateway.terminate().await
    }
}

impl Meter {
    /// CPU for each message since `before`, of the gateway and of the bench.
    pub(crate) fn add_to(self, run: &mut Run, before: Self, messages: u64) {
        let each = |used: Duration| (messages > 0).then(|| used.as_secs_f64() * 1e6 / messages as f64);
        run.add("gateway CPU", "µs/message", each(self.gateway.saturating_sub(before.gateway)));
        run.add("load + vendors + sink CPU", "µs/message", each(self.bench.saturating_sub(before.bench)));
    }

    /// The share of one core that the gateway used since `before`.
    pub(crate) fn gateway_share(self, before: Self) -> f64 {
        let wall = self.at.saturating_duration_since(before.at).as_secs_f64();
        if wall == 0.0 { 0.0 } else { self.gateway.saturating_sub(before.gateway).as_secs_f64() / wall }
    }
}

/// The folder, empty.
pub(crate) fn make_anew(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

pub(crate) fn write_configuration(folder: &Path, configuration: &Configuration) -> Result<PathBuf> {
    let file = folder.join("strowger.toml");
    fs::write(&file, configuration.text()?).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

pub(crate) async fn until_bound(wanted: usize, binds: impl Fn() -> usize) -> Result<()> {
    let deadline = Instant::now() + BOUND_WITHIN;
    while binds() < wanted {
        if Instant::now() > deadline {
            bail!("{} of {wanted} binds are there after {BOUND_WITHIN:?}", binds());
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Waits until all is accounted for, or nothing has come for a while.
pub(crate) async fn drained(ledger: &Ledger, progress: impl Fn() -> u64) {
    let mut last = (progress(), Instant::now());
    while last.1.elapsed() < GIVE_UP_AFTER {
        sleep(LOOK_EVERY).await;
        let now = progress();
        if now != last.0 {
            last = (now, Instant::now());
        }
        // The whole is looked at only when it can be complete: it is long.
        if now < 2 * ledger.accepted_count() {
            continue;
        }
        let judgement = ledger.judge();
        if judgement.unseen + judgement.unreported + judgement.untold == 0 {
            return;
        }
    }
}

/// What every run under load tells of its messages.
pub(crate) fn add_latencies(run: &mut Run, ledger: &Ledger, of: impl Fn(&Entry) -> bool) {
    let sample = |read: fn(&Entry) -> Option<Duration>| -> Sample {
        ledger.read(|entries| entries.iter().filter(|entry| of(entry)).filter_map(read).collect())
    };
    run.add_percentiles("API", &sample(Entry::api));
    run.add_percentiles("accept-to-wire", &sample(Entry::accept_to_wire));
    run.add_percentiles("webhook submitted", &sample(|entry| entry.told_submitted.since(entry.answered)));
    run.add_percentiles("webhook delivered", &sample(|entry| entry.told_delivered.since(entry.reported)));
}

pub(crate) fn add_memory(run: &mut Run, gateway: &Gateway) -> Result<()> {
    run.add("peak RSS", "MiB", mebibytes(gateway.peak_rss()?));
    Ok(())
}

/// How late the load itself was: latencies from the scheduled moment hold this too.
pub(crate) fn add_lateness(run: &mut Run, ledger: &Ledger) {
    let late: Sample =
        ledger.read(|entries| entries.iter().filter_map(|entry| entry.asked.since(entry.due)).collect());
    run.add("load late p99", "ms", late.at(0.99).map(millis));
}
