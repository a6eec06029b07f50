//! Has routes count as cheaper whose vendors are behind the pace of a commitment.
//!
//! Only those that may carry the message come here, and nothing but their order among each other depends on it: what is
//! left out stays out, a limit is held against the price that is paid, and what is down goes behind all the same.

use domain::commitment::ShadowPrice;
use domain::money::Decimal;

use super::{Candidate, Facts, HealthView};
use crate::table::Table;

pub(super) fn price(
    candidates: &mut [Candidate<'_>],
    table: &Table,
    facts: &Facts<'_>,
    health: &dyn HealthView,
) {
    let Some(commitments) = table.commitments().filter(|all| all.are_for(facts.class)) else { return };
    for candidate in candidates {
        // A route that stands in is compared by the price of the one whose place it takes, and a promise to either of
        // the vendors says nothing of the other.
        let Some(whole) = candidate.rank.filter(|_| !candidate.stands_in) else { continue };
        let Some(pace) = health.pace(&candidate.route.connection).filter(|pace| pace.urgency > 0) else {
            continue;
        };
        let off = commitments.off(whole, pace);
        candidate.shadow_price = Some(Box::new(ShadowPrice { pace: *pace, off }));
    }
}

/// The engine takes off what it holds right, and nothing while a vendor is in trouble: how much is not known here.
pub(super) fn leave_to_engine(candidates: &mut [Candidate<'_>]) {
    for shadow in candidates.iter_mut().filter_map(|candidate| candidate.shadow_price.as_mut()) {
        shadow.off.amount = Decimal::ZERO;
    }
}

#[cfg(test)]
mod tests;
