//! A cap, compiled: what it counts. How much was counted is for the caller to know (`HealthView::capped`).

use domain::address::SenderKind;
use domain::{CapId, Class, RouteId, Sender};

use crate::problem::{Path, Problem};
use crate::settings::Period;
use crate::table::conditions::OneOf;
use crate::table::{Route, Table};

#[derive(Clone, Debug)]
pub struct Cap {
    pub id: CapId,
    /// Segments.
    pub limit: u32,
    pub per: Period,
    /// None: all, and what goes out without a sender.
    pub(super) kinds: Option<Box<[SenderKind]>>,
    pub(super) classes: OneOf<Class>,
}

impl Cap {
    /// Whether a message of this class counts that goes out under this sender.
    #[must_use]
    pub fn counts(&self, class: Class, sender: Option<&Sender>) -> bool {
        self.classes.holds(Some(&class))
            && self
                .kinds
                .as_ref()
                .is_none_or(|kinds| sender.is_some_and(|sender| kinds.contains(&sender.kind())))
    }

    /// Those that it counts.
    pub fn counted_classes(&self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(|class| self.classes.holds(Some(class)))
    }

    /// Whether this is reached whenever the other would be, or earlier, where both count the same routes.
    fn is_tighter_than(&self, other: &Self) -> bool {
        let covers_kinds = self.kinds.as_ref().is_none_or(|own| {
            other.kinds.as_ref().is_some_and(|all| all.iter().all(|one| own.contains(one)))
        });
        let times = other.per.millis() / self.per.millis();
        let at_most = i64::from(self.limit).saturating_mul(times);
        times > 0 && covers_kinds && self.classes.cover(&other.classes) && at_most <= i64::from(other.limit)
    }

    /// Whether of two messages of one class one may count and the other not.
    #[must_use]
    pub fn tells_senders_apart(&self) -> bool {
        self.kinds.is_some()
    }
}

impl Table {
    /// In the order of the configuration.
    #[must_use]
    pub fn caps(&self) -> &[Cap] {
        &self.caps
    }

    /// The places, among the table's caps, of those that count what a route carries; none for a route that is not there.
    #[must_use]
    pub fn caps_of_route(&self, route: &RouteId) -> &[usize] {
        self.route(route).map_or(&[], |route| &*route.caps)
    }

    /// The routes that a cap of this table counts, in the order of the configuration.
    pub fn routes_of_cap<'t>(&'t self, cap: &CapId) -> impl Iterator<Item = &'t RouteId> {
        let at = self.caps.iter().position(|one| one.id == *cap);
        let counts = move |route: &&Route| at.is_some_and(|at| route.caps.contains(&at));
        self.routes.iter().filter(counts).map(|route| &route.id)
    }

    /// Caps that count nothing, and those that another one is always reached before.
    pub(super) fn warnings_of_caps(&self) -> Vec<Problem> {
        let routes_of = |at: usize| {
            let routes = self.routes.iter().enumerate().filter(move |(_, route)| route.caps.contains(&at));
            routes.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let routes: Vec<Vec<usize>> = (0..self.caps.len()).map(routes_of).collect();
        let mut warnings = Vec::new();
        for (at, (cap, own)) in self.caps.iter().zip(&routes).enumerate() {
            let path = Path::default().key("caps").index(at);
            if own.is_empty() {
                let message =
                    format!("the cap `{}` counts nothing: no route goes over its connection", cap.id);
                warnings.push(Problem { path, message });
                continue;
            }
            let others = self.caps.iter().zip(&routes).enumerate().filter(|(other, _)| *other != at);
            // Of two that say the same the later one is told of.
            let mut tighter = others.filter(|(other, (one, counted))| {
                let is_same = one.limit == cap.limit && one.per == cap.per && cap.is_tighter_than(one);
                own.iter().all(|route| counted.contains(route))
                    && one.is_tighter_than(cap)
                    && !(is_same && *other > at && own.len() == counted.len())
            });
            if let Some((_, (one, _))) = tighter.next() {
                let message = format!(
                    "the cap `{}` is never reached: `{}` is always reached before it",
                    cap.id, one.id
                );
                warnings.push(Problem { path, message });
            }
        }
        warnings
    }

    /// Those that count a message of this class which the route carries under this sender.
    pub fn caps_of<'t>(
        &'t self,
        route: &RouteId,
        class: Class,
        sender: Option<&'t Sender>,
    ) -> impl Iterator<Item = &'t Cap> {
        let places = if self.caps.is_empty() { None } else { self.route(route) };
        let places = places.map(|route| &*route.caps).unwrap_or_default();
        places.iter().filter_map(|&at| self.caps.get(at)).filter(move |cap| cap.counts(class, sender))
    }
}
