//! A route, compiled: would it carry this message, under which sender and at what price.

use std::sync::Arc;

use domain::money::Decimal;
use domain::plan::{Drawn, Exclusion};
use domain::record::Target;
use domain::{Channel, ConnectionId, Country, Price, Rewritten, RouteId, Sender, Tariff, Timestamp};

use crate::choose::Facts;
use crate::operator::Operator;
use crate::price::{Card, Rated};
use crate::settings::Pass;
use crate::table::content::ContentPolicies;
use crate::table::rates::Cell;
use crate::table::senders::SenderPolicies;

#[derive(Clone, Debug)]
pub struct Route {
    pub id: RouteId,
    pub connection: ConnectionId,
    /// Equal for connections that fail together.
    pub(crate) failure_domain: u32,
    pub channel: Channel,
    /// Sorted; None: anywhere.
    pub countries: Option<Box<[Country]>>,
    pub(super) senders: SenderPolicies,
    /// None: every text goes as it is.
    pub(super) content: Option<Box<ContentPolicies>>,
    /// What of a message that came by SMPP goes on as it was written.
    pub pass: Box<[Pass]>,
    pub(super) card: Option<Arc<Card>>,
    /// The card's column among the table's rates.
    pub(super) column: usize,
    /// The places of the caps that count what it carries.
    pub(crate) caps: Box<[usize]>,
}

/// A message's facts with its operator's code read and its prices found, once for all rules and routes.
pub(crate) struct Request<'a> {
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) operator: Option<Operator>,
    /// What cards take on the operator, by their columns.
    pub(crate) rates: &'a [Cell],
}

/// A route that would carry the message.
pub(crate) struct Offer<'a> {
    pub(crate) sender: Option<&'a Sender>,
    pub(crate) price: Option<Tariff>,
    /// The text in the place of the message's own; None: that one as it is.
    pub(crate) rewritten: Option<Box<Rewritten>>,
    /// Of the text that would be sent. At least one.
    pub(crate) segments: u8,
}

impl Route {
    /// None when no price is known.
    #[inline(always)]
    pub(crate) fn price(&self, request: &Request<'_>) -> Result<Option<Tariff>, Exclusion> {
        let facts = request.facts;
        let Some(card) = &self.card else { return Ok(None) };
        let found = request.rates.get(self.column).and_then(|cell| cell.rated(card, facts.now));
        match found.unwrap_or_else(|| card.rate(request.operator, facts.country, facts.now)) {
            Rated::Unknown => Ok(None),
            Rated::Closed => Err(Exclusion::Closed),
            Rated::Priced(tariff) => Ok(Some(tariff)),
        }
    }

    /// What the route would do for the message, or why it does not carry it. `limit` is for a message of one segment, with
    /// all that comes on top, and in the currency of whatever card it is held against.
    ///
    /// Inlined, because an offer is large: to hand it on from function to function took as long as to work it out.
    #[inline(always)]
    pub(crate) fn offer<'a>(
        &'a self,
        request: &Request<'a>,
        limit: Option<Decimal>,
    ) -> Result<Offer<'a>, Exclusion> {
        let facts = request.facts;
        if self.channel != facts.channel {
            return Err(Exclusion::Channel);
        }
        if !self.goes_to(facts.country) {
            return Err(Exclusion::Country);
        }
        let sender = self.senders.sender_for(request)?;
        let price = self.price(request)?;
        let content = self.content.as_ref();
        let rewritten = content.map(|content| content.rewritten(&self.id, request)).transpose()?.flatten();
        let segments = rewritten.as_ref().map_or(facts.segments, |rewritten| rewritten.segments).max(1);
        if let Some(limit) = facts.max_price {
            let whole = price.map(|price| price.times(segments.into()));
            self.within(whole, limit, facts.now)?;
        }
        if let Some(limit) = limit {
            let price = price.ok_or(Exclusion::PriceUnknown)?;
            if price.times(1).amount > limit {
                return Err(Exclusion::PriceAboveMax);
            }
        }
        Ok(Offer { sender, price, rewritten, segments })
    }

    pub(crate) fn target(&self, offer: Offer<'_>, drawn: Option<Drawn>) -> Target {
        Target {
            route: self.id.clone(),
            connection: self.connection.clone(),
            sender: offer.sender.cloned(),
            price: offer.price,
            drawn,
            rewritten: offer.rewritten,
        }
    }

    /// Which entry of `senders_by` or `content_by` left it out, counted from zero; None when it was none of them.
    pub(crate) fn entry_behind(&self, because: Exclusion, request: &Request<'_>) -> Option<u16> {
        let entry = if because == Exclusion::Sender {
            self.senders.entry_for(request)
        } else if because.is_of_text() {
            self.content.as_ref().and_then(|content| content.entry_for(request))
        } else {
            None
        };
        entry.and_then(|at| u16::try_from(at).ok())
    }

    /// The application's limit may be in any currency that the price can be exchanged for.
    fn within(&self, price: Option<Price>, limit: Price, now: Timestamp) -> Result<(), Exclusion> {
        let price = price.ok_or(Exclusion::PriceUnknown)?;
        let exchange = self.card.as_ref().map(|card| &card.exchange);
        let price = exchange.and_then(|exchange| exchange.convert(price, limit.currency, now));
        let price = price.ok_or(Exclusion::CurrencyDiffers)?;
        if price.amount > limit.amount { Err(Exclusion::PriceAboveMax) } else { Ok(()) }
    }

    /// Whether it leads to the country, or anywhere.
    #[must_use]
    pub fn goes_to(&self, country: Option<Country>) -> bool {
        self.countries
            .as_ref()
            .is_none_or(|countries| country.is_some_and(|country| countries.binary_search(&country).is_ok()))
    }
}
