//! A rate card, compiled: what a vendor takes for a message somewhere at some time.

use std::sync::Arc;

use domain::money::Decimal;
use domain::{Country, Currency, RateCardId, Tariff, Timestamp};

use crate::operator::Operator;
use crate::price::{Charge, Exchange, Prices};
use crate::settings::Per;

#[derive(Clone, Debug)]
pub struct Card {
    pub id: RateCardId,
    pub currency: Currency,
    /// What the prices are for.
    pub per: Per,
    pub prices: Prices,
    pub surcharges: Vec<Surcharge>,
    pub exchange: Arc<Exchange>,
}

/// What comes on top of a price: of one name, the narrowest that fits.
#[derive(Clone, Debug)]
pub struct Surcharge {
    pub per: Per,
    pub prices: Prices,
}

/// What a card says of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rated {
    /// Nothing: it may cost anything.
    Unknown,
    Closed,
    Priced(Tariff),
}

impl Card {
    #[must_use]
    pub fn rate(&self, operator: Option<Operator>, country: Option<Country>, now: Timestamp) -> Rated {
        let amount = match self.prices.charge(operator, country, now) {
            None => return Rated::Unknown,
            Some(Charge::Closed) => return Rated::Closed,
            Some(Charge::Price(amount)) => amount,
        };
        let mut tariff = self.tariff(amount);
        for surcharge in &self.surcharges {
            if let Some(Charge::Price(amount)) = surcharge.prices.charge(operator, country, now) {
                add(&mut tariff, surcharge.per, amount);
            }
        }
        Rated::Priced(tariff)
    }

    /// A price without what comes on top of it.
    pub(crate) fn tariff(&self, amount: Decimal) -> Tariff {
        let (per_segment, per_message) = match self.per {
            Per::Segment => (amount, Decimal::ZERO),
            Per::Message => (Decimal::ZERO, amount),
        };
        Tariff { per_segment, per_message, currency: self.currency }
    }

    /// What `rate` says of an operator from some time on, whatever the country; nothing where that depends on more.
    pub(crate) fn of_operators(&self) -> impl Iterator<Item = (Operator, Timestamp, Charge)> {
        self.prices.of_operators().filter(|_| self.surcharges.is_empty())
    }
}

fn add(tariff: &mut Tariff, per: Per, amount: Decimal) {
    let sum = match per {
        Per::Segment => &mut tariff.per_segment,
        Per::Message => &mut tariff.per_message,
    };
    // A zero would be written with the places of the other.
    *sum = if sum.is_zero() { amount } else { sum.saturating_add(amount) };
}
