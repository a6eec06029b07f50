//! All that is known of one connection and one destination, for whoever looks.

use std::time::Duration;

use domain::ConnectionId;

use super::beliefs::{Arrives, Beliefs};
use super::learner::Learner;
use super::names::Destination;
use crate::adaptive::{Quality, Snapshot};

/// How the messages of a connection to one destination fare. What is old counts for less, by half every ten to fifteen
/// minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmStats {
    pub connection: ConnectionId,
    pub to: Destination,
    pub messages_a_second: f64,
    /// The part that arrives, as routing takes it to be. None: too few messages tell.
    pub arrives: Option<Arrives>,
    /// The part that arrives by receipts alone, and of how many messages they tell.
    pub delivered: f64,
    pub receipts: f64,
    /// Half of the receipts of what arrives are here within the first, 95 in 100 within the other.
    pub half_within: Duration,
    pub most_within: Duration,
    /// The part that arrives in time by conversions, and how many messages had time to convert.
    pub acted: f64,
    pub conversions: f64,
    /// How far its receipts are believed, from zero to one.
    pub trust: f64,
    /// The part of its traffic that it has got back since a trouble ended, from zero to one.
    pub ramp: f64,
}

impl Learner {
    /// Of every connection and destination between which messages have gone.
    #[must_use]
    pub fn stats(&self) -> Vec<ArmStats> {
        let arms = self.engine.snapshots().zip(self.engine.qualities());
        arms.filter_map(|(snapshot, quality)| self.name(&snapshot, &quality)).collect()
    }

    fn name(&self, snapshot: &Snapshot, quality: &Quality) -> Option<ArmStats> {
        Some(ArmStats {
            connection: self.connections.get(snapshot.vendor)?.clone(),
            to: *self.destinations.get(snapshot.operator)?,
            messages_a_second: snapshot.messages_a_second,
            arrives: Beliefs::tells(quality).then(|| Arrives::of(quality)),
            delivered: snapshot.delivered,
            receipts: snapshot.receipts,
            half_within: Duration::from_millis(snapshot.half_within),
            most_within: Duration::from_millis(snapshot.most_within),
            acted: snapshot.acted,
            conversions: snapshot.conversions,
            trust: snapshot.trust,
            ramp: snapshot.ramp,
        })
    }
}
