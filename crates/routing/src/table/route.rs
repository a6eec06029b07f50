//! A route, compiled: would it carry this message, under which sender and at what price.

use std::sync::Arc;

use domain::money::Decimal;
use domain::plan::Exclusion;
use domain::record::Target;
use domain::{Channel, ConnectionId, Country, Price, RouteId, Sender};

use crate::choose::Facts;
use crate::operator::Operator;
use crate::price::Card;
use crate::settings::Pass;
use crate::table::senders::SenderPolicies;

#[derive(Clone, Debug)]
pub struct Route {
    pub id: RouteId,
    pub connection: ConnectionId,
    pub channel: Channel,
    /// Sorted; None: anywhere.
    pub countries: Option<Box<[Country]>>,
    pub(super) senders: SenderPolicies,
    /// What of a message that came by SMPP goes on as it was written.
    pub pass: Box<[Pass]>,
    pub(super) card: Option<Arc<Card>>,
}

/// A message's facts with its operator's code read, once for all rules and routes.
pub(crate) struct Request<'a> {
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) operator: Option<Operator>,
}

/// A route that would carry the message.
pub(crate) struct Offer {
    pub(crate) sender: Option<Sender>,
    /// For one segment.
    pub(crate) price: Option<Price>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(facts: &'a Facts<'a>) -> Self {
        Self { facts, operator: facts.operator.and_then(|text| text.parse().ok()) }
    }
}

impl Route {
    /// For one segment; None when no price is known.
    pub(crate) fn price(&self, request: &Request<'_>) -> Option<Price> {
        let facts = request.facts;
        self.card.as_ref()?.price(request.operator, facts.country, facts.now)
    }

    pub(crate) fn offer(&self, request: &Request<'_>) -> Result<Offer, Exclusion> {
        let facts = request.facts;
        if self.channel != facts.channel {
            return Err(Exclusion::Channel);
        }
        if !self.goes_to(facts.country) {
            return Err(Exclusion::Country);
        }
        let sender = self.senders.sender_for(request)?;
        let price = self.price(request);
        if let Some(limit) = facts.max_price {
            let whole = price.map(|price| price.times(facts.segments.max(1).into()));
            within(whole, limit)?;
        }
        Ok(Offer { sender, price })
    }

    pub(crate) fn target(&self, offer: Offer) -> Target {
        Target {
            route: self.id.clone(),
            connection: self.connection.clone(),
            sender: offer.sender,
            price: offer.price,
        }
    }

    /// Which entry of `senders_by` says what of a message's sender, counted from zero; None when it is `senders`.
    pub(crate) fn senders_entry(&self, request: &Request<'_>) -> Option<u16> {
        self.senders.entry_for(request).and_then(|at| u16::try_from(at).ok())
    }

    fn goes_to(&self, country: Option<Country>) -> bool {
        self.countries
            .as_ref()
            .is_none_or(|countries| country.is_some_and(|country| countries.binary_search(&country).is_ok()))
    }
}

impl Offer {
    /// A rule's limit is for one segment and in the currency of whatever card it is held against.
    pub(crate) fn within(&self, limit: Option<Decimal>) -> Result<(), Exclusion> {
        let Some(amount) = limit else { return Ok(()) };
        let limit = self.price.map(|price| Price { amount, currency: price.currency });
        limit.map_or(Err(Exclusion::PriceUnknown), |limit| within(self.price, limit))
    }
}

fn within(price: Option<Price>, limit: Price) -> Result<(), Exclusion> {
    let price = price.ok_or(Exclusion::PriceUnknown)?;
    if price.currency != limit.currency {
        return Err(Exclusion::CurrencyDiffers);
    }
    if price.amount > limit.amount { Err(Exclusion::PriceAboveMax) } else { Ok(()) }
}
