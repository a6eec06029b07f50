//! Overrides as the API shows them.

use domain::overrides::{Action, Maintenance, Scope, State, Suspended};
use domain::{ConnectionId, Override, OverrideId, RouteId, Timestamp};
use routing::Table;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct OverrideView<'a> {
    id: OverrideId,
    kind: &'static str,
    /// Of a flip.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u32>,
    /// Of a maintenance; empty: all of the vendor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    otherwise: Option<&'static str>,
    /// In words: `suspend vendor acme`.
    summary: String,
    /// Empty: every message.
    scope: ScopeView<'a>,
    reason: &'a str,
    state: &'static str,
    /// Whether it steers anything now: one whose routes left the configuration does not.
    has_effect: bool,
    created_at: Timestamp,
    created_by: &'a str,
    starts_at: Timestamp,
    expires_at: Timestamp,
    /// Until it expires; zero when it is over.
    remaining_seconds: u64,
    reverted_at: Option<Timestamp>,
    reverted_by: Option<&'a str>,
}

#[derive(Serialize)]
struct ScopeView<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    class: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    country: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    operator: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    app: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recipient_prefix: Vec<String>,
}

impl<'a> ScopeView<'a> {
    fn new(scope: &'a Scope) -> Self {
        Self {
            class: scope.classes.iter().map(|class| class.as_str()).collect(),
            country: scope.countries.iter().map(|country| country.as_str()).collect(),
            operator: scope.operators.iter().map(|operator| &**operator).collect(),
            app: scope.apps.iter().map(|app| app.as_str()).collect(),
            recipient_prefix: scope.prefixes.iter().map(|prefix| format!("+{prefix}")).collect(),
        }
    }
}

/// A flip as the list of routes shows it.
#[derive(Serialize)]
pub(crate) struct FlipView<'a> {
    id: OverrideId,
    to: &'a str,
    reason: &'a str,
    created_by: &'a str,
    expires_at: Timestamp,
    remaining_seconds: u64,
}

/// The flip of a route that holds for every message; those with a scope are among its overrides.
pub(crate) fn flip_of<'a>(
    route: &RouteId,
    in_force: &'a [Override],
    table: &Table,
    now: Timestamp,
) -> Option<FlipView<'a>> {
    in_force.iter().filter(|one| one.scope.is_all() && table.obeys(one)).find_map(|one| match &one.action {
        Action::Flip { from, to } if from == route => Some(FlipView {
            id: one.id,
            to: to.as_str(),
            reason: &one.reason,
            created_by: &one.created_by,
            expires_at: one.expires_at,
            remaining_seconds: remaining(one, now),
        }),
        Action::Flip { .. } | Action::Suspend(_) | Action::Weight { .. } | Action::Maintenance(_) => None,
    })
}

pub(crate) fn laid_over<'a>(
    route: &routing::table::Route,
    all: impl Iterator<Item = &'a Override>,
    table: &Table,
    now: Timestamp,
) -> Vec<OverrideView<'a>> {
    all.filter(|one| table.concerns(one, route)).map(|one| view(one, table, now)).collect()
}

pub(crate) fn view<'a>(one: &'a Override, table: &Table, now: Timestamp) -> OverrideView<'a> {
    let state = one.state(now);
    let mut view = OverrideView {
        id: one.id,
        kind: kind(&one.action),
        from: None,
        to: None,
        route: None,
        connection: None,
        vendor: None,
        weight: None,
        connections: None,
        otherwise: None,
        summary: one.action.to_string(),
        scope: ScopeView::new(&one.scope),
        reason: &one.reason,
        state: state.as_str(),
        has_effect: state == State::Active && table.obeys(one),
        created_at: one.created_at,
        created_by: &one.created_by,
        starts_at: one.begins_at(),
        expires_at: one.expires_at,
        remaining_seconds: remaining(one, now),
        reverted_at: one.reverted.as_ref().map(|reverted| reverted.at),
        reverted_by: one.reverted.as_ref().map(|reverted| &*reverted.by),
    };
    match &one.action {
        Action::Flip { from, to } => (view.from, view.to) = (Some(from.as_str()), Some(to.as_str())),
        Action::Suspend(Suspended::Route(id)) => view.route = Some(id.as_str()),
        Action::Suspend(Suspended::Connection(id)) => view.connection = Some(id.as_str()),
        Action::Suspend(Suspended::Vendor(id)) => view.vendor = Some(id.as_str()),
        Action::Weight { route, weight } => {
            (view.route, view.weight) = (Some(route.as_str()), Some(*weight));
        }
        Action::Maintenance(Maintenance { vendor, connections, otherwise }) => {
            view.vendor = Some(vendor.as_str());
            view.connections = Some(connections.iter().map(ConnectionId::as_str).collect());
            view.otherwise = Some(otherwise.as_str());
        }
    }
    view
}

pub(super) fn kind(action: &Action) -> &'static str {
    match action {
        Action::Flip { .. } => "flip",
        Action::Suspend(_) => "suspend",
        Action::Weight { .. } => "weight",
        Action::Maintenance(_) => "maintenance",
    }
}

fn remaining(one: &Override, now: Timestamp) -> u64 {
    match one.state(now) {
        State::Planned | State::Active => one.expires_at.since(now).as_secs(),
        State::Reverted | State::Expired => 0,
    }
}
