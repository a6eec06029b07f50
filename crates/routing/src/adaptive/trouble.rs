//! An arm in trouble: what was before, what was found since, and whether it is over.

use minicbor::{Decode, Encode};

use super::arm::{Arm, Surroundings};
use super::delay::Delay;
use super::detector::missing;

/// The log-likelihood ratio that one receipt adds to a recovery is kept between these.
const LEAST: f64 = -2.0;
const MOST: f64 = 1.5;

#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Trouble {
    /// The second after which it changed, and the one in which that was noticed.
    #[n(0)]
    pub(super) since: u32,
    #[n(1)]
    pub(super) at: u32,
    /// The receipts tell of it.
    #[n(2)]
    pub(super) by_receipts: bool,
    #[n(3)]
    pub(super) conversions: Conversions,
    /// The rates before: of delivery by receipts, and of conversions by message.
    #[n(4)]
    pub(super) delivered: f64,
    #[n(5)]
    pub(super) converted: f64,
    /// How long receipts took before.
    #[n(6)]
    pub(super) delay: Delay,
    /// What recovery is told apart from: the rate since.
    #[n(7)]
    pub(super) fallen: f64,
    #[n(8)]
    pub(super) conversions_fallen: f64,
    /// The log-likelihood ratios of recovery, and since when they are not zero.
    #[n(9)]
    pub(super) recovery: f64,
    #[n(10)]
    pub(super) recovery_zero: u32,
    #[n(11)]
    pub(super) conversions_recovery: f64,
    #[n(12)]
    pub(super) conversions_zero: u32,
    #[n(13)]
    pending: f64,
    #[n(14)]
    conversions_pending: f64,
    /// That conversions are as before, against that they fell with the receipts: the log-likelihood ratio.
    #[n(15)]
    pub(super) test: f64,
    /// What the alarm was raised at.
    #[n(16)]
    pub(super) sum: f64,
    #[n(17)]
    pub(super) threshold: f64,
}

/// What conversions say of an arm in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) enum Conversions {
    /// There are too few to say.
    #[n(0)]
    Unknown,
    /// Too early to say.
    #[n(1)]
    Testing,
    /// As before: messages arrive, whatever the receipts say.
    #[n(2)]
    Normal,
    /// They fell with the receipts.
    #[n(3)]
    Fallen,
    /// They fell while the receipts looked well: the receipts lie.
    #[n(4)]
    Contradict,
}

impl Trouble {
    pub(super) fn is_seen_by_receipts(&self) -> bool {
        self.by_receipts
    }

    pub(super) fn is_seen_by_conversions(&self) -> bool {
        match self.conversions {
            Conversions::Testing | Conversions::Fallen | Conversions::Contradict => true,
            Conversions::Unknown | Conversions::Normal => false,
        }
    }

    /// Receipts only are late or missing, messages arrive.
    pub(super) fn is_of_receipts_only(&self) -> bool {
        self.by_receipts && self.conversions == Conversions::Normal
    }

    pub(super) fn is_of_conversions(&self) -> bool {
        match self.conversions {
            Conversions::Fallen | Conversions::Contradict => true,
            Conversions::Unknown | Conversions::Testing | Conversions::Normal => false,
        }
    }

    pub(super) fn answered(
        &mut self,
        now: &Delay,
        between: [(usize, f32); 2],
        charged: f32,
        delivered: bool,
    ) {
        let healthy = self.delivered.clamp(0.05, 0.93);
        let change = if delivered {
            let mass = |delay: &Delay| {
                let [low, high] = between;
                if low.0 == high.0 { delay.density(high) } else { (delay.at(high) - delay.at(low)).max(1e-3) }
            };
            (healthy * f64::from(mass(&self.delay)) / (self.fallen * f64::from(mass(now))))
                .ln()
                .clamp(LEAST, MOST)
        } else {
            ((1.0 - healthy) / (1.0 - self.fallen)).ln().max(-MOST)
        };
        self.pending += change + f64::from(charged);
    }

    pub(super) fn converted(&mut self, charged: f32) {
        let healthy = self.converted.clamp(0.02, 0.9);
        self.conversions_pending +=
            (healthy / self.conversions_fallen.max(0.005)).ln().min(MOST) + f64::from(charged);
    }
}

/// What changed for an arm in a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It fell into trouble.
    Fell,
    /// It was in trouble, and now is in another, too.
    Worsened,
    /// More is known of the trouble it is in.
    Settled,
    Recovered,
}

impl Arm {
    /// Puts the arm in trouble, or finds that what it is in is worse.
    pub(super) fn fall(&mut self, around: &Surroundings<'_>, by_receipts: bool, threshold: f64) -> Turn {
        let second = around.moment.second;
        let detector = if by_receipts { &self.receipts } else { &self.conversions };
        let (since, sum) = (detector.zero_at, detector.sum);
        let conversions = match (by_receipts, self.conversions_are_proven()) {
            (true, true) => Conversions::Testing,
            (true, false) => Conversions::Unknown,
            (false, _) => Conversions::Contradict,
        };
        self.receipts.reset(second);
        self.conversions.reset(second);
        let turn = match self.trouble.as_mut() {
            // Receipts were late, conversions were well; now those fall, too.
            Some(trouble) if !by_receipts => {
                trouble.conversions =
                    if trouble.by_receipts { Conversions::Fallen } else { Conversions::Contradict };
                (trouble.conversions_recovery, trouble.at) = (0.0, second);
                (trouble.since, trouble.sum, trouble.threshold) = (since, sum, threshold);
                Turn::Worsened
            }
            Some(trouble) => {
                trouble.by_receipts = true;
                // Receipts that are missing, too, did not lie.
                if trouble.conversions == Conversions::Contradict {
                    trouble.conversions = Conversions::Fallen;
                }
                (trouble.recovery, trouble.at) = (0.0, second);
                (trouble.since, trouble.sum, trouble.threshold) = (since, sum, threshold);
                Turn::Worsened
            }
            None => {
                self.trouble = Some(Box::new(Trouble {
                    since,
                    at: second,
                    by_receipts,
                    conversions,
                    delivered: self.receipts.regime,
                    converted: self.conversions.regime,
                    delay: self.delay.clone(),
                    fallen: 0.3 * self.receipts.regime,
                    conversions_fallen: 0.3 * self.conversions.regime,
                    recovery: 0.0,
                    recovery_zero: second,
                    conversions_recovery: 0.0,
                    conversions_zero: second,
                    pending: 0.0,
                    conversions_pending: 0.0,
                    test: 0.0,
                    sum,
                    threshold,
                }));
                self.relapses = (self.relapses + 1.0).min(3.0);
                Turn::Fell
            }
        };
        if by_receipts {
            self.evidence.receipts.restart(since);
            self.evidence.uncharge();
            self.delay.forget();
        }
        if !by_receipts || conversions == Conversions::Testing {
            self.evidence.conversions.restart(since);
            self.evidence.uncharge_conversions();
        }
        turn
    }

    /// Follows the trouble for a second. `pooled` is the test of all arms of the vendor that fell together.
    pub(super) fn follow(&mut self, around: &Surroundings<'_>, pooled: f64) -> Option<Turn> {
        let second = around.moment.second;
        self.weigh_recovery(around);
        self.weigh_test(around);
        let tuning = around.tuning;
        let proof = 0.5 + 0.5 * self.relapses.max(1.0);
        let trouble = self.trouble.as_mut()?;
        if trouble.conversions == Conversions::Testing {
            let own = trouble.test;
            let passes = own > tuning.test || (pooled > 2.0 * tuning.test && own > -1.0);
            let fails = own < -tuning.test || (pooled < -2.0 * tuning.test && own < 1.0);
            if passes {
                trouble.conversions = Conversions::Normal;
                let (trials, successes) = (20.0, 20.0 * trouble.converted);
                self.evidence.conversions.old_trials += trials;
                self.evidence.conversions.old_successes += successes;
                self.conversions.reset(second);
                return Some(Turn::Settled);
            }
            if fails {
                trouble.conversions = Conversions::Fallen;
                (trouble.conversions_recovery, trouble.conversions_zero) = (0.0, second);
                return Some(Turn::Settled);
            }
        }
        if trouble.is_of_conversions() && trouble.conversions_recovery > tuning.conversions_recovery * proof {
            let from = trouble.conversions_zero;
            trouble.conversions =
                if trouble.by_receipts { Conversions::Normal } else { Conversions::Unknown };
            let rate = trouble.converted;
            restore(&mut self.evidence.conversions, from, rate);
            self.conversions.reset(second);
            self.evidence.uncharge_conversions();
        }
        let trouble = self.trouble.as_mut()?;
        if trouble.by_receipts && trouble.recovery > tuning.recovery * proof {
            trouble.by_receipts = false;
            self.delay = trouble.delay.clone();
            let (from, rate) = (trouble.recovery_zero, trouble.delivered);
            restore(&mut self.evidence.receipts, from, rate);
            self.receipts.reset(second);
            self.evidence.uncharge();
            if trouble.conversions != Conversions::Contradict {
                if trouble.is_seen_by_conversions() {
                    restore(&mut self.evidence.conversions, from, trouble.converted);
                    self.conversions.reset(second);
                    self.evidence.uncharge_conversions();
                }
                trouble.conversions = Conversions::Unknown;
            }
        }
        if !trouble.by_receipts && !trouble.is_seen_by_conversions() {
            let was_avoided = self.belief.acted < 0.8 * self.receipts.regime;
            self.ramp = if was_avoided { 0.2 } else { 1.0 };
            self.trouble = None;
            return Some(Turn::Recovered);
        }
        None
    }

    /// Whether what was sent since the alarm looks as it did before the trouble.
    fn weigh_recovery(&mut self, around: &Surroundings<'_>) {
        let Self { trouble, evidence, delay, .. } = self;
        let Some(trouble) = trouble.as_mut() else { return };
        let moment = around.moment;
        let healthy = trouble.delivered.clamp(0.05, 0.93);
        let now = evidence.receipts.rate(0.3 * healthy, around.tuning.prior_in_trouble);
        trouble.fallen = now.clamp(0.3 * healthy, 0.4 * healthy);
        let acted = trouble.converted.clamp(0.02, 0.9);
        let converted = evidence.conversions.rate(0.3 * acted, around.tuning.prior_in_trouble);
        trouble.conversions_fallen = converted.clamp(0.3 * acted, 0.4 * acted);
        for bin in evidence.bins().filter(|bin| bin.second > trouble.at) {
            let sent_at = u64::from(bin.second) * 1000 + 500;
            if trouble.by_receipts {
                let told = moment.grid.place(around.told_up_to.saturating_sub(sent_at));
                let (before, since) = (trouble.delay.at(told), delay.at(told));
                let charge =
                    ((1.0 - trouble.fallen as f32 * since) / (1.0 - healthy as f32 * before)).max(1.0).ln();
                let open = bin.sent.saturating_sub(bin.delivered).saturating_sub(bin.undelivered);
                if charge > bin.charged {
                    trouble.pending -= f64::from(open) * f64::from(charge - bin.charged);
                    bin.charged = charge;
                }
            }
            if trouble.is_of_conversions() && bin.reporting > 0 {
                let place = moment.grid.place(around.reported_up_to.saturating_sub(sent_at));
                let reported = around.conversion_delay.at(place);
                let charge = missing(acted as f32, trouble.conversions_fallen as f32, reported);
                let open = bin.reporting.saturating_sub(bin.converted);
                if charge > bin.conversion_charged {
                    trouble.conversions_pending -=
                        f64::from(open) * f64::from(charge - bin.conversion_charged);
                    bin.conversion_charged = charge;
                }
            }
        }
        trouble.recovery = (trouble.recovery + trouble.pending).max(0.0);
        trouble.conversions_recovery = (trouble.conversions_recovery + trouble.conversions_pending).max(0.0);
        (trouble.pending, trouble.conversions_pending) = (0.0, 0.0);
        if trouble.recovery == 0.0 {
            trouble.recovery_zero = moment.second;
        }
        if trouble.conversions_recovery == 0.0 {
            trouble.conversions_zero = moment.second;
        }
    }

    /// Whether conversions of what was sent since the change are as before. The change is known only roughly, so the
    /// first half of the time until the alarm is left out.
    fn weigh_test(&mut self, around: &Surroundings<'_>) {
        let Self { trouble, evidence, .. } = self;
        let Some(trouble) = trouble.as_mut().filter(|trouble| trouble.conversions == Conversions::Testing)
        else {
            return;
        };
        let from = trouble.since + trouble.at.saturating_sub(trouble.since) / 2;
        let normal = trouble.converted.clamp(0.02, 0.9);
        let fallen = 0.4 * normal;
        trouble.test = 0.0;
        for bin in evidence.read().filter(|bin| bin.second >= from && bin.reporting > 0) {
            let sent_at = u64::from(bin.second) * 1000 + 500;
            let place = around.moment.grid.place(around.reported_up_to.saturating_sub(sent_at));
            let reported = around.conversion_delay.at(place);
            let open = bin.reporting.saturating_sub(bin.converted);
            trouble.test += f64::from(bin.converted) * (normal / fallen).ln()
                - f64::from(open) * f64::from(missing(normal as f32, fallen as f32, reported));
        }
    }
}

/// The arm is taken for what it was before, and what it did since the recovery began.
fn restore(stream: &mut super::evidence::Stream, from: u32, rate: f64) {
    stream.restart(from);
    (stream.old_trials, stream.old_successes) = (20.0, 20.0 * rate);
}
