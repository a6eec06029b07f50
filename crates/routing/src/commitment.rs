//! What a vendor was promised for each month, quarter or year, and whether that goes at an even pace.

use domain::Timestamp;
use domain::commitment::{Pace, Unit, WHOLE_URGENCY};
use domain::money::Decimal;
use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

/// A promise is in danger when what is left of it has to go faster than an even pace by more than the first of these,
/// and in all danger from the second on: in thousandths of the pace.
const GRACE: i64 = 20;
const ALL: i64 = 250;
const THOUSAND: i64 = 1000;

/// A least volume that a vendor was promised, again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    pub period: Period,
    pub unit: Unit,
    /// So much in each period.
    pub promised: Decimal,
    /// The first day of the contract, from which periods are counted; without it they are those of the calendar.
    pub starts: Option<Date>,
    /// Its last day. Nothing is promised for what is left when no whole period fits before it.
    pub ends: Option<Date>,
    /// What was carried for it that this gateway has not counted: from which day on that counts, and how much it is.
    pub elsewhere: Vec<(Date, Decimal)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Month,
    Quarter,
    Year,
}

/// The days of a period, in UTC: from the first, and before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub from: Date,
    pub until: Date,
}

impl Period {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    fn months(self) -> i32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
        }
    }
}

impl Days {
    #[must_use]
    pub fn begin(&self) -> Timestamp {
        midnight(self.from)
    }

    #[must_use]
    pub fn end(&self) -> Timestamp {
        midnight(self.until)
    }
}

impl Commitment {
    /// The period that runs; None before the contract, after it, and in a rest of it that is shorter than a period.
    #[must_use]
    pub fn days(&self, now: Timestamp) -> Option<Days> {
        let today = day(now)?;
        let length = self.period.months();
        let anchor = match self.starts {
            Some(starts) => starts,
            // Quarters begin with January, April, July and October.
            None => Date::new(today.year(), 1, 1).ok()?,
        };
        let whole_months = (i32::from(today.year()) - i32::from(anchor.year())) * 12
            + i32::from(today.month())
            - i32::from(anchor.month());
        let nth = whole_months.div_euclid(length);
        // A contract that begins late in a month has that of today begin in the month before.
        let begin = |nth: i32| anchor.checked_add(months(nth * length)).ok();
        let nth = if begin(nth)? > today { nth - 1 } else { nth };
        let days = Days { from: begin(nth)?, until: begin(nth + 1)? };
        let is_before = self.starts.is_some_and(|starts| days.from < starts);
        // The last day belongs to the contract.
        let is_cut = self.ends.is_some_and(|ends| ends.tomorrow().is_ok_and(|after| after < days.until));
        (!is_before && !is_cut).then_some(days)
    }

    /// How it stands when so much was counted in the period that runs.
    #[must_use]
    pub fn pace(&self, days: Days, counted: Decimal, now: Timestamp) -> Pace {
        let has_come = |day: Date| days.from <= day && day < days.until && midnight(day) <= now;
        let elsewhere = self.elsewhere.iter().filter(|(day, _)| has_come(*day));
        let carried = elsewhere.map(|(_, amount)| *amount).fold(counted, Decimal::saturating_add);
        let [begin, end] = [days.begin(), days.end()].map(Timestamp::as_millis);
        let whole = Decimal::from((end - begin).max(1));
        let over = Decimal::from((now.as_millis() - begin).clamp(0, end - begin));
        let due = self.promised.checked_mul(over / whole).unwrap_or(self.promised);
        let due = if self.unit.is_counted() { due.trunc() } else { due.round_dp(2) };
        let urgency = urgency(self.promised, carried, over / whole);
        Pace { unit: self.unit, promised: self.promised, carried, due, until: days.end(), urgency }
    }
}

/// What is left to carry against what is left of the time: 1 on pace. Whatever urgency keeps that where it is meets the
/// promise at the last moment, so that nothing is owed then and no more was steered than had to be; and because it takes
/// a while before much is missing, the first days of a period hardly count.
fn urgency(promised: Decimal, carried: Decimal, over: Decimal) -> u16 {
    let left = promised.saturating_sub(carried);
    if left <= Decimal::ZERO || promised.is_zero() {
        return 0;
    }
    let left_of_time = Decimal::ONE - over;
    let faster = (left / promised).checked_div(left_of_time);
    let Some(faster) = faster else { return WHOLE_URGENCY };
    let thousandths = (faster - Decimal::ONE).saturating_mul(Decimal::from(THOUSAND));
    let above = thousandths.saturating_sub(Decimal::from(GRACE)).max(Decimal::ZERO);
    let part = above.saturating_mul(Decimal::from(WHOLE_URGENCY)) / Decimal::from(ALL - GRACE);
    u16::try_from(part.trunc().min(Decimal::from(WHOLE_URGENCY))).unwrap_or(WHOLE_URGENCY)
}

/// The day in UTC.
#[must_use]
pub fn day(at: Timestamp) -> Option<Date> {
    let instant = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(instant.to_zoned(jiff::tz::TimeZone::UTC).date())
}

fn midnight(day: Date) -> Timestamp {
    let midnight = day.to_zoned(jiff::tz::TimeZone::UTC);
    Timestamp::from_millis(midnight.map_or(i64::MAX, |midnight| midnight.timestamp().as_millisecond()))
}

fn months(count: i32) -> Span {
    i64::from(count).months()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn commitment(period: Period, starts: Option<&str>, ends: Option<&str>) -> Commitment {
        let date = |text: &str| text.parse().unwrap();
        Commitment {
            period,
            unit: Unit::Messages,
            promised: Decimal::from(1000),
            starts: starts.map(date),
            ends: ends.map(date),
            elsewhere: Vec::new(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn periods_are_those_of_the_calendar_or_of_the_contract() {
        let days = |period, starts, ends, now: &str| {
            let found = commitment(period, starts, ends).days(at(now));
            found.map(|days| format!("{} {}", days.from, days.until))
        };
        let some = |text: &str| Some(text.to_owned());
        let (month, quarter, year) = (Period::Month, Period::Quarter, Period::Year);
        assert_eq!(days(month, None, None, "2026-02-28T23:59:59Z"), some("2026-02-01 2026-03-01"));
        assert_eq!(days(quarter, None, None, "2026-11-27T12:00:00Z"), some("2026-10-01 2027-01-01"));
        assert_eq!(days(year, None, None, "2026-11-27T12:00:00Z"), some("2026-01-01 2027-01-01"));
        let july = Some("2025-07-15");
        assert_eq!(days(year, july, None, "2026-07-14T12:00:00Z"), some("2025-07-15 2026-07-15"));
        assert_eq!(days(year, july, None, "2026-07-15T00:00:00Z"), some("2026-07-15 2027-07-15"));
        assert_eq!(days(month, july, None, "2026-01-14T12:00:00Z"), some("2025-12-15 2026-01-15"));
        assert_eq!(days(quarter, july, None, "2026-01-15T12:00:00Z"), some("2026-01-15 2026-04-15"));
        // February has no 31st.
        let last = Some("2026-01-31");
        assert_eq!(days(month, last, None, "2026-02-28T12:00:00Z"), some("2026-02-28 2026-03-31"));
        assert_eq!(days(month, july, None, "2025-07-14T12:00:00Z"), None);
        // Its last day is within; a month that it cuts short is not promised.
        assert_eq!(
            days(month, july, Some("2026-01-14"), "2026-01-14T12:00:00Z"),
            some("2025-12-15 2026-01-15")
        );
        assert_eq!(days(month, july, Some("2026-01-13"), "2026-01-10T12:00:00Z"), None);
        assert_eq!(days(year, july, Some("2027-01-31"), "2026-08-01T12:00:00Z"), None);
    }

    #[test]
    fn what_is_missing_counts_the_more_the_less_time_is_left() {
        let of = commitment(Period::Month, None, None);
        let urgency = |carried: i64, now: &str| {
            let days = of.days(at(now)).unwrap();
            of.pace(days, Decimal::from(carried), at(now)).urgency
        };
        assert_eq!(urgency(0, "2026-11-01T00:00:00Z"), 0);
        assert_eq!(urgency(0, "2026-11-01T12:00:00Z"), 0);
        assert_eq!(urgency(0, "2026-11-03T00:00:00Z"), 223);
        assert_eq!(urgency(500, "2026-11-16T00:00:00Z"), 0);
        assert_eq!(urgency(450, "2026-11-16T00:00:00Z"), 347);
        assert_eq!(urgency(300, "2026-11-16T00:00:00Z"), 1000);
        assert_eq!(urgency(999, "2026-11-30T23:59:59.999Z"), 1000);
        assert_eq!(urgency(1000, "2026-11-30T23:59:59.999Z"), 0);
        let now = at("2026-11-16T00:00:00Z");
        let pace = of.pace(of.days(now).unwrap(), Decimal::from(450), now);
        assert_eq!(pace.to_string(), "450 of 1000 messages by 2026-12-01 00:00 UTC, 50 behind pace");
    }

    #[test]
    fn what_was_carried_elsewhere_counts_from_its_day_on_in_its_own_period() {
        let mut of = commitment(Period::Month, None, None);
        let elsewhere = [("2026-10-31", 1), ("2026-11-01", 10), ("2026-11-16", 100), ("2026-12-01", 1000)];
        of.elsewhere = elsewhere.map(|(day, amount)| (day.parse().unwrap(), Decimal::from(amount))).into();
        let carried = |now: &str| of.pace(of.days(at(now)).unwrap(), Decimal::from(7), at(now)).carried;
        assert_eq!(carried("2026-11-15T23:59:59Z"), Decimal::from(17));
        assert_eq!(carried("2026-11-16T00:00:00Z"), Decimal::from(117));
        assert_eq!(carried("2026-11-30T23:59:59Z"), Decimal::from(117));
        assert_eq!(carried("2026-12-01T00:00:00Z"), Decimal::from(1007));
    }

    /// A year of days in which the vendor gets the part of the traffic that its urgency is worth: a promise that can be
    /// met is met at the end, and hardly more.
    #[test]
    fn whatever_part_of_the_urgency_moves_traffic_the_promise_is_met_and_no_more() {
        for moves_from in [1, 100, 500, 900] {
            let of = commitment(Period::Year, None, None);
            let days = of.days(at("2026-06-01T00:00:00Z")).unwrap();
            let mut carried = Decimal::ZERO;
            for hour in 0..365 * 24 {
                let now = Timestamp::from_millis(days.begin().as_millis() + hour * 3_600_000);
                // A quarter of a message an hour: twice what is promised.
                if of.pace(days, carried, now).urgency >= moves_from {
                    carried += Decimal::new(25, 2);
                }
            }
            assert!(
                carried >= Decimal::from(995) && carried <= Decimal::from(1001),
                "{moves_from}: {carried}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_numbers_are_too_large_or_too_small(
            promised in 1..=u64::MAX, carried: u64, cents: bool, hour in 0..24 * 365i64,
        ) {
            let scale = if cents { 12 } else { 0 };
            let amount = |of: u64| Decimal::from_i128_with_scale(i128::from(of), scale);
            let unit = if cents { Unit::Spend(domain::Currency::EUR) } else { Unit::Segments };
            let of = Commitment { unit, promised: amount(promised), ..commitment(Period::Quarter, None, None) };
            let now = Timestamp::from_millis(at("2026-01-01T00:00:00Z").as_millis() + hour * 3_600_000);
            let days = of.days(now).unwrap();
            prop_assert!(days.begin() <= now && now < days.end());
            let pace = of.pace(days, amount(carried), now);
            prop_assert!(pace.urgency <= WHOLE_URGENCY);
            prop_assert!(pace.due <= pace.promised);
            if pace.behind().is_zero() && pace.urgency > 0 {
                // Less than one, or than a cent.
                prop_assert!(pace.due - pace.carried <= Decimal::ONE);
            }
        }
    }
}
