//! What connections tell the pipeline, each kind to its stage.

use std::sync::Arc;

use connectors::{Answered, Events, Health, ReceiptReport};
use domain::ConnectionId;

use crate::core::Core;
use crate::{receipt, submit};

pub(crate) struct Reports {
    core: Arc<Core>,
}

impl Reports {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

impl Events for Reports {
    fn answered(&self, connection: &ConnectionId, batch: &mut Vec<Answered>) {
        submit::answered(&self.core, connection, batch);
    }

    fn receipts(&self, connection: &ConnectionId, batch: &mut Vec<ReceiptReport>) {
        receipt::received(&self.core, connection, batch);
    }

    fn slots_free(&self, connection: &ConnectionId) {
        self.core.dispatch.slot_free(connection);
    }

    fn health_changed(&self, connection: &ConnectionId, health: Health) {
        self.core.observer.connection_up(connection, !health.is_down());
        self.core.dispatch.all_changed();
    }
}
