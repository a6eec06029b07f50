//! What the engine concludes, with the numbers that prove it.

pub use domain::verdict::Kind;
use minicbor::{Decode, Encode};

use super::settings::{Millis, OperatorIndex, VendorIndex};

/// What a verdict is about. Both: one arm; the vendor alone: all its operators; the operator alone: all its routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Scope {
    #[n(0)]
    pub vendor: Option<VendorIndex>,
    #[n(1)]
    pub operator: Option<OperatorIndex>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Raised,
    /// More is known of what was raised before.
    Revised,
    Recovered,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub kind: Kind,
    pub scope: Scope,
    pub stage: Stage,
    pub at: Millis,
    pub proof: Proof,
}

/// The numbers behind a verdict. Rates are shares from zero to one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Proof {
    /// When it changed, as far as can be told.
    pub since: Millis,
    pub before: f64,
    pub after: f64,
    /// The log-likelihood ratio, and the threshold that it passed.
    pub ratio: f64,
    pub threshold: f64,
    /// Messages sent since the change that it rests on.
    pub observations: f64,
}

/// One thing that went wrong, as long as it lasts and a while after, so that it is told once.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Incident {
    #[n(0)]
    pub(super) scope: Scope,
    #[n(1)]
    pub(super) kind: Kind,
    #[n(2)]
    pub(super) open: bool,
    /// When it was last raised, joined or closed.
    #[n(3)]
    pub(super) touched: Millis,
}

/// A trouble that comes back so soon is the same incident.
const SAME: Millis = 180_000;
/// What comes so soon after a vendor's or an operator's incident began belongs to it.
const SPREAD: Millis = 120_000;

#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Incidents {
    #[n(0)]
    list: Vec<Incident>,
}

impl Incidents {
    /// Whether this trouble belongs to what was told already; if it does, the incident is open again.
    pub(super) fn join(&mut self, scope: Scope, now: Millis, worsened: bool) -> bool {
        let wider = |of: Option<usize>, all: Option<usize>| all.is_none() || of == all;
        let covers = |incident: &Incident| {
            // Pumping is no trouble that an arm's could belong to.
            if incident.kind == Kind::Pumping {
                return false;
            }
            let age = now.saturating_sub(incident.touched);
            if incident.scope == scope && !worsened {
                return incident.open || age < SAME;
            }
            let is_around =
                wider(scope.vendor, incident.scope.vendor) && wider(scope.operator, incident.scope.operator);
            is_around && age < SPREAD
        };
        let found = self.list.iter_mut().find(|incident| covers(incident));
        match found {
            Some(incident) => {
                (incident.open, incident.touched) = (true, now);
                true
            }
            None => false,
        }
    }

    pub(super) fn raise(&mut self, scope: Scope, kind: Kind, now: Millis) {
        self.list.retain(|incident| incident.open || now.saturating_sub(incident.touched) < SAME);
        self.list.push(Incident { scope, kind, open: true, touched: now });
    }

    /// The trouble of arms. Pumping is apart, for it may hold at the same time.
    pub(super) fn find(&mut self, scope: Scope) -> Option<&mut Incident> {
        let is_of_arms = |incident: &&mut Incident| incident.kind != Kind::Pumping;
        self.list.iter_mut().filter(is_of_arms).find(|incident| incident.open && incident.scope == scope)
    }

    pub(super) fn close(&mut self, scope: Scope, now: Millis) -> Option<Kind> {
        let incident = self.find(scope)?;
        (incident.open, incident.touched) = (false, now);
        Some(incident.kind)
    }

    pub(super) fn close_pumping(&mut self, scope: Scope, now: Millis) -> Option<Kind> {
        let is_it = |incident: &&mut Incident| incident.kind == Kind::Pumping && incident.scope == scope;
        let incident = self.list.iter_mut().filter(is_it).find(|incident| incident.open)?;
        (incident.open, incident.touched) = (false, now);
        Some(incident.kind)
    }
}
