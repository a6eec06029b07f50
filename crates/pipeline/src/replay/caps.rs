//! How many segments each cap of the candidate counts in each of its periods, and how many it would count.
//!
//! The caps are not obeyed: what would have no room is not sent another way, nor kept waiting. So whoever reads the
//! report sees how much is asked of a cap, and by how much that is too much.

use std::collections::BTreeMap;

use domain::{CapId, Message, Timestamp};
use routing::Table;
use routing::settings::Period;
use routing::table::Cap;

use super::decision::Leg;

/// Of one cap of the candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapLoad {
    pub cap: CapId,
    /// Segments in a period.
    pub limit: u32,
    pub per: Period,
    pub before: Counted,
    pub after: Counted,
}

/// Attempts count in the period in which they first wanted a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Segments in all.
    pub segments: u64,
    /// Segments in the fullest period.
    pub fullest: u64,
    /// When that began, in milliseconds since 1970, the first of several; None: nothing was counted.
    pub fullest_at: Option<i64>,
    /// In how many periods there were more than the limit.
    pub periods_above: u64,
    /// How many segments that were in all.
    pub segments_above: u64,
}

/// Periods are counted until no message can fall into them any more.
pub(super) struct CapLoads<'t> {
    table: &'t Table,
    /// In the order of the table's caps.
    caps: Vec<OfCap<'t>>,
}

struct OfCap<'t> {
    cap: &'t Cap,
    periods: BTreeMap<i64, [u64; 2]>,
    load: CapLoad,
}

/// Beyond, a period is settled before its time: what is scheduled into it later counts as another one.
const MOST_OPEN: usize = 100_000;

#[derive(Clone, Copy)]
pub(super) enum Side {
    Before,
    After,
}

impl<'t> CapLoads<'t> {
    pub(super) fn new(table: &'t Table) -> Self {
        let of = |cap: &'t Cap| OfCap {
            cap,
            periods: BTreeMap::new(),
            load: CapLoad {
                cap: cap.id.clone(),
                limit: cap.limit,
                per: cap.per,
                before: Counted::default(),
                after: Counted::default(),
            },
        };
        Self { table, caps: table.caps().iter().map(of).collect() }
    }

    /// Routes that the candidate does not have count for none of its caps.
    pub(super) fn add(&mut self, message: &Message, leg: &Leg, side: Side) {
        for at in self.table.caps_of_route(&leg.route) {
            let Some(of) = self.caps.get_mut(*at) else { continue };
            if !of.cap.counts(message.class, message.from.as_ref()) {
                continue;
            }
            while of.periods.len() >= MOST_OPEN
                && let Some((period, counts)) = of.periods.pop_first()
            {
                of.settle(period, counts);
            }
            let period = leg.asked_at.as_millis().div_euclid(of.cap.per.millis());
            let [before, after] = of.periods.entry(period).or_default();
            let count = match side {
                Side::Before => before,
                Side::After => after,
            };
            *count += u64::from(leg.segments);
        }
    }

    /// Messages that come were accepted then or later.
    pub(super) fn pass(&mut self, accepted_at: Timestamp) {
        for of in &mut self.caps {
            let period = accepted_at.as_millis().div_euclid(of.cap.per.millis());
            while let Some(first) = of.periods.first_entry().filter(|first| *first.key() < period) {
                let (period, counts) = first.remove_entry();
                of.settle(period, counts);
            }
        }
    }

    pub(super) fn finish(self) -> Vec<CapLoad> {
        let done = |mut of: OfCap<'_>| {
            while let Some((period, counts)) = of.periods.pop_first() {
                of.settle(period, counts);
            }
            of.load
        };
        self.caps.into_iter().map(done).collect()
    }
}

impl OfCap<'_> {
    fn settle(&mut self, period: i64, [before, after]: [u64; 2]) {
        let at = period.saturating_mul(self.cap.per.millis());
        let limit = u64::from(self.cap.limit);
        self.load.before.count(before, at, limit);
        self.load.after.count(after, at, limit);
    }
}

impl Counted {
    fn count(&mut self, segments: u64, at: i64, limit: u64) {
        self.segments += segments;
        if segments > self.fullest {
            (self.fullest, self.fullest_at) = (segments, Some(at));
        }
        let above = segments.saturating_sub(limit);
        self.periods_above += u64::from(above > 0);
        self.segments_above += above;
    }
}
