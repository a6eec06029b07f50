//! Drives `strowger serve` over real sockets and tells what it does and what it costs: `cargo xtask bench`.
//!
//! Load, vendors and sink share one thread of this process, so that one clock tells when each of them saw a message and
//! little is taken from the gateway, which is a process of its own.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench reports to whoever runs it")]

mod figures;
mod floors;
mod gateway;
mod http;
mod ledger;
mod load;
mod machine;
mod profile;
mod report;
mod scenarios;
mod sink;
mod stand;
mod vendor;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use tokio::task::LocalSet;

use figures::Run;
use machine::Machine;
use report::{Report, Table};
use scenarios::Scenario;
use stand::Bench;

/// Measures the gateway against the fixed profile.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    /// What to measure; without any: rest, latency, burst and throughput
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// How long the load lasts, where a scenario does not say it
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How often each scenario is run
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Writes all figures there too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep-alive connections of the load
    #[arg(long, default_value_t = 128)]
    connections: usize,
    /// Messages that wait in the scenario `backlog`
    #[arg(long, default_value_t = 1_000_000)]
    backlog: u32,
    /// Messages a second for each vendor in the scenario `faults`
    #[arg(long, default_value_t = 200)]
    offered: u32,
    /// Only faults whose name contains this
    #[arg(long, default_value = "")]
    fault: String,
    /// Leaves out what the machine itself can do
    #[arg(long)]
    no_floors: bool,
    /// Only sees that everything runs: one short run with few messages; its figures mean nothing
    #[arg(long)]
    smoke: bool,
    /// The program to measure, instead of the one built beside this
    #[arg(long, value_name = "PROGRAM")]
    gateway: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<bool> {
    let bench = options.bench()?;
    let machine = Machine::look(&bench.folder, &bench.program);
    println!("{}", machine.line());
    if machine.is_in_memory() {
        bail!(
            "{} is in memory: a sync costs nothing there, and the figures would lie",
            bench.folder.display()
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tables = LocalSet::new().block_on(&runtime, measure(options, &bench))?;
    let passed = !tables.iter().any(Table::failed);
    let report = Report { machine, seconds: bench.seconds.as_secs(), tables };
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&report)?;
        fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if passed {
        fs::remove_dir_all(&bench.folder)
            .with_context(|| format!("cannot remove {}", bench.folder.display()))?;
    } else {
        println!("what the last run left is in {}", bench.folder.display());
    }
    Ok(passed)
}

/// Each table is printed as soon as it is complete.
async fn measure(options: &Options, bench: &Bench) -> Result<Vec<Table>> {
    let scenarios =
        if options.scenarios.is_empty() { Scenario::USUAL.to_vec() } else { options.scenarios.clone() };
    let runs = if options.smoke { 1 } else { options.runs };
    let mut tables = Vec::new();
    for scenario in scenarios {
        let (mut measured, mut floors) = (Vec::new(), Vec::new());
        for number in 1..=runs {
            eprintln!("{}: run {number} of {runs}", scenario.name());
            measured.push(scenario.run(bench).await.unwrap_or_else(broken));
            if !options.no_floors {
                floors.push(floors::run(bench).await.unwrap_or_else(broken));
            }
        }
        tables.push(Table::new(scenario.name(), &measured));
        if !floors.is_empty() {
            tables.push(Table::new(&format!("floors beside {}", scenario.name()), &floors));
        }
        for table in tables.iter().skip(tables.len() - 1 - usize::from(!floors.is_empty())) {
            println!("\n{}", table.text()?);
        }
    }
    Ok(tables)
}

/// A run that could not be finished is told of beside the others.
fn broken(error: anyhow::Error) -> Run {
    let mut run = Run::default();
    run.fail(format!("{error:#}"));
    run
}

impl Options {
    fn bench(&self) -> Result<Bench> {
        ensure!(self.runs > 0 && self.seconds > 0, "--runs and --seconds must be above zero");
        let optimised = !cfg!(debug_assertions);
        ensure!(
            optimised || self.smoke,
            "this is a debug build, good for --smoke only: run cargo xtask bench"
        );
        let here = std::env::current_exe().context("this program does not know where it is")?;
        let built = here.parent().context("this program is in no folder")?;
        let program = self.gateway.clone().unwrap_or_else(|| built.join("strowger"));
        ensure!(
            program.is_file(),
            "{} is not there: build it with `cargo build -p gateway`",
            program.display()
        );
        // Two that run at once, a test and a measurement, must not share one.
        let folder = built.join(format!("bench-{}", std::process::id()));
        stand::make_anew(&folder)?;
        let seconds = if self.smoke { 2 } else { self.seconds };
        Ok(Bench {
            program,
            folder,
            seconds: Duration::from_secs(seconds),
            connections: if self.smoke { 8 } else { self.connections },
            smoke: self.smoke,
            backlog: if self.smoke { 2_000 } else { self.backlog },
            offered: if self.smoke { 20 } else { self.offered },
            // The one that is over soonest.
            fault: if self.smoke { "no-receipts".to_owned() } else { self.fault.clone() },
        })
    }
}
