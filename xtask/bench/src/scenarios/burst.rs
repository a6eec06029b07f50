//! Five thousand one-time passwords within one second while marketing goes on, over twenty binds.

use std::time::Duration;

use anyhow::Result;

use crate::figures::{Run, Sample, Target};
use crate::ledger::{Entry, Ledger, Moment};
use crate::load::{self, Schedule};
use crate::profile::{self, Class, Message, Policy};
use crate::stand::{Bench, Stand, Ways, add_lateness, add_memory};

const MARKETING_PER_SECOND: u32 = 500;
const OTP: u32 = 5_000;
const BURST_AT: Duration = Duration::from_secs(10);
const LASTS: Duration = Duration::from_secs(30);
/// Marketing is at its rate again when a window of this length has as many dispatches as acceptances asked for.
const WINDOW: Duration = Duration::from_millis(500);

pub(crate) async fn run(bench: &Bench) -> Result<Run> {
    let ways = Ways { vendors: 2, binds: 10, window: 50, policy: Policy::Shared };
    let stand = Stand::build(&bench.folder, &bench.program, ways).await?;
    let mut run = Run::default();
    let (burst_at, lasts, otp) = if bench.smoke {
        (Duration::from_millis(500), Duration::from_secs(2), 100)
    } else {
        (BURST_AT, LASTS, OTP)
    };
    let marketing = Schedule {
        starts: Duration::ZERO,
        lasts,
        per_second: if bench.smoke { 50 } else { MARKETING_PER_SECOND },
        make: marketing,
    };
    let one_time =
        Schedule { starts: burst_at, lasts: Duration::from_secs(1), per_second: otp, make: one_time };
    // More connections than elsewhere: the burst comes from applications that do not wait for each other.
    let connections = bench.connections.max(512);
    load::open(stand.gateway.address(), &stand.ledger, connections, &[marketing, one_time]).await?;
    stand.drain(&mut run).await?;

    let of = |class: Class, read: fn(&Entry) -> Option<Duration>| -> Sample {
        let is = |entry: &&Entry| entry.message.class == class;
        stand.ledger.read(|entries| entries.iter().filter(is).filter_map(read).collect())
    };
    let accepted = of(Class::Otp, Entry::api);
    run.add("otp accepted", "", accepted.count() as f64);
    run.with_target(Target::AtLeast(f64::from(otp)));
    run.add_percentiles("otp API", &accepted);
    run.add_percentiles("otp accept-to-wire", &of(Class::Otp, Entry::accept_to_wire));
    run.with_target(Target::AtMost(500.0));
    run.add_percentiles("marketing API", &of(Class::Marketing, Entry::api));
    run.add_percentiles("marketing accept-to-wire", &of(Class::Marketing, Entry::accept_to_wire));
    run.add(
        "marketing at its rate again after",
        "s",
        resumed(&stand.ledger).map(|after| after.as_secs_f64()),
    );
    add_lateness(&mut run, &stand.ledger);
    add_memory(&mut run, &stand.gateway)?;
    stand.end().await?;
    Ok(run)
}

fn marketing(number: u32) -> Message {
    profile::plain(number, (number % 3) as u8, Class::Marketing)
}

fn one_time(number: u32) -> Message {
    profile::plain(number, (number % 3) as u8, Class::Otp)
}

/// From the first otp to the moment from which on no marketing message waits longer for the wire than a window.
fn resumed(ledger: &Ledger) -> Option<Duration> {
    ledger.read(|entries| {
        let burst = entries.iter().find(|entry| entry.message.class == Class::Otp)?.due;
        let late = |entry: &&Entry| {
            entry.message.class == Class::Marketing
                && entry.due >= burst
                && entry.on_wire.since(entry.due).is_none_or(|took| took > WINDOW)
        };
        let last_late: Option<Moment> = entries.iter().filter(late).map(|entry| entry.on_wire).max();
        match last_late {
            None => Some(Duration::ZERO),
            Some(moment) => moment.since(burst),
        }
    })
}
