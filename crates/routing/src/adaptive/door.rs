//! The submit path of one vendor: a circuit against silence, a rate that gives way to throttling.

use minicbor::{Decode, Encode};

use super::settings::{Millis, Vendor};

/// How a vendor answered a submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    /// The vendor is fine, the message is not: it says nothing of the submit path.
    Rejected,
    /// No answer in time, or the line broke.
    Failed,
    /// The vendor wants fewer messages.
    Throttled,
}

/// So many failures in a row open the circuit.
const FAILURES: u32 = 3;
/// What one answer counts in the share of submits that are answered.
const ANSWER: f64 = 0.05;
/// The first pause of an open circuit and the longest, in seconds.
const FIRST_PAUSE: u64 = 2;
const LONGEST_PAUSE: u64 = 30;
/// Failures that are usual, and those of a vendor in partial trouble.
const USUAL_FAILURES: f64 = 0.02;
const MANY_FAILURES: f64 = 0.3;
const PARTIAL: f64 = 9.0;
/// Whoever takes less than this part of what was agreed, and refuses the rest, throttles.
const THROTTLED: f64 = 0.6;

#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Door {
    #[n(0)]
    failures: u32,
    #[n(1)]
    successes: u32,
    /// Zero while the circuit is closed.
    #[n(2)]
    open_until: Millis,
    #[n(3)]
    pause: u64,
    /// The circuit lets single messages through.
    #[n(4)]
    half_open: bool,
    /// The share of submits that are answered, of about the last twenty.
    #[n(5)]
    pub(super) answered: f64,
    #[n(6)]
    partial: f64,
    /// Messages a second that it takes without throttling.
    #[n(7)]
    pub(super) limit: f64,
    /// Messages a second that it accepted and that it was asked for.
    #[n(8)]
    pub(super) accepted: f64,
    #[n(9)]
    asked: f64,
    /// Refusals of about the last fifteen seconds.
    #[n(10)]
    pub(super) throttles: f64,
    #[n(11)]
    fresh_accepted: u32,
    #[n(12)]
    fresh_asked: u32,
    #[n(13)]
    gave_way: bool,
    #[n(14)]
    pub(super) outage: Option<Millis>,
    #[n(15)]
    pub(super) throttled: Option<Millis>,
    #[n(16)]
    calm_since: Millis,
    #[n(17)]
    pub(super) ramp: f64,
    #[n(18)]
    first_failure: Millis,
    /// Submits of the failures that the verdict rests on.
    #[n(19)]
    pub(super) failed: u32,
    /// Refusals since the last tick, and what was accepted in the second before.
    #[n(20)]
    fresh_throttles: u32,
    #[n(21)]
    last_accepted: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DoorEvent {
    Outage,
    OutageOver,
    Throttled,
    ThrottledOver,
    /// The circuit opened again: not news, but nothing must be sent.
    Shut,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            failures: 0,
            successes: 0,
            open_until: 0,
            pause: FIRST_PAUSE,
            half_open: false,
            answered: 1.0,
            partial: 0.0,
            limit: f64::INFINITY,
            accepted: 0.0,
            asked: 0.0,
            throttles: 0.0,
            fresh_accepted: 0,
            fresh_asked: 0,
            gave_way: false,
            outage: None,
            throttled: None,
            calm_since: 0,
            ramp: 1.0,
            first_failure: 0,
            failed: 0,
            fresh_throttles: 0,
            last_accepted: 0,
        }
    }
}

impl Door {
    /// Another rate is agreed: it holds at once, unless the vendor takes less than was agreed before.
    pub(super) fn agree(&mut self, before: f64, now: f64) {
        if self.limit >= before {
            self.limit = now;
        }
    }

    pub(super) fn asked(&mut self) {
        self.fresh_asked += 1;
    }

    pub(super) fn answer(&mut self, now: Millis, answer: Answer) -> Option<DoorEvent> {
        match answer {
            Answer::Accepted => self.accept(now),
            Answer::Rejected => {}
            Answer::Failed => return self.fail(now),
            Answer::Throttled => self.throttle(),
        }
        None
    }

    fn accept(&mut self, now: Millis) {
        self.failures = 0;
        self.fresh_accepted += 1;
        self.answered += ANSWER * (1.0 - self.answered);
        self.partial = (self.partial + ((1.0 - MANY_FAILURES) / (1.0 - USUAL_FAILURES)).ln()).max(0.0);
        if self.half_open {
            self.successes += 1;
            if self.successes >= FAILURES {
                (self.half_open, self.open_until) = (false, 0);
                self.ramp = 0.2;
                // The failures that opened the circuit were those of the trouble that is over. Of what had been before
                // them, a partial trouble among it, there is nothing new.
                self.answered = (self.answered / (1.0 - ANSWER).powi(FAILURES as i32)).min(1.0);
                self.calm_since = now;
            }
        }
    }

    fn fail(&mut self, now: Millis) -> Option<DoorEvent> {
        if self.failures == 0 {
            self.first_failure = now;
        }
        self.failures += 1;
        self.failed += 1;
        if self.open_until == 0 {
            self.answered -= ANSWER * self.answered;
        }
        self.partial += (MANY_FAILURES / USUAL_FAILURES).ln();
        let opens = self.half_open || self.failures >= FAILURES;
        // One that stays alone, as now and then at any vendor, does not make an outage last.
        if opens || self.partial > PARTIAL / 2.0 {
            self.calm_since = now;
        }
        if opens && now >= self.open_until {
            self.pause = if self.half_open { (self.pause * 2).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
            self.open_until = now + self.pause * 1000;
            (self.half_open, self.successes) = (false, 0);
        }
        if self.outage.is_none() && (opens || self.partial > PARTIAL) {
            self.outage = Some(self.first_failure);
            return Some(DoorEvent::Outage);
        }
        opens.then_some(DoorEvent::Shut)
    }

    fn throttle(&mut self) {
        self.fresh_throttles += 1;
        if !self.gave_way {
            let taken = self.accepted;
            self.limit = (0.7 * taken).max(0.9 * taken - 0.1).max(1.0);
            self.gave_way = true;
        }
    }

    /// Once a second.
    pub(super) fn tick(&mut self, now: Millis, agreed: &Vendor) -> Option<DoorEvent> {
        self.accepted += 0.35 * (f64::from(self.fresh_accepted) - self.accepted);
        self.asked += 0.35 * (f64::from(self.fresh_asked) - self.asked);
        // Whoever refuses the rest of a burst takes what was agreed, and does not throttle.
        let enough = THROTTLED * agreed.per_second;
        let took = f64::from(self.fresh_accepted);
        if took < enough && took + f64::from(self.last_accepted) < 2.0 * enough {
            self.throttles += f64::from(self.fresh_throttles);
        }
        (self.last_accepted, self.fresh_throttles) = (self.fresh_accepted, 0);
        (self.fresh_accepted, self.fresh_asked, self.gave_way) = (0, 0, false);
        self.limit = (self.limit * 1.03 + 0.02).min(agreed.per_second);
        self.ramp = (self.ramp * 1.15).min(1.0);
        self.throttles *= 0.935;
        if self.open_until != 0 && now >= self.open_until {
            self.half_open = true;
        }
        self.over(now, agreed).or_else(|| self.begun(now, agreed))
    }

    fn begun(&mut self, now: Millis, agreed: &Vendor) -> Option<DoorEvent> {
        let is_low = self.accepted < THROTTLED * agreed.per_second;
        if self.throttled.is_none() && self.throttles >= 5.0 && is_low {
            self.throttled = Some(now);
            return Some(DoorEvent::Throttled);
        }
        None
    }

    fn over(&mut self, now: Millis, agreed: &Vendor) -> Option<DoorEvent> {
        let is_calm = now.saturating_sub(self.calm_since) > 120_000 && self.open_until == 0;
        if self.outage.is_some() && is_calm {
            (self.outage, self.failed, self.partial) = (None, 0, 0.0);
            return Some(DoorEvent::OutageOver);
        }
        let has_room = self.limit >= 0.8 * agreed.per_second || agreed.per_second.is_infinite();
        if self.throttled.is_some() && self.throttles < 0.05 && has_room {
            self.throttled = None;
            return Some(DoorEvent::ThrottledOver);
        }
        None
    }

    pub(super) fn is_open(&self) -> bool {
        self.open_until != 0
    }

    /// The part of its traffic that it may have now, from zero to one.
    pub(super) fn share(&self) -> f32 {
        if self.open_until != 0 && !self.half_open {
            return 0.0;
        }
        self.ramp as f32
    }

    pub(super) fn is_half_open(&self) -> bool {
        self.half_open
    }

    /// Of the messages that want this vendor, the part that fits.
    pub(super) fn keep(&self) -> f32 {
        if self.asked <= self.limit || self.asked < 1.0 { 1.0 } else { (self.limit / self.asked) as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_open_the_circuit_and_three_successes_close_it() {
        let agreed = Vendor::default();
        let mut door = Door::default();
        assert_eq!(door.answer(0, Answer::Failed), None);
        assert_eq!(door.answer(10, Answer::Failed), None);
        assert_eq!(door.answer(20, Answer::Failed), Some(DoorEvent::Outage));
        assert!(door.share() == 0.0 && door.is_open());
        assert_eq!(door.tick(3000, &agreed), None);
        assert!(door.is_half_open());
        assert_eq!(door.answer(3000, Answer::Failed), Some(DoorEvent::Shut), "it is the same outage");
        assert_eq!(door.tick(7100, &agreed), None);
        for at in [7200, 7300, 7400] {
            assert_eq!(door.answer(at, Answer::Accepted), None);
        }
        assert!(!door.is_open());
        assert_eq!(door.tick(128_000, &agreed), Some(DoorEvent::OutageOver));
    }

    #[test]
    fn an_outage_is_over_though_a_submit_goes_unanswered_now_and_then() {
        let agreed = Vendor::default();
        let ends_after = |failures_in_a_hundred: u64| {
            let mut door = Door::default();
            for at in 0..10 {
                door.answer(at, Answer::Failed);
            }
            for second in 3..400_u64 {
                for nth in 0..5 {
                    let fails =
                        (second * 5 + nth) % 100 * failures_in_a_hundred % 100 < failures_in_a_hundred;
                    let answer = if fails && !door.is_open() { Answer::Failed } else { Answer::Accepted };
                    door.answer(second * 1000, answer);
                }
                if door.tick(second * 1000 + 900, &agreed) == Some(DoorEvent::OutageOver) {
                    return Some(second);
                }
            }
            None
        };
        assert!(ends_after(1).is_some_and(|second| second < 150), "{:?}", ends_after(1));
        assert_eq!(ends_after(25), None);
    }

    #[test]
    fn an_outage_that_is_over_leaves_no_mark_and_a_partial_one_does() {
        let answered = |before: &[Answer]| {
            let mut door = Door::default();
            for answer in before.iter().cycle().take(60) {
                door.answer(0, *answer);
            }
            for at in 0..10 {
                door.answer(at, Answer::Failed);
            }
            assert!(door.is_open());
            door.tick(10_000, &Vendor::default());
            for at in [10_000, 10_100, 10_200] {
                door.answer(at, Answer::Accepted);
            }
            assert!(!door.is_open());
            door.answered
        };
        assert!(answered(&[Answer::Accepted]) > 0.99);
        assert!(answered(&[Answer::Failed, Answer::Accepted]) < 0.65);
    }

    #[test]
    fn a_door_that_takes_a_tenth_is_throttled() {
        let agreed = Vendor { per_second: 30.0, ..Vendor::default() };
        let mut door = Door::default();
        let mut told = None;
        for second in 0..20_u64 {
            for message in 0..25 {
                let answer = if message < 3 { Answer::Accepted } else { Answer::Throttled };
                door.answer(second * 1000, answer);
                door.asked();
            }
            let event = door.tick(second * 1000 + 1000, &agreed);
            told = told.or_else(|| event.map(|event| (second, event)));
        }
        assert_eq!(told, Some((0, DoorEvent::Throttled)));
        assert!(door.limit < 5.0, "{}", door.limit);
        assert!(door.keep() < 0.3, "{}", door.keep());
    }
}
