//! A rule, compiled.

use std::time::Duration;

use domain::RuleId;
use domain::money::Decimal;
use domain::plan::{Exclusion, Terms};

use crate::table::conditions::Conditions;
use crate::table::{Offer, Request, Route};

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

impl Rule {
    /// What one of the rule's routes would do for the message, or why it is left out.
    pub(crate) fn offer<'a>(
        &self,
        listed: &Listed,
        route: &'a Route,
        request: &Request<'a>,
    ) -> Result<Offer<'a>, Exclusion> {
        let offer = self.offer_in_place(route, request)?;
        if self.strategy == Strategy::Weighted && listed.weight == 0 {
            return Err(Exclusion::NoWeight);
        }
        Ok(offer)
    }

    /// What a route would do for the message that the rule need not list, in the place of one that it does.
    pub(crate) fn offer_in_place<'a>(
        &self,
        route: &'a Route,
        request: &Request<'a>,
    ) -> Result<Offer<'a>, Exclusion> {
        let offer = route.offer(request)?;
        offer.within(self.max_price)?;
        Ok(offer)
    }
}
