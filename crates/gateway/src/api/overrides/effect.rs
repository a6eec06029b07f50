//! What an override would change: only what is known exactly before it is made.

use connectors::connector::HealthState;
use domain::overrides::{Action, Scope};
use domain::{Country, Override, OverrideId, Timestamp};
use routing::Table;
use routing::table::{PriceChange, Route};
use serde::Serialize;

use super::super::Api;
use super::view::OverrideView;

#[derive(Serialize)]
pub(super) struct DryRun {
    pub(super) dry_run: bool,
    pub(super) effect: Effect,
}

#[derive(Serialize)]
pub(super) struct Made<'a> {
    #[serde(flatten)]
    pub(super) made: OverrideView<'a>,
    pub(super) effect: Effect,
}

#[derive(Serialize)]
pub(super) struct Effect {
    /// The routes that it concerns.
    routes: Vec<String>,
    /// Rules that have no other route: what they decide waits.
    rules_without_another_route: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flip: Option<Flip>,
}

#[derive(Serialize)]
struct Flip {
    connection: Capacity,
    /// Countries that the stand-in does not go to.
    countries_lost: Vec<String>,
    /// Kinds of sender that it does not carry as they are; None where more than the kind decides.
    senders_lost: Option<Vec<&'static str>>,
    /// Whether it puts a sender of its own in their place.
    has_default_sender: bool,
    prices: Vec<Price>,
}

/// How the stand-in's connection stands.
#[derive(Serialize)]
struct Capacity {
    id: String,
    state: &'static str,
    binds_up: u16,
    binds: u16,
}

/// Of a message of one segment.
#[derive(Serialize)]
struct Price {
    country: Option<String>,
    operator: Option<String>,
    from: Option<String>,
    to: Option<String>,
    difference: Option<String>,
    currency: Option<String>,
    /// Of `to`, where it is another one.
    to_currency: Option<String>,
    /// The stand-in's rate card closes the destination.
    closed: bool,
}

pub(super) fn of(api: &Api, action: &Action, scope: &Scope) -> Effect {
    let table = api.pipeline.table();
    let is_taken = |route: &Route| takes(&table, action, route);
    let routes: Vec<String> =
        table.routes().iter().filter(|route| is_taken(route)).map(|route| route.id.to_string()).collect();
    let takes_all = match action {
        Action::Suspend(_) => true,
        Action::Weight { weight, .. } => *weight == 0,
        Action::Flip { .. } | Action::Maintenance(_) => false,
    };
    let rules = table.rules_of_only(is_taken).filter(|_| takes_all).map(ToString::to_string).collect();
    let flip = match action {
        Action::Flip { from, to } => {
            table.effect_of_flip(from, to, scope, api.pipeline.now()).map(|effect| Flip {
                connection: capacity(api, table.route(to)),
                countries_lost: effect.countries_lost.iter().map(Country::to_string).collect(),
                senders_lost: effect
                    .senders_lost
                    .map(|kinds| kinds.into_iter().map(domain::address::SenderKind::as_str).collect()),
                has_default_sender: effect.has_default_sender,
                prices: effect.prices.iter().map(price).collect(),
            })
        }
        Action::Suspend(_) | Action::Weight { .. } | Action::Maintenance(_) => None,
    };
    Effect { routes, rules_without_another_route: rules, flip }
}

fn takes(table: &Table, action: &Action, route: &Route) -> bool {
    let one = Override {
        id: OverrideId::from_u128(0),
        action: action.clone(),
        reason: "".into(),
        created_at: Timestamp::from_millis(0),
        created_by: "".into(),
        expires_at: Timestamp::from_millis(0),
        reverted: None,
        scope: Scope::default(),
        starts_at: None,
    };
    table.concerns(&one, route)
}

fn capacity(api: &Api, route: Option<&Route>) -> Capacity {
    let connections = api.pipeline.snapshot().connections;
    let id = route.map(|route| &route.connection);
    let health = connections.iter().find(|(other, _)| Some(other) == id).map(|(_, health)| health);
    let state = match health.map(|health| &health.state) {
        None => "closed",
        Some(HealthState::Up) => "up",
        Some(HealthState::Throttled) => "throttled",
        Some(HealthState::Down { .. }) => "down",
    };
    Capacity {
        id: id.map(ToString::to_string).unwrap_or_default(),
        state,
        binds_up: health.map_or(0, |health| health.binds_up),
        binds: health.map_or(0, |health| health.binds),
    }
}

fn price(change: &PriceChange) -> Price {
    let amount = |price: Option<domain::Price>| price.map(|price| price.amount.to_string());
    let currency = |price: domain::Price| price.currency.as_str().to_owned();
    let is_other = |to: &domain::Price| change.from.is_some_and(|from| from.currency != to.currency);
    Price {
        country: change.country.map(|country| country.to_string()),
        operator: change.operator.map(|operator| operator.to_string()),
        from: amount(change.from),
        to: amount(change.to),
        difference: change.difference().map(|difference| difference.to_string()),
        currency: change.from.or(change.to).map(currency),
        to_currency: change.to.filter(is_other).map(currency),
        closed: change.is_closed,
    }
}
