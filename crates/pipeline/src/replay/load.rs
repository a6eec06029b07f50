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
    /// Counts in `seconds`.
    open: usize,
    /// Attempts before by connections that there was no room for.
    others: u64,
}

/// A file may name any connection; those of the candidate always have room.
const MOST_CONNECTIONS: usize = 10_000;
/// Beyond, a second is settled before its time: what is scheduled into it later counts as another one.
const MOST_OPEN: usize = 1_000_000;

const BEFORE: usize = 0;
const AFTER: usize = 1;

impl Loads {
    pub(super) fn new(throughput: FxHashMap<ConnectionId, u32>) -> Self {
        Self { throughput, seconds: BTreeMap::new(), done: BTreeMap::new(), open: 0, others: 0 }
    }

    pub(super) fn before(&mut self, leg: &Leg) {
        self.add(leg, BEFORE);
    }

    pub(super) fn after(&mut self, leg: &Leg) {
        self.add(leg, AFTER);
    }

    fn add(&mut self, leg: &Leg, side: usize) {
        let Leg { connection, asked_at, cost, segments, taken, .. } = leg;
        if !self.done.contains_key(connection) {
            if side == BEFORE && self.done.len() >= MOST_CONNECTIONS {
                self.others += 1;
                return;
            }
            self.done.insert(connection.clone(), Load::default());
        }
        while self.open >= MOST_OPEN
            && let Some((second, counts)) = self.seconds.pop_first()
        {
            self.settle(second, counts);
        }
        let second = self.seconds.entry(asked_at.as_millis().div_euclid(1000)).or_default();
        if !second.contains_key(connection) {
            second.insert(connection.clone(), [0; 2]);
            self.open += 1;
        }
        if let Some(count) = second.get_mut(connection).and_then(|sides| sides.get_mut(side)) {
            *count = count.saturating_add((*segments).into());
        }
        let Some(load) = self.done.get_mut(connection) else { return };
        let is_before = side == BEFORE;
        let peak = if is_before { &mut load.before } else { &mut load.after };
        peak.messages += 1;
        peak.accepted += u64::from(*taken > 0);
        peak.accepted_segments += u64::from(*taken);
        if let Some(price) = cost {
            let cost = load.costs.entry(price.currency).or_default();
            let side = if is_before { &mut cost.before } else { &mut cost.after };
            *side = side.saturating_add(price.amount);
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
        self.open = self.open.saturating_sub(counts.len());
        for (connection, [before, after]) in counts {
            let throughput = self.throughput.get(&connection).copied();
            let load = self.done.entry(connection).or_default();
            load.throughput = throughput;
            load.before.count(before, second, throughput);
            load.after.count(after, second, throughput);
        }
    }

    /// With how many attempts there was no room for.
    pub(super) fn finish(mut self) -> (BTreeMap<ConnectionId, Load>, u64) {
        while let Some((second, counts)) = self.seconds.pop_first() {
            self.settle(second, counts);
        }
        (self.done, self.others)
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

#[cfg(test)]
mod tests {
    use domain::money::Price;

    use super::*;

    fn leg(connection: &str, amount: domain::money::Decimal) -> Leg {
        Leg {
            route: "a".parse().unwrap(),
            connection: connection.parse().unwrap(),
            asked_at: Timestamp::from_millis(0),
            segments: 1,
            cost: Some(Price { amount, currency: Currency::EUR }),
            taken: 1,
            unpriced: 0,
        }
    }

    #[test]
    fn a_file_names_only_so_many_connections_and_sums_end_at_the_largest() {
        let mut loads = Loads::new(FxHashMap::default());
        let most = domain::money::Decimal::MAX;
        for number in 0..MOST_CONNECTIONS + 7 {
            loads.before(&leg(&format!("c{number}"), most));
        }
        loads.before(&leg("c0", most));
        loads.after(&leg("mine", most));
        assert_eq!(loads.open, MOST_CONNECTIONS + 1);
        let (done, others) = loads.finish();
        assert_eq!((done.len(), others), (MOST_CONNECTIONS + 1, 7));
        let load = &done[&"c0".parse::<ConnectionId>().unwrap()];
        assert_eq!((load.before.messages, load.costs[&Currency::EUR].before), (2, most));
    }
}
