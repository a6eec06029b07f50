//! How long `choose` takes: with 1,000 rules, 50 routes and 10,000 priced operators the median should be within 2 µs
//! and the 99th percentile within 10 µs, and neither should follow the number of rules.
//!
//! `cargo run --release -p routing --example choose_cost`; with a number of rules behind `--`, only that.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "printing how long something took is what it is for"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use domain::ConnectionId;
use routing::{HealthView, choose};

#[path = "cost/world.rs"]
mod world;

use world::{CARDS, Failure, Message, OPERATORS, ROUTES, Random, policy, rule, table};

/// Inputs; each is timed by itself, after one round that is not.
const MESSAGES: usize = 100_000;
/// Of rules, by turns.
const STRATEGIES: [&str; 3] = ["priority", "weighted", "least_cost"];

fn main() -> Result<(), Failure> {
    println!("{ROUTES} routes, {CARDS} rate cards of {OPERATORS} operators, {MESSAGES} messages");
    let wanted = std::env::args().nth(1).map(|text| text.parse::<usize>()).transpose()?;
    for rules in wanted.map_or_else(|| vec![10, 1_000, 10_000], |rules| vec![rules]) {
        measure(rules, &format!("{rules} rules of 5 routes"), &policy(rules, &STRATEGIES))?;
    }
    if wanted.is_some() {
        return Ok(());
    }
    let whole = rule(0, "", 0, ROUTES, &STRATEGIES);
    measure(1, &format!("1 rule of {ROUTES} routes"), &whole)
}

fn measure(rules: usize, name: &str, policy: &str) -> Result<(), Failure> {
    let table = table(policy)?;
    let mut random = Random(7);
    let messages = (0..MESSAGES)
        .map(|_| Message::random(&mut random, rules, OPERATORS))
        .collect::<Result<Vec<_>, _>>()?;
    let health = SomeDown(["c1".parse()?, "c4".parse()?]);
    let mut took: Vec<Duration> = Vec::with_capacity(MESSAGES);
    let mut planned = 0;
    for round in 0..2 {
        took.clear();
        for message in &messages {
            let facts = message.facts();
            let began = Instant::now();
            let choice = black_box(choose(black_box(&facts), &table, &health));
            took.push(began.elapsed());
            planned += choice.map_or(0, |choice| choice.plan.routes.len() * round);
        }
    }
    took.sort_unstable();
    let at = |share: usize| took.get(MESSAGES * share / 1000).copied().unwrap_or_default();
    let mean = planned as f64 / MESSAGES as f64;
    println!("{name}: median {:.2?}, p99 {:.2?}, {mean:.1} routes planned on average", at(500), at(990));
    Ok(())
}

struct SomeDown([ConnectionId; 2]);

impl HealthView for SomeDown {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        self.0.contains(connection)
    }
}
