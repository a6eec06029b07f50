//! Times as SMPP writes them, `YYMMDDhhmmsstnnp`, and the shorter forms met in real traffic.
//!
//! There is no clock here: a relative time becomes a duration and an absolute one seconds since 1970, and the
//! caller brings the two together.

use std::{fmt, time::Duration};

mod civil;

#[cfg(test)]
mod tests;

pub use civil::Civil;

/// A time from a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Time {
    Absolute(Absolute),
    /// From the moment at which the PDU is taken. In whole seconds.
    Relative(Duration),
}

/// A point in time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Absolute {
    pub civil: Civil,
    pub tenths: u8,
    /// `None` in the short forms, which do not say where their clock stands.
    pub offset: Option<Offset>,
}

/// How far local time is ahead of UTC, in quarters of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Offset(i8);

/// What is wrong with a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a time of {0} octets is not in a form that SMPP has")]
    Length(usize),
    #[error("a time holds something else than digits")]
    NotDigits,
    #[error("a time ends neither in +, - nor R")]
    Ending,
    #[error("a day or an hour that does not exist")]
    Impossible,
    #[error("an offset of {0} quarters of an hour")]
    Offset(u8),
    #[error("a time that two digits of a year cannot say")]
    OutOfRange,
}

/// Two digits of years, whose months and days a relative time counts as 365 and 30 days.
const LONGEST_RELATIVE: Duration = Duration::from_secs(100 * 365 * SECONDS_A_DAY - 1);
const SECONDS_A_DAY: u64 = 86_400;

impl Time {
    /// Reads a field of a PDU, without its NUL. An empty field is no time: the default of the message centre.
    ///
    /// # Errors
    /// What is in no known form, or names a day or an hour that does not exist.
    pub fn parse(field: &[u8]) -> Result<Option<Self>, Error> {
        if field.is_empty() {
            return Ok(None);
        }
        let text = std::str::from_utf8(field).map_err(|_| Error::NotDigits)?;
        if let Some(digits) = text.strip_suffix(['R', 'r']) {
            return relative(digits).map(Self::Relative).map(Some);
        }
        Absolute::parse(text).map(Self::Absolute).map(Some)
    }
}

impl Absolute {
    /// A moment in UTC, as we write it.
    ///
    /// # Errors
    /// A year before 2000 or after 2099.
    pub fn utc(unix_seconds: i64) -> Result<Self, Error> {
        let civil = Civil::from_unix(unix_seconds).ok_or(Error::OutOfRange)?;
        Ok(Self { civil, tenths: 0, offset: Some(Offset::UTC) })
    }

    /// Seconds since 1970. A form that says no offset is read in `assumed`, a setting of the vendor.
    #[must_use]
    pub fn unix_seconds(&self, assumed: Offset) -> i64 {
        self.civil.to_unix().saturating_sub(self.offset.unwrap_or(assumed).seconds())
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let (digits, sign) = match text.as_bytes().split_last() {
            Some((b'+', _)) => (text.trim_end_matches('+'), Some(Sign::Ahead)),
            Some((b'-', _)) => (text.trim_end_matches('-'), Some(Sign::Behind)),
            _ => (text, None),
        };
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(Error::NotDigits);
        }
        let (moment, tail) = match digits.len() {
            // Tenths and offset; some leave out the sign, which then is a plus.
            15 => digits.split_at(12),
            10 | 12 | 14 => (digits, ""),
            length => return Err(Error::Length(length)),
        };
        let civil = Civil::parse(moment).ok_or(Error::Impossible)?;
        let (tenths, quarters) = tail.split_at_checked(1).unwrap_or(("0", ""));
        let offset = match (quarters.parse(), sign) {
            (Ok(quarters), Some(Sign::Behind)) => Some(Offset::behind(quarters)?),
            (Ok(quarters), Some(Sign::Ahead) | None) => Some(Offset::ahead(quarters)?),
            (Err(_), None) => None,
            (Err(_), Some(_)) => return Err(Error::Ending),
        };
        Ok(Self { civil, tenths: tenths.parse().map_err(|_| Error::NotDigits)?, offset })
    }
}

enum Sign {
    Ahead,
    Behind,
}

impl fmt::Display for Absolute {
    /// Sixteen characters; a time without an offset is written as UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Offset(quarters) = self.offset.unwrap_or(Offset::UTC);
        let sign = if quarters < 0 { '-' } else { '+' };
        write!(f, "{}{:01}{:02}{sign}", self.civil, self.tenths.min(9), quarters.unsigned_abs())
    }
}

impl Offset {
    pub const UTC: Self = Self(0);
    /// No land is further from UTC than fourteen hours.
    const FURTHEST: u8 = 56;

    /// # Errors
    /// More than fourteen hours.
    pub fn ahead(quarters: u8) -> Result<Self, Error> {
        i8::try_from(quarters)
            .ok()
            .filter(|_| quarters <= Self::FURTHEST)
            .map(Self)
            .ok_or(Error::Offset(quarters))
    }

    /// # Errors
    /// More than fourteen hours.
    pub fn behind(quarters: u8) -> Result<Self, Error> {
        Self::ahead(quarters).map(|Self(quarters)| Self(quarters.saturating_neg()))
    }

    #[must_use]
    pub fn seconds(self) -> i64 {
        i64::from(self.0).saturating_mul(15 * 60)
    }
}

/// Writes a validity or a delay as a relative time, in whole seconds rounded down.
///
/// # Errors
/// A hundred years or more.
pub fn relative_text(duration: Duration) -> Result<String, Error> {
    if duration > LONGEST_RELATIVE {
        return Err(Error::OutOfRange);
    }
    let seconds = duration.as_secs();
    let days = seconds / SECONDS_A_DAY;
    let (years, days) = (days / 365, days % 365);
    let (months, days) = (days / 30, days % 30);
    let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    Ok(format!("{years:02}{months:02}{days:02}{hours:02}{minutes:02}{seconds:02}000R"))
}

/// Reads the digits of a relative time: with tenths and the two zeros, which add nothing, or without.
///
/// Fields above their usual range are met (`99` days) and simply counted.
fn relative(digits: &str) -> Result<Duration, Error> {
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Error::NotDigits);
    }
    if !matches!(digits.len(), 10 | 12 | 15) {
        return Err(Error::Length(digits.len()));
    }
    let mut fields = civil::pairs(digits).map(u64::from);
    let mut seconds: u64 = 0;
    for unit in [365 * SECONDS_A_DAY, 30 * SECONDS_A_DAY, SECONDS_A_DAY, 3600, 60, 1] {
        let field = fields.next().unwrap_or(0);
        seconds = seconds.saturating_add(field.saturating_mul(unit));
    }
    Ok(Duration::from_secs(seconds))
}
