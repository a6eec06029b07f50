//! What contracts and connections say that messages are steered by, as the pipeline wants it.

use pipeline::{Agreed, Agreements};

use crate::api::Settings;
use crate::config::Contract;

/// Of all vendors of the configuration.
pub(crate) fn of(settings: &Settings) -> Agreements {
    let vendors = settings.vendors.iter().map(|vendor| Agreed {
        vendor: vendor.id.clone(),
        connections: vendor.connections.clone(),
        commitments: vendor.contract.as_ref().map(Contract::promises).unwrap_or_default(),
    });
    Agreements { throughput: settings.throughput.clone(), vendors: vendors.collect() }
}
