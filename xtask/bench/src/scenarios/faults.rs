//! One vendor of three goes wrong for a while: what the other two's traffic notices, and how soon all is well again.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use simulator::personality::{Conduct, Spread};
use simulator::vendor::Settings;
use simulator::{Behaviour, Vendor};
use tokio::time::{Instant, sleep, sleep_until};

use crate::figures::{Run, Sample, Target, millis};
use crate::gateway::Gateway;
use crate::ledger::{Entry, Ledger, Moment};
use crate::load::{self, Schedule};
use crate::profile::{self, Configuration, Connection, Message, Policy};
use crate::sink::Sink;
use crate::stand::{self, Bench, until_bound};

/// The vendor that goes wrong, and the app whose messages go there first.
const FAULTY: u8 = 0;
const BINDS: u16 = 2;
/// What the vendors keep to be asked for afterwards: more than any run sends.
const MEMORY: usize = 2_000_000;
/// Recovery is judged over stretches of this length; a message taken by its own vendor within that time is well.
const STRETCH: Duration = Duration::from_millis(500);
const WELL: f64 = 0.95;
const LAST_TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// When what happens, from the beginning of the load.
#[derive(Clone, Copy)]
struct Times {
    begins: Duration,
    ends: Duration,
    load_ends: Duration,
}

impl Times {
    const USUAL: Self = Self {
        begins: Duration::from_secs(8),
        ends: Duration::from_secs(18),
        load_ends: Duration::from_secs(33),
    };
    const SMOKE: Self = Self {
        begins: Duration::from_secs(1),
        ends: Duration::from_secs(2),
        load_ends: Duration::from_secs(3),
    };
}

pub(super) async fn run(bench: &Bench) -> Result<Run> {
    let mut run = Run::default();
    for (name, behaviour) in Behaviour::FAULTS.into_iter().filter(|(name, _)| name.contains(&bench.fault)) {
        eprintln!("  {name}");
        let stand = Stand::build(&bench.folder, &bench.program).await?;
        stand.measure(bench, (name, behaviour), &mut run).await?;
    }
    if run.figures.is_empty() {
        run.fail(format!("no fault has {} in its name", bench.fault));
    }
    Ok(run)
}

struct Stand {
    gateway: Gateway,
    vendors: Vec<Vendor>,
    ledger: Ledger,
    _sink: Sink,
}

impl Stand {
    async fn build(folder: &Path, program: &Path) -> Result<Self> {
        stand::make_anew(folder)?;
        let ledger = Ledger::new();
        let sink = Sink::start(&ledger).await?;
        let mut vendors = Vec::new();
        for _ in 0..profile::APPS {
            vendors.push(Vendor::start(settings()).await?);
        }
        let connection = |vendor: &Vendor| Connection { vendor: vendor.addr(), binds: BINDS, window: 50 };
        let connections = vendors.iter().map(connection).collect();
        let configuration = Configuration { hook: sink.address(), connections, policy: Policy::Homes };
        let file = stand::write_configuration(folder, &configuration)?;
        let gateway = Gateway::start(program, &file, &folder.join("gateway.log")).await?;
        let wanted = usize::from(BINDS) * vendors.len();
        let binds = || vendors.iter().map(|vendor| vendor.stats().sessions as usize).sum();
        until_bound(wanted, binds).await?;
        Ok(Self { gateway, vendors, ledger, _sink: sink })
    }

    async fn measure(self, bench: &Bench, (name, behaviour): (&str, Behaviour), run: &mut Run) -> Result<()> {
        let times = if bench.smoke { Times::SMOKE } else { Times::USUAL };
        let schedule = Schedule {
            starts: Duration::ZERO,
            lasts: times.load_ends,
            per_second: bench.offered * profile::APPS as u32,
            make: message,
        };
        let began = Instant::now();
        let posting = load::open(
            self.gateway.address(),
            &self.ledger,
            bench.connections,
            std::slice::from_ref(&schedule),
        );
        let (posted, ()) = tokio::join!(posting, self.go_wrong(behaviour, began, times));
        posted?;
        self.until_all_taken().await;
        for (number, vendor) in (0..).zip(&self.vendors) {
            for received in vendor.received() {
                match profile::tagged(received.text.as_bytes()) {
                    Some(message) => self.ledger.took_whole(message, number, received.at),
                    None => self.ledger.stray(),
                }
            }
        }
        self.tell(name, [began + times.begins, began + times.ends], run);
        for vendor in &self.vendors {
            vendor.shutdown().await;
        }
        self.gateway.terminate().await
    }

    async fn go_wrong(&self, behaviour: Behaviour, began: Instant, times: Times) {
        let Some(vendor) = self.vendors.get(usize::from(FAULTY)) else { return };
        sleep_until(began + times.begins).await;
        vendor.set(behaviour);
        // Sessions that are there would go on, and nothing would have gone wrong.
        if matches!(behaviour, Behaviour::RefuseBinds(_)) {
            vendor.cut();
        }
        sleep_until(began + times.ends).await;
        vendor.set(Behaviour::Usual);
    }

    /// Until the vendors took as much as was accepted and nothing more comes, or for a minute.
    async fn until_all_taken(&self) {
        let taken = || self.vendors.iter().map(|vendor| vendor.stats().accepted).sum::<u64>();
        let deadline = Instant::now() + LAST_TAKEN_WITHIN;
        let mut before = taken();
        loop {
            sleep(Duration::from_secs(2)).await;
            let now = taken();
            if (now == before && now >= self.ledger.accepted_count()) || Instant::now() > deadline {
                return;
            }
            before = now;
        }
    }

    fn tell(&self, fault: &str, [begins, ends]: [Instant; 2], run: &mut Run) {
        let (begins, ends) = (self.ledger.moment(begins), self.ledger.moment(ends));
        let others = |entry: &&Entry| entry.message.app != FAULTY;
        let (rate, before, during, recovery) = self.ledger.read(|entries| {
            let due_during = |entry: &&Entry| others(entry) && entry.due >= begins && entry.due < ends;
            let taken_during =
                |entry: &&Entry| others(entry) && entry.on_wire >= begins && entry.on_wire < ends;
            let offered = entries.iter().filter(due_during).count();
            let taken = entries.iter().filter(taken_during).count();
            let due_before = |entry: &&Entry| others(entry) && entry.due < begins;
            // Of a text in two parts the vendor tells when the second came.
            let waits = |entry: &Entry| entry.accept_to_wire().filter(|_| !entry.message.two_parts);
            let before: Sample = entries.iter().filter(due_before).filter_map(waits).collect();
            let during: Sample = entries.iter().filter(due_during).filter_map(waits).collect();
            (
                (offered > 0).then(|| 100.0 * taken as f64 / offered as f64),
                before,
                during,
                recovery(entries, ends),
            )
        });
        run.add(format!("{fault}: others' rate"), "% of offered", rate);
        run.with_target(Target::AtLeast(95.0));
        let before = before.at(0.99).map(millis);
        run.add(format!("{fault}: others' accept-to-wire p99 before"), "ms", before);
        run.add(format!("{fault}: others' accept-to-wire p99 during"), "ms", during.at(0.99).map(millis));
        if let Some(before) = before {
            run.with_target(Target::AtMost((1.2 * before).max(before + 10.0)));
        }
        run.add(format!("{fault}: recovered after"), "s", recovery.map(|after| after.as_secs_f64()));
        run.with_target(Target::AtMost(10.0));
        let judgement = self.ledger.judge();
        run.add(format!("{fault}: lost"), "messages", judgement.unseen as f64);
        run.with_target(Target::AtMost(0.0));
        run.add(format!("{fault}: taken more than once"), "messages", judgement.doubled as f64);
        if judgement.unseen > 0 {
            run.fail(format!("{fault}: {} accepted messages were never seen by a vendor", judgement.unseen));
        }
        for (how, count) in judgement.refusals {
            run.fail(format!("{fault}: {count} requests got {how}"));
        }
    }
}

fn settings() -> Settings {
    let conduct = Conduct {
        latency: Spread::millis(1, 1),
        arrival_delay: Spread::millis(300, 300),
        receipt_delay: Spread::millis(300, 300),
        ..Conduct::default()
    };
    Settings {
        conduct,
        memory: MEMORY,
        obeys_demo_numbers: false,
        receipt_window: 500,
        ..Settings::default()
    }
}

/// Of the usual mix, but that no vendor refuses any by design.
fn message(number: u32) -> Message {
    Message { fails_over: false, ..profile::message(number) }
}

/// From the end of the fault to the first moment from which on the app's messages go where they belong, and at once. If
/// that did not come it is the whole time that was watched, which misses the target.
fn recovery(entries: &[Entry], end: Moment) -> Option<Duration> {
    let after: Vec<(Duration, bool)> = entries
        .iter()
        .filter(|entry| entry.message.app == FAULTY)
        .filter_map(|entry| Some((entry.due.since(end)?, is_well(entry))))
        .collect();
    let last = after.iter().map(|(due, _)| *due).max()?;
    let stretches = (last.as_nanos() / STRETCH.as_nanos()) as u32;
    let mut recovered = Duration::ZERO;
    // The last one is not whole.
    for stretch in 0..stretches {
        let (from, to) = (STRETCH * stretch, STRETCH * (stretch + 1));
        let within = after.iter().filter(|(due, _)| *due >= from && *due < to);
        let (mut all, mut well) = (0_u32, 0_u32);
        for (_, is_well) in within {
            all += 1;
            well += u32::from(*is_well);
        }
        if f64::from(well) < WELL * f64::from(all) {
            recovered = to;
        }
    }
    Some(recovered)
}

fn is_well(entry: &Entry) -> bool {
    entry.vendor == FAULTY && entry.on_wire.since(entry.due).is_some_and(|took| took < STRETCH)
}
