//! One arm: what is known of the messages that one vendor takes to one operator.

use minicbor::{Decode, Encode};

use super::delay::{Delay, Grid, Shape};
use super::detector::{Detector, missing, missing_since, refused};
use super::evidence::{Bin, Evidence, Moment};
use super::pumping::Asked;
use super::settings::{Millis, OperatorIndex, Tuning, VendorIndex};
use super::trouble::Trouble;

/// Before an arm has had so many messages it is only learned about: there is nothing yet that it could fall from.
const PROVEN: f64 = 80.0;
/// Nor before its usual delay had this long to be learned, in milliseconds.
const LEARNED: Millis = 60_000;
/// With fewer messages a second, an arm is counted every so many seconds only.
const QUIET: f64 = 0.5;
const QUIET_SECONDS: u32 = 4;
/// When so much of what will come has come, the rest is left out of account.
const COMPLETE: f32 = 0.999;
/// It may be chance that others' conversions are the first to come again; so often it is not.
const ABSENT: u8 = 3;
/// Evidence of fewer messages fades more slowly: it is kept until there is newer to take its place. So many and the
/// half-lives of `Tuning` together suppose that a rate wanders by three points in an hour without a change that is found.
const LITTLE: f64 = 500.0;

/// What is changed or read together stands together, because of thousands of arms hardly any is in the processor's cache:
/// the evidence, the detectors, and what is looked at of all arms every second, each in lines of 64 bytes.
#[derive(Clone, Debug, Encode, Decode)]
#[repr(C, align(64))]
pub(super) struct Arm {
    #[n(2)]
    pub(super) evidence: Evidence,
    #[n(4)]
    pub(super) receipts: Detector,
    #[n(5)]
    pub(super) conversions: Detector,
    /// Sent since the last tick.
    #[n(12)]
    pub(super) fresh: (u32, u32),
    /// When it had its first message and its last.
    #[n(13)]
    pub(super) first_sent: Millis,
    #[n(14)]
    pub(super) last_sent: Millis,
    #[n(6)]
    pub(super) trouble: Option<Box<Trouble>>,
    /// Messages a second, and of those the ones whose conversion is reported.
    #[n(8)]
    pub(super) traffic: f64,
    #[n(9)]
    pub(super) reporting: f64,
    #[n(0)]
    pub(super) vendor: VendorIndex,
    #[n(1)]
    pub(super) operator: OperatorIndex,
    /// The second in which it was last counted.
    #[n(17)]
    pub(super) counted_at: u32,
    /// How often conversions that had ceased everywhere came again, and none of its own has since.
    #[cbor(n(20), default)]
    pub(super) absences: u8,
    /// How often it was in trouble of late; a frequent victim has to prove itself longer.
    #[n(10)]
    pub(super) relapses: f64,
    /// The part of its traffic that it has got back since it recovered.
    #[n(11)]
    pub(super) ramp: f64,
    #[n(7)]
    pub(super) belief: Belief,
    /// Up to when answers were told and the detectors have counted what is missing: receipts, and conversions.
    #[n(15)]
    pub(super) counted_up_to: Millis,
    #[n(16)]
    pub(super) conversions_counted_up_to: Millis,
    /// Probes a second that went to test numbers, and of those the ones whose conversion is reported.
    #[cbor(n(18), default)]
    pub(super) tests: (f64, f64),
    #[cbor(n(19), default)]
    pub(super) fresh_tests: (u32, u32),
    #[n(3)]
    pub(super) delay: Delay,
}

/// What is concluded from the evidence, remade every second.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Belief {
    /// The rate of delivery by receipts alone.
    #[n(0)]
    pub(super) delivered: f64,
    #[n(1)]
    pub(super) delivered_sd: f64,
    /// The share on the handset in time to be acted on, by conversions.
    #[n(2)]
    pub(super) acted: f64,
    #[n(3)]
    pub(super) acted_sd: f64,
    /// How far the receipts' word is believed, from zero to one.
    #[n(4)]
    pub(super) trust: f64,
}

/// What of the tick an arm has to know of its vendor and its operator.
pub(super) struct Surroundings<'a> {
    pub(super) moment: &'a Moment<'a>,
    pub(super) tuning: &'a Tuning,
    /// Up to when the vendor's receipts are told, and up to when conversions are reported.
    pub(super) told_up_to: Millis,
    pub(super) reported_up_to: Millis,
    /// How long conversions take on this operator.
    pub(super) conversion_delay: &'a Delay,
    /// How many messages are asked for on it.
    pub(super) asked: &'a Asked,
    /// Conversions for each message that arrives in time.
    pub(super) converting: f64,
}

/// The instants of a receipt.
pub(super) struct Arrival<'a> {
    pub(super) now: Millis,
    /// The feed spoke then, and did not have it.
    pub(super) not_before: Millis,
    pub(super) grid: &'a Grid,
    pub(super) tuning: &'a Tuning,
}

impl Arm {
    pub(super) fn new(vendor: VendorIndex, operator: OperatorIndex, delay: &Shape) -> Self {
        Self {
            vendor,
            operator,
            evidence: Evidence::default(),
            delay: Delay::new(delay),
            receipts: Detector::default(),
            conversions: Detector::default(),
            trouble: None,
            belief: Belief { trust: 1.0, ..Belief::default() },
            traffic: 0.0,
            reporting: 0.0,
            relapses: 0.0,
            ramp: 1.0,
            fresh: (0, 0),
            first_sent: 0,
            last_sent: 0,
            counted_up_to: 0,
            conversions_counted_up_to: 0,
            counted_at: 0,
            tests: (0.0, 0.0),
            fresh_tests: (0, 0),
            absences: 0,
        }
    }

    pub(super) fn sent(&mut self, now: Millis, reports_conversion: bool) {
        self.evidence.sent(second(now), reports_conversion);
        self.fresh.0 += 1;
        self.fresh.1 += u32::from(reports_conversion);
        if self.first_sent == 0 {
            self.first_sent = now;
        }
        self.last_sent = now;
    }

    /// One of those that were sent was a probe to a test number.
    pub(super) fn tested(&mut self, reports_conversion: bool) {
        self.fresh_tests.0 += 1;
        self.fresh_tests.1 += u32::from(reports_conversion);
    }

    fn is_old(&self) -> bool {
        self.last_sent.saturating_sub(self.first_sent) >= LEARNED
    }

    pub(super) fn is_proven(&self) -> bool {
        self.is_old()
            && self.evidence.receipts.ever >= PROVEN
            && self.evidence.receipts.trials >= 0.4 * PROVEN
    }

    pub(super) fn conversions_are_proven(&self) -> bool {
        self.is_old()
            && self.evidence.conversions.ever >= 0.5 * PROVEN
            && self.evidence.conversions.trials >= 0.2 * PROVEN
    }

    /// Whether it is to be counted in this second. With little traffic that is every few seconds only: nothing is lost
    /// by it, for what became due in between is counted then.
    pub(super) fn is_due(&self, second: u32) -> bool {
        let is_busy = self.traffic + f64::from(self.fresh.0) > QUIET || self.trouble.is_some();
        let turn = second.wrapping_add(self.vendor as u32).wrapping_add(self.operator as u32);
        is_busy
            || turn.is_multiple_of(QUIET_SECONDS)
            || second.saturating_sub(self.counted_at) >= QUIET_SECONDS
    }

    /// Counts the evidence and feeds the detectors. Returns how many receipts should have come since the last time.
    pub(super) fn count(&mut self, around: &Surroundings<'_>) -> f32 {
        let second = around.moment.second;
        let elapsed = if self.counted_at == 0 { 1 } else { second.saturating_sub(self.counted_at).max(1) };
        self.counted_at = second;
        let due = self.count_receipts(around, elapsed);
        self.count_conversions(around);
        self.retire(around, elapsed);
        let seconds = f64::from(elapsed);
        let keep = 0.95_f64.powf(seconds);
        self.traffic = self.traffic * keep + f64::from(self.fresh.0) / seconds * (1.0 - keep);
        self.reporting = self.reporting * keep + f64::from(self.fresh.1) / seconds * (1.0 - keep);
        self.evidence.receipts.ever += f64::from(self.fresh.0);
        self.evidence.conversions.ever += f64::from(self.fresh.1);
        self.fresh = (0, 0);
        let fresh = std::mem::take(&mut self.fresh_tests);
        self.tests.0 = self.tests.0 * keep + f64::from(fresh.0) / seconds * (1.0 - keep);
        self.tests.1 = self.tests.1 * keep + f64::from(fresh.1) / seconds * (1.0 - keep);
        due
    }

    pub(super) fn count_receipts(&mut self, around: &Surroundings<'_>, elapsed: u32) -> f32 {
        let moment = around.moment;
        let rate = self.receipts.rate(around.tuning.highest_receipts, self.evidence.receipts.trials);
        let fall = around.tuning.fall as f32;
        let is_watched = self.trouble.as_ref().is_none_or(|trouble| !trouble.is_seen_by_receipts());
        let (mut trials, mut successes, mut charges, mut due) = (0.0, 0.0, 0.0, 0.0);
        let from = self.evidence.receipts.from;
        let since = u64::from(elapsed) * 1000;
        // Of what was sent so long before, nothing more is to come.
        let complete = self.delay.quantile(COMPLETE);
        for bin in self.evidence.bins() {
            let sent_at = bin.sent_at();
            if self.counted_up_to >= sent_at + complete {
                if bin.second >= from {
                    let fade = moment.receipts_fade.after(moment.second.saturating_sub(bin.second));
                    trials += f64::from(bin.sent) * fade;
                    successes += f64::from(bin.delivered) * fade;
                }
                continue;
            }
            let age = moment.second.saturating_sub(bin.second);
            let here = self.delay.at(moment.grid.place(moment.now.saturating_sub(sent_at)));
            let told = if around.told_up_to == moment.now {
                here
            } else {
                self.delay.at(moment.grid.place(around.told_up_to.saturating_sub(sent_at)))
            };
            let earlier = self.delay.at(moment.grid.place(moment.now.saturating_sub(sent_at + since)));
            due += f32::from(bin.sent) * (here - earlier);
            if bin.second >= from {
                let fade = moment.receipts_fade.after(age);
                trials += f64::from(bin.sent) * f64::from(told) * fade;
                successes += f64::from(bin.delivered) * fade;
            }
            if is_watched && bin.second >= from {
                let pending = bin.sent.saturating_sub(bin.delivered).saturating_sub(bin.undelivered);
                if pending == 0 {
                    continue;
                }
                let before = self.delay.sure(moment.grid.place(self.counted_up_to.saturating_sub(sent_at)));
                let told = self.delay.sure_of(told);
                if told > before {
                    // Both as the rate and the delay are known now: to know them better is no news of a message.
                    let charge = missing_since(rate, fall * rate, before, told);
                    charges += f64::from(pending) * f64::from(charge);
                    bin.charged += charge;
                }
            }
        }
        self.counted_up_to = self.counted_up_to.max(around.told_up_to);
        let stream = &mut self.evidence.receipts;
        stream.trials = stream.old_trials + trials;
        stream.successes = stream.old_successes + successes;
        if is_watched {
            self.receipts.add(charges);
        }
        due * self.belief.delivered as f32
    }

    /// What came of the messages before this second is not told any more, or was told to a process that is gone: what is
    /// known of them stays, and nothing is waited for.
    pub(super) fn cut_off(&mut self, second: u32) {
        // Against what was seen of a trouble, its end stands out.
        self.evidence.close(second, self.trouble.is_some());
        self.receipts.reset(second);
        self.conversions.reset(second);
    }

    /// Whether what was sent since the fall speaks for it, when the detector does. The detector nets by when it was
    /// told: of a burst, first the receipts come, and are soon forgotten because the sum is never below zero, and what is
    /// refused or lost of the same messages is told later and alone. A vendor that loses messages loses them from some
    /// second on at which they are sent, so those are netted by that, for the second that speaks most for it.
    pub(super) fn confirms_loss(&mut self, around: &Surroundings<'_>, threshold: f64) -> bool {
        let Some(oldest) = self.evidence.read().next().map(|bin| bin.second) else { return true };
        if self.receipts.zero_at < oldest {
            return true;
        }
        let moment = around.moment;
        let rate = self.receipts.rate(around.tuning.highest_receipts, self.evidence.receipts.trials);
        let fall = around.tuning.fall;
        let fallen = fall as f32 * rate;
        let from = self.evidence.receipts.from;
        let (mut sum, mut best) = (0.0, (0.0, moment.second));
        for bin in self.evidence.read().rev().take_while(|bin| bin.second >= from) {
            let told = self.delay.sure(moment.grid.place(around.told_up_to.saturating_sub(bin.sent_at())));
            let pending = bin.sent.saturating_sub(bin.delivered).saturating_sub(bin.undelivered);
            sum += f64::from(bin.delivered) * fall.ln()
                + f64::from(bin.undelivered) * f64::from(refused(rate, fallen))
                + f64::from(pending) * f64::from(missing(rate, fallen, told));
            if sum > best.0 {
                best = (sum, bin.second.saturating_sub(1));
            }
        }
        self.receipts.limit(best.0, best.1);
        best.0 > threshold
    }

    /// The same of conversions. They are due only some time after a message, so when their detector began to grow would be
    /// too late for when they fell. When traffic leaves an arm, the last of what will not come counts alone: that which did
    /// come of the same messages was told sooner.
    pub(super) fn confirm_fall_of_conversions(&mut self, around: &Surroundings<'_>) {
        let Some(oldest) = self.evidence.read().next().map(|bin| bin.second) else { return };
        let rate = self.conversions.rate(around.tuning.highest_receipts, self.evidence.conversions.trials);
        let fall = around.tuning.conversions_fall;
        let fallen = fall as f32 * rate;
        let from = self.evidence.conversions.from;
        let (mut sum, mut best) = (0.0, (0.0, self.conversions.zero_at));
        for bin in self.evidence.read().rev().take_while(|bin| bin.second >= from) {
            let place = around.moment.grid.place(around.reported_up_to.saturating_sub(bin.sent_at()));
            let awaited = f64::from(bin.reporting) * around.asked.awaited(bin.second);
            let pending = (awaited - f64::from(bin.converted)).max(0.0);
            sum += f64::from(bin.converted) * fall.ln()
                + pending * f64::from(missing(rate, fallen, around.conversion_delay.sure(place)));
            if sum > best.0 {
                best = (sum, bin.second.saturating_sub(1));
            }
        }
        // What began before that is not known by second any more.
        let most = if self.conversions.zero_at < oldest { f64::INFINITY } else { best.0 };
        self.conversions.limit(most, best.1);
    }

    /// The part of messages that converted of what was sent up to this second. What came after it is part of the rate of
    /// now already: of an arm that is little known, as after a recovery, it may be most of that.
    pub(super) fn converted_until(&self, around: &Surroundings<'_>, until: u32) -> f64 {
        let stream = &self.evidence.conversions;
        let (mut trials, mut successes) = (stream.old_trials, stream.old_successes);
        let is_before = |bin: &&Bin| (stream.from..=until).contains(&bin.second);
        for bin in self.evidence.read().filter(is_before) {
            let place = around.moment.grid.place(around.reported_up_to.saturating_sub(bin.sent_at()));
            let reported = f64::from(around.conversion_delay.at(place));
            trials += f64::from(bin.reporting) * around.asked.awaited(bin.second) * reported;
            successes += f64::from(bin.converted);
        }
        let (usual, weight) = (self.belief.delivered * around.converting, around.tuning.prior);
        ((successes + weight * usual) / (trials.max(successes) + weight)).min(1.0)
    }

    pub(super) fn count_conversions(&mut self, around: &Surroundings<'_>) {
        let moment = around.moment;
        let rate = self.conversions.rate(around.tuning.highest_receipts, self.evidence.conversions.trials);
        let fall = around.tuning.conversions_fall as f32;
        let is_watched = self.trouble.as_ref().is_none_or(|trouble| !trouble.is_seen_by_conversions());
        let (mut trials, mut successes, mut charges) = (0.0, 0.0, 0.0);
        let from = self.evidence.conversions.from;
        for bin in self.evidence.bins().filter(|bin| bin.reporting > 0) {
            let sent_at = bin.sent_at();
            let place = moment.grid.place(around.reported_up_to.saturating_sub(sent_at));
            let reported = around.conversion_delay.at(place);
            let awaited = f64::from(bin.reporting) * around.asked.awaited(bin.second);
            if bin.second >= from {
                let fade = moment.conversions_fade.after(moment.second.saturating_sub(bin.second));
                trials += awaited * f64::from(reported) * fade;
                successes += f64::from(bin.converted) * fade;
            }
            if is_watched && bin.second >= from {
                let pending = awaited - f64::from(bin.converted);
                if pending <= 0.0 {
                    continue;
                }
                let before = self.conversions_counted_up_to.saturating_sub(sent_at);
                let before = around.conversion_delay.sure(moment.grid.place(before));
                let reported = around.conversion_delay.sure_of(reported);
                if reported > before {
                    let charge = missing_since(rate, fall * rate, before, reported);
                    charges += pending * f64::from(charge);
                    bin.conversion_charged += charge;
                }
            }
        }
        self.conversions_counted_up_to = self.conversions_counted_up_to.max(around.reported_up_to);
        let stream = &mut self.evidence.conversions;
        stream.trials = stream.old_trials + trials;
        stream.successes = stream.old_successes + successes;
        if is_watched {
            self.conversions.add(charges);
        }
    }

    /// Turns what is too old to be kept by second into sums, and lets those fade.
    fn retire(&mut self, around: &Surroundings<'_>, elapsed: u32) {
        let moment = around.moment;
        let fades = [moment.receipts_fade, moment.conversions_fade];
        let streams = [&mut self.evidence.receipts, &mut self.evidence.conversions];
        for (stream, fade) in streams.into_iter().zip(fades) {
            let part = (stream.trials / LITTLE).min(1.0);
            let keep = 1.0 - (1.0 - fade.after(elapsed)) * part;
            stream.old_trials *= keep;
            stream.old_successes *= keep;
        }
        let trouble = self.trouble.as_ref().map(|trouble| trouble.since);
        while let Some(bin) = self.evidence.retire(moment.second, trouble) {
            let sent_at = bin.sent_at();
            let age = moment.second.saturating_sub(bin.second);
            let told = self.delay.at(moment.grid.place(around.told_up_to.saturating_sub(sent_at)));
            let place = moment.grid.place(around.reported_up_to.saturating_sub(sent_at));
            let reported = around.conversion_delay.at(place);
            let awaited = f64::from(bin.reporting) * around.asked.awaited(bin.second);
            let counts = [(f64::from(bin.sent), told, bin.delivered), (awaited, reported, bin.converted)];
            let streams = [&mut self.evidence.receipts, &mut self.evidence.conversions];
            for ((stream, fade), (sent, seen, successes)) in streams.into_iter().zip(fades).zip(counts) {
                let trials = sent * f64::from(seen);
                if bin.second >= stream.from {
                    stream.old_trials += trials * fade.after(age);
                    stream.old_successes += f64::from(successes) * fade.after(age);
                }
            }
        }
    }

    /// A receipt came. False when no message is known that it could be of.
    pub(super) fn receipt(&mut self, arrival: &Arrival<'_>, sent_at: Millis, delivered: bool) -> bool {
        let rate = self.receipts.rate(arrival.tuning.highest_receipts, self.evidence.receipts.trials);
        let fall = arrival.tuning.fall;
        let high = arrival.grid.place(arrival.now.saturating_sub(sent_at));
        let low = arrival
            .grid
            .place(arrival.not_before.saturating_sub(sent_at).min(arrival.now.saturating_sub(sent_at)));
        let sent_in = second(sent_at);
        let is_counted = sent_in >= self.evidence.receipts.from;
        let in_trouble = self.trouble.as_deref().filter(|trouble| trouble.is_seen_by_receipts());
        let is_prompt = in_trouble.is_none_or(|trouble| arrival.not_before <= sent_at + trouble.prompt);
        if let Some(bin) = self.evidence.bin(sent_in) {
            if bin.delivered + bin.undelivered >= bin.sent {
                return false;
            }
            let charged = bin.charged;
            let counted = self.counted_up_to.saturating_sub(bin.sent_at());
            if delivered {
                bin.delivered += 1;
                bin.prompt += u16::from(is_prompt);
            } else {
                bin.undelivered += 1;
            }
            if in_trouble.is_none() && is_counted {
                if delivered {
                    self.receipts.answered(fall, charged);
                } else {
                    let before = self.delay.sure(arrival.grid.place(counted));
                    self.receipts.refused(rate, fall as f32 * rate, before, charged);
                }
            }
        } else if delivered && is_counted {
            // So late that its second is a sum already.
            self.evidence.receipts.old_successes += 1.0;
        }
        // What was sent before something changed says nothing of how long it takes now: the last receipts of a trouble
        // come when it is over already. Nor does what is made up.
        let is_true = self.trouble.as_deref().is_none_or(|trouble| !trouble.is_a_lie());
        if delivered && is_counted && is_true {
            self.delay.arrived(low, high);
        }
        true
    }

    /// The application says that the user of a message acted.
    pub(super) fn converted(&mut self, sent_at: Millis, tuning: &Tuning) -> bool {
        self.absences = 0;
        let sent_in = second(sent_at);
        let is_counted = sent_in >= self.evidence.conversions.from;
        let Some(bin) = self.evidence.bin(sent_in).filter(|bin| bin.converted < bin.reporting) else {
            return false;
        };
        bin.converted += 1;
        let charged = bin.conversion_charged;
        let is_watched = self.trouble.as_ref().is_none_or(|trouble| !trouble.is_seen_by_conversions());
        if is_watched && is_counted {
            self.conversions.answered(tuning.conversions_fall, charged);
        }
        true
    }

    /// Whether conversions of its own would come if any were reported. Where others' came and its own did not, or where it
    /// is known that they fell, that none come says nothing of whether they are reported.
    pub(super) fn is_to_convert(&self) -> bool {
        let fell = self.trouble.as_ref().is_some_and(|trouble| trouble.is_of_conversions());
        self.reporting > 0.0 && self.absences < ABSENT && !fell
    }

    /// Whether there is anything left that would change with time.
    pub(super) fn is_idle(&self) -> bool {
        self.evidence.is_empty() && self.trouble.is_none() && self.traffic < 1e-4
    }
}

pub(super) fn second(at: Millis) -> u32 {
    u32::try_from(at / 1000).unwrap_or(u32::MAX)
}
