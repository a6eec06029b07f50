//! An override: a temporary manual change of routing, with who made it, why, and when it ends by itself.
//!
//! Its end needs no write: that it has expired is read off the clock, so it ends on time also while nothing can be
//! written and while nobody runs.

use std::time::Duration;

use minicbor::{Decode, Encode};

use crate::id::{OverrideId, RouteId};
use crate::time::Timestamp;

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

/// How long an override holds that says nothing of it: long enough to look into the matter, short enough that a
/// forgotten one does no harm.
pub const HOLDS_FOR: Duration = Duration::from_secs(30 * 60);
/// What shall hold for longer belongs into the policy.
pub const HOLDS_AT_MOST: Duration = Duration::from_secs(30 * 86_400);
/// In characters. It is kept with every message whose plan the override shaped.
pub const LONGEST_REASON: usize = 200;

impl Override {
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        // One that was reverted stays so, whatever the clock says later.
        if self.reverted.is_some() {
            return State::Reverted;
        }
        if now < self.expires_at { State::Active } else { State::Expired }
    }

    /// When it ended or will end.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.reverted.as_ref().map_or(self.expires_at, |reverted| reverted.at)
    }
}

impl State {
    pub const ALL: [Self; 3] = [Self::Active, Self::Reverted, Self::Expired];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
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
        format!("until {} by {}: {}", self.until.to_the_minute(), self.by, self.reason)
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
    }
}
