//! What keeps an override from being made: names that are none, times that are none, and others in its way.
//!
//! Two of a kind that would steer the same message at the same time are refused, whichever is narrower: so traffic
//! always goes where one override says, and its end brings back what was before.

use domain::overrides::{Action, HOLDS_AT_MOST, Maintenance, PLANNED_AT_MOST, Suspended};
use domain::{ConnectionId, Override, RouteId, Timestamp};
use routing::table::Route;

use super::{Laid, MAX_LAID, Name, NotSteered, Steer, is_over};

impl Laid {
    pub(super) fn check(&self, wanted: &Steer, now: Timestamp) -> Result<(), NotSteered> {
        self.check_names(&wanted.action)?;
        let begins_at = wanted.starts_at.unwrap_or(now);
        if wanted.starts_at.is_some_and(|start| start <= now || start > now.plus(PLANNED_AT_MOST)) {
            return Err(NotSteered::BadStart);
        }
        if wanted.expires_at <= begins_at || wanted.expires_at > begins_at.plus(HOLDS_AT_MOST) {
            return Err(NotSteered::BadExpiry);
        }
        if self.entries.len() >= MAX_LAID {
            return Err(NotSteered::TooMany);
        }
        let others = self.entries.iter().map(|entry| &entry.one).filter(|one| !is_over(one, now));
        for other in others.filter(|one| one.meets(begins_at, wanted.expires_at, &wanted.scope)) {
            if let Some(message) = self.in_the_way(&wanted.action, other) {
                return Err(NotSteered::Conflict { with: other.id, message });
            }
        }
        Ok(())
    }

    fn check_names(&self, action: &Action) -> Result<(), NotSteered> {
        match action {
            Action::Flip { from, to } => {
                let (source, target) = (self.route(from, Name::From)?, self.route(to, Name::To)?);
                if from == to {
                    return Err(NotSteered::SameRoute(from.clone()));
                }
                if source.channel != target.channel {
                    let (carries, other) = (source.channel, target.channel);
                    return Err(NotSteered::OtherChannel {
                        from: from.clone(),
                        carries,
                        to: to.clone(),
                        other,
                    });
                }
            }
            Action::Suspend(Suspended::Route(id)) => drop(self.route(id, Name::Route)?),
            Action::Suspend(Suspended::Connection(id)) => self.connection(id, Name::Connection)?,
            Action::Suspend(Suspended::Vendor(id)) => self.vendor(id)?,
            Action::Weight { route, .. } => {
                self.route(route, Name::Route)?;
                if !self.base.is_weighed(route) {
                    return Err(NotSteered::NotWeighted(route.clone()));
                }
            }
            Action::Maintenance(Maintenance { vendor, connections, .. }) => {
                self.vendor(vendor)?;
                for id in connections {
                    self.connection(id, Name::Connections)?;
                    if self.base.vendor(id) != Some(vendor) {
                        let message = format!("`{id}` is not a connection of `{vendor}`");
                        return Err(NotSteered::Unknown { name: Name::Connections, message });
                    }
                }
            }
        }
        Ok(())
    }

    fn route(&self, id: &RouteId, name: Name) -> Result<&Route, NotSteered> {
        self.base.find(id).map_err(|message| NotSteered::Unknown { name, message })
    }

    fn connection(&self, id: &ConnectionId, name: Name) -> Result<(), NotSteered> {
        let known: Vec<&str> = self.base.routes().iter().map(|route| route.connection.as_str()).collect();
        if known.contains(&id.as_str()) {
            return Ok(());
        }
        let message =
            format!("{}; no route goes over it", routing::problem::unknown("connection", id.as_str(), known));
        Err(NotSteered::Unknown { name, message })
    }

    fn vendor(&self, id: &domain::VendorId) -> Result<(), NotSteered> {
        let known: Vec<&str> = self
            .base
            .routes()
            .iter()
            .filter_map(|route| self.base.vendor(&route.connection))
            .map(domain::VendorId::as_str)
            .collect();
        if known.contains(&id.as_str()) {
            return Ok(());
        }
        let message =
            format!("{}; no route goes over it", routing::problem::unknown("vendor", id.as_str(), known));
        Err(NotSteered::Unknown { name: Name::Vendor, message })
    }

    /// Why the other, which would steer some of the same messages at some of the same time, bars this one.
    fn in_the_way(&self, wanted: &Action, other: &Override) -> Option<String> {
        let (id, scope) = (other.id, &other.scope);
        match (wanted, &other.action) {
            (Action::Flip { from, to }, Action::Flip { from: taken, to: end }) => {
                if taken == from {
                    return Some(format!(
                        "`{from}` is flipped to `{end}` already for {scope}, by {id}: revert that first, or give \
                         a scope that has nothing in common with it"
                    ));
                }
                // So no circle can ever come about, and a route leads where whoever flips it said.
                (taken == to).then(|| {
                    format!("`{to}` is itself flipped to `{end}` for {scope}, by {id}: flip `{from}` there")
                })
            }
            (Action::Flip { to, .. }, Action::Suspend(what)) => {
                let target = self.base.route(to)?;
                self.base.concerns(other, target).then(|| {
                    format!(
                        "`{to}` takes no traffic: {what} is suspended for {scope}, by {id}: revert that first"
                    )
                })
            }
            (Action::Suspend(what), Action::Suspend(taken)) => (what == taken)
                .then(|| format!("{what} is suspended already for {scope}, by {id}: revert that first")),
            (Action::Weight { route, .. }, Action::Weight { route: taken, weight }) => {
                (route == taken).then(|| {
                    format!(
                        "`{route}` has the weight {weight} already for {scope}, by {id}: revert that first"
                    )
                })
            }
            (Action::Maintenance(one), Action::Maintenance(taken)) => overlaps(one, taken).then(|| {
                let (from, until) = (other.begins_at().to_the_minute(), other.expires_at.to_the_minute());
                format!("it overlaps the maintenance of `{}` from {from} to {until}, {id}", taken.vendor)
            }),
            (
                Action::Flip { .. } | Action::Suspend(_) | Action::Weight { .. } | Action::Maintenance(_),
                Action::Flip { .. } | Action::Suspend(_) | Action::Weight { .. } | Action::Maintenance(_),
            ) => None,
        }
    }
}

fn overlaps(one: &Maintenance, other: &Maintenance) -> bool {
    let is_all = one.connections.is_empty() || other.connections.is_empty();
    one.vendor == other.vendor && (is_all || one.connections.iter().any(|id| other.connections.contains(id)))
}
