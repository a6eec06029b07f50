//! Exchange rates with the dates from which they hold: so that prices in different currencies can be compared.

use domain::money::Decimal;
use domain::{Currency, Price, Timestamp};
use rustc_hash::FxHashMap;

/// A converted amount has at most so many places; the last one is rounded half to even.
const PLACES: u32 = 12;

#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// What one unit of the first is worth in the second.
    rates: FxHashMap<(Currency, Currency), Dated>,
}

/// In order of time.
type Dated = Vec<(Option<Timestamp>, Decimal)>;

impl Exchange {
    pub(crate) fn add(
        &mut self,
        from: Currency,
        to: Currency,
        effective_from: Option<Timestamp>,
        rate: Decimal,
    ) {
        let dated = self.rates.entry((from, to)).or_default();
        dated.push((effective_from, rate));
        dated.sort_by_key(|(from, _)| *from);
    }

    /// Whether one can be converted into the other, at some time.
    #[must_use]
    pub fn relates(&self, one: Currency, other: Currency) -> bool {
        one == other || self.rates.contains_key(&(one, other)) || self.rates.contains_key(&(other, one))
    }

    /// By the rate of the instant, else by the reverse of the opposite rate. Nothing goes by way of a third currency.
    /// None where no rate holds yet. An amount in the same currency stays as it is.
    #[must_use]
    pub fn convert(&self, price: Price, to: Currency, now: Timestamp) -> Option<Price> {
        if price.currency == to {
            return Some(price);
        }
        let amount = match self.rate(price.currency, to, now) {
            Some(rate) => price.amount.checked_mul(rate),
            None => price.amount.checked_div(self.rate(to, price.currency, now)?),
        };
        Some(Price { amount: amount?.round_dp(PLACES), currency: to })
    }

    fn rate(&self, from: Currency, to: Currency, now: Timestamp) -> Option<Decimal> {
        let dated = self.rates.get(&(from, to))?;
        let in_force = dated.iter().rev().find(|(from, _)| from.is_none_or(|from| from <= now));
        in_force.map(|(_, rate)| *rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(amount: &str, currency: &str) -> Price {
        Price { amount: amount.parse().unwrap(), currency: currency.parse().unwrap() }
    }

    #[test]
    fn the_rate_of_the_instant_holds_and_its_reverse() {
        let [eur, usd, gbp] = ["EUR", "USD", "GBP"].map(|text| text.parse().unwrap());
        let mut exchange = Exchange::default();
        let day = |day: i64| Timestamp::from_millis(day * 86_400_000);
        exchange.add(eur, usd, Some(day(20)), "1.20".parse().unwrap());
        exchange.add(eur, usd, Some(day(10)), "1.10".parse().unwrap());
        let convert = |amount, from, to: Currency, at| {
            exchange.convert(price(amount, from), to, day(at)).map(|price| price.to_string())
        };
        assert_eq!(convert("0.05", "EUR", usd, 9), None);
        assert_eq!(convert("0.05", "EUR", usd, 10).as_deref(), Some("0.0550 USD"));
        assert_eq!(convert("0.05", "EUR", usd, 20).as_deref(), Some("0.0600 USD"));
        assert_eq!(convert("0.06", "USD", eur, 20).as_deref(), Some("0.05 EUR"));
        assert_eq!(convert("0.05", "USD", eur, 20).as_deref(), Some("0.041666666667 EUR"));
        assert_eq!(convert("0.05", "USD", usd, 1).as_deref(), Some("0.05 USD"));
        assert_eq!(convert("0.05", "USD", gbp, 20), None);
        assert!(exchange.relates(usd, eur) && !exchange.relates(usd, gbp));
    }
}
