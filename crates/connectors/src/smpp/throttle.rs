//! How fast a vendor may be sent to: a bucket of tokens for the agreed throughput, cut by half when the vendor says
//! that it is too fast and recovering evenly; and the pause of a bind whose queue is full.
//!
//! The answers to submits that left before a cut or a pause began say nothing new, so they change nothing.

use std::time::Duration;

use tokio::time::Instant;

/// How much may be sent at once after silence: this much of a second's worth.
const BURST_SECONDS: f64 = 0.1;
/// What a second without complaint gives back of the usual rate: from the floor it takes less than seven.
const RECOVERY_A_SECOND: f64 = 0.15;
/// A vendor that always complains is still sent this much of the usual rate, or nobody would learn of its recovery.
const FLOOR: f64 = 1.0 / 16.0;
/// Without an agreed throughput, a limit that grew to so many times the rate of the complaint is none any more.
const FORGOTTEN: f64 = 4.0;

/// The tokens of a connection. Every submit takes one.
#[derive(Debug)]
pub(super) struct Throttle {
    /// Per second; infinite when nothing was agreed.
    agreed: f64,
    tokens: f64,
    filled_at: Instant,
    cut: Option<Cut>,
    observed: Observed,
}

/// A vendor's complaint and what came of it.
#[derive(Clone, Copy, Debug)]
struct Cut {
    at: Instant,
    /// The rate right after the cut.
    rate: f64,
    /// The rate that is meant to be reached again.
    usual: f64,
}

/// What was sent in this second and in the one before.
#[derive(Debug)]
struct Observed {
    since: Instant,
    count: u32,
    before: u32,
}

/// The pause of one bind.
#[derive(Debug)]
pub(super) struct Pause {
    begun: Option<Instant>,
    until: Option<Instant>,
    next: Duration,
}

const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// A queue that has room again is noticed within this.
const PAUSE_MOST: Duration = Duration::from_secs(8);

impl Throttle {
    pub(super) fn new(agreed: Option<f64>, now: Instant) -> Self {
        let agreed = agreed.unwrap_or(f64::INFINITY);
        let observed = Observed { since: now, count: 0, before: 0 };
        Self { agreed, tokens: burst(agreed), filled_at: now, cut: None, observed }
    }

    /// Whether a submit may leave; else when to ask again.
    pub(super) fn look(&mut self, now: Instant) -> Result<(), Instant> {
        let rate = self.fill(now);
        if rate.is_infinite() || self.tokens >= 1.0 {
            return Ok(());
        }
        let seconds = ((1.0 - self.tokens) / rate).min(MOST_SECONDS);
        Err(now + Duration::from_secs_f64(seconds).max(GRAIN))
    }

    /// As `look`, and takes the token.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        self.look(now)?;
        self.tokens -= 1.0;
        self.observed.count(now);
        Ok(())
    }

    /// Tokens that were taken and not used.
    pub(super) fn give_back(&mut self, count: usize) {
        self.tokens += count as f64;
    }

    /// The vendor says that it is too fast, in answer to what left at `sent`.
    pub(super) fn slow_down(&mut self, sent: Instant, now: Instant) {
        if self.cut.is_some_and(|cut| sent <= cut.at) {
            return;
        }
        let seen = self.observed.rate(now);
        let usual = match self.cut {
            Some(cut) => cut.usual,
            None if self.agreed.is_finite() => self.agreed,
            None => seen,
        };
        let rate = (self.rate(now).min(usual) / 2.0).max(usual * FLOOR);
        self.cut = Some(Cut { at: now, rate, usual });
        self.tokens = 0.0;
        self.filled_at = now;
    }

    /// Until when the rate stays below the usual one; None when it does not.
    pub(super) fn slowed_until(&self, now: Instant) -> Option<Instant> {
        self.cut.map(Cut::recovered_at).filter(|at| *at > now)
    }

    /// What may be sent in a second, now.
    pub(super) fn rate(&self, now: Instant) -> f64 {
        let Some(cut) = self.cut else { return self.agreed };
        let recovered = cut.rate + cut.usual * RECOVERY_A_SECOND * now.duration_since(cut.at).as_secs_f64();
        recovered.min(self.agreed)
    }

    fn fill(&mut self, now: Instant) -> f64 {
        let rate = self.rate(now);
        let passed = now.duration_since(self.filled_at).as_secs_f64();
        self.filled_at = now;
        if self.cut.is_some_and(|cut| rate >= self.agreed || rate >= cut.usual * FORGOTTEN) {
            self.cut = None;
        }
        // An infinite rate times no time would be no number.
        self.tokens = if rate.is_finite() { (self.tokens + rate * passed).min(burst(rate)) } else { 1.0 };
        rate
    }
}

/// The grain of the timer: asking again sooner would be asking now.
const GRAIN: Duration = Duration::from_millis(1);
/// A timer cannot be set to the end of time.
const MOST_SECONDS: f64 = 86_400.0;

fn burst(rate: f64) -> f64 {
    if rate.is_finite() { (rate * BURST_SECONDS).max(1.0) } else { 1.0 }
}

impl Cut {
    fn recovered_at(self) -> Instant {
        self.at + Duration::from_secs_f64((1.0 - self.rate / self.usual) / RECOVERY_A_SECOND)
    }
}

impl Observed {
    fn count(&mut self, now: Instant) {
        self.turn(now);
        self.count = self.count.saturating_add(1);
    }

    /// At least one a second, so that halving it means something.
    fn rate(&mut self, now: Instant) -> f64 {
        self.turn(now);
        f64::from(self.count.max(self.before).max(1))
    }

    fn turn(&mut self, now: Instant) {
        let seconds = now.duration_since(self.since).as_secs();
        if seconds == 0 {
            return;
        }
        self.before = if seconds == 1 { self.count } else { 0 };
        self.count = 0;
        self.since += Duration::from_secs(seconds);
    }
}

impl Pause {
    pub(super) fn new() -> Self {
        Self { begun: None, until: None, next: PAUSE_FIRST }
    }

    /// The vendor's queue is full, it says in answer to what left at `sent`.
    pub(super) fn queue_full(&mut self, sent: Instant, now: Instant) {
        if self.begun.is_some_and(|begun| sent <= begun) {
            return;
        }
        self.begun = Some(now);
        self.until = Some(now + self.next);
        self.next = self.next.saturating_mul(2).min(PAUSE_MOST);
    }

    /// The vendor took what left at `sent`: the next pause is short again.
    pub(super) fn accepted(&mut self, sent: Instant) {
        if self.until.is_some_and(|until| sent >= until) {
            *self = Self::new();
        }
    }

    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests;
