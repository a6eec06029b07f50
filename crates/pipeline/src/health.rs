//! The live view of the connections that routing decides by.

use std::sync::Arc;
use std::time::Duration;

use connectors::connector::HealthState;
use connectors::{Connector, Health};
use domain::ConnectionId;
use routing::HealthView;
use rustc_hash::FxHashMap;

/// The connections by id. Replaced as a whole when the configuration changes.
#[derive(Default, Clone)]
pub(crate) struct Fleet {
    connections: FxHashMap<ConnectionId, Arc<dyn Connector>>,
}

/// A connection that lost its last bind this recently is still counted on: most breaks heal at once.
const GRACE: Duration = Duration::from_secs(1);

impl Fleet {
    pub(crate) fn with(&self, connector: Arc<dyn Connector>) -> Self {
        let mut fleet = self.clone();
        fleet.connections.insert(connector.id().clone(), connector);
        fleet
    }

    pub(crate) fn without(&self, connection: &ConnectionId) -> Self {
        let mut fleet = self.clone();
        fleet.connections.remove(connection);
        fleet
    }

    pub(crate) fn get(&self, connection: &ConnectionId) -> Option<&Arc<dyn Connector>> {
        self.connections.get(connection)
    }

    pub(crate) fn health(&self) -> Vec<(ConnectionId, Health)> {
        let mut all: Vec<_> =
            self.connections.iter().map(|(id, connector)| (id.clone(), connector.health())).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }
}

impl HealthView for Fleet {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        // A connection that nobody opened yet is down.
        self.connections.get(connection).is_none_or(|connector| match connector.health().state {
            HealthState::Up | HealthState::Throttled => false,
            HealthState::Down { since, .. } => since.elapsed() >= GRACE,
        })
    }
}
