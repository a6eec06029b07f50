//! A rule, compiled.

use std::time::Duration;

use domain::RuleId;
use domain::money::Decimal;
use domain::plan::Terms;

use crate::table::conditions::Conditions;

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) conditions: Conditions,
    pub(crate) strategy: Strategy,
    /// In the rule's order.
    pub(crate) routes: Vec<Listed>,
    pub(crate) terms: Terms,
    /// For one segment, in the currency of each route's card.
    pub(crate) max_price: Option<Decimal>,
    /// What a route has to deliver, in hundredths of a percent.
    pub(crate) quality_floor: Option<u16>,
    /// Its messages may be probes.
    pub(crate) probes: bool,
    pub(crate) validity: Duration,
}

/// A route in a rule's list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed {
    /// Its place among the table's routes.
    pub(crate) route: usize,
    pub(crate) weight: u32,
    /// What sets this route in this rule apart in the weighted draw.
    pub(crate) salt: u64,
}

/// How the routes that are left are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    Priority,
    Weighted,
    LeastCost,
    Adaptive,
}

impl Strategy {
    /// Whether what routes cost has a say in their order.
    pub(crate) fn minds_prices(self) -> bool {
        match self {
            Self::LeastCost | Self::Adaptive => true,
            Self::Priority | Self::Weighted => false,
        }
    }
}

impl AsRef<Conditions> for Rule {
    fn as_ref(&self) -> &Conditions {
        &self.conditions
    }
}
