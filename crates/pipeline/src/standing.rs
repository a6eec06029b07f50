//! What decisions are made by, besides the table: the connections, the caps, and what is believed of routes.

use std::sync::Arc;

use arc_swap::Guard;
use domain::plan::Capped;
use domain::{ConnectionId, Timestamp};
use routing::HealthView;
use routing::learning::Beliefs;
use routing::table::Cap;

use crate::caps::Caps;
use crate::health::Fleet;

/// As they are at one moment.
pub(crate) struct Standing<'c> {
    pub(crate) fleet: Guard<Arc<Fleet>>,
    pub(crate) beliefs: Guard<Arc<Beliefs>>,
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

    fn beliefs(&self) -> Option<&Beliefs> {
        Some(&self.beliefs)
    }
}
