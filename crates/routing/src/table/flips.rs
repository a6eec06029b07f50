//! Overrides laid over a table: which route stands in for which.
//!
//! A flip follows those that begin where it ends, so that a route whose stand-in is flipped away in turn goes where
//! that one goes. Which flips may be made is for whoever makes them; here a circle has no effect, whatever made it.

use std::hash::{Hash, Hasher};

use domain::Override;
use domain::overrides::{Action, Flip};
use rustc_hash::{FxHashMap, FxHasher};

use super::Table;

/// By the places of the routes in the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flips {
    by_from: FxHashMap<usize, StandIn>,
}

#[derive(Clone, Debug)]
pub(crate) struct StandIn {
    /// Its place among the table's routes.
    pub(crate) to: usize,
    /// For the plan.
    pub(crate) flip: Flip,
}

impl Flips {
    /// What stands in for the route at this place.
    pub(crate) fn of(&self, route: usize) -> Option<&StandIn> {
        if self.by_from.is_empty() { None } else { self.by_from.get(&route) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_from.is_empty()
    }
}

impl Table {
    /// This table, which must have none yet, under overrides that are in force. Its version tells it from the table
    /// without and from that under any others; under none it is this table's own.
    #[must_use]
    pub fn under(&self, overrides: &[Override]) -> Self {
        let mut table = self.clone();
        let mut hasher = FxHasher::default();
        let mut direct = FxHashMap::default();
        for one in overrides {
            if let Some((from, to)) = self.effect(one) {
                one.id.hash(&mut hasher);
                direct.insert(from, (to, one));
            }
        }
        for (from, (_, of)) in &direct {
            if let Some(to) = end(*from, &direct)
                && let (Some(source), Some(target)) = (self.routes.get(*from), self.routes.get(to))
            {
                let flip = Flip {
                    id: of.id,
                    from: source.id.clone(),
                    to: target.id.clone(),
                    until: of.expires_at,
                    by: of.created_by.clone(),
                    reason: of.reason.clone(),
                };
                table.flips.by_from.insert(*from, StandIn { to, flip });
            }
        }
        if !table.flips.is_empty() {
            self.version.hash(&mut hasher);
            table.version = hasher.finish();
        }
        table
    }

    /// Whether the override changes any plan of this table: its routes are there and of one channel.
    #[must_use]
    pub fn obeys(&self, one: &Override) -> bool {
        self.effect(one).is_some()
    }

    fn effect(&self, one: &Override) -> Option<(usize, usize)> {
        let Action::Flip { from, to } = &one.action;
        let place = |id| self.by_id.get(id).copied();
        let (from, to) = (place(from)?, place(to)?);
        let channel = |at: usize| self.routes.get(at).map(|route| route.channel);
        (from != to && channel(from) == channel(to)).then_some((from, to))
    }
}

/// Where the flips lead from a route; None when that is in a circle.
fn end(from: usize, direct: &FxHashMap<usize, (usize, &Override)>) -> Option<usize> {
    let mut at = from;
    for _ in 0..=direct.len() {
        match direct.get(&at) {
            Some((to, _)) => at = *to,
            None => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests;
