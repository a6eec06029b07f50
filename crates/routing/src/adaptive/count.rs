//! What is collected of all arms while they are counted.

use super::arm::{Arm, Surroundings};
use super::belief::Ground;
use super::settings::OperatorIndex;
use super::trouble::Conversions;

/// From so many messages whose conversion would be known on, an arm tells how users of its operator convert.
const SOUND: f64 = 15.0;

/// Of one tick.
#[derive(Debug)]
pub(super) struct Counted {
    /// By vendor: the tests by conversion of its arms that fell together, for they have one cause.
    pub(super) pooled: Vec<f64>,
    /// By operator: messages whose conversion would be known.
    pub(super) conversions: Vec<f64>,
    pub(super) sound: Vec<Sound>,
}

/// How an arm converts.
#[derive(Debug)]
pub(super) struct Sound {
    pub(super) operator: OperatorIndex,
    /// Conversions for each message that arrives in time.
    pub(super) ratio: f64,
    /// The messages that arrived in time which that rests on.
    pub(super) trials: f64,
}

impl Counted {
    pub(super) fn new(vendors: usize, operators: usize) -> Self {
        Self { pooled: vec![0.0; vendors], conversions: vec![0.0; operators], sound: Vec::new() }
    }

    pub(super) fn add(&mut self, arm: &Arm, ground: &Ground<'_>) {
        let conversions = &arm.evidence.conversions;
        if let Some(sum) = self.conversions.get_mut(arm.operator) {
            *sum += conversions.trials;
        }
        if let Some(trouble) = arm.trouble.as_deref() {
            let is_tested = trouble.by_receipts && trouble.conversions == Conversions::Testing;
            if let Some(sum) = self.pooled.get_mut(arm.vendor).filter(|_| is_tested) {
                *sum += trouble.test;
            }
        } else if conversions.trials > SOUND {
            let delivered = arm.belief.delivered * arm.in_time(ground.grid, ground.in_time);
            let trials = conversions.trials * delivered.max(0.05);
            let ratio = (conversions.successes + 10.0 * ground.converting) / (trials + 10.0);
            self.sound.push(Sound { operator: arm.operator, ratio, trials });
        }
    }
}

impl Arm {
    /// What happens to the arm in a tick, as far as it concerns no other: it is counted when that is due, and a belief
    /// formed. Returns how many receipts should have come since it was counted last.
    pub(super) fn count_if_due(&mut self, around: &Surroundings<'_>, ground: &Ground<'_>) -> Option<f32> {
        if self.is_idle() && self.fresh.0 == 0 {
            return None;
        }
        self.relapses *= 0.9985;
        self.ramp = (self.ramp * 1.15).min(1.0);
        let second = around.moment.second;
        if !self.is_due(second) {
            return None;
        }
        let expected = self.count(around);
        self.receipts.settle(second);
        self.conversions.settle(second);
        if self.trouble.as_ref().is_none_or(|trouble| !trouble.by_receipts) {
            self.receipts.regime = self.evidence.receipts.rate(ground.prior, ground.tuning.prior);
        }
        if self.trouble.as_ref().is_none_or(|trouble| !trouble.is_seen_by_conversions()) {
            let usual = self.belief.delivered * ground.converting;
            self.conversions.regime = self.evidence.conversions.rate(usual, ground.tuning.prior);
        }
        self.believe(ground);
        Some(expected)
    }
}
