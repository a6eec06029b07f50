//! What is agreed with vendors, in the engine's numbers: how much a connection takes, and what a commitment is worth.

use domain::commitment::Pace;
use domain::{Class, ConnectionId};
use rustc_hash::FxHashMap;

use super::names::number;
use crate::adaptive::{Favour, Vendor};
use crate::table::Table;

/// How fast the mean length of a connection's messages follows what it carries.
const FOLLOWS: f64 = 0.05;

#[derive(Debug, Default)]
pub(super) struct Agreed {
    /// Segments a second; a connection that is missing takes whatever comes.
    pub(super) throughput: FxHashMap<ConnectionId, u32>,
    /// Of the vendors that are behind a commitment.
    pub(super) paces: FxHashMap<ConnectionId, Pace>,
    /// Segments of a message, by the numbers of connections; zero before the first.
    lengths: Vec<f64>,
}

impl Agreed {
    /// A connection answered a message of so many segments.
    pub(super) fn saw(&mut self, connection: usize, segments: u8) {
        if self.lengths.len() <= connection {
            self.lengths.resize(connection + 1, 0.0);
        }
        let Some(mean) = self.lengths.get_mut(connection) else { return };
        let segments = f64::from(segments.max(1));
        *mean += if *mean > 0.0 { FOLLOWS * (segments - *mean) } else { segments };
    }

    /// What the engine is told of a connection. It counts messages, and connections are agreed on in segments.
    pub(super) fn vendor(&self, number: usize, connection: &ConnectionId, table: &Table) -> Vendor {
        let length = self.lengths.get(number).map_or(1.0, |mean| mean.max(1.0));
        let per_second = self.throughput.get(connection);
        let per_second = per_second.map_or(f64::INFINITY, |segments| f64::from(*segments) / length);
        Vendor { per_second, favour: self.favour(connection, table), ..Vendor::default() }
    }

    fn favour(&self, connection: &ConnectionId, table: &Table) -> Favour {
        let (Some(commitments), Some(pace)) = (table.commitments(), self.paces.get(connection)) else {
            return Favour::default();
        };
        let favoured = Class::ALL.into_iter().filter(|class| commitments.are_for(*class));
        let classes = favoured.fold(0, |classes, class| classes | 1 << number(class));
        // Exact decimals end here, as those of prices do.
        Favour { part: f64::try_from(commitments.part_off(pace)).unwrap_or(0.0), classes }
    }
}
