//! Prices by place and time: found by at most four lookups.
//!
//! A decision asks for the price of an operator on each of its routes, and none of these is in the processor's cache: so
//! where a place has a single price, which is the rule, that stands in the table itself and not behind a pointer.

use std::collections::hash_map::Entry;

use domain::{Country, Timestamp};
use rustc_hash::FxHashMap;

use crate::operator::{Mcc, Operator};
use crate::price::{Charge, Place, PriceLine};

#[derive(Clone, Debug, Default)]
pub struct Prices {
    by_place: FxHashMap<Place, Dated>,
    /// Which codes with a price of their own a country has.
    codes: FxHashMap<Country, Vec<Mcc>>,
}

#[derive(Clone, Debug)]
enum Dated {
    One(Line),
    /// In order of time.
    Several(Vec<Line>),
}

/// From a time on.
#[derive(Clone, Copy, Debug)]
struct Line {
    from: Timestamp,
    charge: Charge,
}

/// As far back as anyone asks.
const ALWAYS: Timestamp = Timestamp::from_millis(i64::MIN);

impl Prices {
    /// At most one line for each place and time.
    #[must_use]
    pub fn new(lines: impl IntoIterator<Item = PriceLine>) -> Self {
        let mut prices = Self::default();
        for line in lines {
            prices.add(line);
        }
        for dated in prices.by_place.values_mut() {
            dated.lines_mut().sort_by_key(|line| line.from);
        }
        prices
    }

    fn add(&mut self, PriceLine { place, charge, effective_from }: PriceLine) {
        let line = Line { from: effective_from.unwrap_or(ALWAYS), charge };
        match self.by_place.entry(place) {
            Entry::Occupied(mut known) => known.get_mut().add(line),
            Entry::Vacant(new) => {
                new.insert(Dated::One(line));
                if let Place::Mcc(mcc) = place {
                    mcc.countries().for_each(|country| self.codes.entry(country).or_default().push(mcc));
                }
            }
        }
    }

    /// The operator's own price, else that of its code, else the country's, else the one for anywhere.
    #[must_use]
    pub fn charge(
        &self,
        operator: Option<Operator>,
        country: Option<Country>,
        now: Timestamp,
    ) -> Option<Charge> {
        let own = operator.and_then(|operator| {
            self.at(Place::Operator(operator), now).or_else(|| self.at(Place::Mcc(operator.mcc()), now))
        });
        own.or_else(|| country.and_then(|country| self.country(country, now)))
            .or_else(|| self.at(Place::Anywhere, now))
    }

    /// Where a country has prices by code only and nobody knows the code, it is the dearest of them: a limit is then
    /// never passed unseen. It is closed when all of them are.
    fn country(&self, country: Country, now: Timestamp) -> Option<Charge> {
        let by_code = || {
            let all = self.codes.get(&country)?.iter().filter_map(|mcc| self.at(Place::Mcc(*mcc), now));
            all.max_by_key(|charge| match charge {
                Charge::Closed => None,
                Charge::Price(amount) => Some(*amount),
            })
        };
        self.at(Place::Country(country), now).or_else(by_code)
    }

    /// What is said of this very place.
    #[must_use]
    pub fn at(&self, place: Place, now: Timestamp) -> Option<Charge> {
        let dated = self.by_place.get(&place)?;
        dated.lines().iter().rev().find(|line| line.from <= now).map(|line| line.charge)
    }

    /// The last price of each operator that has any, and from when on it holds.
    pub(crate) fn of_operators(&self) -> impl Iterator<Item = (Operator, Timestamp, Charge)> {
        self.by_place.iter().filter_map(|(place, dated)| match place {
            Place::Operator(operator) => dated.lines().last().map(|line| (*operator, line.from, line.charge)),
            Place::Anywhere | Place::Country(_) | Place::Mcc(_) => None,
        })
    }

    /// What holds at a place, be it said of a wider one. Of a code of several countries the first is what it is in.
    #[must_use]
    pub fn charge_of(&self, place: Place, now: Timestamp) -> Option<Charge> {
        match place {
            Place::Anywhere => self.at(place, now),
            Place::Country(country) => self.charge(None, Some(country), now),
            Place::Mcc(mcc) => {
                let country = || self.charge(None, mcc.countries().next(), now);
                self.at(place, now).or_else(country)
            }
            Place::Operator(operator) => self.charge(Some(operator), operator.mcc().countries().next(), now),
        }
    }

    /// The places of which something is said, in any order.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.by_place.keys().copied()
    }

    /// From when on something is said of this very place, in order.
    #[must_use]
    pub fn dates(&self, place: Place) -> Option<impl Iterator<Item = Option<Timestamp>>> {
        self.by_place.get(&place).map(|dated| dated.lines().iter().map(|line| line.begins()))
    }

    /// Everything, ordered by place and time.
    #[must_use]
    pub fn lines(&self) -> Vec<PriceLine> {
        let mut lines = Vec::with_capacity(self.by_place.len());
        for (&place, dated) in &self.by_place {
            let line = |line: &Line| PriceLine { place, charge: line.charge, effective_from: line.begins() };
            lines.extend(dated.lines().iter().map(line));
        }
        lines.sort_unstable_by_key(|line| (line.place, line.effective_from));
        lines
    }
}

impl Line {
    /// None: always.
    fn begins(&self) -> Option<Timestamp> {
        Some(self.from).filter(|from| *from != ALWAYS)
    }
}

impl Dated {
    fn lines(&self) -> &[Line] {
        match self {
            Self::One(line) => std::slice::from_ref(line),
            Self::Several(lines) => lines,
        }
    }

    fn lines_mut(&mut self) -> &mut [Line] {
        match self {
            Self::One(line) => std::slice::from_mut(line),
            Self::Several(lines) => lines,
        }
    }

    fn add(&mut self, line: Line) {
        match self {
            Self::One(first) => *self = Self::Several(vec![*first, line]),
            Self::Several(lines) => lines.push(line),
        }
    }
}
