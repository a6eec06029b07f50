//! From evidence to belief: how good an arm is, and how far its receipts are to be believed.

use super::arm::Arm;
use super::delay::Grid;
use super::settings::{Millis, Tuning};
use super::trouble::Conversions;

/// Conversions of messages that come too late to be acted on in time, of the usual.
const LATE: f64 = 0.25;
/// The messages that the prior counts for in the estimate from conversions alone: of a vendor that sends no receipts,
/// of an arm whose conversions fell, and of one whose receipts may lie.
const SILENT_PRIOR: f64 = 12.0;
const FALLEN_PRIOR: f64 = 8.0;
const LYING_PRIOR: f64 = 2.0;

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
        let delivered_sd = (delivered * (1.0 - delivered)).max(0.0025).sqrt() / trials.sqrt();
        let due = delivered * (in_time + LATE * (1.0 - in_time));
        let fallen = trouble.filter(|trouble| trouble.is_of_conversions());
        let (acted, acted_sd, trust);
        if ground.is_silent || fallen.is_some() {
            // The receipts have no say in it.
            let (expected, weigh) = match fallen {
                _ if ground.is_silent => (ground.prior, SILENT_PRIOR),
                Some(trouble) => {
                    let usual = (trouble.converted / converting).min(1.0);
                    ((delivered * in_time).min(0.3 * usual), FALLEN_PRIOR)
                }
                None => (delivered * in_time, FALLEN_PRIOR),
            };
            acted = acted_of(expected, weigh);
            acted_sd = (acted * converting * (1.0 - acted * converting)).max(0.0025).sqrt()
                / (conversions.trials + weigh).sqrt()
                / converting;
            let is_doubted = conversions.trials > 10.0 && acted + acted_sd < due;
            let lies = fallen.is_some_and(|trouble| trouble.conversions == Conversions::Contradict);
            let is_less = (is_doubted || lies) && due > 0.0 && !ground.is_silent;
            trust = if is_less { (acted / due).min(1.0) } else { 1.0 };
        } else {
            let word = Word {
                rate: delivered * in_time,
                sd: delivered_sd.hypot(tuning.receipts_off),
                lie: tuning.receipts_lie,
            };
            let heard = word.against(conversions.trials, evidence, converting);
            (acted, acted_sd) = (heard.acted, heard.sd);
            let alone = if due > 0.0 { (heard.alone / due).min(1.0) } else { 1.0 };
            trust = 1.0 - heard.doubt + heard.doubt * alone;
        }
        self.belief.delivered = delivered;
        self.belief.delivered_sd = delivered_sd;
        (self.belief.acted, self.belief.acted_sd, self.belief.trust) = (acted, acted_sd, trust);
    }
}

/// What receipts say of the share that is there in time.
struct Word {
    rate: f64,
    /// How far that may be off though they are honest.
    sd: f64,
    /// How likely they are not, before any conversion is heard of.
    lie: f64,
}

/// What is believed once conversions were heard, too.
struct Heard {
    acted: f64,
    sd: f64,
    /// The probability that the receipts lie.
    doubt: f64,
    /// What conversions alone say.
    alone: f64,
}

impl Word {
    /// Either both kinds of feedback tell of one rate, each as exactly as it can, and receipts are by far the more
    /// exact; or the receipts lie, the rate may be any, and conversions alone count. How likely each of the two makes
    /// the conversions that came says how far each is believed. `evidence` is what `trials` messages delivered, by
    /// conversions.
    fn against(&self, trials: f64, evidence: f64, converting: f64) -> Heard {
        let of_one = |rate: f64| {
            let converts = (rate * converting).clamp(0.05, 0.95);
            converts * (1.0 - converts) / (converting * converting)
        };
        let (own, words) = (1.0 / (self.sd * self.sd), trials / of_one(self.rate));
        let honest = (own * self.rate + evidence / of_one(self.rate)) / (own + words);
        let alone = ((evidence + LYING_PRIOR * 0.5) / (trials + LYING_PRIOR)).min(0.995);
        let alone_variance = of_one(alone) / (trials + LYING_PRIOR);
        let mut odds = (self.lie / (1.0 - self.lie)).ln();
        if trials >= 1.0 {
            // The normal density around the receipts' word, against an even one.
            let off = self.rate - evidence / trials;
            let variance = self.sd * self.sd + of_one(self.rate) / trials;
            odds += 0.5 * off * off / variance + 0.5 * (std::f64::consts::TAU * variance).ln().min(0.0);
        }
        let doubt = 1.0 / (1.0 + (-odds).exp());
        let between = doubt * (1.0 - doubt) * (honest - alone) * (honest - alone);
        let variance = (1.0 - doubt) / (own + words) + doubt * alone_variance + between;
        let acted = (honest + doubt * (alone - honest)).clamp(0.0, 0.995);
        Heard { acted, sd: variance.sqrt(), doubt, alone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After so many messages of which this share acted, where three in four would if all arrived.
    fn heard(trials: f64, share: f64) -> Heard {
        let word = Word { rate: 0.94, sd: 0.03, lie: 0.05 };
        word.against(trials, trials * share / 0.75, 0.75)
    }

    #[test]
    fn conversions_that_agree_leave_the_receipts_their_word() {
        let heard = heard(40.0, 0.66);
        assert!(heard.doubt < 0.05, "{}", heard.doubt);
        assert!((heard.acted - 0.94).abs() < 0.01, "{}", heard.acted);
        assert!(heard.sd < 0.05, "{}", heard.sd);
    }

    #[test]
    fn conversions_that_contradict_are_believed_alone() {
        let heard = heard(40.0, 0.41);
        assert!(heard.doubt > 0.9, "{}", heard.doubt);
        assert!((heard.acted - 0.55).abs() < 0.05, "{}", heard.acted);
    }

    #[test]
    fn a_few_that_contradict_make_it_uncertain() {
        let heard = heard(12.0, 0.41);
        assert!((0.1..0.9).contains(&heard.doubt), "{}", heard.doubt);
        assert!(heard.sd > 0.08, "{}", heard.sd);
    }
}
