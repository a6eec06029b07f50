//! What was sent on an arm and what came back, by the second in which it was sent.

use std::collections::VecDeque;
use std::ops::RangeBounds;

use minicbor::{Decode, Encode};

use super::delay::Grid;
use super::settings::Millis;

/// Messages older than this many seconds are kept as sums.
pub(super) const KEPT: u32 = 256;
/// Of an arm in trouble, at least so many seconds with messages are kept, however long ago they were: where a probe goes
/// out now and then only, there would never be enough of them at a time to tell that the trouble is over. It takes 12 to
/// 40 messages, by how partial the trouble is. No more are needed, and what is older would have a trouble that has
/// healed in part look like one that is over.
const KEPT_IN_TROUBLE: usize = 50;

/// The messages that were sent in one second.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Bin {
    #[n(0)]
    pub(super) second: u32,
    #[n(1)]
    pub(super) sent: u16,
    #[n(2)]
    pub(super) delivered: u16,
    #[n(3)]
    pub(super) undelivered: u16,
    /// Of those sent: how many the application reports conversions of, and how many it has.
    #[n(4)]
    pub(super) reporting: u16,
    #[n(5)]
    pub(super) converted: u16,
    /// What each of them that is still missing has added to the detectors.
    #[n(6)]
    pub(super) charged: f32,
    #[n(7)]
    pub(super) conversion_charged: f32,
    /// Of those delivered: how many came no later than usual, while the arm is in trouble.
    #[n(8)]
    pub(super) prompt: u16,
}

#[derive(Clone, Debug, Default, Encode, Decode)]
#[repr(C)]
pub(super) struct Evidence {
    #[n(0)]
    bins: VecDeque<Bin>,
    #[n(1)]
    pub(super) receipts: Stream,
    #[n(2)]
    pub(super) conversions: Stream,
}

/// The estimate of one kind of feedback: trials, each weighed by the chance that its answer would be here already,
/// and successes. Both fade with age.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Stream {
    /// Of messages that are no longer kept by second.
    #[n(0)]
    pub(super) old_trials: f64,
    #[n(1)]
    pub(super) old_successes: f64,
    #[n(2)]
    pub(super) trials: f64,
    #[n(3)]
    pub(super) successes: f64,
    /// Messages sent before this second are not counted: something changed then.
    #[n(4)]
    pub(super) from: u32,
    /// Messages ever counted.
    #[n(5)]
    pub(super) ever: f64,
}

/// The instants and tables of a tick that all arms share.
pub(super) struct Moment<'a> {
    pub(super) now: Millis,
    pub(super) second: u32,
    pub(super) grid: &'a Grid,
    pub(super) receipts_fade: &'a Fade,
    pub(super) conversions_fade: &'a Fade,
}

/// By how much evidence has faded after so many seconds.
#[derive(Debug)]
pub(super) struct Fade {
    half_life: f64,
    by_age: Vec<f64>,
}

impl Fade {
    pub(super) fn new(half_life: f64) -> Self {
        let by_age = (0..=KEPT + 1).map(|age| 0.5_f64.powf(f64::from(age) / half_life)).collect();
        Self { half_life, by_age }
    }

    pub(super) fn after(&self, seconds: u32) -> f64 {
        let known = self.by_age.get(seconds as usize).copied();
        known.unwrap_or_else(|| 0.5_f64.powf(f64::from(seconds) / self.half_life))
    }
}

impl Stream {
    /// Starts anew with what was sent from this second on.
    pub(super) fn restart(&mut self, from: u32) {
        (self.old_trials, self.old_successes) = (0.0, 0.0);
        (self.trials, self.successes) = (0.0, 0.0);
        self.from = from;
    }

    /// How many messages tell: those whose answer would be here, and whatever came sooner.
    pub(super) fn told(&self) -> f64 {
        self.trials.max(self.successes)
    }

    pub(super) fn rate(&self, prior: f64, weight: f64) -> f64 {
        ((self.successes + prior * weight) / (self.trials + weight)).clamp(0.0, 1.0)
    }
}

impl Bin {
    /// About when its messages were sent.
    pub(super) fn sent_at(&self) -> Millis {
        u64::from(self.second) * 1000 + 500
    }
}

impl Evidence {
    pub(super) fn sent(&mut self, second: u32, reports_conversion: bool) {
        let is_new = self.bins.back().is_none_or(|last| last.second < second);
        if is_new {
            self.bins.push_back(Bin { second, ..Bin::default() });
        }
        if let Some(bin) = self.bins.back_mut() {
            bin.sent = bin.sent.saturating_add(1);
            bin.reporting = bin.reporting.saturating_add(u16::from(reports_conversion));
        }
    }

    pub(super) fn bin(&mut self, second: u32) -> Option<&mut Bin> {
        // Most answers are for one of the last seconds.
        const NEAR: usize = 8;
        let near = self.bins.iter().rev().take(NEAR).position(|bin| bin.second <= second);
        let at = match near {
            Some(back) => self.bins.len() - 1 - back,
            None => self.bins.binary_search_by_key(&second, |bin| bin.second).ok()?,
        };
        self.bins.get_mut(at).filter(|bin| bin.second == second)
    }

    /// Reads of every part of what is kept by second.
    pub(super) fn touch(&self) -> u32 {
        let (older, newer) = self.bins.as_slices();
        let of = |bins: &[Bin]| bins.iter().step_by(3).map(|bin| bin.second).fold(0, u32::wrapping_add);
        of(older).wrapping_add(of(newer))
    }

    /// The last second in which anything was sent; zero when that is long ago.
    pub(super) fn newest(&self) -> u32 {
        self.bins.back().map_or(0, |bin| bin.second)
    }

    pub(super) fn bins(&mut self) -> impl Iterator<Item = &mut Bin> {
        self.bins.iter_mut()
    }

    pub(super) fn read(&self) -> impl DoubleEndedIterator<Item = &Bin> {
        self.bins.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }

    /// Takes away the oldest second when it is out of the window. `trouble` is the second since which the arm is in one.
    pub(super) fn retire(&mut self, now: u32, trouble: Option<u32>) -> Option<Bin> {
        let is_little = self.bins.len() <= KEPT_IN_TROUBLE;
        let is_needed = |bin: &Bin| is_little && trouble.is_some_and(|since| bin.second >= since);
        let is_old = self.bins.front().is_some_and(|bin| bin.second + KEPT < now && !is_needed(bin));
        if is_old { self.bins.pop_front() } else { None }
    }

    /// Of messages sent in these seconds, it will never be known whether they converted.
    pub(super) fn forget_conversions(&mut self, seconds: impl RangeBounds<u32>) {
        for bin in self.bins.iter_mut().filter(|bin| seconds.contains(&bin.second)) {
            (bin.reporting, bin.converted, bin.conversion_charged) = (0, 0, 0.0);
        }
    }

    /// Keeps what is known of all that was sent as sums; what is heard of it after this second counts no more. Its
    /// seconds are kept where the end of a trouble is to be told by them.
    pub(super) fn close(&mut self, second: u32, keeps_seconds: bool) {
        if !keeps_seconds {
            self.bins.clear();
        }
        for stream in [&mut self.receipts, &mut self.conversions] {
            (stream.old_trials, stream.old_successes) = (stream.trials, stream.successes);
            stream.from = second.saturating_add(1);
        }
    }

    /// What the detectors were told of messages already sent counts no more.
    pub(super) fn uncharge(&mut self) {
        for bin in &mut self.bins {
            bin.charged = 0.0;
        }
    }

    pub(super) fn uncharge_conversions(&mut self) {
        for bin in &mut self.bins {
            bin.conversion_charged = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a message every so many seconds until the second 2000: from which on they are kept by the second.
    fn kept_from(every: usize, trouble: Option<u32>) -> Option<u32> {
        let mut evidence = Evidence::default();
        for second in (0..2000).step_by(every) {
            evidence.sent(second, false);
            while evidence.retire(second, trouble).is_some() {}
        }
        evidence.read().next().map(|bin| bin.second)
    }

    #[test]
    fn what_was_sent_since_a_trouble_began_is_kept_while_it_is_little() {
        assert_eq!(kept_from(20, None), Some(1740));
        assert_eq!(kept_from(40, Some(1000)), Some(1000));
        assert_eq!(kept_from(20, Some(500)), Some(1000), "fifty are enough");
        assert_eq!(kept_from(1, Some(1000)), Some(1743), "there is enough of it");
    }
}
