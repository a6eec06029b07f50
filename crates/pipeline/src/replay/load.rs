//! How many segments each connection was asked for in each second, and how many it would be.

use std::collections::BTreeMap;

use domain::{ConnectionId, Currency, Timestamp};
use rustc_hash::FxHashMap;

use super::decision::Leg;
use super::report::Cost;

/// Of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Segments in a second; None when the configuration says nothing.
    pub throughput: Option<u32>,
    pub before: Peak,
    pub after: Peak,
    pub costs: BTreeMap<Currency, Cost>,
}

/// Attempts count in the second in which they first wanted a slot, so above its throughput a connection has them wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// Attempts in all.
    pub messages: u64,
    /// Those of which the vendor took something, and the segments that it took.
    pub accepted: u64,
    pub accepted_segments: u64,
    /// Segments in the busiest second.
    pub segments: u32,
    /// When that began, in milliseconds since 1970; the first of several.
    pub at: i64,
    /// In how many seconds there were more than the throughput.
    pub seconds_above: u64,
    /// How many segments that were in all.
    pub segments_above: u64,
}

/// Seconds are counted until no message can fall into them any more.
pub(super) struct Loads {
    throughput: FxHashMap<ConnectionId, u32>,
    seconds: BTreeMap<i64, FxHashMap<ConnectionId, [u32; 2]>>,
    done: BTreeMap<ConnectionId, Load>,
}

const BEFORE: usize = 0;
const AFTER: usize = 1;

impl Loads {
    pub(super) fn new(throughput: FxHashMap<ConnectionId, u32>) -> Self {
        Self { throughput, seconds: BTreeMap::new(), done: BTreeMap::new() }
    }

    pub(super) fn before(&mut self, leg: &Leg) {
        self.add(leg, BEFORE);
    }

    pub(super) fn after(&mut self, leg: &Leg) {
        self.add(leg, AFTER);
    }

    fn add(&mut self, leg: &Leg, side: usize) {
        let Leg { connection, asked_at, cost, segments, taken, .. } = leg;
        let second = self.seconds.entry(asked_at.as_millis().div_euclid(1000)).or_default();
        if !second.contains_key(connection) {
            second.insert(connection.clone(), [0; 2]);
        }
        if let Some(count) = second.get_mut(connection).and_then(|sides| sides.get_mut(side)) {
            *count = count.saturating_add((*segments).into());
        }
        if !self.done.contains_key(connection) {
            self.done.insert(connection.clone(), Load::default());
        }
        let Some(load) = self.done.get_mut(connection) else { return };
        let is_before = side == BEFORE;
        let peak = if is_before { &mut load.before } else { &mut load.after };
        peak.messages += 1;
        peak.accepted += u64::from(*taken > 0);
        peak.accepted_segments += u64::from(*taken);
        if let Some(price) = cost {
            let cost = load.costs.entry(price.currency).or_default();
            *(if is_before { &mut cost.before } else { &mut cost.after }) += price.amount;
        }
    }

    /// Messages that come were accepted then or later.
    pub(super) fn pass(&mut self, accepted_at: Timestamp) {
        let second = accepted_at.as_millis().div_euclid(1000);
        while let Some(first) = self.seconds.first_entry().filter(|first| *first.key() < second) {
            let (second, counts) = first.remove_entry();
            self.settle(second, counts);
        }
    }

    fn settle(&mut self, second: i64, counts: FxHashMap<ConnectionId, [u32; 2]>) {
        for (connection, [before, after]) in counts {
            let throughput = self.throughput.get(&connection).copied();
            let load = self.done.entry(connection).or_default();
            load.throughput = throughput;
            load.before.count(before, second, throughput);
            load.after.count(after, second, throughput);
        }
    }

    pub(super) fn finish(mut self) -> BTreeMap<ConnectionId, Load> {
        while let Some((second, counts)) = self.seconds.pop_first() {
            self.settle(second, counts);
        }
        self.done
    }
}

impl Peak {
    fn count(&mut self, segments: u32, second: i64, throughput: Option<u32>) {
        if segments > self.segments {
            (self.segments, self.at) = (segments, second.saturating_mul(1000));
        }
        let above = throughput.map_or(0, |throughput| segments.saturating_sub(throughput));
        if above > 0 {
            self.seconds_above += 1;
            self.segments_above += u64::from(above);
        }
    }
}
