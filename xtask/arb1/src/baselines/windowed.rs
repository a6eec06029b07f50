//! Policies that count outcomes in windows: of time, re-ranked now and then, or of a number of messages.

use std::collections::VecDeque;

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::play::Player;
use crate::policy::{Alarm, Answer, Ask, Known, Policy};

/// Every five minutes the ways are ranked by the last fifteen: conversions where there are any, receipts else, with a
/// small share of traffic for tests. That is how Vonage describes its adaptive routing.
pub(super) struct ReRanked {
    known: Known,
    random: StdRng,
    /// Of the last three periods and the present one: `[vendor][operator]`.
    periods: VecDeque<Vec<Vec<Counts>>>,
    /// `[operator][class]`: best first.
    ranked: Vec<Vec<Vec<usize>>>,
    next: f64,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    sent: f64,
    delivered: f64,
    reporting: f64,
    converted: f64,
}

const PERIOD: f64 = 300.0;
const PERIODS: usize = 3;
const TESTED: f64 = 0.05;
/// Fewer outcomes than this say nothing.
const ENOUGH: f64 = 20.0;

impl ReRanked {
    pub(super) fn new(known: Known, random: StdRng) -> Self {
        let mut policy = Self { random, periods: VecDeque::new(), ranked: Vec::new(), next: PERIOD, known };
        policy.begin();
        policy.rank();
        policy
    }

    fn begin(&mut self) {
        let operators = self.known.price.first().map_or(0, Vec::len);
        self.periods.push_back(vec![vec![Counts::default(); operators]; self.known.price.len()]);
        if self.periods.len() > PERIODS + 1 {
            self.periods.pop_front();
        }
    }

    fn counts(&mut self, vendor: usize, operator: usize) -> Option<&mut Counts> {
        self.periods.back_mut().map(|period| &mut period[vendor][operator])
    }

    fn rank(&mut self) {
        let operators = self.known.price.first().map_or(0, Vec::len);
        let classes = self.known.value.len();
        let by_operator = |operator: usize| {
            let sum = |vendor: usize| {
                self.periods.iter().fold(Counts::default(), |sum, period| {
                    let one = period[vendor][operator];
                    Counts {
                        sent: sum.sent + one.sent,
                        delivered: sum.delivered + one.delivered,
                        reporting: sum.reporting + one.reporting,
                        converted: sum.converted + one.converted,
                    }
                })
            };
            let all: Vec<Counts> = (0..self.known.price.len()).map(sum).collect();
            let share = |counts: &Counts| counts.converted / counts.reporting;
            let seen = all.iter().filter(|counts| counts.reporting >= ENOUGH);
            let best = seen.map(share).fold(0.0, f64::max);
            let quality = |vendor: usize| {
                let counts = all[vendor];
                if best > 0.0 && counts.reporting >= ENOUGH {
                    0.95 * share(&counts) / best
                } else if counts.sent >= ENOUGH {
                    counts.delivered / counts.sent
                } else {
                    0.9
                }
            };
            let by_class = |class: usize| {
                let ask = Ask { id: 0, operator, class, reports_conversion: false };
                let worth = |vendor: usize| {
                    self.known.value[class] * quality(vendor) - self.known.price[vendor][operator]
                };
                let mut ranked: Vec<usize> = self.known.feasible(ask, 0).collect();
                ranked.sort_by(|a, b| worth(*b).total_cmp(&worth(*a)));
                ranked
            };
            (0..classes).map(by_class).collect()
        };
        self.ranked = (0..operators).map(by_operator).collect();
    }
}

impl Player for ReRanked {}

impl Policy for ReRanked {
    fn tick(&mut self, now: f64) {
        if now >= self.next {
            self.next += PERIOD;
            self.rank();
            self.begin();
        }
    }

    fn choose(&mut self, _: f64, ask: Ask, excluded: u64) -> Option<usize> {
        let ranked = &self.ranked[ask.operator][ask.class];
        let mut left = ranked.iter().copied().filter(|vendor| excluded >> vendor & 1 == 0);
        if excluded == 0 && self.random.random::<f64>() < TESTED {
            let at = (self.random.random::<f64>() * ranked.len() as f64) as usize;
            return ranked.get(at).copied();
        }
        left.next()
    }

    fn submitted(&mut self, _: f64, ask: Ask, vendor: usize, answer: Answer) {
        let taken = answer == Answer::Accepted;
        if let Some(counts) = self.counts(vendor, ask.operator) {
            counts.sent += 1.0;
            if taken && ask.reports_conversion {
                counts.reporting += 1.0;
            }
        }
    }

    fn receipt(&mut self, _: f64, ask: Ask, vendor: usize, _: f64, delivered: bool) {
        if delivered && let Some(counts) = self.counts(vendor, ask.operator) {
            counts.delivered += 1.0;
        }
    }

    fn converted(&mut self, _: f64, ask: Ask, vendor: usize, _: f64) {
        if let Some(counts) = self.counts(vendor, ask.operator) {
            counts.converted += 1.0;
        }
    }

    fn priced(&mut self, _: f64, price: &[Vec<f64>]) {
        self.known.price = price.to_vec();
        self.rank();
    }

    fn alarms(&mut self) -> Option<Vec<Alarm>> {
        None
    }
}

/// The success ratio of the last 125 outcomes of each way, 5 % of traffic hedged over the others: the constants of
/// Juspay's decision engine, which Hyperswitch uses. A missing receipt is no outcome.
pub(super) struct Bucketed {
    known: Known,
    random: StdRng,
    /// `[vendor][operator]`.
    outcomes: Vec<Vec<VecDeque<bool>>>,
}

const BUCKET: usize = 125;
const HEDGED: f64 = 0.05;

impl Bucketed {
    pub(super) fn new(known: Known, random: StdRng) -> Self {
        let operators = known.price.first().map_or(0, Vec::len);
        let outcomes = vec![vec![VecDeque::with_capacity(BUCKET); operators]; known.price.len()];
        Self { known, random, outcomes }
    }

    fn note(&mut self, vendor: usize, operator: usize, is_good: bool) {
        let outcomes = &mut self.outcomes[vendor][operator];
        if outcomes.len() == BUCKET {
            outcomes.pop_front();
        }
        outcomes.push_back(is_good);
    }

    fn worth(&self, vendor: usize, ask: Ask) -> f64 {
        let outcomes = &self.outcomes[vendor][ask.operator];
        let good = outcomes.iter().filter(|good| **good).count();
        // What is not known is taken for good.
        let rate = (good + BUCKET - outcomes.len()) as f64 / BUCKET as f64;
        self.known.value[ask.class] * rate - self.known.price[vendor][ask.operator]
    }
}

impl Player for Bucketed {}

impl Policy for Bucketed {
    fn tick(&mut self, _: f64) {}

    fn choose(&mut self, _: f64, ask: Ask, excluded: u64) -> Option<usize> {
        let feasible: Vec<usize> = self.known.feasible(ask, excluded).collect();
        if self.random.random::<f64>() < HEDGED {
            let at = (self.random.random::<f64>() * feasible.len() as f64) as usize;
            return feasible.get(at).copied();
        }
        feasible.into_iter().max_by(|a, b| self.worth(*a, ask).total_cmp(&self.worth(*b, ask)))
    }

    fn submitted(&mut self, _: f64, ask: Ask, vendor: usize, answer: Answer) {
        if answer != Answer::Accepted {
            self.note(vendor, ask.operator, false);
        }
    }

    fn receipt(&mut self, _: f64, ask: Ask, vendor: usize, _: f64, delivered: bool) {
        self.note(vendor, ask.operator, delivered);
    }

    fn converted(&mut self, _: f64, _: Ask, _: usize, _: f64) {}

    fn priced(&mut self, _: f64, price: &[Vec<f64>]) {
        self.known.price = price.to_vec();
    }

    fn alarms(&mut self) -> Option<Vec<Alarm>> {
        None
    }
}
