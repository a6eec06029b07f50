//! Bandits over discounted counts: a message counts as lost when its receipt has not come within a minute.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::play::Player;
use crate::policy::{Alarm, Answer, Ask, Known, Policy};
use crate::world::normal;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    Greedy {
        explored: f64,
    },
    /// D-UCB (Garivier and Moulines).
    Ucb,
    /// Discounted Thompson sampling (Raj and Kalyani).
    Thompson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Receipts,
    /// Passwords by conversions, in relation to the best way of the operator; the rest by receipts.
    Conversions,
}

pub(super) struct Learner {
    known: Known,
    rule: Rule,
    signal: Signal,
    /// By which counts shrink within a second.
    fading: f64,
    random: StdRng,
    /// `[vendor][operator]`.
    receipts: Vec<Vec<Arm>>,
    conversions: Vec<Vec<Arm>>,
    /// Those that may still get one, in the order in which they were sent, with when.
    awaited: VecDeque<(f64, usize, Ask)>,
    acting: VecDeque<(f64, usize, Ask)>,
    /// By message: whether its outcome is counted.
    settled: Vec<bool>,
    acted: Vec<bool>,
}

#[derive(Clone, Copy, Default)]
struct Arm {
    good: f64,
    count: f64,
}

const RECEIPT_WITHIN: f64 = 60.0;
const CONVERSION_WITHIN: f64 = 120.0;

impl Arm {
    fn note(&mut self, is_good: bool) {
        self.count += 1.0;
        self.good += f64::from(u8::from(is_good));
    }

    fn mean(self) -> f64 {
        (self.good + 1.8) / (self.count + 2.0)
    }
}

impl Learner {
    pub(super) fn new(known: Known, rule: Rule, signal: Signal, half_life: f64) -> Self {
        let operators = known.price.first().map_or(0, Vec::len);
        let arms = vec![vec![Arm::default(); operators]; known.price.len()];
        let random = StdRng::seed_from_u64(known.seed ^ 0x1EA4);
        Self {
            rule,
            signal,
            fading: 0.5_f64.powf(1.0 / half_life),
            random,
            receipts: arms.clone(),
            conversions: arms,
            awaited: VecDeque::new(),
            acting: VecDeque::new(),
            settled: Vec::new(),
            acted: Vec::new(),
            known,
        }
    }

    /// The share that is taken to be useful, optimistic or drawn as the rule wants it.
    fn quality(&mut self, vendor: usize, ask: Ask, total: f64) -> f64 {
        let by_conversions = self.signal == Signal::Conversions && ask.class == 0;
        let arms = if by_conversions { &self.conversions } else { &self.receipts };
        let arm = arms[vendor][ask.operator];
        let best = || {
            let of_operator = arms.iter().map(|arms| arms[ask.operator]);
            of_operator.filter(|arm| arm.count > 20.0).map(|arm| arm.good / arm.count).fold(0.0, f64::max)
        };
        let scale = if by_conversions { (best() / 0.95).max(0.3) } else { 1.0 };
        let spread = (arm.mean() * (1.0 - arm.mean()).max(0.02) / (arm.count + 2.0)).sqrt();
        let mean = if by_conversions { (arm.good + 1.8 * scale) / (arm.count + 2.0) } else { arm.mean() };
        let estimate = match self.rule {
            Rule::Greedy { .. } => mean,
            Rule::Ucb => mean + (0.5 * total.max(2.0).ln() / arm.count.max(1.0)).sqrt(),
            Rule::Thompson => mean + spread * normal(&mut self.random),
        };
        (estimate / scale).clamp(0.0, 1.0)
    }
}

impl Player for Learner {}

impl Policy for Learner {
    fn tick(&mut self, now: f64) {
        for arm in self.receipts.iter_mut().chain(&mut self.conversions).flatten() {
            arm.good *= self.fading;
            arm.count *= self.fading;
        }
        while let Some((_, vendor, ask)) = self.awaited.pop_front_if(|(at, ..)| *at + RECEIPT_WITHIN <= now) {
            if !std::mem::replace(&mut self.settled[ask.id], true) {
                self.receipts[vendor][ask.operator].note(false);
            }
        }
        while let Some((_, vendor, ask)) = self.acting.pop_front_if(|(at, ..)| *at + CONVERSION_WITHIN <= now)
        {
            let acted = self.acted[ask.id];
            self.conversions[vendor][ask.operator].note(acted);
        }
    }

    fn choose(&mut self, _: f64, ask: Ask, excluded: u64) -> Option<usize> {
        let feasible: Vec<usize> = self.known.feasible(ask, excluded).collect();
        if let Rule::Greedy { explored } = self.rule
            && self.random.random::<f64>() < explored
        {
            let at = (self.random.random::<f64>() * feasible.len() as f64) as usize;
            return feasible.get(at).copied();
        }
        let total: f64 = self.receipts.iter().map(|arms| arms[ask.operator].count).sum();
        let mut best = None;
        for vendor in feasible {
            let quality = self.quality(vendor, ask, total);
            let worth = self.known.value[ask.class] * quality - self.known.price[vendor][ask.operator];
            if best.is_none_or(|(most, _)| worth > most) {
                best = Some((worth, vendor));
            }
        }
        best.map(|(_, vendor)| vendor)
    }

    fn submitted(&mut self, now: f64, ask: Ask, vendor: usize, answer: Answer) {
        if self.settled.len() <= ask.id {
            self.settled.resize(ask.id + 1, false);
            self.acted.resize(ask.id + 1, false);
        }
        if answer != Answer::Accepted {
            self.receipts[vendor][ask.operator].note(false);
            return;
        }
        self.awaited.push_back((now, vendor, ask));
        if ask.reports_conversion {
            self.acting.push_back((now, vendor, ask));
        }
    }

    fn receipt(&mut self, _: f64, ask: Ask, vendor: usize, _: f64, delivered: bool) {
        if !std::mem::replace(&mut self.settled[ask.id], true) {
            self.receipts[vendor][ask.operator].note(delivered);
        }
    }

    fn converted(&mut self, _: f64, ask: Ask, _: usize, _: f64) {
        self.acted[ask.id] = true;
    }

    fn priced(&mut self, _: f64, price: &[Vec<f64>]) {
        self.known.price = price.to_vec();
    }

    fn alarms(&mut self) -> Option<Vec<Alarm>> {
        None
    }
}
