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
    pub(super) fn new(vendors: usize) -> Self {
        Self { pooled: vec![0.0; vendors], sound: Vec::new() }
    }

    pub(super) fn add(&mut self, arm: &Arm, ground: &Ground<'_>) {
        let conversions = &arm.evidence.conversions;
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

/// Arms that are brought into the processor's cache together.
pub(super) const AHEAD: usize = 16;

/// Reads what counting these is going to read, so that the processor waits for many of them at once, and not for one
/// after the other. What it comes to, nobody needs.
pub(super) fn read_ahead(arms: &[Arm], second: u32) {
    let due = arms.iter().filter(|arm| arm.is_due(second));
    let touched = due.map(|arm| arm.evidence.touch().wrapping_add(arm.delay.touch().to_bits()));
    std::hint::black_box(touched.fold(0, u32::wrapping_add));
}

/// The same for what a plan is made of.
pub(super) fn read_ahead_beliefs(arms: &[Option<&Arm>]) {
    let touched = arms.iter().flatten().map(|arm| {
        let belief = arm.belief.acted + arm.traffic + arm.evidence.conversions.trials;
        belief as f32 + arm.delay.touch()
    });
    std::hint::black_box(touched.sum::<f32>());
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

    /// Counts and believes anew what a change has left to count, which is not put off until the next tick.
    pub(super) fn count_again(&mut self, around: &Surroundings<'_>, ground: &Ground<'_>) {
        self.count_receipts(around, 0);
        self.count_conversions(around);
        self.believe(ground);
    }
}
