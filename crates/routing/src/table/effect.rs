//! What a flip would change, as far as the table knows it exactly.

use domain::address::SenderKind;
use domain::money::Decimal;
use domain::overrides::Scope;
use domain::{Country, Price, RouteId, Timestamp};

use super::{Route, Strategy, Table};
use crate::operator::Operator;
use crate::price::Rated;

/// Of a flip between two routes.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Countries in the scope that the first route goes to and the second does not. Empty also when the first goes
    /// anywhere and the scope names none.
    pub countries_lost: Vec<Country>,
    /// Kinds of sender that the first route carries as they are and the second does not. None where one of them
    /// decides by more than the kind: then it depends on the message.
    pub senders_lost: Option<Vec<SenderKind>>,
    /// Whether the second puts a sender of its own in their place; if not, such messages do not take it.
    pub has_default_sender: bool,
    /// For each destination that the scope names, or those of the first route.
    pub prices: Vec<PriceChange>,
}

/// What a message of one segment to a destination costs before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceChange {
    pub country: Option<Country>,
    pub operator: Option<Operator>,
    pub from: Option<Price>,
    pub to: Option<Price>,
    /// The rate card of the second closes it.
    pub is_closed: bool,
}

impl PriceChange {
    /// None when a price is not known or the currencies differ.
    #[must_use]
    pub fn difference(&self) -> Option<Decimal> {
        let (from, to) = (self.from?, self.to?);
        (from.currency == to.currency).then(|| to.amount - from.amount)
    }
}

/// So many destinations say enough.
const SHOWN: usize = 100;

impl Table {
    /// None when one of the routes is not there.
    #[must_use]
    pub fn effect_of_flip(
        &self,
        from: &RouteId,
        to: &RouteId,
        scope: &Scope,
        now: Timestamp,
    ) -> Option<Effect> {
        let (from, to) = (self.route(from)?, self.route(to)?);
        let countries: Vec<Country> = match (&from.countries, scope.countries.as_slice()) {
            (Some(all), []) => all.to_vec(),
            (Some(all), named) => named.iter().copied().filter(|one| all.contains(one)).collect(),
            (None, named) => named.to_vec(),
        };
        let is_lost = |country: &Country| to.countries.as_ref().is_some_and(|all| !all.contains(country));
        let kinds = [SenderKind::Alphanumeric, SenderKind::Numeric, SenderKind::ShortCode];
        let carried = from.senders.kinds_alone().zip(to.senders.kinds_alone());
        let senders_lost = carried.map(|(by_from, by_to)| {
            kinds.into_iter().filter(|kind| by_from(*kind) && !by_to(*kind)).collect()
        });
        let prices = destinations(scope, &countries).map(|(country, operator)| {
            let rated = |route: &Route| {
                let card = route.card.as_ref();
                card.map_or(Rated::Unknown, |card| card.rate(operator, country, now))
            };
            let (from, to) = (rated(from), rated(to));
            let is_closed = to == Rated::Closed;
            PriceChange { country, operator, from: price(from), to: price(to), is_closed }
        });
        Some(Effect {
            countries_lost: countries.iter().copied().filter(is_lost).collect(),
            senders_lost,
            has_default_sender: to.senders.otherwise.default.is_some(),
            prices: prices.take(SHOWN).collect(),
        })
    }

    /// The rules all of whose routes are among these: what they decide has no other way. A route that a rule of
    /// weights gives none counts as no way.
    pub fn rules_of_only<'t>(
        &'t self,
        is_taken: impl Fn(&Route) -> bool + 't,
    ) -> impl Iterator<Item = &'t domain::RuleId> + 't {
        let has_no_other = move |rule: &&super::Rule| {
            let carries = |listed: &&super::Listed| rule.strategy != Strategy::Weighted || listed.weight > 0;
            let mut routes = rule.routes.iter().filter(carries);
            let mut names_one = false;
            let all = routes.all(|listed| {
                names_one = true;
                self.routes.get(listed.route).is_some_and(&is_taken)
            });
            all && names_one
        };
        self.rules.iter().filter(has_no_other).map(|rule| &rule.id)
    }
}

fn price(rated: Rated) -> Option<Price> {
    match rated {
        Rated::Unknown | Rated::Closed => None,
        Rated::Priced(tariff) => Some(tariff.times(1)),
    }
}

/// Operators where the scope names some, else countries.
fn destinations<'s>(
    scope: &'s Scope,
    countries: &'s [Country],
) -> impl Iterator<Item = (Option<Country>, Option<Operator>)> + 's {
    let operators = scope.operators.iter().filter_map(|text| text.parse::<Operator>().ok());
    let operators = operators.map(|operator| (only(operator.mcc().countries()), Some(operator)));
    let has_operators = !scope.operators.is_empty();
    let countries = countries.iter().filter(move |_| !has_operators).map(|country| (Some(*country), None));
    operators.chain(countries)
}

/// An MCC may stand for several countries; their prices may differ.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next();
    if all.next().is_some() { None } else { first }
}
