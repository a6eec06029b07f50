//! What was agreed with vendors: checked, and what comes near is told.

use super::super::contract::{Contract, Key};
use super::super::raw::{Raw, Vendor};
use super::{Builder, Steps, below, item};

impl Builder<'_> {
    pub(super) fn contract(&mut self, contract: &Contract, at: &Steps) {
        for (keys, message) in contract.problems() {
            let place = keys.into_iter().fold(at.clone(), |place, key| match key {
                Key::Name(name) => below(&place, name),
                Key::Place(index) => item(&place, index),
            });
            self.problem(&place, message);
        }
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        for (key, message) in contract.warnings(today) {
            self.warn(&below(at, key), message);
        }
    }

    /// Of what is spent in another currency nothing counts.
    pub(super) fn warn_of_uncounted(&mut self, raw: &Raw, vendor: &Vendor, contract: &Contract, at: &Steps) {
        let is_own = |connection: &str| vendor.connections.iter().any(|own| own.text("id") == connection);
        let routes = raw.routes.iter().filter(|route| is_own(&route.connection));
        let cards: Vec<&str> = routes.filter_map(|route| route.rate_card.as_deref()).collect();
        for (index, commitment) in contract.commitments.iter().enumerate() {
            let Some(currency) = commitment.currency.as_deref().filter(|_| commitment.spend.is_some()) else {
                continue;
            };
            let mut known = raw.rate_cards.iter().filter(|card| cards.contains(&card.id.as_str()));
            if known.all(|card| card.currency != currency) {
                let place = below(&item(&below(at, "commitments"), index), "currency");
                let message = format!(
                    "only what is spent in {currency} counts, and none of the vendor's routes has a rate card in it"
                );
                self.warn(&place, message);
            }
        }
    }
}
