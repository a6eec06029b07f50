//! What the adaptive engine costs: a decision and a feedback should be within 200 ns, a decision through `choose` within
//! 2 µs, and 10,000 arms that all have traffic within 10 ms of CPU a second and 64 MiB. With few arms all is in the
//! processor's cache, with many hardly any.
//!
//! Each figure is the median of several runs, and in brackets the least and the most of them, on the thread's own clock:
//! what other work on the machine takes is not in it, though what it does to the caches is.
//!
//! `cargo run --release -p routing --example adaptive_cost`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "printing how long something took is what it is for"
)]

#[path = "cost/clock.rs"]
mod clock;
#[path = "cost/engine.rs"]
mod engine;
#[path = "cost/gateway.rs"]
mod gateway;
#[path = "cost/world.rs"]
mod world;

use clock::spread;
use engine::Measured;
use world::Failure;

const RUNS: usize = 5;
/// Vendors and operators.
const SIZES: [(usize, usize); 2] = [(5, 6), (50, 200)];
const MIB: f64 = 1_048_576.0;

fn main() -> Result<(), Failure> {
    for (vendors, operators) in SIZES {
        println!("{vendors} vendors x {operators} operators, {} messages a second", engine::RATE);
        let runs: Vec<Measured> = (0..RUNS).map(|_| engine::measure((vendors, operators))).collect();
        print("decision", "ns", runs.iter().map(|run| run.decision * 1e9));
        print("feedback", "ns", runs.iter().map(|run| run.feedback * 1e9));
        print("tick, once a second", "ms", runs.iter().map(|run| run.tick * 1e3));
        // Later runs have the memory of the first.
        let memory = runs.iter().map(|run| run.memory).max().unwrap_or_default();
        let saved = runs.iter().map(|run| run.saved).max().unwrap_or_default();
        println!("memory {:.1} MiB, saved {:.1} MiB", memory as f64 / MIB, saved as f64 / MIB);
    }
    let mut gateway = gateway::Gateway::new()?;
    println!("{}", gateway.words());
    let runs: Vec<gateway::Measured> = (0..RUNS).map(|_| gateway.measure()).collect();
    print("decision through choose", "µs", runs.iter().map(|run| run.decision * 1e6));
    print("by the wall clock, median", "µs", runs.iter().map(|run| run.median * 1e6));
    print("by the wall clock, 99th percentile", "µs", runs.iter().map(|run| run.slow * 1e6));
    print("news", "ns", runs.iter().map(|run| run.news * 1e9));
    print("tick and table, once a second", "ms", runs.iter().map(|run| run.second * 1e3));
    Ok(())
}

fn print(what: &str, unit: &str, figures: impl Iterator<Item = f64>) {
    let [median, least, most] = spread(figures.collect());
    println!("{what} {median:.2} {unit} ({least:.2} to {most:.2})");
}
