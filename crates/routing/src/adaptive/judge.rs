//! What happens once a second: evidence is counted, beliefs are formed, changes are looked for and told.

use super::arm::{Surroundings, second};
use super::belief::Ground;
use super::count::{AHEAD, Counted, read_ahead};
use super::delay::{BINS, Grid, Shape};
use super::detector::threshold;
use super::engine::Engine;
use super::evidence::Moment;
use super::feed::FeedKind;
use super::settings::{Millis, OperatorIndex, Tuning, VendorIndex};
use super::state::{OperatorState, VendorState};
use super::trouble::{Conversions, Turn};
use super::verdict::{Kind, Proof, Scope, Stage, Verdict};

/// Distributions of delay are made anew every so many ticks.
const FIT: u64 = 10;
/// What came together within this many seconds has one cause.
const TOGETHER: u32 = 60;
/// An arm with less traffic, in messages a second, says nothing about others.
const ACTIVE: f64 = 0.02;
/// From this part of the threshold on, an arm is suspicious.
pub(super) const SUSPICIOUS: f64 = 0.35;
/// From so many messages on that arrived in time, it is known how users convert as a rule.
const KNOWN: f64 = 30.0;
/// The messages that this counts for at each operator, whose users act much alike: within some eight points.
const ALIKE_USERS: f64 = 40.0;
/// From this part on, it falls like another that fell at the same time.
const ALIKE: f64 = 0.5;

/// The thresholds of this second.
#[derive(Clone, Copy)]
pub(super) struct Bars {
    pub(super) receipts: f64,
    pub(super) conversions: f64,
}

/// Messages a second over all arms: all, those whose conversion is reported, and conversions that are due.
struct Pooled {
    sent: f64,
    reporting: f64,
    due: f64,
    /// Without the vendor that has most of them.
    due_of_others: f64,
}

impl Engine {
    pub(super) fn judge(&mut self, now: Millis) {
        self.state.ticks += 1;
        let Pooled { sent, reporting, due, due_of_others } = self.pool();
        self.state.traffic = sent;
        self.state.reporting = reporting;
        self.state.reports.expect(due, due_of_others, now);
        let bars = Bars {
            receipts: threshold(sent, self.settings.tuning.false_alarms_an_hour),
            conversions: threshold(reporting, self.settings.tuning.false_alarms_an_hour),
        };
        for operator in &mut self.state.operators {
            let mut asked = 0;
            for demand in &mut operator.demands {
                let fresh = std::mem::take(&mut demand.fresh);
                asked += if demand.reports_conversion { fresh } else { 0 };
                let fresh = f64::from(fresh);
                demand.rate = if demand.rate == 0.0 { fresh } else { 0.95 * demand.rate + 0.05 * fresh };
            }
            operator.asked.count(second(now), asked);
        }
        let counted = self.count(now);
        self.convert(&counted);
        self.look(now, bars, &counted.pooled);
        self.look_for_pumping(now);
        if self.state.ticks % FIT == 1 {
            self.fit();
        }
    }

    /// The rates of vendors and operators as wholes, which stand in where an arm has no evidence of its own.
    fn pool(&mut self) -> Pooled {
        let count = self.state.vendors.len();
        let mut vendors = vec![(10.0, 8.5); count];
        let mut operators = vec![(10.0, 8.5); self.state.operators.len()];
        let (mut sent, mut reporting) = (0.0, 0.0);
        let mut due = vec![0.0; count];
        for arm in &self.state.arms {
            sent += arm.traffic;
            reporting += arm.reporting;
            if let Some(due) = due.get_mut(arm.vendor).filter(|_| arm.is_to_convert()) {
                let operator = self.state.operators.get(arm.operator);
                let awaited = operator.map_or(1.0, |operator| operator.asked.awaited_now());
                *due += arm.reporting * awaited * arm.conversions.regime;
            }
            if arm.trouble.is_some() {
                continue;
            }
            let stream = &arm.evidence.receipts;
            let sums = [vendors.get_mut(arm.vendor), operators.get_mut(arm.operator)];
            let weigh = (50.0 / stream.trials.max(50.0)).min(1.0);
            for sum in sums.into_iter().flatten() {
                sum.0 += stream.trials * weigh;
                sum.1 += stream.successes * weigh;
            }
        }
        for (vendor, (trials, successes)) in self.state.vendors.iter_mut().zip(vendors) {
            vendor.rate = successes / trials;
        }
        for (operator, (trials, successes)) in self.state.operators.iter_mut().zip(operators) {
            operator.rate = successes / trials;
        }
        let (all, most) = (due.iter().sum(), due.iter().copied().fold(0.0, f64::max));
        Pooled { sent, reporting, due: all, due_of_others: all - most }
    }

    /// Counts all arms in one pass: there may be thousands, and what of them is in the processor's cache then is not
    /// when the next one is counted.
    fn count(&mut self, now: Millis) -> Counted {
        let moment = self.tables.moment(now);
        let in_time = in_time(&self.settings, self.state.reporting_classes);
        let reported_up_to = self.state.reports.up_to(now);
        let state = &mut self.state;
        let mut due = vec![0.0; state.vendors.len()];
        let mut counted = Counted::new(state.vendors.len());
        let held = held(&self.settings.tuning, state.vendors.len());
        let feeds: Vec<Millis> =
            state.vendors.iter().map(|vendor| vendor.feed.told_up_to(now, held)).collect();
        for arms in state.arms.chunks_mut(AHEAD) {
            read_ahead(arms, moment.second);
            for arm in arms {
                let (Some(operator), Some(told_up_to), Some(vendor)) = (
                    state.operators.get(arm.operator),
                    feeds.get(arm.vendor).copied(),
                    state.vendors.get(arm.vendor),
                ) else {
                    continue;
                };
                let around = around(&moment, &self.settings.tuning, operator, [told_up_to, reported_up_to]);
                let ground = ground(&self.settings.tuning, &self.tables.grid, vendor, operator, in_time);
                if let Some(expected) = arm.count_if_due(&around, &ground)
                    && let Some(sum) = due.get_mut(arm.vendor)
                    && arm.trouble.as_ref().is_none_or(|trouble| !trouble.by_receipts)
                {
                    *sum += expected;
                }
                counted.add(arm, &ground);
            }
        }
        for (vendor, due) in state.vendors.iter_mut().zip(due) {
            vendor.feed.expect(due);
            vendor.accepted *= 0.9998;
        }
        counted
    }

    /// Conversions for each message that arrives in time, by operator: those of the arms that convert best, because
    /// the others may lie about what arrives. An operator of which little is known is supposed to be like the others.
    fn convert(&mut self, counted: &Counted) {
        let mut best = vec![0.0; self.state.operators.len()];
        for sound in &counted.sound {
            if let Some(best) = best.get_mut(sound.operator) {
                *best = f64::max(*best, sound.ratio);
            }
        }
        let mut sums = vec![(0.0, 0.0); self.state.operators.len()];
        for sound in &counted.sound {
            let is_good = best.get(sound.operator).is_some_and(|best| sound.ratio >= 0.9 * best);
            if let Some((sum, weight)) = sums.get_mut(sound.operator).filter(|_| is_good) {
                *sum += sound.ratio * sound.trials;
                *weight += sound.trials;
            }
        }
        let known = sums.iter().fold((0.0, 0.0), |known, sum| (known.0 + sum.0, known.1 + sum.1));
        let usual = (known.1 > KNOWN).then(|| (known.0 / known.1).min(1.0));
        for (operator, (sum, weight)) in self.state.operators.iter_mut().zip(sums) {
            let usual = usual.unwrap_or(operator.converting);
            let own = (sum + ALIKE_USERS * usual) / (weight + ALIKE_USERS);
            operator.converting += 0.1 * (own.min(1.0) - operator.converting);
        }
    }

    /// A fall of conversions is none that what was sent does not speak for.
    fn confirm(&mut self, now: Millis, at: usize, bars: Bars) {
        let moment = self.tables.moment(now);
        let Some(arm) = self.state.arms.get_mut(at).filter(|arm| arm.conversions.sum > bars.conversions)
        else {
            return;
        };
        let (Some(vendor), Some(operator)) =
            (self.state.vendors.get(arm.vendor), self.state.operators.get(arm.operator))
        else {
            return;
        };
        let held = held(&self.settings.tuning, self.state.vendors.len());
        let up_to = [vendor.feed.told_up_to(now, held), self.state.reports.up_to(now)];
        let around = around(&moment, &self.settings.tuning, operator, up_to);
        arm.confirm_fall_of_conversions(&around);
        // Nor is it a loss because of receipts that are not missing.
        arm.confirms_loss(&around, bars.receipts);
    }

    /// Looks for changes, and follows those that were found.
    fn look(&mut self, now: Millis, bars: Bars, pooled: &[f64]) {
        let held = held(&self.settings.tuning, self.state.vendors.len());
        let in_time = in_time(&self.settings, self.state.reporting_classes);
        for at in 0..self.state.arms.len() {
            self.confirm(now, at, bars);
            if self.is_excused(now, at, bars) {
                continue;
            }
            let moment = self.tables.moment(now);
            let Some(arm) = self.state.arms.get_mut(at) else { continue };
            let is_well = arm.receipts.sum <= bars.receipts && arm.conversions.sum <= bars.conversions;
            if is_well && arm.trouble.is_none() {
                continue;
            }
            let (Some(vendor), Some(operator)) =
                (self.state.vendors.get(arm.vendor), self.state.operators.get(arm.operator))
            else {
                continue;
            };
            let up_to = [vendor.feed.told_up_to(now, held), self.state.reports.up_to(now)];
            let around = around(&moment, &self.settings.tuning, operator, up_to);
            let tested = pooled.get(arm.vendor).copied().unwrap_or(0.0);
            let mut turn = if arm.trouble.is_some() { arm.follow(&around, tested) } else { None };
            let by_receipts = arm.receipts.sum > bars.receipts && arm.confirms_loss(&around, bars.receipts);
            let by_conversions = arm.conversions.sum > bars.conversions;
            if by_receipts && arm.is_proven() {
                turn = Some(arm.fall(&around, true, bars.receipts));
            } else if by_receipts {
                // Too little was sent for an alarm: what was believed of it was wrong.
                let from = arm.receipts.zero_at;
                arm.evidence.receipts.restart(from);
                arm.receipts.reset(moment.second);
            } else if by_conversions && arm.conversions_are_proven() {
                // Receipts that are missing, too, do not lie.
                let is_loss = arm.is_proven() && arm.receipts.sum > SUSPICIOUS * bars.receipts;
                let bar = if is_loss { bars.receipts } else { bars.conversions };
                turn = Some(arm.fall(&around, is_loss, bar));
            } else if by_conversions {
                let from = arm.conversions.zero_at;
                arm.evidence.conversions.restart(from);
                arm.conversions.reset(moment.second);
            }
            let fell = arm
                .trouble
                .as_ref()
                .is_some_and(|trouble| trouble.by_receipts && trouble.at == moment.second);
            if turn.is_some() {
                arm.count_again(
                    &around,
                    &ground(&self.settings.tuning, &self.tables.grid, vendor, operator, in_time),
                );
            }
            if let Some(vendor) = self.state.vendors.get_mut(arm.vendor).filter(|_| fell) {
                vendor.feed.troubled = true;
            }
            if let Some(turn) = turn {
                self.tell(now, at, turn, bars);
            }
        }
    }

    pub(super) fn of_vendor(&self, vendor: VendorIndex) -> impl Iterator<Item = &super::arm::Arm> {
        let arms = self.state.vendors.get(vendor).into_iter().flat_map(|vendor| &vendor.arms);
        arms.filter_map(|arm| self.state.arms.get(*arm as usize))
    }

    pub(super) fn of_operator(&self, operator: OperatorIndex) -> impl Iterator<Item = &super::arm::Arm> {
        let arms = self.state.operators.get(operator).into_iter().flat_map(|operator| &operator.arms);
        arms.filter_map(|arm| self.state.arms.get(*arm as usize))
    }

    fn tell(&mut self, now: Millis, at: usize, turn: Turn, bars: Bars) {
        let Some(arm) = self.state.arms.get(at) else { return };
        let own = Scope { vendor: Some(arm.vendor), operator: Some(arm.operator) };
        let whole = Scope { vendor: Some(arm.vendor), operator: None };
        let everywhere = Scope { vendor: None, operator: Some(arm.operator) };
        match turn {
            Turn::Fell | Turn::Worsened => {
                let Some((kind, proof)) = finding(arm) else { return };
                if self.state.incidents.join(own, now, turn == Turn::Worsened) {
                    if turn == Turn::Worsened {
                        self.revise(now, [own, whole], kind, proof);
                    }
                    return;
                }
                let recent = |at: u32| at + TOGETHER >= second(now);
                let fell = |arm: &super::arm::Arm| arm.trouble.as_ref().is_some_and(|it| recent(it.at));
                // Of one that fell a moment ago, little has come since.
                let others = |arm: &&super::arm::Arm| arm.traffic > ACTIVE && (arm.is_proven() || fell(arm));
                let is_hit = |arm: &super::arm::Arm| {
                    let suspected = [(&arm.receipts, bars.receipts), (&arm.conversions, bars.conversions)]
                        .iter()
                        .any(|(detector, bar)| detector.sum > ALIKE * bar && recent(detector.zero_at));
                    suspected || fell(arm)
                };
                let shares = |hit: usize, all: usize| hit >= 2 && hit as f64 >= 0.6 * all as f64;
                let (mut hit, mut all) = (0, 0);
                for other in self.of_operator(arm.operator).filter(others) {
                    all += 1;
                    hit += usize::from(is_hit(other));
                }
                let operator_wide = shares(hit, all) && all >= 3;
                let (mut hit, mut all) = (0, 0);
                for other in self.of_vendor(arm.vendor).filter(others) {
                    all += 1;
                    hit += usize::from(is_hit(other));
                }
                // What is missing because the feed says nothing at all is missing of all its arms alike.
                let held = held(&self.settings.tuning, self.state.vendors.len());
                let feed = self.state.vendors.get(arm.vendor).map(|vendor| &vendor.feed);
                let is_mute = arm.trouble.as_ref().is_some_and(|trouble| trouble.by_receipts)
                    && feed.is_some_and(|feed| feed.is_mute(now, held));
                let vendor_wide = shares(hit, all) || (is_mute && all >= 2);
                let (scope, kind) = if operator_wide && !vendor_wide {
                    (everywhere, Kind::OperatorWide)
                } else if vendor_wide {
                    (whole, kind)
                } else {
                    (own, kind)
                };
                self.state.incidents.raise(scope, kind, now);
                self.verdicts.push(Verdict { kind, scope, stage: Stage::Raised, at: now, proof });
            }
            Turn::Settled => {
                let Some((kind, proof)) = finding(arm) else { return };
                self.revise(now, [own, whole], kind, proof);
            }
            Turn::Recovered => {
                let calm = |mut arms: Box<dyn Iterator<Item = &super::arm::Arm> + '_>| {
                    arms.all(|arm| arm.trouble.is_none())
                };
                let ended = [
                    (own, true),
                    (whole, calm(Box::new(self.of_vendor(arm.vendor)))),
                    (everywhere, calm(Box::new(self.of_operator(arm.operator)))),
                ];
                let after = arm.receipts.regime;
                for (scope, is_over) in ended {
                    if is_over && let Some(kind) = self.state.incidents.close(scope, now) {
                        let proof = Proof { since: now, before: after, after, ..Proof::default() };
                        self.verdicts.push(Verdict { kind, scope, stage: Stage::Recovered, at: now, proof });
                    }
                }
            }
        }
    }

    /// Tells that an open incident is of another kind than it looked.
    fn revise(&mut self, now: Millis, scopes: [Scope; 2], kind: Kind, proof: Proof) {
        for scope in scopes {
            if let Some(incident) = self.state.incidents.find(scope)
                && incident.kind != kind
            {
                incident.kind = kind;
                self.verdicts.push(Verdict { kind, scope, stage: Stage::Revised, at: now, proof });
            }
        }
    }

    fn fit(&mut self) {
        let mut shared: Vec<Shape> = vec![[0.0; BINS]; self.state.vendors.len()];
        for arm in self.state.arms.iter().filter(|arm| arm.trouble.is_none()) {
            if let Some(shape) = shared.get_mut(arm.vendor) {
                arm.delay.add_to(shape);
            }
        }
        for arm in &mut self.state.arms {
            match arm.trouble.as_ref().filter(|trouble| trouble.by_receipts) {
                Some(trouble) => {
                    let prior = trouble.delay.blurred();
                    arm.delay.fit(&[0.0; BINS], &prior, 6.0);
                }
                None => {
                    let shape = shared.get(arm.vendor).unwrap_or(&self.tables.receipts);
                    arm.delay.fit(shape, &self.tables.receipts, 10.0);
                }
            }
        }
        for operator in &mut self.state.operators {
            operator.conversion_delay.fit(&[0.0; BINS], &self.tables.conversions, 10.0);
        }
    }
}

/// What an arm to this operator has to know. The vendor has told of what was sent up to the first of the two instants, and
/// applications up to the second.
fn around<'a>(
    moment: &'a Moment<'a>,
    tuning: &'a Tuning,
    operator: &'a OperatorState,
    [told_up_to, reported_up_to]: [Millis; 2],
) -> Surroundings<'a> {
    let OperatorState { conversion_delay, asked, converting, .. } = operator;
    let converting = *converting;
    Surroundings { moment, tuning, told_up_to, reported_up_to, conversion_delay, asked, converting }
}

/// What a belief about an arm of these rests on.
fn ground<'a>(
    tuning: &'a Tuning,
    grid: &'a Grid,
    vendor: &VendorState,
    operator: &OperatorState,
    in_time: Millis,
) -> Ground<'a> {
    let is_silent = vendor.feed.kind() == FeedKind::Silent;
    let prior = if is_silent { operator.rate } else { vendor.rate };
    Ground { tuning, grid, prior, converting: operator.converting, is_silent, in_time }
}

/// So many times an hour the flushes of one feed may be left out, by chance alone, for longer than is waited for them.
/// Together those of all vendors raise a tenth of the false alarms that there may be: there are to be as few as that
/// because each concerns all arms of a vendor at once.
fn held(tuning: &Tuning, vendors: usize) -> f32 {
    (0.1 * tuning.false_alarms_an_hour / vendors.max(1) as f64) as f32
}

/// The kind of an arm's trouble, and its numbers.
pub(super) fn finding(arm: &super::arm::Arm) -> Option<(Kind, Proof)> {
    let trouble = arm.trouble.as_deref()?;
    let contradicts = trouble.conversions == Conversions::Contradict;
    let (mut sent, mut good) = (0_u32, 0_u32);
    for bin in arm.evidence.read().filter(|bin| bin.second > trouble.since) {
        (sent, good) = (sent + u32::from(bin.sent), good + u32::from(bin.delivered));
    }
    let here = f64::from(good) / f64::from(sent.max(1));
    let comes_late = arm.belief.delivered > 0.6 * trouble.delivered && here > 0.2 * trouble.delivered;
    let stream = if contradicts { &arm.evidence.conversions } else { &arm.evidence.receipts };
    let kind = match trouble.conversions {
        Conversions::Contradict => Kind::FakeReceipts,
        Conversions::Normal => Kind::SlowReceipts,
        Conversions::Unknown | Conversions::Testing | Conversions::Fallen => {
            if comes_late {
                Kind::SlowDelivery
            } else {
                Kind::SilentDrop
            }
        }
    };
    let proof = Proof {
        since: u64::from(trouble.since) * 1000,
        before: if contradicts { trouble.converted } else { trouble.delivered },
        after: stream.successes / stream.told().max(1.0),
        ratio: trouble.sum,
        threshold: trouble.threshold,
        observations: stream.told(),
    };
    Some((kind, proof))
}

/// Within this time a message has to arrive for its user to act: the shortest deadline of a class that reports.
pub(super) fn in_time(settings: &super::settings::Settings, reporting: u64) -> Millis {
    let classes = settings.classes.iter().enumerate();
    let deadline = classes
        .filter(|(class, _)| *class < 64 && reporting >> class & 1 == 1)
        .map(|(_, class)| class.deadline)
        .fold(f64::INFINITY, f64::min);
    milliseconds(deadline)
}

/// Of seconds that may be infinite.
pub(super) fn milliseconds(seconds: f64) -> Millis {
    (seconds.clamp(0.0, 1e7) * 1000.0) as Millis
}
