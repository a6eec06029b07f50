//! CUSUM: has the rate of an arm fallen, and since when?
//!
//! The log-likelihood ratio of "it fell" against "it did not" grows with each answer that is later than the arm's own
//! habit, and an answer that comes late takes back exactly what its lateness had added. All of a second is netted
//! before the sum is cut at zero, so that a flush of many answers is one observation, in whatever order they come.

use minicbor::{Decode, Encode};

/// Rates are looked at between these: outside, a single message would prove too much.
const LOWEST: f32 = 0.02;
/// A receipt that says "not delivered" counts no more than so much.
const REFUSED: f32 = 1.5;

#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Detector {
    /// The log-likelihood ratio.
    #[n(0)]
    pub(super) sum: f64,
    /// The last second at which it was zero: the change came after it.
    #[n(1)]
    pub(super) zero_at: u32,
    #[n(2)]
    pending: f64,
    /// The rate of the regime that the arm is in.
    #[n(3)]
    pub(super) regime: f64,
}

/// What an answer that is still missing adds, when the share `seen` of all answers would be here.
pub(super) fn missing(rate: f32, fallen: f32, seen: f32) -> f32 {
    ((1.0 - fallen * seen) / (1.0 - rate * seen)).max(1.0).ln()
}

/// What such an answer adds while the share that would be here grows from `before` to `seen`: the difference of both,
/// by one logarithm.
pub(super) fn missing_since(rate: f32, fallen: f32, before: f32, seen: f32) -> f32 {
    let (healthy, trouble) = (1.0 - rate * seen, 1.0 - fallen * seen);
    let (healthy_before, trouble_before) = (1.0 - rate * before, 1.0 - fallen * before);
    (trouble * healthy_before / (healthy * trouble_before)).max(1.0).ln()
}

/// What an answer adds that says "not delivered".
pub(super) fn refused(rate: f32, fallen: f32) -> f32 {
    missing(rate, fallen, 1.0).min(REFUSED)
}

impl Detector {
    /// The rate that a fall is looked for from, when it is known from so many messages: lower by its own uncertainty,
    /// or else a rate that was overrated would look like one that fell.
    pub(super) fn rate(&self, highest: f64, trials: f64) -> f32 {
        let uncertain = (self.regime * (1.0 - self.regime) / (trials + 1.0)).max(0.0).sqrt();
        ((self.regime - uncertain) as f32).clamp(LOWEST, highest as f32)
    }

    pub(super) fn add(&mut self, change: f64) {
        self.pending += change;
    }

    pub(super) fn answered(&mut self, fall: f64, charged: f32) {
        self.pending += fall.ln() - f64::from(charged);
    }

    /// It will not come: what is still missing of what its lateness adds, when that of the share `before` was added.
    /// That was added by a rate as it was known then, and to know the rate better is no news of the message: the first
    /// flush of an arm tells the rate, and the next one which of the same messages were refused.
    pub(super) fn refused(&mut self, rate: f32, fallen: f32, before: f32, charged: f32) {
        self.pending += f64::from(missing_since(rate, fallen, before, 1.0).min(REFUSED - charged).max(0.0));
    }

    /// Takes over what the second brought.
    pub(super) fn settle(&mut self, second: u32) {
        self.sum = (self.sum + self.pending).max(0.0);
        self.pending = 0.0;
        if self.sum == 0.0 {
            self.zero_at = second;
        }
    }

    /// No more than so much speaks for a fall, and for one after that second.
    pub(super) fn limit(&mut self, sum: f64, zero_at: u32) {
        (self.sum, self.zero_at) = (self.sum.min(sum), zero_at);
    }

    pub(super) fn reset(&mut self, second: u32) {
        (self.sum, self.pending, self.zero_at) = (0.0, 0.0, second);
    }
}

/// The threshold at which chance alone raises so many alarms an hour, when there are so many observations a second.
pub(super) fn threshold(observations: f64, alarms_an_hour: f64) -> f64 {
    // How often an excursion of the sum begins, and what its overshoot takes off, of each observation.
    const EXCURSIONS: f64 = 0.05;
    (observations * 3600.0 * EXCURSIONS / alarms_an_hour.max(1e-3)).max(1.0).ln().max(5.0)
}
