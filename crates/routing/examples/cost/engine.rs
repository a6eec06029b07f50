//! The engine under traffic that reaches every arm: what it takes to tell it, to tick and to choose.

use std::collections::VecDeque;
use std::hint::black_box;

use routing::adaptive::{
    Answer, Cell, Class, Engine, Request, Settings, Tuning, Vendor, VendorIndex, Vendors,
};

use crate::clock::{Costs, timed};
use crate::world::Random;

/// Messages a second over all arms, half of which report conversions.
pub(crate) const RATE: u64 = 2_000;
/// Longer than evidence is kept by the second.
const WARM_UP: u64 = 300;
const MEASURED: u64 = 30;
/// Receipts and conversions come after so many seconds.
const RECEIPT: u64 = 4;
const CONVERSION: u64 = 20;

/// Seconds, and bytes.
pub(crate) struct Measured {
    pub(crate) decision: f64,
    pub(crate) feedback: f64,
    pub(crate) tick: f64,
    pub(crate) memory: u64,
    pub(crate) saved: usize,
}

struct Sent {
    at: u64,
    vendor: VendorIndex,
    operator: usize,
    reports_conversion: bool,
}

/// With so many vendors and operators.
pub(crate) fn measure(size: (usize, usize)) -> Measured {
    let before = resident();
    let mut engine = Engine::new(settings(size), 1);
    let mut random = Random(7);
    let (mut receipts, mut conversions) = (VecDeque::new(), VecDeque::new());
    let (mut feedback, mut ticks) = (Costs::default(), Costs::default());
    for second in 1..WARM_UP + MEASURED {
        let now = second * 1000;
        let messages: Vec<Sent> = (0..RATE).map(|nth| message(&mut random, size, now, nth)).collect();
        let (told_in, told) = timed(|| tell(&mut engine, now, &mut receipts, &mut conversions));
        let (ticked_in, ()) = timed(|| engine.tick(now));
        let (sent_in, ()) = timed(|| {
            for sent in &messages {
                engine.submitted(sent.at, sent.vendor, cell(sent), Answer::Accepted);
            }
        });
        if second > WARM_UP {
            feedback.add(told_in + sent_in, told + RATE);
            ticks.add(ticked_in, 1);
        }
        for sent in messages {
            // The engine has to know that such messages come.
            engine.wanted(sent.at, &request(&sent, size.0));
            receipts.push_back(sent);
        }
    }
    let memory = resident().saturating_sub(before);
    let now = (WARM_UP + MEASURED) * 1000;
    let requests: Vec<Request> =
        (0..20 * RATE).map(|nth| request(&message(&mut random, size, now, nth), size.0)).collect();
    let mut decisions = Costs::default();
    let (took, ()) = timed(|| {
        for request in &requests {
            black_box(engine.choose(black_box(now), request));
        }
    });
    decisions.add(took, 20 * RATE);
    let saved = engine.save().len();
    Measured { decision: decisions.mean(), feedback: feedback.mean(), tick: ticks.mean(), memory, saved }
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
