//! UTC days, by which sealed records are kept.

use std::fmt;
use std::str::FromStr;

use domain::{MessageId, Timestamp};

/// Days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Day(i64);

const MILLIS: i64 = 24 * 3600 * 1000;

impl Day {
    pub(super) fn of(at: Timestamp) -> Self {
        Self(at.as_millis().div_euclid(MILLIS))
    }

    /// The day of a message's key, which begins with the milliseconds.
    pub(super) fn of_key(key: i64) -> Self {
        Self::of(Timestamp::from_millis(key >> 16))
    }

    pub(super) fn first_key(self) -> i64 {
        MessageId::first_key_at(self.start())
    }

    /// The first key of the day after.
    pub(super) fn end_key(self) -> i64 {
        Self(self.0 + 1).first_key()
    }

    fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_mul(MILLIS))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.start().to_string();
        f.write_str(start.split('T').next().unwrap_or(&start))
    }
}

/// The text is not a date.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadDay;

impl FromStr for Day {
    type Err = BadDay;

    fn from_str(text: &str) -> Result<Self, BadDay> {
        let start: Timestamp = format!("{text}T00:00:00Z").parse().map_err(|_| BadDay)?;
        Ok(Self::of(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_a_date_and_holds_the_keys_of_its_messages() {
        let day: Day = "2026-03-01".parse().unwrap();
        assert_eq!(day.to_string(), "2026-03-01");
        assert_eq!(Day::of_key(day.first_key()), day);
        assert_eq!(Day::of_key(day.end_key() - 1), day);
        assert_ne!(Day::of_key(day.end_key()), day);
        assert_eq!("hot".parse::<Day>(), Err(BadDay));
    }
}
