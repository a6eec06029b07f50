//! Two cards compared at an instant: which prices differ, and what that comes to with given traffic.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use domain::money::Decimal;
use domain::{Country, Timestamp};
use routing::operator::Operator;
use routing::price::{Card, Charge, Place, PriceLine, Prices, Rated};

/// A place whose price is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    pub place: Place,
    /// What holds there, be it of a wider place. None: nothing is known.
    pub before: Option<Charge>,
    pub after: Option<Charge>,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Increase,
    Decrease,
    /// It had no price.
    New,
    Closed,
    /// It was closed.
    Opened,
    /// It has no price any more.
    Unknown,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Increase, Self::Decrease, Self::New, Self::Closed, Self::Opened, Self::Unknown];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Increase => "increase",
            Self::Decrease => "decrease",
            Self::New => "new",
            Self::Closed => "closed",
            Self::Opened => "opened",
            Self::Unknown => "unknown",
        }
    }
}

/// The last instant from which anything differs, or now when that is later: what was announced holds by then.
#[must_use]
pub fn instant(before: &Prices, after: &Prices, now: Timestamp) -> Timestamp {
    let (before, after) = (before.lines(), after.lines());
    let is_in = |lines: &[PriceLine], line: &PriceLine| {
        let key = (line.place, line.effective_from);
        let found = lines.binary_search_by_key(&key, |own| (own.place, own.effective_from));
        found.ok().and_then(|at| lines.get(at)) == Some(line)
    };
    let new = after.iter().filter(|line| !is_in(&before, line));
    let gone = before.iter().filter(|line| !is_in(&after, line));
    new.chain(gone).filter_map(|line| line.effective_from).max().map_or(now, |last| last.max(now))
}

/// Every place of either whose price differs, in order of place.
#[must_use]
pub fn differences(before: &Prices, after: &Prices, at: Timestamp) -> Vec<Difference> {
    let places: BTreeSet<Place> = before.places().chain(after.places()).collect();
    let pairs =
        places.into_iter().map(|place| (place, before.charge_of(place, at), after.charge_of(place, at)));
    pairs
        .filter_map(|(place, before, after)| {
            Some(Difference { place, before, after, kind: kind(before, after)? })
        })
        .collect()
}

fn kind(before: Option<Charge>, after: Option<Charge>) -> Option<Kind> {
    match (before, after) {
        (None, None) | (Some(Charge::Closed), Some(Charge::Closed)) => None,
        (_, None) => Some(Kind::Unknown),
        (_, Some(Charge::Closed)) => Some(Kind::Closed),
        (None, Some(Charge::Price(_))) => Some(Kind::New),
        (Some(Charge::Closed), Some(Charge::Price(_))) => Some(Kind::Opened),
        (Some(Charge::Price(before)), Some(Charge::Price(after))) => match after.cmp(&before) {
            Ordering::Greater => Some(Kind::Increase),
            Ordering::Less => Some(Kind::Decrease),
            Ordering::Equal => None,
        },
    }
}

/// What was carried and paid for somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    pub operator: Option<Operator>,
    pub country: Option<Country>,
    pub segments: u64,
    pub messages: u64,
}

/// What a volume costs by both cards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    pub volume: Volume,
    pub before: Cost,
    pub after: Cost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    Known(Decimal),
    /// The card says nothing of it.
    Unknown,
    /// The vendor would not carry it.
    Closed,
}

impl Effect {
    /// How much more it costs; None where either is not known.
    #[must_use]
    pub fn difference(&self) -> Option<Decimal> {
        match (self.before, self.after) {
            (Cost::Known(before), Cost::Known(after)) => after.checked_sub(before),
            (Cost::Known(_) | Cost::Unknown | Cost::Closed, _) => None,
        }
    }
}

/// The cards have the same currency. Surcharges are part of what it costs.
#[must_use]
pub fn effect(before: Option<&Card>, after: &Card, volume: Volume, at: Timestamp) -> Effect {
    let before = before.map_or(Cost::Unknown, |card| cost(card, volume, at));
    Effect { volume, before, after: cost(after, volume, at) }
}

/// What a card takes for it at an instant.
#[must_use]
pub fn cost(card: &Card, volume: Volume, at: Timestamp) -> Cost {
    match card.rate(volume.operator, volume.country, at) {
        Rated::Unknown => Cost::Unknown,
        Rated::Closed => Cost::Closed,
        Rated::Priced(tariff) => {
            let segments = tariff.per_segment.checked_mul(Decimal::from(volume.segments));
            let messages = tariff.per_message.checked_mul(Decimal::from(volume.messages));
            let sum = segments.zip(messages).and_then(|(segments, messages)| segments.checked_add(messages));
            sum.map_or(Cost::Unknown, Cost::Known)
        }
    }
}

/// A month, as all projections have it.
pub const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// What an amount of a period comes to in a month: the only amount that is rounded, to six places, half to even.
#[must_use]
pub fn monthly(amount: Decimal, period: Duration) -> Option<Decimal> {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).ok().map(Decimal::from);
    let scaled = amount.checked_mul(millis(MONTH)?)?.checked_div(millis(period)?)?;
    Some(scaled.round_dp(6).normalize())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::money::parse_amount;
    use routing::price::{Exchange, parse_csv};
    use routing::settings::Per;

    use super::*;

    fn prices(csv: &str) -> Prices {
        Prices::new(parse_csv(&format!("country,mcc,mnc,price,effective_from\n{csv}")).unwrap())
    }

    fn card(csv: &str) -> Card {
        let (id, currency) = ("acme".parse().unwrap(), "EUR".parse().unwrap());
        let exchange = Arc::new(Exchange::default());
        Card { id, currency, per: Per::Segment, prices: prices(csv), surcharges: Vec::new(), exchange }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn prices_are_compared_by_what_holds_at_each_place() {
        let before = prices("DE,,,0.05,\n,262,01,0.04,\nFR,,,0.06,\nCU,,,closed,\nIT,,,0.03,\nES,,,0.02,\n");
        let after = prices(
            "DE,,,0.045,2026-07-01\nDE,,,0.05,\n,262,01,0.0400,\n,262,02,0.07,2026-07-08\nFR,,,closed,\nCU,,,0.9,\nAT,,,0.01,\nIT,,,0.03,\n",
        );
        let when = instant(&before, &after, at("2026-06-01T00:00:00Z"));
        assert_eq!(when, at("2026-07-08T00:00:00Z"));
        assert_eq!(instant(&before, &after, at("2026-08-01T00:00:00Z")), at("2026-08-01T00:00:00Z"));
        let told = |at| {
            let differences = differences(&before, &after, at).into_iter();
            differences.map(|one| (format!("{:?}", one.place), one.kind.as_str())).collect::<Vec<_>>()
        };
        let names: Vec<&str> = told(when).iter().map(|(_, kind)| *kind).collect();
        assert_eq!(names, ["new", "opened", "decrease", "unknown", "closed", "increase"]);
        let now: Vec<&str> = told(at("2026-06-01T00:00:00Z")).iter().map(|(_, kind)| *kind).collect();
        assert_eq!(now, ["new", "opened", "unknown", "closed"]);
    }

    #[test]
    fn an_effect_is_exact_and_says_what_is_not_known() {
        let (before, after) = (card("DE,,,0.0450,\nFR,,,0.06,\n"), card("DE,,,0.0475,\nFR,,,closed,\n"));
        let of = |country: &str, segments| {
            let country = country.parse().ok();
            let volume = Volume { operator: None, country, segments, messages: 1 };
            effect(Some(&before), &after, volume, at("2026-07-01T00:00:00Z"))
        };
        let amount = |text: &str| parse_amount(text).unwrap();
        assert_eq!(of("DE", 1_000_001).difference(), Some(amount("2500.0025")));
        assert_eq!((of("FR", 5).after, of("FR", 5).difference()), (Cost::Closed, None));
        assert_eq!(of("AT", 5).before, Cost::Unknown);
        let week = Duration::from_secs(7 * 24 * 3600);
        assert_eq!(monthly(amount("7.00"), week), Some(amount("30")));
        assert_eq!(monthly(amount("1"), week), Some(amount("4.285714")));
        assert_eq!(monthly(amount("1"), Duration::ZERO), None);
    }
}
