//! Prices by place and time: found by at most four lookups.

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

/// In order of time.
type Dated = Vec<(Option<Timestamp>, Charge)>;

impl Prices {
    /// At most one line for each place and time.
    #[must_use]
    pub fn new(lines: impl IntoIterator<Item = PriceLine>) -> Self {
        let mut prices = Self::default();
        for line in lines {
            prices.dated(line.place).push((line.effective_from, line.charge));
        }
        for dated in prices.by_place.values_mut() {
            dated.sort_by_key(|(from, _)| *from);
        }
        prices
    }

    fn dated(&mut self, place: Place) -> &mut Dated {
        if let Place::Mcc(mcc) = place
            && !self.by_place.contains_key(&place)
        {
            mcc.countries().for_each(|country| self.codes.entry(country).or_default().push(mcc));
        }
        self.by_place.entry(place).or_default()
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
        let in_force = dated.iter().rev().find(|(from, _)| from.is_none_or(|from| from <= now));
        in_force.map(|(_, charge)| *charge)
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
        self.by_place.get(&place).map(|dated| dated.iter().map(|(from, _)| *from))
    }

    /// Everything, ordered by place and time.
    #[must_use]
    pub fn lines(&self) -> Vec<PriceLine> {
        let mut lines = Vec::with_capacity(self.by_place.len());
        for (&place, dated) in &self.by_place {
            let line = |&(effective_from, charge)| PriceLine { place, charge, effective_from };
            lines.extend(dated.iter().map(line));
        }
        lines.sort_unstable_by_key(|line| (line.place, line.effective_from));
        lines
    }
}
