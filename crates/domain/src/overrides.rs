//! An override: a temporary manual change of routing, with who made it, why, and when it ends by itself.
//!
//! Its begin and its end need no write: they are read off the clock, so they come on time also while nothing can be
//! written and while nobody runs.

use std::fmt;
use std::time::Duration;

use minicbor::{Decode, Encode};

use crate::id::{ConnectionId, OverrideId, RouteId, VendorId};
use crate::time::Timestamp;

mod scope;

pub use scope::Scope;

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Override {
    #[n(0)]
    pub id: OverrideId,
    #[n(1)]
    pub action: Action,
    /// As the dispatcher put it.
    #[n(2)]
    pub reason: Box<str>,
    #[n(3)]
    pub created_at: Timestamp,
    /// The id of the admin key that made it.
    #[n(4)]
    pub created_by: Box<str>,
    #[n(5)]
    pub expires_at: Timestamp,
    #[n(6)]
    pub reverted: Option<Reverted>,
    /// The messages that it steers.
    #[cbor(n(7), default, skip_if = "Scope::is_all")]
    pub scope: Scope,
    /// When it begins that is planned ahead; None: when it was made.
    #[n(8)]
    pub starts_at: Option<Timestamp>,
}

/// What it does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Action {
    /// Wherever a plan names `from`, `to` stands in its place.
    #[n(0)]
    Flip {
        #[n(0)]
        from: RouteId,
        #[n(1)]
        to: RouteId,
    },
    /// It takes no traffic. What has no other route waits.
    #[n(1)]
    Suspend(#[n(0)] Suspended),
    /// In weighted rules the route has this weight in the place of its own.
    #[n(2)]
    Weight {
        #[n(0)]
        route: RouteId,
        #[n(1)]
        weight: u32,
    },
    /// The vendor works on its side: its routes are passed over while others can carry a message.
    #[n(3)]
    Maintenance(#[n(0)] Maintenance),
}

/// What takes no traffic.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Suspended {
    #[n(0)]
    Route(#[n(0)] RouteId),
    #[n(1)]
    Connection(#[n(0)] ConnectionId),
    /// Every connection of it.
    #[n(2)]
    Vendor(#[n(0)] VendorId),
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Maintenance {
    #[n(0)]
    pub vendor: VendorId,
    /// Empty: all of the vendor's.
    #[n(1)]
    pub connections: Vec<ConnectionId>,
    #[n(2)]
    pub otherwise: Otherwise,
}

/// What becomes of a message that only routes in maintenance could carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Otherwise {
    /// They are used all the same.
    #[default]
    #[n(0)]
    Use,
    /// It waits until the maintenance or its validity ends.
    #[n(1)]
    Wait,
}

/// How it was ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Reverted {
    #[n(0)]
    pub at: Timestamp,
    /// The id of the admin key that did.
    #[n(1)]
    pub by: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not begun.
    Planned,
    Active,
    Reverted,
    Expired,
}

/// A flip as a plan keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Flip {
    #[n(0)]
    pub id: OverrideId,
    #[n(1)]
    pub from: RouteId,
    /// Where the traffic goes: the end of the chain, when the route that it was flipped to was flipped on.
    #[n(2)]
    pub to: RouteId,
    #[n(3)]
    pub until: Timestamp,
    #[n(4)]
    pub by: Box<str>,
    #[n(5)]
    pub reason: Box<str>,
}

/// Another override that changed what became of a route, as a plan keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Steered {
    #[n(0)]
    pub id: OverrideId,
    #[n(1)]
    pub route: RouteId,
    #[n(2)]
    pub how: How,
    #[n(3)]
    pub until: Timestamp,
    #[n(4)]
    pub by: Box<str>,
    #[n(5)]
    pub reason: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum How {
    #[n(0)]
    Suspended(#[n(0)] Suspended),
    /// The weight in the place of its own.
    #[n(1)]
    Weight(#[n(0)] u32),
    #[n(2)]
    Maintenance(#[n(0)] Maintenance),
}

/// How long an override holds that says nothing of it: long enough to look into the matter, short enough that a
/// forgotten one does no harm.
pub const HOLDS_FOR: Duration = Duration::from_secs(30 * 60);
/// What shall hold for longer belongs into the policy.
pub const HOLDS_AT_MOST: Duration = Duration::from_secs(30 * 86_400);
/// What is further ahead is planned in the configuration.
pub const PLANNED_AT_MOST: Duration = Duration::from_secs(400 * 86_400);
/// More than any rule's weights add up to is a slip of the pen.
pub const LARGEST_WEIGHT: u32 = 1_000_000;
/// In characters. It is kept with every message whose plan the override shaped.
pub const LONGEST_REASON: usize = 200;

impl Override {
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        // One that was reverted stays so, whatever the clock says later.
        if self.reverted.is_some() {
            return State::Reverted;
        }
        if now >= self.expires_at {
            return State::Expired;
        }
        if now < self.begins_at() { State::Planned } else { State::Active }
    }

    #[must_use]
    pub fn begins_at(&self) -> Timestamp {
        self.starts_at.unwrap_or(self.created_at)
    }

    /// Whether there is a moment and a message that both would steer, were they alone.
    #[must_use]
    pub fn meets(&self, begins_at: Timestamp, expires_at: Timestamp, scope: &Scope) -> bool {
        self.begins_at() < expires_at && begins_at < self.expires_at && self.scope.overlaps(scope)
    }

    /// When it ended or will end.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.reverted.as_ref().map_or(self.expires_at, |reverted| reverted.at)
    }
}

impl State {
    pub const ALL: [Self; 4] = [Self::Planned, Self::Active, Self::Reverted, Self::Expired];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Active => "active",
            Self::Reverted => "reverted",
            Self::Expired => "expired",
        }
    }
}

impl Flip {
    /// `until 2026-03-01 14:32 UTC by ops: receipts drop`: what follows after where the route is flipped to.
    #[must_use]
    pub fn terms(&self) -> String {
        terms(self.until, &self.by, &self.reason)
    }
}

impl Steered {
    /// `suspended (vendor acme) until 2026-03-01 14:32 UTC by ops: receipts drop`.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{} {}", self.how, terms(self.until, &self.by, &self.reason))
    }
}

fn terms(until: Timestamp, by: &str, reason: &str) -> String {
    format!("until {} by {by}: {reason}", until.to_the_minute())
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suspended(Suspended::Route(_)) => f.write_str("suspended"),
            Self::Suspended(of) => write!(f, "suspended ({of})"),
            Self::Weight(weight) => write!(f, "given the weight {weight}"),
            Self::Maintenance(of) => write!(f, "in maintenance (vendor {})", of.vendor),
        }
    }
}

/// `vendor acme`.
impl fmt::Display for Suspended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(id) => write!(f, "route {id}"),
            Self::Connection(id) => write!(f, "connection {id}"),
            Self::Vendor(id) => write!(f, "vendor {id}"),
        }
    }
}

/// `flip acme-de to borealis-de`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flip { from, to } => write!(f, "flip {from} to {to}"),
            Self::Suspend(what) => write!(f, "suspend {what}"),
            Self::Weight { route, weight } => write!(f, "weight {weight} for {route}"),
            Self::Maintenance(Maintenance { vendor, connections, .. }) => {
                write!(f, "maintenance of {vendor}")?;
                let names: Vec<&str> = connections.iter().map(ConnectionId::as_str).collect();
                if names.is_empty() { Ok(()) } else { write!(f, " ({})", names.join(", ")) }
            }
        }
    }
}

impl Otherwise {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Wait => "wait",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flip() -> Override {
        Override {
            id: OverrideId::from_u128(7),
            action: Action::Flip {
                from: RouteId::new("acme-de").unwrap(),
                to: RouteId::new("borealis-de").unwrap(),
            },
            reason: "receipts drop".into(),
            created_at: Timestamp::from_millis(1000),
            created_by: "ops".into(),
            expires_at: Timestamp::from_millis(5000),
            reverted: None,
            scope: Scope::default(),
            starts_at: None,
        }
    }

    #[test]
    fn it_is_over_when_its_time_is() {
        let states = [4999, 5000].map(|now| flip().state(Timestamp::from_millis(now)));
        assert_eq!(states, [State::Active, State::Expired]);
    }

    #[test]
    fn what_was_reverted_never_expires() {
        let reverted = Reverted { at: Timestamp::from_millis(2000), by: "ops".into() };
        let reverted = Override { reverted: Some(reverted), ..flip() };
        assert_eq!(reverted.state(Timestamp::from_millis(9000)), State::Reverted);
        assert_eq!((reverted.ends_at().as_millis(), flip().ends_at().as_millis()), (2000, 5000));
    }

    #[test]
    fn it_reads_back_as_it_was_written() {
        let bytes = minicbor::to_vec(flip()).unwrap();
        assert_eq!(minicbor::decode::<Override>(&bytes).unwrap(), flip());
        // An array of six, since it was not reverted: as it was before there were scopes.
        assert_eq!(bytes.first(), Some(&0x86));
        let vendor = VendorId::new("acme").unwrap();
        let of = Maintenance { vendor: vendor.clone(), connections: Vec::new(), otherwise: Otherwise::Wait };
        let scope = Scope { operators: vec!["208-01".into()], ..Scope::default() };
        for action in [Action::Suspend(Suspended::Vendor(vendor)), Action::Maintenance(of)] {
            let starts_at = Some(Timestamp::from_millis(2000));
            let one = Override { action, scope: scope.clone(), starts_at, ..flip() };
            let bytes = minicbor::to_vec(&one).unwrap();
            assert_eq!(minicbor::decode::<Override>(&bytes).unwrap(), one);
        }
    }

    #[test]
    fn one_that_is_planned_begins_by_the_clock() {
        let planned = Override { starts_at: Some(Timestamp::from_millis(3000)), ..flip() };
        let states = [2999, 3000, 5000].map(|now| planned.state(Timestamp::from_millis(now)));
        assert_eq!(states, [State::Planned, State::Active, State::Expired]);
        let meets = |from, until| {
            planned.meets(Timestamp::from_millis(from), Timestamp::from_millis(until), &Scope::default())
        };
        assert_eq!(
            [meets(0, 3000), meets(0, 3001), meets(4999, 9000), meets(5000, 9000)],
            [false, true, true, false]
        );
    }
}
