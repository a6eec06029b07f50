//! Whether a moment is within the hours that a rule asks for.
//!
//! What the clock on the wall shows decides, and nothing else: an hour that comes twice because the clock is put back
//! is in the window both times, and one that is left out in spring does not come.

use std::fmt;
use std::sync::Arc;

use domain::Timestamp;
use jiff::tz::TimeZone;

const MINUTES_OF_DAY: usize = 24 * 60;
pub(super) const MINUTES_OF_WEEK: usize = 7 * MINUTES_OF_DAY;

/// The clock of a place is known between these years; what comes before or after goes by the nearest of them.
const YEARS: (i16, i16) = (2020, 2200);

/// How far the clock of a place is from UTC, worked out beforehand: a decision only has to look it up.
#[derive(Debug)]
pub(super) struct Zone {
    /// From when it holds, in seconds of Unix time, and the seconds to add to UTC. Ascending.
    offsets: Box<[(i64, i64)]>,
}

/// The hours of one rule.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    pub(super) zone: Arc<Zone>,
    pub(super) minutes: Minutes,
    /// As a rule is told.
    pub(super) text: Box<str>,
}

/// Minutes of the week, of which the first is that of Monday, 00:00: a bit each.
#[derive(Clone, Debug)]
pub(super) struct Minutes(Box<[u64]>);

impl Zone {
    pub(super) fn new(zone: &TimeZone) -> Self {
        let [first, last] = [YEARS.0, YEARS.1].map(|year| {
            let midnight = jiff::civil::date(year, 1, 1).at(0, 0, 0, 0);
            TimeZone::UTC.to_timestamp(midnight).unwrap_or_default()
        });
        let later = zone.following(first).take_while(|change| change.timestamp() < last);
        let later = later.map(|change| (change.timestamp().as_second(), change.offset().seconds().into()));
        let start = (first.as_second(), zone.to_offset(first).seconds().into());
        Self { offsets: std::iter::once(start).chain(later).collect() }
    }

    /// What the clock there shows, as a minute of the week.
    fn minute_of_week(&self, now: Timestamp) -> usize {
        let seconds = now.as_millis().div_euclid(1000);
        let after = self.offsets.partition_point(|(from, _)| *from <= seconds).saturating_sub(1);
        let offset = self.offsets.get(after).map_or(0, |(_, offset)| *offset);
        let minutes = seconds.saturating_add(offset).div_euclid(60);
        // Unix time began on a Thursday.
        let since_monday = minutes.saturating_add(3 * 24 * 60).rem_euclid(7 * 24 * 60);
        usize::try_from(since_monday).unwrap_or(0)
    }
}

impl Hours {
    pub(super) fn hold(&self, now: Timestamp) -> bool {
        self.minutes.contains(self.zone.minute_of_week(now))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Minutes {
    pub(super) fn none() -> Self {
        Self(vec![0; MINUTES_OF_WEEK.div_ceil(64)].into())
    }

    pub(super) fn contains(&self, minute: usize) -> bool {
        self.0.get(minute / 64).is_some_and(|bits| bits & (1 << (minute % 64)) != 0)
    }

    /// False when it was there already.
    pub(super) fn insert(&mut self, minute: usize) -> bool {
        let is_new = !self.contains(minute);
        if let Some(bits) = self.0.get_mut(minute / 64) {
            *bits |= 1 << (minute % 64);
        }
        is_new
    }
}

/// The minutes of a window that begins on a day, counted from Monday: over midnight when it ends before it begins,
/// and on Sunday into the Monday with which the week begins.
pub(super) fn window(day: usize, from: usize, to: usize) -> impl Iterator<Item = usize> {
    let length = if to > from { to - from } else { to + MINUTES_OF_DAY - from };
    let first = day * MINUTES_OF_DAY + from;
    (first..first + length).map(|minute| minute % MINUTES_OF_WEEK)
}

#[cfg(test)]
mod tests;
