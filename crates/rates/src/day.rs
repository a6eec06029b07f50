//! Dates as people write them, in whatever order and with or without a time of day.

use domain::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::mapping::DateOrder;

/// Which order a date must have been written in, when it is none in the other one.
pub(crate) fn evidence(text: &str) -> Option<DateOrder> {
    let (parts, _) = split(text.trim())?;
    // Points are no evidence for what is written with other signs.
    if parts.is_dotted || parts.may_begin_with_year() {
        return None;
    }
    match numbers(&parts)? {
        Numbers::Open(first, second) if first > 12 && second <= 12 => Some(DateOrder::DayFirst),
        Numbers::Open(first, second) if second > 12 && first <= 12 => Some(DateOrder::MonthFirst),
        Numbers::Open(..) | Numbers::Known => None,
    }
}

/// A day begins at midnight of the zone.
///
/// # Errors
/// With what is wrong with it.
pub(crate) fn read(text: &str, order: Option<DateOrder>, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let unusable =
        || format!("`{text}` is not a date: expected 2026-03-01, 01.03.2026, 1 March 2026 or an instant");
    let (parts, time) = split(text).ok_or_else(unusable)?;
    let (text_of_time, zone) = match time.map(str::trim) {
        None => (None, zone.clone()),
        Some(time) => match time
            .strip_suffix("UTC")
            .or_else(|| time.strip_suffix("GMT"))
            .or_else(|| time.strip_suffix('Z'))
        {
            Some(time) => (Some(time.trim()), TimeZone::UTC),
            None => (Some(time), zone.clone()),
        },
    };
    let time = match text_of_time {
        None | Some("") => Time::midnight(),
        Some(time) => clock(time).ok_or_else(unusable)?,
    };
    let date = date(&parts, order).map_err(|open| match open {
        Open::Order => format!(
            "`{text}` can be read in two ways: say whether the day or the month comes first (`dates`)"
        ),
        Open::Year => format!(
            "`{text}` can be read in two ways: write the year with four digits, or say whether the day or the month \
             comes first (`dates`)"
        ),
        Open::NoDate => unusable(),
    })?;
    at(date.to_datetime(time), &zone)
}

/// # Errors
/// When the zone or the calendar ends before it.
pub(crate) fn at(civil: DateTime, zone: &TimeZone) -> Result<Timestamp, String> {
    let zoned = civil.to_zoned(zone.clone()).map_err(|error| format!("`{civil}` is no instant: {error}"))?;
    Ok(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
}

/// The three parts of the date, and what follows them.
struct Parts<'a> {
    parts: [&'a str; 3],
    is_dotted: bool,
}

fn split(text: &str) -> Option<(Parts<'_>, Option<&str>)> {
    // A time of day begins at the word that has a colon in it.
    let time_from = text.find(':').map(|colon| {
        let before = text.get(..colon).unwrap_or_default();
        before.rfind([' ', 'T', '\u{a0}']).map_or(0, |space| space + 1)
    });
    let (date, time) = match time_from {
        Some(from) => (text.get(..from)?.trim_end_matches([' ', 'T', '\u{a0}']), text.get(from..)),
        None => (text, None),
    };
    if date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()) {
        let parts = [date.get(..4)?, date.get(4..6)?, date.get(6..)?];
        return Some((Parts { parts, is_dotted: false }, time));
    }
    let mut words = date.split([' ', ',', '/', '-', '.', '\u{a0}']).filter(|word| !word.is_empty());
    let parts = [words.next()?, words.next()?, words.next()?];
    words.next().is_none().then_some((Parts { parts, is_dotted: date.contains('.') }, time))
}

enum Numbers {
    /// The order of the first two is not said.
    Open(u8, u8),
    /// Only one order is possible.
    Known,
}

/// None when it is no date of numbers.
fn numbers(parts: &Parts<'_>) -> Option<Numbers> {
    let [first, second, third] = parts.parts;
    if is_year(first) || [first, second, third].iter().any(|part| month(part).is_some()) {
        return Some(Numbers::Known);
    }
    match (first.parse(), second.parse()) {
        (Ok(first), Ok(second)) => Some(Numbers::Open(first, second)),
        // `1st.07.2026`
        (_, _) => parts.is_dotted.then_some(Numbers::Known),
    }
}

impl Parts<'_> {
    /// Whether the year may be the first of three times two digits: `26/07/01`.
    fn may_begin_with_year(&self) -> bool {
        let [year, month, day] = self.parts;
        let two = |word: &str| (word.len() == 2).then(|| word.parse::<i8>().ok()).flatten();
        let date = || Date::new(2000 + i16::from(two(year)?), two(month)?, two(day)?).ok();
        date().is_some()
    }
}

fn is_year(word: &str) -> bool {
    word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit())
}

enum Open {
    Order,
    /// Its year is the first part or the last.
    Year,
    NoDate,
}

fn date(parts: &Parts<'_>, order: Option<DateOrder>) -> Result<Date, Open> {
    let [first, second, third] = parts.parts;
    let (year, month_text, day) = match numbers(parts).ok_or(Open::NoDate)? {
        Numbers::Known if is_year(first) => (first, second, third),
        Numbers::Known if month(first).is_some() => (third, first, second),
        Numbers::Known => (third, second, first),
        Numbers::Open(one, other) => match order {
            Some(DateOrder::DayFirst) => (third, second, first),
            Some(DateOrder::MonthFirst) => (third, first, second),
            None if parts.may_begin_with_year() => return Err(Open::Year),
            // With points, nearly all write the day first.
            None if parts.is_dotted => (third, second, first),
            None if one > 12 || one == other => (third, second, first),
            None if other > 12 => (third, first, second),
            None => return Err(Open::Order),
        },
    };
    let read = || {
        let year: i16 = match (year.len(), year.parse().ok()?) {
            (4, year) => year,
            (2, year) => 2000 + year,
            (_, _) => return None,
        };
        let month = month(month_text).or_else(|| month_text.parse().ok())?;
        Date::new(year, month, day.trim_end_matches(char::is_alphabetic).parse().ok()?).ok()
    };
    read().ok_or(Open::NoDate)
}

/// By the first three letters of its English name.
fn month(word: &str) -> Option<i8> {
    const NAMES: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = word.get(..3)?.to_ascii_lowercase();
    let at = NAMES.iter().position(|name| *name == start)?;
    i8::try_from(at + 1).ok()
}

fn clock(text: &str) -> Option<Time> {
    let mut numbers = text.split(':');
    let hour = numbers.next()?.trim().parse().ok()?;
    let minute = numbers.next()?.parse().ok()?;
    let second = numbers.next().map_or(Some(0), |second| second.parse().ok())?;
    if numbers.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, order: Option<DateOrder>, zone: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        read(text, order, &zone).map_or_else(|refused| refused, |instant| instant.to_string())
    }

    #[test]
    fn dates_are_read_as_they_are_meant() {
        let (day, month) = (Some(DateOrder::DayFirst), Some(DateOrder::MonthFirst));
        for (text, order, expected) in [
            ("2026-07-01", None, "2026-07-01T00:00:00.000Z"),
            ("2026/07/01", None, "2026-07-01T00:00:00.000Z"),
            ("20260701", None, "2026-07-01T00:00:00.000Z"),
            ("01.07.2026", None, "2026-07-01T00:00:00.000Z"),
            ("1st.07.2026", None, "2026-07-01T00:00:00.000Z"),
            ("1.7.26", None, "2026-07-01T00:00:00.000Z"),
            ("01/07/2026", day, "2026-07-01T00:00:00.000Z"),
            ("07/01/2026", month, "2026-07-01T00:00:00.000Z"),
            ("13/07/2026", None, "2026-07-13T00:00:00.000Z"),
            ("01.07.2026", day, "2026-07-01T00:00:00.000Z"),
            ("07.01.2026", month, "2026-07-01T00:00:00.000Z"),
            ("07.13.2026", month, "2026-07-13T00:00:00.000Z"),
            ("01/07/26", day, "2026-07-01T00:00:00.000Z"),
            ("07.01.26", month, "2026-07-01T00:00:00.000Z"),
            // No day is the 32nd.
            ("13/07/32", None, "2032-07-13T00:00:00.000Z"),
            ("07-13-2026", None, "2026-07-13T00:00:00.000Z"),
            ("01-Jul-2026", None, "2026-07-01T00:00:00.000Z"),
            ("1st July 2026", None, "2026-07-01T00:00:00.000Z"),
            ("July 1, 2026", None, "2026-07-01T00:00:00.000Z"),
            ("2026-07-01 08:30", None, "2026-07-01T08:30:00.000Z"),
            ("01.07.2026 08:30:15 UTC", None, "2026-07-01T08:30:15.000Z"),
            ("2026-07-01T08:00:00+02:00", None, "2026-07-01T06:00:00.000Z"),
        ] {
            assert_eq!(told(text, order, "UTC"), expected, "{text}");
        }
        assert_eq!(told("2026-07-01", None, "Europe/Berlin"), "2026-06-30T22:00:00.000Z");
        assert_eq!(told("2026-07-01 00:00 UTC", None, "Europe/Berlin"), "2026-07-01T00:00:00.000Z");
    }

    #[test]
    fn what_leaves_it_open_or_is_no_date_is_refused() {
        assert!(told("01/07/2026", None, "UTC").contains("two ways"));
        for text in ["26/07/01", "26-07-15", "01/07/26", "13/07/26", "26.07.01", "01.07.26"] {
            assert!(told(text, None, "UTC").contains("the year with four digits"), "{text}");
            assert_eq!(evidence(text), None, "{text}");
        }
        assert_eq!((evidence("13.07.2026"), evidence("07.13.2026")), (None, None));
        for text in [
            "",
            "soon",
            "2026",
            "31.02.2026",
            "2026-13-01",
            "2026-07-01 25:00",
            "46204",
            "1.7.026",
            "1 2 3 4",
        ] {
            assert!(told(text, None, "UTC").contains("is not a date"), "{text}");
        }
        assert_eq!(evidence("13/07/2026"), Some(DateOrder::DayFirst));
        assert_eq!(evidence("07/13/2026"), Some(DateOrder::MonthFirst));
        assert_eq!((evidence("07/01/2026"), evidence("2026-13-01")), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd_to_be_answered(text in ".{0,40}") {
            drop(read(&text, None, &TimeZone::UTC));
        }
    }
}
