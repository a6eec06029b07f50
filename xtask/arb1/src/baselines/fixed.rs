//! Policies that learn nothing of delivery.

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::play::Player;
use crate::policy::{Alarm, Answer, Ask, Known, Policy};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As listed: the dearest and best first.
    Listed,
    Price,
    /// By the vendors' caps.
    Weighted,
    Turns,
    /// As listed, without those that are ejected: five failures in a row, 30 s times the number of ejections, at most
    /// 300 s, never all (the defaults of Envoy's outlier detection).
    Ejecting,
}

pub(super) struct Fixed {
    known: Known,
    order: Order,
    random: StdRng,
    turn: usize,
    ejected: Vec<Ejected>,
}

#[derive(Clone, Default)]
struct Ejected {
    failures: u32,
    times: u32,
    until: f64,
}

const FAILURES: u32 = 5;
const EJECTED_FOR: f64 = 30.0;
const EJECTED_AT_MOST: f64 = 300.0;

impl Fixed {
    pub(super) fn new(known: Known, order: Order, random: StdRng) -> Self {
        let ejected = vec![Ejected::default(); known.price.len()];
        Self { known, order, random, turn: 0, ejected }
    }

    fn failed(&mut self, vendor: usize, now: f64) {
        let ejected = &mut self.ejected[vendor];
        ejected.failures += 1;
        if ejected.failures >= FAILURES {
            ejected.failures = 0;
            ejected.times += 1;
            ejected.until = now + (EJECTED_FOR * f64::from(ejected.times)).min(EJECTED_AT_MOST);
        }
    }
}

impl Player for Fixed {}

impl Policy for Fixed {
    fn tick(&mut self, _: f64) {}

    fn choose(&mut self, now: f64, ask: Ask, excluded: u64) -> Option<usize> {
        let feasible: Vec<usize> = self.known.feasible(ask, excluded).collect();
        let price = |vendor: &usize| self.known.price[*vendor][ask.operator];
        match self.order {
            Order::Listed => feasible.first().copied(),
            Order::Price => feasible.iter().copied().min_by(|a, b| price(a).total_cmp(&price(b))),
            Order::Weighted => {
                let whole: f64 = feasible.iter().map(|vendor| self.known.cap[*vendor]).sum();
                let mut left = self.random.random::<f64>() * whole;
                let drawn = feasible.iter().copied().find(|vendor| {
                    left -= self.known.cap[*vendor];
                    left < 0.0
                });
                drawn.or_else(|| feasible.last().copied())
            }
            Order::Turns => {
                self.turn += 1;
                let at = self.turn.checked_rem(feasible.len())?;
                feasible.get(at).copied()
            }
            Order::Ejecting => {
                let is_in = |vendor: &usize| self.ejected[*vendor].until <= now;
                feasible.iter().copied().find(is_in).or_else(|| feasible.first().copied())
            }
        }
    }

    fn submitted(&mut self, now: f64, _: Ask, vendor: usize, answer: Answer) {
        match answer {
            Answer::Accepted => self.ejected[vendor].failures = 0,
            Answer::Timeout | Answer::Throttled => self.failed(vendor, now),
        }
    }

    fn receipt(&mut self, now: f64, _: Ask, vendor: usize, _: f64, delivered: bool) {
        if !delivered {
            self.failed(vendor, now);
        }
    }

    fn converted(&mut self, _: f64, _: Ask, _: usize, _: f64) {}

    fn priced(&mut self, _: f64, price: &[Vec<f64>]) {
        self.known.price = price.to_vec();
    }

    fn alarms(&mut self) -> Option<Vec<Alarm>> {
        None
    }
}
