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
/// How long it is believed that an unknown feed may hold receipts back, in milliseconds.
const UNKNOWN_HOLD: u64 = 65_000;
/// Memory of what was silence and what was not, in seconds.
const MEMORY: f32 = 900.0;
/// Memory of which flushes were left out, in seconds.
const LONG_MEMORY: f32 = 7200.0;
/// So many times an hour flushes may be left out, by chance alone, for longer than is waited for them.
const HELD: f32 = 0.02;

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
    /// Seconds in which this is not to be learned from: something of the vendor is in trouble.
    #[n(7)]
    pub(super) troubled: bool,
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
        }
        if gap >= BURST && self.due >= DUE {
            if !self.troubled {
                self.flushed(seconds);
            }
            self.observe(seconds, seconds);
        } else if gap < BURST && gap > 0 {
            self.observe(0.0, seconds);
        }
        self.spoke_at = now;
        self.due = 0.0;
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
        if self.troubled {
            return;
        }
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

    /// Up to which instant all that is known has been told; zero when it has never spoken.
    pub(super) fn told_up_to(&self, now: u64) -> u64 {
        match self.kind() {
            FeedKind::Silent => 0,
            FeedKind::Smooth => now,
            FeedKind::Flushed | FeedKind::Unknown => {
                self.spoke_at.saturating_sub(500).max(now.saturating_sub(self.hold()))
            }
        }
    }

    /// A receipt that comes now was not there yet at that instant.
    pub(super) fn not_before(&self, now: u64) -> u64 {
        match self.kind() {
            FeedKind::Smooth | FeedKind::Silent => now,
            FeedKind::Flushed | FeedKind::Unknown => self.before,
        }
    }

    /// How long a feed that flushes may hold back what it knows, in milliseconds.
    fn hold(&self) -> u64 {
        if self.kind() == FeedKind::Unknown {
            return UNKNOWN_HOLD;
        }
        let chance = (self.skipped + 0.5) / (self.flushes + 10.0);
        let in_a_row = (3600.0 / self.usual.max(1.0) / HELD).ln() / (1.0 / chance).ln();
        let seconds = (1.0 + in_a_row.max(1.2)) * self.usual + 2.0;
        (seconds * 1000.0) as u64
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
        assert_eq!(smooth.told_up_to(299_000), 299_000);
        assert_eq!(flushed.kind(), FeedKind::Flushed);
        assert_eq!(flushed.told_up_to(299_000), 284_500, "the flush at 285 s was the last");
        assert!(flushed.told_up_to(400_000) > 340_000, "it does not wait for ever");
    }

    #[test]
    fn a_feed_that_never_spoke_has_told_nothing() {
        let mut feed = Feed::default();
        feed.expect(100.0);
        assert_eq!(feed.kind(), FeedKind::Silent);
        assert_eq!(feed.told_up_to(1_000_000), 0);
    }
}
