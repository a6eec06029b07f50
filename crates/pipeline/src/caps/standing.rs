//! How caps stand, for whoever looks at them.

use std::sync::atomic::Ordering;

use domain::money::Decimal;
use domain::plan::Plan;
use domain::{CapId, Class, RouteId, Timestamp};
use routing::settings::Period;
use routing::table::Cap;
use routing::{InForce, Table};

use super::{BURST, Caps, Counter, is_full, key, nanos, pack, spread};

/// Decimal places of a ratio.
const PLACES: u32 = 4;

/// A cap of a version in force.
#[derive(Clone, Debug, PartialEq)]
pub struct CapStanding {
    pub cap: CapId,
    /// Of the version that is rolled out to a share of the recipients, not of the active one.
    pub is_rolled_out: bool,
    pub per: Period,
    /// Segments.
    pub limit: u32,
    /// Segments in the period of now. None for a cap by the second, which only spreads what leaves.
    pub counted: Option<u32>,
    /// When the count begins anew; None for a cap by the second.
    pub until: Option<Timestamp>,
    /// From 0 to 1, and above where a limit was lowered; by the second, of what may leave at once.
    pub used: Decimal,
    /// It has no room for another segment now.
    pub is_full: bool,
    /// Messages that were accepted in the period of now and passed over a route because of it; what an earlier process
    /// saw is not among them.
    pub passed_over: u32,
    /// Those that it counts.
    pub classes: Vec<Class>,
    pub routes: Vec<RouteId>,
}

impl Caps {
    /// Of each table in force, in the order of the configuration.
    pub(crate) fn standing(&self, tables: &InForce, now: Timestamp) -> Vec<CapStanding> {
        let all = tables.tables().enumerate().flat_map(|(place, table)| {
            let standing = move |cap| self.standing_of(cap, table, place > 0, now);
            table.caps().iter().filter_map(standing)
        });
        all.collect()
    }

    fn standing_of(
        &self,
        cap: &Cap,
        table: &Table,
        is_rolled_out: bool,
        now: Timestamp,
    ) -> Option<CapStanding> {
        let counters = self.counters.load();
        let counter = counters.get(&key(cap))?;
        let (place, count) = counter.count(now);
        let is_spread = cap.per == Period::Second;
        let (used, is_full) = if is_spread {
            counter.spread_at(now, cap.limit)
        } else {
            let used = Decimal::from(count) / Decimal::from(cap.limit.max(1));
            (used.round_dp(PLACES), is_full(count, 1, cap.limit))
        };
        let until = Timestamp::from_millis((i64::from(place) + 1) * cap.per.millis());
        Some(CapStanding {
            cap: cap.id.clone(),
            is_rolled_out,
            per: cap.per,
            limit: cap.limit,
            counted: (!is_spread).then_some(count),
            until: (!is_spread).then_some(until),
            used,
            is_full,
            passed_over: counter.at(counter.passed_over.load(Ordering::Relaxed), now).1,
            classes: cap.counted_classes().collect(),
            routes: table.routes_of_cap(&cap.id).cloned().collect(),
        })
    }

    /// Counts a new message for each cap that its plan passes a route over for.
    pub(crate) fn passed_over(&self, table: &Table, plan: &Plan, now: Timestamp) {
        let mut seen: Vec<&CapId> = Vec::new();
        for capped in plan.left_out.iter().filter_map(|left_out| left_out.capped.as_ref()) {
            if seen.contains(&&capped.cap) {
                continue;
            }
            seen.push(&capped.cap);
            let counters = self.counters.load();
            for cap in table.caps().iter().filter(|cap| cap.id == capped.cap) {
                if let Some(counter) = counters.get(&key(cap)) {
                    counter.pass_over(now);
                }
            }
        }
    }
}

impl Counter {
    fn pass_over(&self, now: Timestamp) {
        let next = |state| {
            let (place, count) = self.at(state, now);
            Some(pack(place, count.saturating_add(1)))
        };
        let _before = self.passed_over.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }

    /// Which part of what may leave at once has left, and whether another segment has to wait.
    fn spread_at(&self, now: Timestamp, limit: u32) -> (Decimal, bool) {
        let state = self.state.load(Ordering::Relaxed);
        let instant = u64::try_from(now.as_millis()).unwrap_or(0).saturating_mul(1_000_000);
        let used = Decimal::from(state.saturating_sub(instant)) / Decimal::from(nanos(BURST));
        (used.round_dp(PLACES), spread(state, now, 1, limit).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::super::unpack;
    use super::*;

    #[test]
    fn what_is_passed_over_is_counted_by_period() {
        let counter = Counter::new(Period::Minute);
        let at = Timestamp::from_millis;
        let passed = |now| counter.at(counter.passed_over.load(Ordering::Relaxed), now).1;
        (0..3).for_each(|_| counter.pass_over(at(600_000)));
        assert_eq!((passed(at(659_999)), passed(at(660_000))), (3, 0));
        counter.pass_over(at(660_000));
        assert_eq!(passed(at(660_001)), 1);
        assert_eq!(unpack(counter.state.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn a_cap_by_the_second_tells_how_much_of_its_burst_is_used() {
        let counter = Counter::new(Period::Second);
        let now = Timestamp::from_millis(1_767_225_600_000);
        assert_eq!(counter.spread_at(now, 20), (Decimal::ZERO, false));
        assert!(counter.take(now, 1, 20).is_some());
        assert_eq!(counter.spread_at(now, 20), (Decimal::new(5, 1), false));
        assert!(counter.take(now, 1, 20).is_some());
        assert_eq!(counter.spread_at(now, 20), (Decimal::ONE, true));
    }
}
