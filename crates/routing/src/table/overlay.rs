//! Overrides laid over a table: which route stands in for which, and which takes no traffic or another share of it.
//!
//! A flip follows those that begin where it ends, so that a route whose stand-in is flipped away in turn goes where
//! that one goes. Each step is taken only where the message is in the flip's scope. Which overrides may be made is for
//! whoever makes them; here a circle has no effect, whatever made it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use domain::overrides::{Action, Flip, How, Maintenance, Scope, Steered, Suspended};
use domain::{ConnectionId, Override, VendorId};
use rustc_hash::{FxHashMap, FxHasher};

use super::conditions::{Conditions, OneOf, Prefixes};
use super::{Request, Route, Strategy, Table};
use crate::operator::Operator;

/// By the places of the routes in the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    /// Where each leads.
    flips: ByRoute<usize>,
    suspended: ByRoute<Suspended>,
    weights: ByRoute<u32>,
    maintained: ByRoute<Maintenance>,
}

type ByRoute<T> = FxHashMap<usize, Vec<Laid<T>>>;

#[derive(Clone, Debug)]
struct Laid<T> {
    what: T,
    scope: Conditions,
    of: Arc<Override>,
}

pub(crate) struct StandIn {
    /// Its place among the table's routes.
    pub(crate) to: usize,
    /// For the plan.
    pub(crate) flip: Flip,
}

impl Overlay {
    pub(crate) fn is_empty(&self) -> bool {
        let Self { flips, suspended, weights, maintained } = self;
        flips.is_empty() && suspended.is_empty() && weights.is_empty() && maintained.is_empty()
    }

    /// What stands in for the route at this place, for this message.
    pub(crate) fn stand_in(&self, from: usize, routes: &[Route], request: &Request<'_>) -> Option<StandIn> {
        let first = find(&self.flips, from, request)?;
        let mut to = first.what;
        let mut steps = self.flips.len();
        while let Some(next) = find(&self.flips, to, request) {
            // More steps than there are routes that are flipped: a circle.
            steps = steps.checked_sub(1)?;
            to = next.what;
        }
        let (source, target) = (routes.get(from)?, routes.get(to)?);
        let of = &first.of;
        let flip = Flip {
            id: of.id,
            from: source.id.clone(),
            to: target.id.clone(),
            until: of.expires_at,
            by: of.created_by.clone(),
            reason: of.reason.clone(),
        };
        Some(StandIn { to, flip })
    }

    /// Why the route takes no traffic; of several overrides the one that ends last.
    pub(crate) fn suspended(&self, at: usize, route: &Route, request: &Request<'_>) -> Option<Steered> {
        let laid = all(&self.suspended, at, request).max_by_key(|laid| laid.of.expires_at)?;
        Some(laid.steered(route, How::Suspended(laid.what.clone())))
    }

    /// The weight in the place of its own.
    pub(crate) fn weight(&self, at: usize, route: &Route, request: &Request<'_>) -> Option<(u32, Steered)> {
        let laid = find(&self.weights, at, request)?;
        Some((laid.what, laid.steered(route, How::Weight(laid.what))))
    }

    /// The maintenance that the route is in; of several the one that ends last.
    pub(crate) fn maintained(
        &self,
        at: usize,
        route: &Route,
        request: &Request<'_>,
    ) -> Option<(&Maintenance, Steered)> {
        let laid = all(&self.maintained, at, request).max_by_key(|laid| laid.of.expires_at)?;
        Some((&laid.what, laid.steered(route, How::Maintenance(laid.what.clone()))))
    }
}

fn all<'o, T>(
    by_route: &'o ByRoute<T>,
    at: usize,
    request: &Request<'_>,
) -> impl Iterator<Item = &'o Laid<T>> {
    by_route.get(&at).into_iter().flatten().filter(|laid| laid.scope.hold(request))
}

fn find<'o, T>(by_route: &'o ByRoute<T>, at: usize, request: &Request<'_>) -> Option<&'o Laid<T>> {
    all(by_route, at, request).next()
}

impl<T> Laid<T> {
    fn steered(&self, route: &Route, how: How) -> Steered {
        let of = &self.of;
        Steered {
            id: of.id,
            route: route.id.clone(),
            how,
            until: of.expires_at,
            by: of.created_by.clone(),
            reason: of.reason.clone(),
        }
    }
}

impl Table {
    /// This table, which says of whom each connection is, so that whole vendors can be steered.
    #[must_use]
    pub fn of_vendors(mut self, vendors: impl IntoIterator<Item = (ConnectionId, VendorId)>) -> Self {
        self.vendors = vendors.into_iter().collect();
        self
    }

    /// Whose connection this is; None when nobody said.
    #[must_use]
    pub fn vendor(&self, connection: &ConnectionId) -> Option<&VendorId> {
        self.vendors.get(connection)
    }

    /// This table, which must have none yet, under overrides that are in force. Its version tells it from the table
    /// without and from that under any others; under none it is this table's own.
    #[must_use]
    pub fn under(&self, overrides: &[Override]) -> Self {
        let mut table = self.clone();
        let mut hasher = FxHasher::default();
        for one in overrides.iter().filter(|one| self.obeys(one)) {
            one.id.hash(&mut hasher);
            table.lay(&Arc::new(one.clone()));
        }
        if !table.overlay.is_empty() {
            self.version.hash(&mut hasher);
            table.version = hasher.finish();
        }
        table
    }

    fn lay(&mut self, of: &Arc<Override>) {
        let scope = conditions(&of.scope);
        match &of.action {
            Action::Flip { from, to } => {
                let ends = self.by_id.get(from).zip(self.by_id.get(to));
                let ends = ends.map(|(from, to)| (*from, *to));
                if let Some((from, to)) = ends {
                    put(&mut self.overlay.flips, [from], to, &scope, of);
                }
            }
            Action::Suspend(what) => {
                let places = self.places_of_suspended(what);
                put(&mut self.overlay.suspended, places, what.clone(), &scope, of);
            }
            Action::Weight { route, weight } => {
                let place = self.by_id.get(route).copied();
                put(&mut self.overlay.weights, place, *weight, &scope, of);
            }
            Action::Maintenance(what) => {
                let places = self.places_of_maintained(what);
                put(&mut self.overlay.maintained, places, what.clone(), &scope, of);
            }
        }
    }

    /// Whether the override changes any plan of this table: what it names is there.
    #[must_use]
    pub fn obeys(&self, one: &Override) -> bool {
        match &one.action {
            Action::Flip { from, to } => {
                let channel = |id| self.route(id).map(|route| route.channel);
                from != to && channel(from).is_some() && channel(from) == channel(to)
            }
            Action::Suspend(what) => !self.places_of_suspended(what).is_empty(),
            Action::Weight { route, .. } => self.is_weighed(route),
            Action::Maintenance(what) => !self.places_of_maintained(what).is_empty(),
        }
    }

    /// Whether a rule draws this route by weight.
    #[must_use]
    pub fn is_weighed(&self, route: &domain::RouteId) -> bool {
        let place = self.by_id.get(route);
        let mut weighted = self.rules.iter().filter(|rule| rule.strategy == Strategy::Weighted);
        place
            .is_some_and(|place| weighted.any(|rule| rule.routes.iter().any(|listed| listed.route == *place)))
    }

    /// Whether the override concerns this route, whatever the message.
    #[must_use]
    pub fn concerns(&self, one: &Override, route: &Route) -> bool {
        match &one.action {
            Action::Flip { from, .. } => *from == route.id && self.obeys(one),
            Action::Suspend(what) => self.is_suspended_by(what, route),
            Action::Weight { route: weighed, .. } => *weighed == route.id && self.obeys(one),
            Action::Maintenance(what) => self.is_maintained_by(what, route),
        }
    }

    fn places_of_suspended(&self, what: &Suspended) -> Vec<usize> {
        self.places(|route| self.is_suspended_by(what, route))
    }

    fn places_of_maintained(&self, what: &Maintenance) -> Vec<usize> {
        self.places(|route| self.is_maintained_by(what, route))
    }

    fn places(&self, is_meant: impl Fn(&Route) -> bool) -> Vec<usize> {
        let routes = self.routes.iter().enumerate();
        routes.filter(|(_, route)| is_meant(route)).map(|(at, _)| at).collect()
    }

    fn is_suspended_by(&self, what: &Suspended, route: &Route) -> bool {
        match what {
            Suspended::Route(id) => *id == route.id,
            Suspended::Connection(id) => *id == route.connection,
            Suspended::Vendor(id) => self.vendor(&route.connection) == Some(id),
        }
    }

    fn is_maintained_by(&self, what: &Maintenance, route: &Route) -> bool {
        let is_named = what.connections.is_empty() || what.connections.contains(&route.connection);
        is_named && self.vendor(&route.connection) == Some(&what.vendor)
    }
}

fn put<T: Clone>(
    by_route: &mut ByRoute<T>,
    places: impl IntoIterator<Item = usize>,
    what: T,
    scope: &Conditions,
    of: &Arc<Override>,
) {
    for place in places {
        let laid = Laid { what: what.clone(), scope: scope.clone(), of: Arc::clone(of) };
        by_route.entry(place).or_default().push(laid);
    }
}

fn conditions(scope: &Scope) -> Conditions {
    let Scope { classes, countries, operators, apps, prefixes } = scope;
    // An operator that does not read back as one stays a condition that nothing fits.
    let operators: Vec<Operator> = operators.iter().filter_map(|text| text.parse().ok()).collect();
    Conditions {
        classes: some(classes),
        countries: some(countries),
        operators: OneOf::new((!scope.operators.is_empty()).then_some(operators)),
        apps: some(apps),
        prefixes: (!prefixes.is_empty()).then(|| Prefixes::new(prefixes.clone())),
        ..Conditions::default()
    }
}

fn some<T: Ord + Clone>(values: &[T]) -> OneOf<T> {
    OneOf::new((!values.is_empty()).then(|| values.to_vec()))
}

#[cfg(test)]
mod tests;
