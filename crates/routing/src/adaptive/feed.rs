//! The clock of a connection's receipts: up to when it has told what it knows.
//!
//! Some vendors tell of each message as it arrives, others flush what they have every few seconds or once a minute. A
//! receipt that is missing means something only for messages that were due before the feed last spoke. Which kind a
//! connection has is learned from silences in which much was due.

use minicbor::{Decode, Encode};

/// A silence that is shorter belongs to one burst, in milliseconds.
const BURST: u64 = 1500;
/// So many receipts due make a silence speak for flushes.
const DUE: f32 = 4.0;
/// An unknown feed is supposed to flush once in so many seconds: no more seldom is usual.
const SELDOM: f32 = 60.0;
/// How long before its first word an unknown feed may have held receipts back, in milliseconds.
const UNKNOWN_HOLD: u64 = 65_000;
/// Memory of what was silence and what was not, in seconds.
const MEMORY: f32 = 900.0;
/// Memory of which flushes were left out, in seconds.
const LONG_MEMORY: f32 = 7200.0;
/// What is supposed of how often a flush is left out before any was due: half of one in ten. It is little, so that what
/// a feed does soon says more.
const LEFT_OUT: (f32, f32) = (0.5, 10.0);
/// However often flushes are left out, after so many that did not come nothing is waited for.
const MOST: u16 = 60;

#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Feed {
    /// When it last spoke, in milliseconds; zero: never.
    #[n(0)]
    spoke_at: u64,
    /// When it last spoke before the burst that goes on.
    #[n(1)]
    before: u64,
    /// Receipts that were to be expected since it last spoke.
    #[n(2)]
    due: f32,
    /// Seconds of silence between flushes, and of all.
    #[n(3)]
    silent: f32,
    #[n(4)]
    observed: f32,
    /// The usual time between flushes, in seconds.
    #[n(5)]
    usual: f32,
    /// Flushes that did not come when they were due, of how many.
    #[n(6)]
    skipped: f32,
    #[n(8)]
    flushes: f32,
    /// An arm of the vendor fell since it last spoke: this silence is not to be learned from. What arms in trouble have
    /// due is left out in any case, so one of them does not keep the feed of the others from being known.
    #[n(7)]
    pub(super) troubled: bool,
    /// The shortest silence of late between two bursts, in seconds: no feed flushes more seldom. Zero: there was none.
    #[cbor(n(9), default)]
    shortest: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedKind {
    /// It has never said anything.
    Silent,
    Unknown,
    /// Receipts come as messages arrive.
    Smooth,
    /// Receipts are held back and come together.
    Flushed,
}

impl Feed {
    pub(super) fn spoke(&mut self, now: u64) {
        if self.spoke_at == 0 {
            (self.spoke_at, self.before) = (now, now.saturating_sub(UNKNOWN_HOLD));
            return;
        }
        let gap = now.saturating_sub(self.spoke_at);
        let seconds = gap as f32 / 1000.0;
        if gap >= BURST {
            self.before = self.spoke_at;
            let is_shorter = self.shortest == 0.0 || seconds < self.shortest;
            self.shortest += if is_shorter { 1.0 } else { 0.05 } * (seconds - self.shortest);
        }
        if gap >= BURST && self.due >= DUE && !self.troubled {
            self.flushed(seconds);
            self.observe(seconds, seconds);
        } else if gap < BURST && gap > 0 {
            self.observe(0.0, seconds);
        }
        self.spoke_at = now;
        (self.due, self.troubled) = (0.0, false);
    }

    /// A flush came so long after the one before.
    fn flushed(&mut self, seconds: f32) {
        if self.usual == 0.0 {
            self.usual = seconds;
            return;
        }
        let times = (seconds / self.usual).round().max(1.0);
        let keep = (-seconds / LONG_MEMORY).exp();
        self.skipped = self.skipped * keep + times - 1.0;
        self.flushes = self.flushes * keep + times;
        // A flush that was left out says nothing of the time between two, until it is the rule.
        self.usual += if times > 1.0 { 0.05 } else { 0.2 } * (seconds - self.usual);
    }

    fn observe(&mut self, silent: f32, all: f32) {
        let keep = (-all / MEMORY).exp();
        self.silent = self.silent * keep + silent;
        self.observed = self.observed * keep + all;
    }

    /// So many receipts were to be expected in the second that passed.
    pub(super) fn expect(&mut self, due: f32) {
        self.due += due;
    }

    pub(super) fn kind(&self) -> FeedKind {
        if self.spoke_at == 0 {
            return FeedKind::Silent;
        }
        let share = (self.silent + 10.0) / (self.observed + 20.0);
        if share < 0.35 {
            FeedKind::Smooth
        } else if self.observed > 20.0 && share > 0.55 {
            FeedKind::Flushed
        } else {
            FeedKind::Unknown
        }
    }

    /// Up to which instant all that is known has been told; zero when it has never spoken. So many times an hour it may
    /// leave out flushes, by chance alone, for longer than is waited for them.
    pub(super) fn told_up_to(&self, now: u64, an_hour: f32) -> u64 {
        match self.kind() {
            FeedKind::Silent => 0,
            FeedKind::Smooth => now,
            FeedKind::Flushed | FeedKind::Unknown => {
                self.spoke_at.saturating_sub(500).max(now.saturating_sub(self.hold(an_hour)))
            }
        }
    }

    /// It holds receipts back, and has for longer than chance explains.
    pub(super) fn is_mute(&self, now: u64, an_hour: f32) -> bool {
        match self.kind() {
            FeedKind::Flushed | FeedKind::Unknown => self.told_up_to(now, an_hour) > self.spoke_at,
            FeedKind::Smooth | FeedKind::Silent => false,
        }
    }

    /// A receipt that comes now was not there yet at that instant.
    pub(super) fn not_before(&self, now: u64) -> u64 {
        match self.kind() {
            FeedKind::Smooth | FeedKind::Silent => now,
            FeedKind::Flushed | FeedKind::Unknown => self.before,
        }
    }

    /// How long a feed that flushes may hold back what it knows, in milliseconds: until so many flushes did not come
    /// that chance would hardly leave out as many. How often one is left out is only known from those that were to
    /// come, so each that is left out makes the next more likely to be (the rule of succession).
    fn hold(&self, an_hour: f32) -> u64 {
        // Of a feed that is not known yet nothing can be said but that it does not flush more seldom than it spoke.
        let (period, skipped, flushes) = match self.kind() {
            FeedKind::Flushed if self.usual > 0.0 => (self.usual, self.skipped, self.flushes),
            FeedKind::Flushed | FeedKind::Unknown | FeedKind::Smooth | FeedKind::Silent => {
                let shortest = if self.shortest > 0.0 { self.shortest } else { SELDOM };
                (shortest.min(SELDOM), 0.0, 0.0)
            }
        };
        let period = period.max(1.0);
        let mut expected = 3600.0 / period;
        let mut missed = 0;
        while expected > an_hour && missed < MOST {
            let before = f32::from(missed);
            expected *= (skipped + LEFT_OUT.0 + before) / (flushes + LEFT_OUT.1 + before);
            missed += 1;
        }
        // A flush that comes late by less than half of the time between two is not taken for one that was left out.
        ((f32::from(missed) + 0.5) * period * 1000.0) as u64 + 2000
    }

    /// The usual time between flushes, in seconds.
    pub(super) fn period(&self) -> f32 {
        self.usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_that_flushes_is_told_from_one_that_does_not() {
        let (mut smooth, mut flushed) = (Feed::default(), Feed::default());
        for second in 1_u64..300 {
            let now = second * 1000;
            smooth.spoke(now);
            smooth.expect(3.0);
            flushed.expect(3.0);
            if second % 15 == 0 {
                flushed.spoke(now);
                flushed.spoke(now);
            }
        }
        assert_eq!(smooth.kind(), FeedKind::Smooth);
        assert_eq!(smooth.told_up_to(299_000, 0.01), 299_000);
        assert_eq!(flushed.kind(), FeedKind::Flushed);
        assert_eq!(flushed.told_up_to(299_000, 0.01), 284_500, "the flush at 285 s was the last");
        assert!(flushed.told_up_to(500_000, 0.01) > 400_000, "it does not wait for ever");
    }

    #[test]
    fn a_feed_that_never_spoke_has_told_nothing() {
        let mut feed = Feed::default();
        feed.expect(100.0);
        assert_eq!(feed.kind(), FeedKind::Silent);
        assert_eq!(feed.told_up_to(1_000_000, 0.01), 0);
    }

    #[test]
    fn the_less_is_known_of_a_feed_the_longer_it_is_waited_for() {
        // Flushes every 30 s for so long; when what was due 5 s after the last one counts as missing.
        let waits = |flushes: u64, an_hour: f32| {
            let mut feed = Feed::default();
            for flush in 1..=flushes {
                feed.expect(10.0);
                feed.spoke(flush * 30_000);
            }
            let last = flushes * 30_000;
            (1..2000).find(|after| feed.told_up_to(last + after * 1000, an_hour) > last + 5000).unwrap()
        };
        let waits_for = [waits(1, 0.01), waits(6, 0.01), waits(200, 0.01), waits(200, 0.001)];
        assert!(waits_for[0] > waits_for[1] && waits_for[1] > waits_for[2], "{waits_for:?}");
        assert!(waits_for[2] < waits_for[3], "more feeds may fall silent: {waits_for:?}");
        assert!(waits_for[2] > 60 && waits_for[0] < 600, "{waits_for:?}");
    }
}
