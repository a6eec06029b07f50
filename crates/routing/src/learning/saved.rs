//! What was learned, as bytes that outlive the process.

use std::sync::Arc;

use domain::{AppId, ConnectionId, Timestamp, Verdict, verdict};
use minicbor::{Decode, Encode};

use super::learner::Learner;
use super::names::{CONNECTIONS, Destination, Reporting};
use super::times::Times;
use crate::adaptive::Engine;
use crate::table::Table;

/// Another one for whatever would be read wrongly.
const FORMAT: u32 = 1;
/// What is older says nothing of now.
const HOLDS: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

#[derive(Encode, Decode)]
struct Saved {
    #[n(0)]
    format: u32,
    #[n(1)]
    saved_at: Timestamp,
    #[n(2)]
    connections: Vec<ConnectionId>,
    #[n(3)]
    destinations: Vec<verdict::Destination>,
    #[n(4)]
    reporting: Vec<(AppId, Reporting)>,
    #[n(5)]
    open: Vec<Verdict>,
    #[n(6)]
    times: Vec<(i64, i64)>,
    #[n(7)]
    engine_at: u64,
    #[cbor(n(8), with = "minicbor::bytes")]
    engine: Vec<u8>,
}

/// Why what an earlier run learned is of no use.
#[derive(Debug, thiserror::Error)]
pub enum NotRestored {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] minicbor::decode::Error),
    #[error("it is of format {found}, and this program reads format {FORMAT}")]
    OtherFormat { found: u32 },
    #[error("it is from {saved_at}, more than a day ago")]
    TooOld { saved_at: Timestamp },
    #[error(
        "with the connections of now it would be of {0} connections, and {CONNECTIONS} can be told apart"
    )]
    TooManyConnections(usize),
    #[error(transparent)]
    Engine(#[from] crate::adaptive::NotRestored),
}

impl Learner {
    /// All that was learned, and where time stands.
    #[must_use]
    pub fn save(&self, now: Timestamp) -> Vec<u8> {
        let mut reporting: Vec<_> =
            self.reporting.iter().map(|(app, classes)| (app.clone(), *classes)).collect();
        reporting.sort_by(|(one, _), (other, _)| one.cmp(other));
        let saved = Saved {
            format: FORMAT,
            saved_at: now,
            connections: self.connections.clone(),
            destinations: self.destinations.iter().map(|destination| destination.in_words()).collect(),
            reporting,
            open: self.open.clone(),
            times: self.times.0.clone(),
            engine_at: self.at,
            engine: self.engine.save(),
        };
        // Writing to memory does not fail; nothing is what cannot be restored.
        minicbor::to_vec(&saved).unwrap_or_default()
    }

    /// Goes on where `save` was called, under the table of now. Connections that are gone keep their numbers.
    ///
    /// # Errors
    /// When the bytes do not fit: `NotRestored` says why.
    pub fn restore(saved: &[u8], table: Arc<Table>, now: Timestamp) -> Result<Self, NotRestored> {
        let mut head = minicbor::Decoder::new(saved);
        head.array()?;
        let found = head.u32()?;
        if found != FORMAT {
            return Err(NotRestored::OtherFormat { found });
        }
        let saved: Saved = minicbor::decode(saved)?;
        if now.since(saved.saved_at) > HOLDS {
            return Err(NotRestored::TooOld { saved_at: saved.saved_at });
        }
        let mut learner = Self::empty(table, now, 0);
        let known = saved.connections.len();
        let new = learner.connections.iter().filter(|connection| !saved.connections.contains(connection));
        let all: Vec<ConnectionId> = saved.connections.iter().chain(new).cloned().collect();
        if all.len() > CONNECTIONS && all.len() > known {
            return Err(NotRestored::TooManyConnections(all.len()));
        }
        let destination =
            |saved: &verdict::Destination| Destination::new(saved.country, saved.operator.as_deref());
        learner.connections = all;
        learner.destinations = saved.destinations.iter().map(destination).collect();
        learner.reporting = saved.reporting.into_iter().collect();
        learner.open = saved.open;
        learner.times = Times(saved.times);
        learner.at = saved.engine_at;
        learner.engine = Engine::restore(learner.settings(now), saved.engine_at, &saved.engine)?;
        learner.stands_still = true;
        learner.rename();
        Ok(learner)
    }
}
