//! What the adaptive engine costs: a decision and a feedback should be within 200 ns, and 10,000 arms that all have
//! traffic within 10 ms of CPU a second and 64 MiB. With few arms all is in the processor's cache, with many hardly any.
//!
//! `cargo run --release -p routing --example adaptive_cost`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "printing how long something took is what it is for"
)]

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use routing::adaptive::{
    Answer, Cell, Class, Engine, Request, Settings, Tuning, Vendor, VendorIndex, Vendors,
};

/// Vendors and operators.
const SIZES: [(usize, usize); 2] = [(5, 6), (50, 200)];
/// Messages a second over all arms, half of which report conversions.
const RATE: u64 = 2_000;
/// Longer than evidence is kept by the second.
const WARM_UP: u64 = 300;
const MEASURED: u64 = 30;
/// Receipts and conversions come after so many seconds.
const RECEIPT: u64 = 4;
const CONVERSION: u64 = 20;

struct Sent {
    at: u64,
    vendor: VendorIndex,
    operator: usize,
    reports_conversion: bool,
}

fn main() {
    for size in SIZES {
        measure(size);
    }
}

fn measure(size: (usize, usize)) {
    println!("{} vendors x {} operators, {RATE} messages a second", size.0, size.1);
    let before = resident();
    let mut engine = Engine::new(settings(size), 1);
    let mut random = Random(7);
    let (mut receipts, mut conversions) = (VecDeque::new(), VecDeque::new());
    let (mut feedback, mut ticks) = (Costs::default(), Costs::default());
    for second in 1..WARM_UP + MEASURED {
        let is_measured = second > WARM_UP;
        let now = second * 1000;
        let began = Instant::now();
        let told = tell(&mut engine, now, &mut receipts, &mut conversions);
        let told_in = began.elapsed();
        let began = Instant::now();
        engine.tick(now);
        if is_measured {
            ticks.add(began.elapsed(), 1);
        }
        let messages: Vec<Sent> = (0..RATE).map(|nth| message(&mut random, size, now, nth)).collect();
        let began = Instant::now();
        for sent in &messages {
            engine.submitted(sent.at, sent.vendor, cell(sent), Answer::Accepted);
        }
        if is_measured {
            feedback.add(told_in + began.elapsed(), told + RATE);
        }
        for sent in messages {
            // The engine has to know that such messages come.
            engine.wanted(sent.at, &request(&sent, size.0));
            receipts.push_back(sent);
        }
    }
    let memory = resident().saturating_sub(before);
    let mut decisions = Costs::default();
    for nth in 0..20 * RATE {
        let request = request(&message(&mut random, size, (WARM_UP + MEASURED) * 1000, nth), size.0);
        let began = Instant::now();
        black_box(engine.choose(black_box((WARM_UP + MEASURED) * 1000), &request));
        decisions.add(began.elapsed(), 1);
    }
    println!("decision {:.0} ns, with the reading of the clock", decisions.mean() * 1e9);
    println!("feedback {:.0} ns", feedback.mean() * 1e9);
    println!("tick, once a second: {:.1} ms", ticks.mean() * 1e3);
    println!(
        "memory {:.1} MiB, saved {:.1} MiB",
        memory as f64 / 1_048_576.0,
        engine.save().len() as f64 / 1_048_576.0
    );
}

#[derive(Default)]
struct Costs {
    took: Duration,
    count: u64,
}

impl Costs {
    fn add(&mut self, took: Duration, count: u64) {
        self.took += took;
        self.count += count;
    }

    fn mean(&self) -> f64 {
        self.took.as_secs_f64() / self.count.max(1) as f64
    }
}

/// Tells the receipts and conversions that are due, and how many they were.
fn tell(
    engine: &mut Engine,
    now: u64,
    receipts: &mut VecDeque<Sent>,
    conversions: &mut VecDeque<Sent>,
) -> u64 {
    let mut told = 0;
    while let Some(sent) = receipts.pop_front_if(|sent: &mut Sent| sent.at + RECEIPT * 1000 <= now) {
        // One in sixteen is lost.
        if !(sent.at + sent.operator as u64).is_multiple_of(16) {
            engine.receipt(now, sent.vendor, sent.operator, sent.at, true);
            told += 1;
            if sent.reports_conversion {
                conversions.push_back(sent);
            }
        }
    }
    while let Some(sent) = conversions.pop_front_if(|sent: &mut Sent| sent.at + CONVERSION * 1000 <= now) {
        engine.conversion(now, sent.vendor, sent.operator, sent.at);
        told += 1;
    }
    told
}

fn settings((vendors, operators): (usize, usize)) -> Settings {
    Settings {
        vendors: vec![Vendor { per_second: 500.0, ..Vendor::default() }; vendors],
        classes: [(400.0, 30.0, 0.8), (250.0, 300.0, 0.75), (80.0, 3600.0, 0.5)]
            .map(|(value, deadline, min_success)| Class { value, deadline, min_success })
            .to_vec(),
        prices: vec![(0..vendors).map(|vendor| 10.0 + vendor as f64 / 5.0).collect(); operators],
        tuning: Tuning::default(),
    }
}

fn message(random: &mut Random, (vendors, operators): (usize, usize), now: u64, nth: u64) -> Sent {
    let vendor = random.below(vendors);
    let operator = random.below(operators);
    Sent { at: now + nth * 1000 / RATE % 1000, vendor, operator, reports_conversion: nth.is_multiple_of(2) }
}

fn cell(sent: &Sent) -> Cell {
    let class = if sent.reports_conversion { 0 } else { 1 };
    Cell { operator: sent.operator, class, reports_conversion: sent.reports_conversion }
}

fn request(sent: &Sent, vendors: usize) -> Request {
    Request {
        cell: cell(sent),
        allowed: (0..vendors).collect(),
        excluded: Vendors::default(),
        no_probe: false,
    }
}

/// What of the process is in memory, in bytes; zero where the system does not tell.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}
