//! By how much a route counts as cheaper whose vendor is behind the pace of a commitment.

use domain::commitment::{Pace, WHOLE_URGENCY};
use domain::money::Decimal;
use domain::{Class, Price};

use crate::table::conditions::OneOf;

/// What it may cost that promises to vendors are kept.
#[derive(Clone, Debug)]
pub struct Commitments {
    /// The most by which a route counts as cheaper, in hundredths of a percent of its price.
    pub(super) worth_at_most: u16,
    pub(super) classes: OneOf<Class>,
}

/// In hundredths of a percent.
const WHOLE: u16 = 10_000;

impl Commitments {
    #[must_use]
    pub fn are_for(&self, class: Class) -> bool {
        self.classes.holds(Some(&class))
    }

    /// The part of its price by which a route counts as cheaper.
    #[must_use]
    pub fn part_off(&self, pace: &Pace) -> Decimal {
        let part = Decimal::from(self.worth_at_most) * Decimal::from(pace.urgency.min(WHOLE_URGENCY));
        part / (Decimal::from(WHOLE) * Decimal::from(WHOLE_URGENCY))
    }

    /// Off this price.
    #[must_use]
    pub fn off(&self, price: Price, pace: &Pace) -> Price {
        Price { amount: price.amount.saturating_mul(self.part_off(pace)), ..price }
    }
}
