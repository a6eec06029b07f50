//! `GET /v1/routes`: the routes in the order of the configuration, and how their connections stand.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use connectors::Health;
use connectors::connector::HealthState;
use serde::Serialize;

use super::auth::Caller;
use super::problem::Problem;
use super::{Api, overrides, respond};

#[derive(Serialize)]
struct Routes<'a> {
    data: Vec<RouteView<'a>>,
    next_cursor: Option<&'a str>,
}

#[derive(Serialize)]
struct RouteView<'a> {
    id: &'a str,
    connection: &'a str,
    channel: &'static str,
    /// None: anywhere.
    countries: Option<Vec<&'a str>>,
    /// Of its connection.
    state: &'static str,
    /// Why the connection is down.
    reason: Option<&'a str>,
    binds_up: u16,
    binds: u16,
    /// What stands in for it now.
    flip: Option<overrides::FlipView<'a>>,
    /// Those that concern it, in force and planned.
    overrides: Vec<overrides::OverrideView<'a>>,
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    caller.view()?;
    let table = api.pipeline.table();
    let connections = api.pipeline.snapshot().connections;
    let (in_force, planned, now) = (api.pipeline.overrides(), api.pipeline.planned(), api.pipeline.now());
    let data = table.routes().iter().map(|route| {
        let found = connections.iter().find(|(id, _)| *id == route.connection);
        let flip = overrides::flip_of(&route.id, &in_force, &table, now);
        let laid = in_force.iter().chain(&planned);
        let laid = overrides::laid_over(route, laid, &table, now);
        RouteView { overrides: laid, ..view(route, found.map(|(_, health)| health), flip) }
    });
    Ok(respond::ok(&Routes { data: data.collect(), next_cursor: None }))
}

fn view<'a>(
    route: &'a routing::table::Route,
    health: Option<&'a Health>,
    flip: Option<overrides::FlipView<'a>>,
) -> RouteView<'a> {
    let (state, reason) = match health.map(|health| &health.state) {
        None => ("closed", None),
        Some(HealthState::Up) => ("up", None),
        Some(HealthState::Throttled) => ("throttled", None),
        Some(HealthState::Down { reason, .. }) => ("down", Some(&**reason)),
    };
    let countries = route.countries.as_deref();
    RouteView {
        id: route.id.as_str(),
        connection: route.connection.as_str(),
        channel: route.channel.as_str(),
        countries: countries.map(|countries| countries.iter().map(|country| country.as_str()).collect()),
        state,
        reason,
        binds_up: health.map_or(0, |health| health.binds_up),
        binds: health.map_or(0, |health| health.binds),
        flip,
        overrides: Vec::new(),
    }
}
