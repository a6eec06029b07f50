//! A day and an hour without a zone, between 2000 and 2099 since years have two digits, and its place since 1970.

use std::fmt;

/// A checked calendar day and time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Civil {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

const SECONDS_A_DAY: i64 = 86_400;
const DAYS_FROM_1970_TO_2000: i64 = 10_957;
const DAYS_IN_FOUR_YEARS: i64 = 1_461;

impl Civil {
    /// Reads ten digits (`YYMMDDhhmm`), twelve (with seconds, or with a year of four digits) or fourteen (both).
    ///
    /// Twelve digits are read with seconds where that makes a day that exists. `None` for anything else, zeros
    /// included, which is how vendors write "no date".
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        match digits.len() {
            10 => Self::from_pairs(pairs(digits)),
            12 => Self::from_pairs(pairs(digits))
                .or_else(|| Self::from_pairs(pairs(digits.strip_prefix("20")?))),
            14 => Self::from_pairs(pairs(digits.strip_prefix("20")?)),
            _ => None,
        }
    }

    /// The moment in UTC; `None` outside the years that two digits can say.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        let days = seconds.div_euclid(SECONDS_A_DAY).checked_sub(DAYS_FROM_1970_TO_2000)?;
        let of_day = seconds.rem_euclid(SECONDS_A_DAY);
        if !(0..25 * DAYS_IN_FOUR_YEARS).contains(&days) {
            return None;
        }
        // From 2000 to 2099 every fourth year is a leap year, the first one included.
        let (fours, mut day) = (days / DAYS_IN_FOUR_YEARS, days % DAYS_IN_FOUR_YEARS);
        let mut year = u16::try_from(fours).ok()?.checked_mul(4)?.checked_add(2000)?;
        while day >= days_in_year(year) {
            day = day.checked_sub(days_in_year(year))?;
            year = year.checked_add(1)?;
        }
        let mut month = 1;
        while day >= i64::from(days_in_month(year, month)) {
            day = day.checked_sub(i64::from(days_in_month(year, month)))?;
            month = month.checked_add(1)?;
        }
        Some(Self {
            year,
            month,
            day: u8::try_from(day).ok()?.checked_add(1)?,
            hour: u8::try_from(of_day / 3600).ok()?,
            minute: u8::try_from(of_day / 60 % 60).ok()?,
            second: u8::try_from(of_day % 60).ok()?,
        })
    }

    /// Seconds since 1970, read as UTC.
    #[must_use]
    pub fn to_unix(self) -> i64 {
        let years = i64::from(self.year).saturating_sub(2000);
        // A leap day for each year that is over and divides by four, 2000 first.
        let leap_days = years.saturating_add(3) / 4;
        let months: i64 = (1..self.month).map(|month| i64::from(days_in_month(self.year, month))).sum();
        let days = DAYS_FROM_1970_TO_2000
            .saturating_add(years.saturating_mul(365))
            .saturating_add(leap_days)
            .saturating_add(months)
            .saturating_add(i64::from(self.day))
            .saturating_sub(1);
        days.saturating_mul(SECONDS_A_DAY)
            .saturating_add(i64::from(self.hour).saturating_mul(3600))
            .saturating_add(i64::from(self.minute).saturating_mul(60))
            .saturating_add(i64::from(self.second))
    }

    /// Ten digits, as the usual receipt text has them.
    #[must_use]
    pub fn to_minutes(self) -> String {
        let mut text = self.to_string();
        text.truncate(10);
        text
    }

    fn from_pairs(mut pairs: impl Iterator<Item = u8>) -> Option<Self> {
        let year = u16::from(pairs.next()?).checked_add(2000)?;
        let (month, day) = (pairs.next()?, pairs.next()?);
        let (hour, minute) = (pairs.next()?, pairs.next()?);
        let second = pairs.next().unwrap_or(0);
        let exists = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        exists.then_some(Self { year, month, day, hour, minute, second })
    }
}

impl fmt::Display for Civil {
    /// Twelve digits, `YYMMDDhhmmss`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}", year % 100)
    }
}

/// The numbers that pairs of digits write.
pub(super) fn pairs(digits: &str) -> impl Iterator<Item = u8> {
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    pairs
        .iter()
        .map(|[tens, ones]| tens.wrapping_sub(b'0').wrapping_mul(10).wrapping_add(ones.wrapping_sub(b'0')))
}

fn days_in_year(year: u16) -> i64 {
    if year.is_multiple_of(4) { 366 } else { 365 }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
