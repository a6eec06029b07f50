//! A rate card, compiled: the price of a place at a time by at most three lookups.

use domain::money::Decimal;
use domain::{Country, Currency, Price, Timestamp};
use rustc_hash::FxHashMap;

use crate::operator::{Mcc, Operator};
use crate::price::{Place, PriceLine};

#[derive(Clone, Debug)]
pub(crate) struct Card {
    currency: Currency,
    prices: FxHashMap<Place, Dated>,
    /// Which codes with a price of their own a country has.
    codes: FxHashMap<Country, Vec<Mcc>>,
}

/// In order of time.
type Dated = Vec<(Timestamp, Decimal)>;

impl Card {
    /// At most one line for each place and time.
    pub(crate) fn new(currency: Currency, lines: impl IntoIterator<Item = PriceLine>) -> Self {
        let mut prices: FxHashMap<Place, Dated> = FxHashMap::default();
        let mut codes: FxHashMap<Country, Vec<Mcc>> = FxHashMap::default();
        for line in lines {
            let from = line.effective_from.unwrap_or(Timestamp::from_millis(i64::MIN));
            let dated = prices.entry(line.place).or_default();
            dated.push((from, line.amount));
            if let (Place::Mcc(mcc), 1) = (line.place, dated.len()) {
                mcc.countries().for_each(|country| codes.entry(country).or_default().push(mcc));
            }
        }
        for dated in prices.values_mut() {
            dated.sort_by_key(|(from, _)| *from);
        }
        Self { currency, prices, codes }
    }

    /// For one segment: the operator's own price, else that of its code, else the country's.
    pub(crate) fn price(
        &self,
        operator: Option<Operator>,
        country: Option<Country>,
        now: Timestamp,
    ) -> Option<Price> {
        let own = operator.and_then(|operator| {
            self.at(Place::Operator(operator), now).or_else(|| self.at(Place::Mcc(operator.mcc()), now))
        });
        let amount = own.or_else(|| country.and_then(|country| self.country(country, now)))?;
        Some(Price { amount, currency: self.currency })
    }

    /// Where a country has prices by code only and nobody knows the code, it is the dearest of them: a limit is then
    /// never passed unseen.
    fn country(&self, country: Country, now: Timestamp) -> Option<Decimal> {
        let by_code =
            || self.codes.get(&country)?.iter().filter_map(|mcc| self.at(Place::Mcc(*mcc), now)).max();
        self.at(Place::Country(country), now).or_else(by_code)
    }

    fn at(&self, place: Place, now: Timestamp) -> Option<Decimal> {
        let in_force = self.prices.get(&place)?.iter().rev().find(|(from, _)| *from <= now);
        in_force.map(|(_, amount)| *amount)
    }
}
