//! From evidence to belief: how good an arm is, and how far its receipts are to be believed.

use super::arm::Arm;
use super::delay::Grid;
use super::settings::{Millis, Tuning};
use super::trouble::Conversions;

/// Conversions of messages that come too late to be acted on in time, of the usual.
const LATE: f64 = 0.25;

/// What an arm's belief rests on besides its own evidence.
pub(super) struct Ground<'a> {
    pub(super) tuning: &'a Tuning,
    pub(super) grid: &'a Grid,
    /// The rate of an arm without evidence.
    pub(super) prior: f64,
    /// Conversions for each message delivered in time, on this operator.
    pub(super) converting: f64,
    /// The vendor's feed has never said anything.
    pub(super) is_silent: bool,
    /// Within this time a message has to be there to be acted on.
    pub(super) in_time: Millis,
}

impl Arm {
    /// The share of what is delivered that is there by then.
    pub(super) fn in_time(&self, grid: &Grid, deadline: Millis) -> f64 {
        let delay = match &self.trouble {
            Some(trouble) if trouble.is_of_receipts_only() => &trouble.delay,
            Some(_) | None => &self.delay,
        };
        f64::from(delay.at(grid.place(deadline)))
    }

    pub(super) fn believe(&mut self, ground: &Ground<'_>) {
        let tuning = ground.tuning;
        let receipts = &self.evidence.receipts;
        let (mut prior, mut weight) = (ground.prior, tuning.prior);
        let trouble = self.trouble.as_deref();
        if let Some(trouble) = trouble.filter(|trouble| trouble.by_receipts) {
            (prior, weight) = (0.3 * trouble.delivered, tuning.prior_in_trouble);
        }
        let mut delivered = receipts.rate(prior, weight);
        let mut trials = receipts.trials + weight;
        if let Some(trouble) = trouble.filter(|trouble| trouble.is_of_receipts_only()) {
            delivered = trouble.delivered;
            trials = 100.0;
        }
        let in_time = self.in_time(ground.grid, ground.in_time);
        let conversions = &self.evidence.conversions;
        let converting = ground.converting.max(0.02);
        let evidence = conversions.successes / converting;
        let acted_of = |prior: f64, weight: f64| {
            ((evidence + weight * prior) / (conversions.trials + weight)).min(0.995)
        };
        if ground.is_silent {
            delivered = acted_of(ground.prior, 8.0);
            trials = conversions.trials * converting + tuning.prior;
        }
        let fell = trouble.is_some_and(|trouble| trouble.is_of_conversions());
        let mut expected = delivered * in_time;
        let mut weigh = tuning.receipts_weigh;
        if let Some(trouble) = trouble.filter(|_| fell) {
            expected = expected.min(0.3 * (trouble.converted / converting).min(1.0));
            weigh = 8.0;
        }
        if ground.is_silent {
            expected = ground.prior;
        }
        let acted = acted_of(expected, weigh);
        let weight = conversions.trials + weigh;
        let acted_sd =
            (acted * converting * (1.0 - acted * converting)).max(0.0025).sqrt() / weight.sqrt() / converting;
        let due = delivered * (in_time + LATE * (1.0 - in_time));
        let is_doubted = conversions.trials > 10.0 && acted + acted_sd < due;
        let lies = trouble.is_some_and(|trouble| trouble.conversions == Conversions::Contradict);
        let trust =
            if (is_doubted || lies) && due > 0.0 && !ground.is_silent { (acted / due).min(1.0) } else { 1.0 };
        self.belief.delivered = delivered;
        self.belief.delivered_sd = (delivered * (1.0 - delivered)).max(0.0025).sqrt() / trials.sqrt();
        (self.belief.acted, self.belief.acted_sd, self.belief.trust) = (acted, acted_sd, trust);
    }
}
