//! What is true: vendors, operators, incidents, and of each message what would become of it on any way.
//!
//! Everything random is drawn before a policy runs, so that all policies of one seed meet the same recipients.

use std::f64::consts::{SQRT_2, TAU};

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};

mod harsh;
mod original;
mod wide;

pub(crate) use harsh::{flushed, harsh};
pub(crate) use original::original;
pub(crate) use wide::{calm, wide};

pub(crate) struct World {
    pub(crate) seed: u64,
    /// In seconds.
    pub(crate) length: f64,
    pub(crate) classes: Vec<Class>,
    pub(crate) vendors: Vec<Vendor>,
    /// The share of users who act on a password that came in time, by operator.
    pub(crate) conversion: Vec<f64>,
    /// `[vendor][operator]`: the share that is delivered when all is well.
    pub(crate) delivery: Vec<Vec<f64>>,
    /// `[vendor][operator]`: the share that is said to be delivered whatever became of it; 0 for an honest way.
    pub(crate) faked: Vec<Vec<f64>>,
    /// `[vendor][operator]`, in 1e-4 USD.
    pub(crate) price: Vec<Vec<f64>>,
    /// `[vendor][operator][class]`.
    pub(crate) allowed: Vec<Vec<Vec<bool>>>,
    pub(crate) commitments: Vec<(usize, f64)>,
    pub(crate) events: Vec<Event>,
    /// When no application reports conversions, in seconds from and to.
    pub(crate) gaps: Vec<(f64, f64)>,
    pub(crate) messages: Vec<Message>,
}

#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub(crate) value: f64,
    /// In seconds; later is useless.
    pub(crate) deadline: f64,
    pub(crate) min_success: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct Vendor {
    /// P(DELIVRD comes back | delivered) and P(UNDELIV comes back | not delivered).
    pub(crate) receipts: (f64, f64),
    /// Log-normal delay of delivery: median in seconds, sigma.
    pub(crate) delay: (f64, f64),
    /// In messages a second.
    pub(crate) cap: f64,
    pub(crate) feed: Feed,
}

/// How a vendor sends its receipts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Feed {
    /// Each as it comes.
    Smooth,
    /// What has come together is sent every so many seconds, and now and then a flush is left out.
    Flushed {
        every: f64,
        skipped: f64,
        phase: f64,
    },
    Silent,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) effect: Effect,
    /// In seconds.
    pub(crate) start: f64,
    pub(crate) end: f64,
    /// None: all vendors, which is nobody's fault.
    pub(crate) vendor: Option<usize>,
    pub(crate) operators: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Effect {
    /// This share of submits times out.
    Timeouts(f64),
    /// Delivery is multiplied by this; under 0.3, what is lost is lost without a word.
    Delivery(f64),
    /// As `Delivery`, for a minute and then not for a minute.
    Flapping(f64),
    /// Receipts take so many times as long.
    SlowReceipts(f64),
    /// Delivery and receipts take so many times as long.
    SlowDelivery(f64),
    /// Delivery is multiplied by the first; the second is the share said to be delivered.
    Fake(f64, f64),
    /// The cap is multiplied by this.
    Throttle(f64),
    /// Delivery falls to this share over the time of the event.
    Gradual(f64),
    /// Delivery is multiplied by the first, and by the second from half of the time on.
    Halfway(f64, f64),
    /// Prices are multiplied by this.
    Price(f64),
}

/// With what fate has in store for it on any way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    /// In seconds.
    pub(crate) at: f64,
    pub(crate) operator: usize,
    pub(crate) class: usize,
    pub(crate) reports_conversion: bool,
    /// Uniform and normal draws for delivery, receipt and conversion.
    pub(crate) delivery: (f64, f64),
    pub(crate) receipt: (f64, f64),
    pub(crate) conversion: (f64, f64),
    /// For submits that time out now and then.
    pub(crate) answer: f64,
}

/// What holds at one instant.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) delivery: Vec<Vec<f64>>,
    pub(crate) faked: Vec<Vec<f64>>,
    pub(crate) price: Vec<Vec<f64>>,
    /// By vendor: how many times as long delivery and receipts take.
    pub(crate) slower: Vec<f64>,
    pub(crate) receipts_slower: Vec<f64>,
    /// By vendor: the share of submits that time out.
    pub(crate) timeouts: Vec<f64>,
    pub(crate) cap: Vec<f64>,
}

impl World {
    pub(crate) fn operators(&self) -> usize {
        self.conversion.len()
    }

    /// The chance that a message that a vendor delivers is there in time.
    pub(crate) fn in_time(&self, vendor: usize, class: usize, slower: f64) -> f64 {
        let (median, sigma) = self.vendors[vendor].delay;
        normal_cdf((self.classes[class].deadline / (median * slower)).ln() / sigma)
    }

    /// What a message of a class is worth on a way, when all is well.
    pub(crate) fn worth(&self, vendor: usize, operator: usize, class: usize) -> f64 {
        let useful = self.delivery[vendor][operator] * self.in_time(vendor, class, 1.0);
        self.classes[class].value * useful - self.price[vendor][operator]
    }

    /// The vendor that is best for a class on an operator when all is well: the one an incident hurts most.
    pub(crate) fn best(&self, operator: usize, class: usize) -> usize {
        let allowed = |vendor: &usize| self.allowed[*vendor][operator][class];
        let worth = |vendor: &usize| self.worth(*vendor, operator, class);
        let best = (0..self.vendors.len()).filter(allowed).max_by(|a, b| worth(a).total_cmp(&worth(b)));
        best.unwrap_or(0)
    }

    pub(crate) fn state(&self, now: f64) -> State {
        let vendors = self.vendors.len();
        let mut state = State {
            delivery: self.delivery.clone(),
            faked: self.faked.clone(),
            price: self.price.clone(),
            slower: vec![1.0; vendors],
            receipts_slower: vec![1.0; vendors],
            timeouts: vec![0.0; vendors],
            cap: self.vendors.iter().map(|vendor| vendor.cap).collect(),
        };
        for event in self.events.iter().filter(|event| event.start <= now && now < event.end) {
            let hit = event.vendor.map_or(0..vendors, |vendor| vendor..vendor + 1);
            for vendor in hit {
                event.happen(vendor, now, &mut state);
            }
        }
        state
    }
}

impl Event {
    fn happen(&self, vendor: usize, now: f64, state: &mut State) {
        let passed = (now - self.start) / (self.end - self.start);
        let mut deliver = |factor: f64| {
            for operator in &self.operators {
                state.delivery[vendor][*operator] *= factor;
            }
        };
        match self.effect {
            Effect::Timeouts(share) => state.timeouts[vendor] = share,
            Effect::Delivery(factor) => deliver(factor),
            Effect::Flapping(factor) if (((now - self.start) / 60.0) as u64).is_multiple_of(2) => {
                deliver(factor);
            }
            Effect::Flapping(_) => {}
            Effect::SlowReceipts(factor) => state.receipts_slower[vendor] = factor,
            Effect::SlowDelivery(factor) => state.slower[vendor] = factor,
            Effect::Fake(factor, said) => {
                deliver(factor);
                for operator in &self.operators {
                    state.faked[vendor][*operator] = said;
                }
            }
            Effect::Throttle(factor) => state.cap[vendor] *= factor,
            Effect::Gradual(to) => deliver(1.0 - (1.0 - to) * passed),
            Effect::Halfway(first, then) => deliver(if passed < 0.5 { first } else { then }),
            Effect::Price(factor) => {
                for operator in &self.operators {
                    state.price[vendor][*operator] *= factor;
                }
            }
        }
    }
}

/// Messages as they come, each with its fate.
fn messages(random: &mut StdRng, traffic: &Traffic<'_>) -> Vec<Message> {
    let mut messages = Vec::with_capacity((traffic.rate * traffic.length * 1.02) as usize);
    let mut at = 0.0;
    loop {
        at -= (1.0 - random.random::<f64>()).ln() / traffic.rate;
        if at >= traffic.length {
            return messages;
        }
        let class = drawn(random, traffic.classes);
        messages.push(Message {
            at,
            operator: drawn(random, traffic.operators),
            class,
            reports_conversion: random.random::<f64>() < traffic.reporting && class == 0,
            delivery: (random.random(), normal(random)),
            receipt: (random.random(), normal(random)),
            conversion: (random.random(), normal(random)),
            answer: random.random(),
        });
    }
}

struct Traffic<'a> {
    /// Messages a second.
    rate: f64,
    /// In seconds.
    length: f64,
    /// Shares.
    classes: &'a [f64],
    operators: &'a [f64],
    /// The share of passwords whose application reports conversions.
    reporting: f64,
}

fn drawn(random: &mut StdRng, shares: &[f64]) -> usize {
    let mut left = random.random::<f64>() * shares.iter().sum::<f64>();
    shares
        .iter()
        .position(|share| {
            left -= share;
            left < 0.0
        })
        .unwrap_or(shares.len() - 1)
}

fn between(random: &mut StdRng, low: f64, high: f64) -> f64 {
    low + (high - low) * random.random::<f64>()
}

/// By Box and Muller.
pub(crate) fn normal(random: &mut StdRng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (TAU * random.random::<f64>()).cos()
}

fn below(random: &mut StdRng, limit: usize) -> usize {
    (random.next_u64() % limit as u64) as usize
}

pub(crate) fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

/// Abramowitz and Stegun 7.1.26: off by 1.5e-7 at most.
fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let tail = series.iter().fold(0.0, |sum, factor| (sum + factor) * t) * (-x * x).exp();
    if x >= 0.0 { tail } else { 2.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_is_where_tables_have_it() {
        for (x, expected) in [(0.0, 0.5), (1.0, 0.841_344_7), (-1.96, 0.024_997_9), (3.0, 0.998_650_1)] {
            assert!((normal_cdf(x) - expected).abs() < 1e-6, "{x}");
        }
    }
}
