//! Pumping: somebody has many codes sent to numbers where nobody waits for one.
//!
//! Receipts are normal, and the part of users who act falls at whichever vendors carry the operator: what fake receipts
//! look like, at one after the other. But more is asked for, and as many users act as before. So a fall of conversions
//! that the rise of requests explains is no vendor's fault: while it lasts, no more of the operator's messages are taken to
//! be awaited than usually come, on all its arms alike.

use std::collections::VecDeque;

use minicbor::{Decode, Encode};

use super::arm::{Arm, second};
use super::engine::Engine;
use super::evidence::KEPT as KEPT_BY_SECOND;
use super::judge::{Bars, SUSPICIOUS};
use super::settings::{Millis, OperatorIndex};
use super::trouble::{Conversions, Trouble};
use super::verdict::{Kind, Proof, Scope, Stage, Verdict};

/// Requests are counted in spans of so many seconds, and so many spans are kept.
const SPAN: u32 = 5;
const SPANS: usize = 64;
/// What is usual is known from so many spans.
const KNOWN: usize = 6;
/// So many times as much as usual is asked for, and by so many standard deviations.
const RISE: f64 = 1.5;
const CERTAIN: f64 = 4.0;
/// It is over when there is no more than so much, over so many spans.
const OVER: f64 = 1.25;
const OVER_SPANS: usize = 4;
/// So much of the users who acted before still act.
const STILL: f64 = 0.6;
/// Conversions of fewer messages say nothing.
const ENOUGH: f64 = 10.0;
/// The others of an operator convert so much of what they did: what they carry is awaited as before.
const AS_BEFORE: f64 = 0.8;
/// What the operator does now counts for so many messages of an arm that carries hardly any.
const LIKE_OTHERS: f64 = 20.0;
/// A suspicion against a vendor that is so young, in seconds, is looked at again.
const YOUNG: u32 = 120;
/// What lasts longer, in seconds, is how it is now.
const LASTS: u32 = 3600;
/// So many seconds after a rise, conversions are waited for before a vendor is suspected: they come late.
const PATIENCE: u32 = 45;
/// What was known of an arm that was suspected counts for so many messages at most.
const KEPT: f64 = 200.0;
/// However much is asked for, some of it is awaited.
const LEAST: f64 = 0.005;

/// How many messages were asked for whose conversion is reported.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Asked {
    #[n(0)]
    spans: VecDeque<Span>,
    #[n(1)]
    pumped: Option<Box<Pumped>>,
}

#[derive(Clone, Debug, Encode, Decode)]
struct Span {
    /// Its first second.
    #[n(0)]
    from: u32,
    #[n(1)]
    count: u32,
}

/// An operator that is pumped, or was a moment ago: what was sent then is still looked at.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Pumped {
    #[n(0)]
    since: u32,
    /// None while it lasts.
    #[n(2)]
    until: Option<u32>,
    /// Messages a second, before.
    #[n(1)]
    usual: f64,
    /// When it was last found.
    #[cbor(n(3), default)]
    found_at: u32,
}

/// What a rise of requests says of a fall of conversions.
enum Rise {
    Explains(Found),
    /// Fewer act than before, as yet.
    TooEarly,
}

/// What was found.
struct Found {
    since: u32,
    usual: f64,
    proof: Proof,
}

impl Asked {
    pub(super) fn count(&mut self, second: u32, fresh: u32) {
        let from = second - second % SPAN;
        if let Some(span) = self.spans.back_mut().filter(|span| span.from == from) {
            span.count += fresh;
            return;
        }
        // An operator of which nothing is reported keeps nothing.
        if fresh == 0 && self.spans.iter().all(|span| span.count == 0) {
            self.spans.clear();
            return;
        }
        self.spans.push_back(Span { from, count: fresh });
        if self.spans.len() > SPANS {
            self.spans.pop_front();
        }
    }

    /// What is usual is found anew; where there is pumping, or was a moment ago, that is measured by what was.
    pub(super) fn forget(&mut self) {
        if self.pumped.is_none() {
            self.spans.clear();
        }
    }

    /// Messages a second before, and since: how many, and in how many seconds.
    fn around(&self, since: u32, now: u32) -> Option<(f64, f64, f64)> {
        let before = self.spans.iter().filter(|span| span.from + SPAN <= since);
        let (spans, count) = before.fold((0, 0), |(spans, count), span| (spans + 1, count + span.count));
        if spans < KNOWN {
            return None;
        }
        // What is counted now is the second before this one.
        let after: Vec<&Span> = self.spans.iter().filter(|span| span.from >= since).collect();
        let seconds = (now + 1).checked_sub(after.first()?.from)?;
        let asked: u32 = after.iter().map(|span| span.count).sum();
        let usual = f64::from(count) / (spans as f64 * f64::from(SPAN));
        Some((usual, f64::from(asked), f64::from(seconds)))
    }

    fn is_pumped(&self) -> bool {
        self.pumped.as_ref().is_some_and(|pumped| pumped.until.is_none())
    }

    /// When a rise to so much more than usual began that was noticed at that second: users act late.
    fn began(&self, since: u32, usual: f64) -> u32 {
        let before = self.spans.iter().rev().skip_while(|span| span.from > since);
        let risen = before.take_while(|span| f64::from(span.count) > OVER * usual * f64::from(SPAN));
        risen.last().map_or(since, |span| span.from)
    }

    /// Messages a second of late.
    fn of_late(&self) -> f64 {
        let whole = self.spans.iter().rev().skip(1).take(OVER_SPANS);
        let (spans, count) = whole.fold((0, 0), |(spans, count), span| (spans + 1, count + span.count));
        f64::from(count) / (f64::from(spans) * f64::from(SPAN)).max(1.0)
    }

    /// The part of what is asked for now that anybody waits for.
    pub(super) fn awaited_now(&self) -> f64 {
        if self.is_pumped() { self.awaited(u32::MAX) } else { 1.0 }
    }

    /// The part of what was asked for in that second that anybody waits for.
    pub(super) fn awaited(&self, second: u32) -> f64 {
        let is_of =
            |pumped: &&Pumped| pumped.since <= second && pumped.until.is_none_or(|until| second < until);
        let Some(pumped) = self.pumped.as_deref().filter(is_of) else { return 1.0 };
        let Some(last) = self.spans.back() else { return 1.0 };
        // The span itself and the ones around it; of the last, which is not over yet, nothing is known.
        let from = (second - second % SPAN).min(last.from.saturating_sub(SPAN));
        let near =
            |span: &&Span| span.from + SPAN >= from && span.from <= from + SPAN && span.from < last.from;
        let (spans, count) = self
            .spans
            .iter()
            .filter(near)
            .fold((0, 0), |(spans, count), span| (spans + 1, count + span.count));
        let rate = f64::from(count) / (f64::from(spans) * f64::from(SPAN)).max(1.0);
        if rate <= pumped.usual { 1.0 } else { (pumped.usual / rate).max(LEAST) }
    }
}

impl Engine {
    /// Whether the fall of an arm's conversions is explained by what is asked for, or may be. Where it is, its operator is
    /// pumped.
    pub(super) fn is_excused(&mut self, now: Millis, at: usize, bars: Bars) -> bool {
        let Some(arm) = self.state.arms.get(at) else { return false };
        let fell = arm.conversions.sum > bars.conversions && arm.conversions_are_proven();
        if !fell {
            return false;
        }
        // Receipts that are missing, too, tell of a loss.
        let is_loss = arm.is_proven() && arm.receipts.sum > SUSPICIOUS * bars.receipts;
        if is_loss && arm.receipts.sum > bars.receipts {
            return false;
        }
        let (ratio, threshold) = (arm.conversions.sum, bars.conversions);
        let (operator, since) = (arm.operator, arm.conversions.zero_at);
        match self.pumping(now, arm, since) {
            Some(Rise::Explains(found)) if !is_loss => {
                self.excuse(
                    now,
                    operator,
                    Found { proof: Proof { ratio, threshold, ..found.proof }, ..found },
                );
                true
            }
            Some(Rise::Explains(_) | Rise::TooEarly) => second(now) < since + PATIENCE,
            None => false,
        }
    }

    /// Whether more is asked for on the operator than anybody waits for.
    pub fn is_pumped(&self, operator: OperatorIndex) -> bool {
        self.state.operators.get(operator).is_some_and(|state| state.asked.is_pumped())
    }

    /// Once a second: whether suspicions that are young turn out to be pumping, and whether what is pumped still is.
    pub(super) fn look_for_pumping(&mut self, now: Millis) {
        for operator in 0..self.state.operators.len() {
            self.follow_pumping(now, operator);
            let Some(state) = self.state.operators.get(operator) else { continue };
            let suspected = |at: &u32| {
                let arm = self.state.arms.get(*at as usize)?;
                let trouble = arm.trouble.as_deref()?;
                let is_young = trouble.at + YOUNG >= second(now);
                let is_lie = trouble.conversions == Conversions::Contradict && !trouble.by_receipts;
                (is_young && is_lie).then_some((arm, trouble))
            };
            let Some((arm, trouble)) = state.arms.iter().find_map(suspected) else { continue };
            let (ratio, threshold) = (trouble.sum, trouble.threshold);
            if let Some(Rise::Explains(found)) = self.pumping(now, arm, trouble.since) {
                self.excuse(
                    now,
                    operator,
                    Found { proof: Proof { ratio, threshold, ..found.proof }, ..found },
                );
            }
        }
    }

    /// Whether much more is asked for on the arm's operator than before that second, and if so, whether as many act on
    /// what the arm carries. None while that is known: what is not awaited is left out then.
    fn pumping(&self, now: Millis, arm: &Arm, since: u32) -> Option<Rise> {
        let state = self.state.operators.get(arm.operator).filter(|state| !state.asked.is_pumped())?;
        let (usual, ..) = state.asked.around(since, second(now))?;
        let since = state.asked.began(since, usual);
        let (usual, asked, seconds) = state.asked.around(since, second(now))?;
        let expected = (usual * seconds).max(1.0);
        let rise = asked / expected;
        if rise < RISE || asked - expected < CERTAIN * expected.sqrt() {
            return None;
        }
        let (trials, acted) = self.conversions_since(now, arm, since);
        if trials < ENOUGH || self.others_convert(now, arm, since) {
            return Some(Rise::TooEarly);
        }
        let before = arm.trouble.as_ref().map_or(arm.conversions.regime, |trouble| trouble.converted);
        let after = acted / trials;
        let proof =
            Proof { since: u64::from(since) * 1000, before, after, observations: asked, ..Proof::default() };
        let explains = after < before && after * rise >= STILL * before;
        Some(if explains { Rise::Explains(Found { since, usual, proof }) } else { Rise::TooEarly })
    }

    /// How many of an arm's messages since that second users would have acted on by now, and on how many they have.
    fn conversions_since(&self, now: Millis, arm: &Arm, since: u32) -> (f64, f64) {
        let Some(state) = self.state.operators.get(arm.operator) else { return (0.0, 0.0) };
        let reported_up_to = self.state.reports.up_to(now);
        let (mut trials, mut acted) = (0.0, 0.0);
        for bin in arm.evidence.read().filter(|bin| bin.second >= since && bin.reporting > 0) {
            let age = reported_up_to.saturating_sub(bin.sent_at());
            let reported = state.conversion_delay.at(self.tables.grid.place(age));
            trials += f64::from(bin.reporting) * f64::from(reported);
            acted += f64::from(bin.converted);
        }
        (trials, acted)
    }

    /// Whether users act as before on what the other arms of an arm's operator carry: more users there are then, and
    /// what the one arm lacks is its own.
    fn others_convert(&self, now: Millis, arm: &Arm, since: u32) -> bool {
        let (mut trials, mut acted, mut expected) = (0.0, 0.0, 0.0);
        let is_other = |other: &&Arm| other.vendor != arm.vendor && other.trouble.is_none();
        for other in self.of_operator(arm.operator).filter(is_other) {
            let fresh = self.conversions_since(now, other, since);
            // What was known before: little of it has faded since.
            let stream = &other.evidence.conversions;
            let before = (stream.trials - fresh.0, (stream.successes - fresh.1).max(0.0));
            if before.0 < ENOUGH {
                continue;
            }
            (trials, acted) = (trials + fresh.0, acted + fresh.1);
            expected += fresh.0 * (before.1 / before.0).min(1.0);
        }
        trials >= ENOUGH && acted >= AS_BEFORE * expected
    }

    /// Nobody is to blame.
    fn excuse(&mut self, now: Millis, operator: OperatorIndex, found: Found) {
        let Found { since, usual, proof } = found;
        let Some(state) = self.state.operators.get_mut(operator) else { return };
        match state.asked.pumped.as_deref_mut() {
            // What was usual before the last time still is.
            Some(pumped) => (pumped.until, pumped.found_at) = (None, second(now)),
            None => {
                let found_at = second(now);
                state.asked.pumped = Some(Box::new(Pumped { since, until: None, usual, found_at }));
            }
        }
        for at in state.arms.clone() {
            let Some(arm) = self.state.arms.get_mut(at as usize) else { continue };
            arm.conversions.reset(second(now));
            arm.evidence.uncharge_conversions();
            let is_young = |trouble: &mut Box<Trouble>| {
                trouble.at + YOUNG >= second(now) && !trouble.by_receipts && trouble.is_of_conversions()
            };
            let Some(trouble) = arm.trouble.take_if(is_young) else { continue };
            let known = trouble.conversions_known.min(KEPT);
            let conversions = &mut arm.evidence.conversions;
            (conversions.old_trials, conversions.old_successes) = (known, known * trouble.converted);
            let vendor = arm.vendor;
            self.close(Scope { vendor: Some(vendor), operator: Some(operator) }, now);
            if self.of_vendor(vendor).all(|arm| arm.trouble.is_none()) {
                self.close(Scope { vendor: Some(vendor), operator: None }, now);
            }
        }
        let (kind, scope) = (Kind::Pumping, Scope { vendor: None, operator: Some(operator) });
        // What looked like a trouble of the operator was this.
        self.close(scope, now);
        self.state.incidents.raise(scope, kind, now);
        self.verdicts.push(Verdict { kind, scope, stage: Stage::Raised, at: now, proof });
    }

    fn follow_pumping(&mut self, now: Millis, operator: OperatorIndex) {
        let second = second(now);
        let Some(state) = self.state.operators.get_mut(operator) else { return };
        let of_late = state.asked.of_late();
        let Some(pumped) = state.asked.pumped.as_deref_mut() else { return };
        match pumped.until {
            None if of_late <= OVER * pumped.usual => {
                pumped.until = Some(second);
                self.end_pumping(now, operator);
            }
            None if pumped.found_at + LASTS < second => {
                state.asked.pumped = None;
                self.take_as_usual(now, operator);
                self.end_pumping(now, operator);
            }
            Some(until) if until + KEPT_BY_SECOND < second => {
                // Of an arm in trouble some of that time may still be kept, and how many waited then is not known any more.
                let flood = pumped.since..until;
                state.asked.pumped = None;
                for at in &state.arms {
                    if let Some(arm) = self.state.arms.get_mut(*at as usize) {
                        arm.evidence.forget_conversions(flood.clone());
                    }
                }
            }
            None | Some(_) => {}
        }
    }

    fn end_pumping(&mut self, now: Millis, operator: OperatorIndex) {
        let scope = Scope { vendor: None, operator: Some(operator) };
        let kind = self.state.incidents.close_pumping(scope, now);
        self.tell_end(kind, scope, now);
    }

    /// As many as act now on what is asked for act from now on; whoever is in trouble is measured by that, too.
    fn take_as_usual(&mut self, now: Millis, operator: OperatorIndex) {
        let Some(state) = self.state.operators.get(operator) else { return };
        let numbers = state.arms.clone();
        let counted: Vec<(u32, f64, f64)> = numbers
            .iter()
            .filter_map(|at| {
                let arm = self.state.arms.get(*at as usize).filter(|arm| arm.trouble.is_none())?;
                let (trials, acted) = self.conversions_since(now, arm, 0);
                Some((*at, trials, acted))
            })
            .collect();
        let (trials, acted) = counted.iter().fold((0.0, 0.0), |sum, of| (sum.0 + of.1, sum.1 + of.2));
        if trials < ENOUGH {
            return;
        }
        let rate = (acted / trials).min(1.0);
        if let Some(state) = self.state.operators.get_mut(operator) {
            state.converting = (rate / state.rate.max(0.05)).min(1.0);
        }
        let second = second(now);
        for at in numbers {
            let Some(arm) = self.state.arms.get_mut(at as usize) else { continue };
            if let Some(trouble) = arm.trouble.as_deref_mut() {
                trouble.converted = rate;
            }
            let own = counted.iter().find(|of| of.0 == at).map_or((0.0, 0.0), |of| (of.1, of.2));
            let known = own.0 + LIKE_OTHERS;
            let keep = (KEPT / known).min(1.0);
            let stream = &mut arm.evidence.conversions;
            if arm.trouble.is_none() {
                stream.restart(second);
                (stream.old_trials, stream.old_successes) =
                    (known * keep, (own.1 + LIKE_OTHERS * rate) * keep);
            }
            arm.conversions.reset(second);
            arm.conversions.regime = rate;
            arm.evidence.uncharge_conversions();
        }
    }

    fn close(&mut self, scope: Scope, now: Millis) {
        let kind = self.state.incidents.close(scope, now);
        self.tell_end(kind, scope, now);
    }

    fn tell_end(&mut self, kind: Option<Kind>, scope: Scope, now: Millis) {
        if let Some(kind) = kind {
            let proof = Proof { since: now, ..Proof::default() };
            self.verdicts.push(Verdict { kind, scope, stage: Stage::Recovered, at: now, proof });
        }
    }
}
