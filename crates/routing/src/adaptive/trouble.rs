//! An arm in trouble: what was before, what was found since, and whether it is over.

use minicbor::{Decode, Encode};

use super::arm::{Arm, Surroundings};
use super::delay::Delay;
use super::detector::missing;
use super::evidence::Bin;
use super::recovery::{Recovery, Trial};
use super::settings::Millis;

/// A receipt is prompt that comes while so many of the usual ones come.
const PROMPT: f32 = 0.9;
/// The messages that the rate of before counts for when a trouble is over.
const RESTORED: f64 = 20.0;
/// The same at most, when there was no trouble in what it is about.
const KNOWN: f64 = 200.0;

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
    /// The age at which nine in ten receipts were there, before, in milliseconds.
    #[n(7)]
    pub(super) prompt: Millis,
    /// That conversions are as before, against that they fell with the receipts: the log-likelihood ratio.
    #[n(8)]
    pub(super) test: f64,
    /// What the alarm was raised at.
    #[n(9)]
    pub(super) sum: f64,
    #[n(10)]
    pub(super) threshold: f64,
    /// The messages that the rate of conversions before rested on.
    #[n(11)]
    pub(super) conversions_known: f64,
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

    /// What the receipts say is not true, nor when they come.
    pub(super) fn is_a_lie(&self) -> bool {
        self.conversions == Conversions::Contradict
    }

    pub(super) fn is_of_conversions(&self) -> bool {
        match self.conversions {
            Conversions::Fallen | Conversions::Contradict => true,
            Conversions::Unknown | Conversions::Testing | Conversions::Normal => false,
        }
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
        let converted = self.converted_until(around, since);
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
                trouble.at = second;
                (trouble.since, trouble.sum, trouble.threshold) = (since, sum, threshold);
                Turn::Worsened
            }
            Some(trouble) => {
                trouble.by_receipts = true;
                // Receipts that are missing, too, did not lie.
                if trouble.conversions == Conversions::Contradict {
                    trouble.conversions = Conversions::Fallen;
                }
                trouble.at = second;
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
                    converted,
                    delay: self.delay.clone(),
                    prompt: self.delay.quantile(PROMPT),
                    test: 0.0,
                    sum,
                    threshold,
                    conversions_known: self.evidence.conversions.trials,
                }));
                self.relapses = (self.relapses + 1.0).min(3.0);
                Turn::Fell
            }
        };
        if by_receipts {
            self.evidence.receipts.restart(since + 1);
            self.evidence.uncharge();
            self.delay.forget();
        }
        if !by_receipts || conversions == Conversions::Testing {
            self.evidence.conversions.restart(since + 1);
            self.evidence.uncharge_conversions();
        }
        turn
    }

    /// Follows the trouble for a second. `pooled` is the test of all arms of the vendor that fell together.
    pub(super) fn follow(&mut self, around: &Surroundings<'_>, pooled: f64) -> Option<Turn> {
        let second = around.moment.second;
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
                let known = trouble.conversions_known.clamp(RESTORED, KNOWN);
                self.evidence.conversions.old_trials += known;
                self.evidence.conversions.old_successes += known * trouble.converted;
                self.conversions.reset(second);
                return Some(Turn::Settled);
            }
            if fails {
                trouble.conversions = Conversions::Fallen;
                return Some(Turn::Settled);
            }
        }
        if self.conversions_recovered(around, tuning.conversions_recovery * proof) {
            let trouble = self.trouble.as_mut()?;
            if trouble.is_a_lie() {
                // Those that were made up came sooner or later than true ones do.
                self.delay = trouble.delay.clone();
                restore(&mut self.evidence.receipts, second + 1, trouble.delivered);
                self.receipts.reset(second);
                self.evidence.uncharge();
            }
            trouble.conversions =
                if trouble.by_receipts { Conversions::Normal } else { Conversions::Unknown };
            let rate = trouble.converted;
            restore(&mut self.evidence.conversions, second + 1, rate);
            self.conversions.reset(second);
            self.evidence.uncharge_conversions();
        }
        if self.receipts_recovered(around, tuning.recovery * proof) {
            let trouble = self.trouble.as_mut()?;
            trouble.by_receipts = false;
            self.delay = trouble.delay.clone();
            restore(&mut self.evidence.receipts, second + 1, trouble.delivered);
            self.receipts.reset(second);
            self.evidence.uncharge();
            if trouble.conversions != Conversions::Contradict {
                if trouble.is_seen_by_conversions() {
                    restore(&mut self.evidence.conversions, second + 1, trouble.converted);
                    self.conversions.reset(second);
                    self.evidence.uncharge_conversions();
                }
                trouble.conversions = Conversions::Unknown;
            }
        }
        let trouble = self.trouble.as_ref()?;
        if !trouble.by_receipts && !trouble.is_seen_by_conversions() {
            let was_avoided = self.belief.acted < 0.8 * self.receipts.regime;
            self.ramp = if was_avoided { 0.2 } else { 1.0 };
            self.trouble = None;
            return Some(Turn::Recovered);
        }
        None
    }

    /// Whether receipts come as before the trouble, since some second.
    fn receipts_recovered(&self, around: &Surroundings<'_>, threshold: f64) -> bool {
        let Some(trouble) = self.trouble.as_ref().filter(|trouble| trouble.by_receipts) else { return false };
        let grid = around.moment.grid;
        let usual = trouble.delay.at(grid.place(trouble.prompt)).max(0.1);
        let trial = |bin: &Bin| {
            let age = around.told_up_to.saturating_sub(bin.sent_at()).min(trouble.prompt);
            let told = f64::from((trouble.delay.at(grid.place(age)) / usual).min(1.0));
            Trial { second: bin.second, trials: f64::from(bin.sent) * told, successes: f64::from(bin.prompt) }
        };
        let trials = self.evidence.read().filter(|bin| bin.second > trouble.since).map(trial);
        Recovery::new(trouble.delivered * f64::from(usual)).found(trials, threshold).is_some()
    }

    /// Whether users act as before the trouble, since some second.
    fn conversions_recovered(&self, around: &Surroundings<'_>, threshold: f64) -> bool {
        let Some(trouble) = self.trouble.as_ref().filter(|trouble| trouble.is_of_conversions()) else {
            return false;
        };
        let trial = |bin: &Bin| {
            let age = around.reported_up_to.saturating_sub(bin.sent_at());
            let reported = f64::from(around.conversion_delay.at(around.moment.grid.place(age)));
            let trials = f64::from(bin.reporting) * around.asked.awaited(bin.second) * reported;
            Trial { second: bin.second, trials, successes: f64::from(bin.converted) }
        };
        let bins = self.evidence.read().filter(|bin| bin.second > trouble.since && bin.reporting > 0);
        Recovery::new(trouble.converted).found(bins.map(trial), threshold).is_some()
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
            let awaited = f64::from(bin.reporting) * around.asked.awaited(bin.second);
            let open = (awaited - f64::from(bin.converted)).max(0.0);
            trouble.test += f64::from(bin.converted) * (normal / fallen).ln()
                - open * f64::from(missing(normal as f32, fallen as f32, reported));
        }
    }
}

/// The arm is taken for what it was before: some few probes have told that the trouble is over, and to tell a rate they
/// are too few. It is told by the traffic that comes back.
fn restore(stream: &mut super::evidence::Stream, from: u32, rate: f64) {
    stream.restart(from);
    (stream.old_trials, stream.old_successes) = (RESTORED, RESTORED * rate);
    (stream.trials, stream.successes) = (stream.old_trials, stream.old_successes);
}
