//! ARB-1: a world of vendors, operators and incidents in which routing policies are judged by what an oracle that
//! knows the truth would have made of the same messages. `cargo xtask arb1 --help` says what can be played.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore reports to whoever runs it")]

mod adaptive;
mod baselines;
mod causes;
mod forewarned;
mod metrics;
mod oracle;
mod play;
mod policy;
mod world;

use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};

use metrics::{Metrics, median};
use oracle::Oracle;
use play::Player;
use policy::Known;
use world::World;

#[derive(Parser)]
#[command(
    name = "cargo xtask arb1",
    about = "Plays routing policies in simulated worlds and tells what each lost against an oracle"
)]
struct Arguments {
    /// The seeds to play, such as 0-9 or 100
    #[arg(long, default_value = "0-2", value_parser = seeds)]
    seeds: RangeInclusive<u64>,
    /// The policies to play, or `all`
    #[arg(long, default_value = "all", value_delimiter = ',')]
    policies: Vec<String>,
    /// The world to play them in
    #[arg(long, value_enum, default_value = "original")]
    world: Kind,
    /// Messages a second
    #[arg(long, default_value_t = 50.0)]
    rate: f64,
    /// Simulated hours
    #[arg(long, default_value_t = 2.0)]
    hours: f64,
    /// Without the vendor that lies from the start
    #[arg(long)]
    honest: bool,
    /// Vendors and operators of the worlds `wide` and `calm`; at most 64 vendors
    #[arg(long, default_value = "8x12", value_parser = size)]
    size: (usize, usize),
    /// Shows every metric and not only the chief ones
    #[arg(long)]
    full: bool,
    /// Shows where the regret comes from, by the true odds: what probes, draws, wrong ranks and incidents cost
    #[arg(long)]
    by_cause: bool,
    /// Shows each seed beside the medians
    #[arg(long)]
    each: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// ARB-1 as specified
    Original,
    /// Receipts flushed per vendor, one vendor without, shocks of operators, a gap of conversions
    Flushed,
    /// Partial timeouts, half drops, flapping, half recoveries, a rise of prices
    Harsh,
    /// Of any size, drawn at random
    Wide,
    /// Of any size, receipts in flushes, and nothing happens
    Calm,
}

/// What is shown unless all is asked for.
const CHIEF: [&str; 16] = [
    "useful %",
    "oracle %",
    "regret %",
    "steady regret %",
    "warm-up regret %",
    "alarm.silent_drop",
    "alarm.fake_dlr",
    "alarm.outage",
    "alarm.slow_deliv",
    "alarm.throttle",
    "kept.slow_dlr",
    "return.slow_deliv",
    "false alarms/h",
    "alarms an incident",
    "commit short pp",
    "outside mask",
];

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let names = names(&arguments.policies)?;
    let seeds: Vec<u64> = arguments.seeds.clone().collect();
    if seeds.is_empty() {
        bail!("--seeds names none");
    }
    let next = AtomicUsize::new(0);
    let rows: Mutex<Vec<Vec<(Metrics, f64)>>> = Mutex::new(vec![Vec::new(); names.len()]);
    let play_seeds = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let world = arguments.world(*seed);
            let oracle = play::play(&world, &mut Oracle::new(&world));
            for (at, name) in names.iter().enumerate() {
                let Some(mut policy) = policy(name, &world) else { continue };
                #[expect(clippy::disallowed_types, reason = "how long a run took, and nothing paused")]
                let began = std::time::Instant::now();
                let played = play::play(&world, &mut *policy);
                let took = began.elapsed().as_secs_f64();
                let mut metrics = metrics::metrics(&world, &played, &oracle);
                if arguments.by_cause {
                    metrics.extend(causes::causes(&world, &played, &oracle));
                }
                if arguments.each {
                    println!("seed {seed} {name}: {}", line(&metrics, arguments.full));
                }
                let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(row) = rows.get_mut(at) {
                    row.push((metrics, took));
                }
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(seeds.len()) {
            scope.spawn(play_seeds);
        }
    });
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (name, row) in names.iter().zip(rows) {
        show(name, &row, arguments.full);
    }
    Ok(())
}

fn names(asked: &[String]) -> Result<Vec<String>> {
    let known: Vec<&str> = baselines::NAMES.into_iter().chain([adaptive::NAME, forewarned::NAME]).collect();
    if asked.iter().any(|name| name == "all") {
        return Ok(known.into_iter().map(str::to_owned).collect());
    }
    if let Some(unknown) = asked.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no policy is called `{unknown}`: there are {}", known.join(", "));
    }
    Ok(asked.to_vec())
}

fn policy<'w>(name: &str, world: &'w World) -> Option<Box<dyn Player + 'w>> {
    if name == adaptive::NAME {
        return Some(Box::new(adaptive::Adaptive::new(Known::of(world))));
    }
    if name == forewarned::NAME {
        return Some(Box::new(forewarned::Forewarned::new(world)));
    }
    baselines::named(name, Known::of(world))
}

impl Arguments {
    fn world(&self, seed: u64) -> World {
        let (rate, hours, liar) = (self.rate, self.hours, !self.honest);
        match self.world {
            Kind::Original => world::original(seed, rate, hours, liar),
            Kind::Flushed => world::flushed(seed, rate, hours, liar),
            Kind::Harsh => world::harsh(seed, rate, hours, liar),
            Kind::Wide => world::wide(seed, rate, hours, self.size),
            Kind::Calm => world::calm(seed, rate, hours, self.size),
        }
    }
}

fn line(metrics: &Metrics, full: bool) -> String {
    let is_shown = |name: &str| full || CHIEF.contains(&name) || name.starts_with(causes::MARK);
    let shown = metrics.iter().filter(|(name, _)| is_shown(name));
    shown.map(|(name, value)| format!("{name} {value:.2}")).collect::<Vec<_>>().join(", ")
}

fn show(name: &str, row: &[(Metrics, f64)], full: bool) {
    println!(
        "{name}, {} seeds, {:.1} s each",
        row.len(),
        median(row.iter().map(|(_, took)| *took).collect()).unwrap_or(0.0)
    );
    let mut all: Vec<&String> = row.iter().flat_map(|(metrics, _)| metrics.keys()).collect();
    all.sort();
    all.dedup();
    let mut shown: Vec<&str> =
        CHIEF.into_iter().filter(|chief| all.iter().any(|name| name == chief)).collect();
    let causes = causes::CAUSES.iter().map(|cause| format!("{}{cause}", causes::MARK));
    let causes: Vec<String> = causes.filter(|name| all.contains(&name)).collect();
    shown.extend(causes.iter().map(String::as_str));
    if full {
        shown.extend(
            all.iter()
                .map(|name| name.as_str())
                .filter(|name| !CHIEF.contains(name) && !name.starts_with(causes::MARK)),
        );
    }
    for metric in shown {
        let values: Vec<f64> = row.iter().filter_map(|(metrics, _)| metrics.get(metric).copied()).collect();
        let (low, high) = values
            .iter()
            .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
        if let Some(middle) = median(values) {
            println!("    {metric:<22} {middle:>9.2}   {low:>9.2} to {high:.2}");
        }
    }
}

fn seeds(text: &str) -> Result<RangeInclusive<u64>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let read = |text: &str| text.parse::<u64>().with_context(|| format!("`{text}` is no seed"));
    Ok(read(first)?..=read(last)?)
}

fn size(text: &str) -> Result<(usize, usize)> {
    let (vendors, operators) = text.split_once('x').context("write it as VENDORSxOPERATORS, such as 8x12")?;
    let (vendors, operators): (usize, usize) = (vendors.parse()?, operators.parse()?);
    if !(1..=64).contains(&vendors) || operators == 0 {
        bail!("between 1 and 64 vendors, and at least 1 operator");
    }
    Ok((vendors, operators))
}
