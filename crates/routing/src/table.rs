//! The compiled form of routes, prices and policy.

use std::sync::Arc;
use std::time::Duration;

use domain::plan::Exclusion;
use domain::record::Target;
use domain::{Class, ConnectionId, RateCardId, Recipient, Rewritten, RouteId, Sender, Tariff, VendorId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::choose::Facts;
use crate::price::{Card, Exchange};
use crate::problem;

mod cap;
mod commitments;
mod compile;
mod conditions;
mod content;
mod effect;
mod hours;
mod index;
mod overlay;
mod pin;
mod rates;
mod route;
mod rule;
mod senders;
mod warnings;
mod worth;

pub use cap::Cap;
pub use commitments::Commitments;
pub use compile::Known;
pub use effect::{Effect, PriceChange};
pub(crate) use pin::Pin;
pub use route::Route;
pub(crate) use route::{Offer, Request};
pub(crate) use rule::{Listed, Rule, Strategy};
pub use worth::{Worth, Worths};

/// What every decision is made from. It never changes: an override is a new table.
#[derive(Clone, Debug)]
pub struct Table {
    version: u64,
    default_class: Class,
    routes: Vec<Route>,
    by_id: FxHashMap<RouteId, usize>,
    rules: Vec<Rule>,
    index: index::Index,
    vendors: FxHashMap<ConnectionId, VendorId>,
    overlay: overlay::Overlay,
    cards: FxHashMap<RateCardId, Arc<Card>>,
    rates: Arc<rates::Rates>,
    caps: Vec<Cap>,
    pins: Vec<Pin>,
    pin_index: index::Index,
    exchange: Arc<Exchange>,
    worths: Worths,
    commitments: Option<Commitments>,
    /// Recipients that are the buyer's own.
    test_numbers: Arc<FxHashSet<Recipient>>,
}

/// What one route would take for a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    pub route: RouteId,
    /// None when no price is known.
    pub price: Option<Tariff>,
    /// What the message would come from; None where the route would not carry it or leaves that to the vendor.
    pub sender: Option<Sender>,
    /// Of the text that the route would send; of the message's own where it would not carry it.
    pub segments: u8,
    /// The text that it would send in the place of the message's own.
    pub rewritten: Option<Box<Rewritten>>,
    /// Why the route would not carry the message whatever the rule.
    pub excluded: Option<Exclusion>,
}

impl Table {
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The class of a message that names none.
    #[must_use]
    pub fn default_class(&self) -> Class {
        self.default_class
    }

    /// In the order of the configuration.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    #[must_use]
    pub fn route(&self, id: &RouteId) -> Option<&Route> {
        self.by_id.get(id).and_then(|&at| self.routes.get(at))
    }

    /// Whether any route changes texts or looks into them.
    #[must_use]
    pub fn minds_texts(&self) -> bool {
        self.routes.iter().any(|route| route.content.is_some())
    }

    /// As `route`, for a name that a person gave.
    ///
    /// # Errors
    /// With what is wrong and the route that may have been meant, when there is none of that name.
    pub fn find(&self, id: &RouteId) -> Result<&Route, String> {
        let known = self.routes.iter().map(|route| route.id.as_str());
        self.route(id).ok_or_else(|| problem::unknown("route", id.as_str(), known))
    }

    /// Where an attempt on this route goes now; None when the route is gone, an override takes traffic from it, or it
    /// would no longer carry the message.
    #[must_use]
    pub fn target_for(&self, id: &RouteId, facts: &Facts<'_>) -> Option<Target> {
        let at = *self.by_id.get(id)?;
        let route = self.routes.get(at)?;
        let request = self.request(facts);
        if self.taken(at, route, &request).is_some() {
            return None;
        }
        let offer = route.offer(&request, None).ok()?;
        Some(route.target(offer, None))
    }

    /// What each route of the message's channel would take.
    #[must_use]
    pub fn quotes(&self, facts: &Facts<'_>) -> Vec<Quote> {
        let request = self.request(facts);
        let routes = self.routes.iter().enumerate().filter(|(_, route)| route.channel == facts.channel);
        routes
            .map(|(at, route)| {
                let offer = route.offer(&request, None);
                let excluded =
                    offer.as_ref().map_or_else(|because| Some(*because), |_| self.taken(at, route, &request));
                let offer = offer.ok();
                Quote {
                    route: route.id.clone(),
                    price: route.price(&request).ok().flatten(),
                    sender: offer.as_ref().and_then(|offer| offer.sender.cloned()),
                    segments: offer.as_ref().map_or_else(|| facts.segments.max(1), |offer| offer.segments),
                    rewritten: offer.and_then(|offer| offer.rewritten),
                    excluded,
                }
            })
            .collect()
    }

    /// How long a message may be tried that says nothing of it; None when no rule matches.
    #[must_use]
    pub fn validity(&self, facts: &Facts<'_>) -> Option<Duration> {
        self.rule(&self.request(facts)).map(|rule| rule.validity)
    }

    /// The rate cards, in any order.
    pub fn cards(&self) -> impl Iterator<Item = &Arc<Card>> {
        self.cards.values()
    }

    /// What a message's facts come to, worked out once for all rules and routes.
    pub(crate) fn request<'a>(&'a self, facts: &'a Facts<'a>) -> Request<'a> {
        let operator = facts.operator.and_then(|text| text.parse().ok());
        Request { facts, operator, rates: self.rates.row(operator) }
    }

    /// What messages are worth.
    #[must_use]
    pub fn worths(&self) -> &Worths {
        &self.worths
    }

    /// None where commitments steer nothing.
    #[must_use]
    pub fn commitments(&self) -> Option<&Commitments> {
        self.commitments.as_ref()
    }

    /// Whether the recipient is the buyer's own, so that its messages are probes wherever one is wanted.
    #[must_use]
    pub fn is_test_number(&self, to: &Recipient) -> bool {
        self.test_numbers.contains(to)
    }

    pub(crate) fn card_of<'t>(&'t self, route: &'t Route) -> Option<&'t Card> {
        route.card.as_deref()
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    pub(crate) fn overlay(&self) -> &overlay::Overlay {
        &self.overlay
    }

    /// Why a route that would carry the message does not, by an override.
    fn taken(&self, at: usize, route: &Route, request: &Request<'_>) -> Option<Exclusion> {
        if self.overlay.is_empty() {
            return None;
        }
        if self.overlay.stand_in(at, &self.routes, request).is_some() {
            return Some(Exclusion::Flipped);
        }
        if self.overlay.suspended(at, route, request).is_some() {
            return Some(Exclusion::Suspended);
        }
        self.overlay.maintained(at, route, request).map(|_| Exclusion::Maintenance)
    }

    /// The first rule, in the order of the policy, that the message fits.
    pub(crate) fn rule(&self, request: &Request<'_>) -> Option<&Rule> {
        self.index.first(&self.rules, request)
    }
}

#[cfg(test)]
mod tests;
