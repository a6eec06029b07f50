//! What decisions are made by, besides the table: the connections, the caps, how promises to vendors stand, and what is believed
//! of routes.

use std::sync::Arc;

use arc_swap::Guard;
use domain::commitment::Pace;
use domain::plan::Capped;
use domain::{ConnectionId, Timestamp};
use routing::HealthView;
use routing::learning::Beliefs;
use routing::table::Cap;

use crate::caps::Caps;
use crate::commitments::Paces;
use crate::health::Fleet;

/// As they are at one moment.
pub(crate) struct Standing<'c> {
    pub(crate) fleet: Guard<Arc<Fleet>>,
    pub(crate) beliefs: Guard<Arc<Beliefs>>,
    pub(crate) paces: Guard<Arc<Paces>>,
    pub(crate) caps: &'c Caps,
    pub(crate) now: Timestamp,
}

impl HealthView for Standing<'_> {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        self.fleet.is_down(connection)
    }

    fn capped(&self, cap: &Cap, segments: u32) -> Option<Capped> {
        self.caps.full(cap, segments, self.now)
    }

    fn pace(&self, connection: &ConnectionId) -> Option<&Pace> {
        self.paces.get(connection)
    }

    fn beliefs(&self) -> Option<&Beliefs> {
        Some(&self.beliefs)
    }
}
