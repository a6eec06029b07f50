//! All that the engine remembers. Saved and restored, it decides as if nothing had been in between.

use minicbor::{Decode, Encode};

use super::arm::Arm;
use super::chance::Chance;
use super::delay::{Delay, Shape};
use super::door::Door;
use super::feed::Feed;
use super::pumping::Asked;
use super::settings::{Millis, OperatorIndex, VendorIndex, Vendors};
use super::table::{Cell, Request};
use super::told::Told;
use super::verdict::Incidents;

#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct State {
    #[n(0)]
    pub(super) arms: Vec<Arm>,
    #[n(1)]
    pub(super) vendors: Vec<VendorState>,
    #[n(2)]
    pub(super) operators: Vec<OperatorState>,
    #[n(3)]
    pub(super) reports: Reports,
    #[n(4)]
    pub(super) incidents: Incidents,
    #[n(5)]
    pub(super) chance: Chance,
    #[n(6)]
    pub(super) version: u64,
    /// Messages a second over all arms, and those whose conversion is reported.
    #[n(7)]
    pub(super) traffic: f64,
    #[n(8)]
    pub(super) reporting: f64,
    #[n(9)]
    pub(super) ticks: u64,
    /// Classes of which conversions are reported, a bit each.
    #[n(10)]
    pub(super) reporting_classes: u64,
    #[cbor(n(11), default)]
    pub(super) told: Vec<Told>,
}

#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct VendorState {
    #[n(0)]
    pub(super) arms: Vec<u32>,
    #[n(1)]
    pub(super) feed: Feed,
    #[n(2)]
    pub(super) door: Door,
    /// What a message of its commitment is worth just now: a dual price.
    #[n(3)]
    pub(super) commitment: f64,
    /// Messages accepted, faded over an hour.
    #[n(4)]
    pub(super) accepted: f64,
    /// The rate of delivery of its arms together.
    #[n(5)]
    pub(super) rate: f64,
}

#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct OperatorState {
    #[n(0)]
    pub(super) arms: Vec<u32>,
    #[n(1)]
    pub(super) conversion_delay: Delay,
    /// Conversions for each message that is delivered in time.
    #[n(2)]
    pub(super) converting: f64,
    #[n(3)]
    pub(super) demands: Vec<Demand>,
    /// The rate of delivery of its arms together.
    #[n(4)]
    pub(super) rate: f64,
    /// By vendor: one more than the number of its arm; zero where there is none.
    #[n(5)]
    pub(super) by_vendor: Vec<u32>,
    #[cbor(n(6), default)]
    pub(super) asked: Asked,
}

/// A kind of message that came, and how often.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Demand {
    #[n(0)]
    pub(super) class: usize,
    #[n(1)]
    pub(super) reports_conversion: bool,
    #[n(2)]
    allowed: (u64, u64),
    /// Messages a second.
    #[n(3)]
    pub(super) rate: f64,
    #[n(4)]
    pub(super) fresh: u32,
    #[n(5)]
    pub(super) last: Millis,
}

/// Conversions as a whole: whether anybody reports any just now.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Reports {
    /// When the last one came; zero: never.
    #[n(0)]
    last: Millis,
    /// How many should have come since.
    #[n(1)]
    due: f64,
    /// The same without the vendor that has most of them.
    #[cbor(n(2), default)]
    due_of_others: f64,
}

/// So many conversions due, and none: nobody reports any.
const GAP: f64 = 14.0;
/// From here on it may be the beginning of a gap.
const SUSPICION: f64 = 4.0;
/// However many are due, shorter silences are no gap, in milliseconds.
const SILENCE: Millis = 10_000;

impl Reports {
    /// So many should have come in the second that ends now, if in all of it none did; and so many without the vendor
    /// that has most of them.
    pub(super) fn expect(&mut self, due: f64, due_of_others: f64, now: Millis) {
        let silent = now.saturating_sub(self.last).min(1000) as f64 / 1000.0;
        self.due += due * silent;
        self.due_of_others += due_of_others * silent;
    }

    /// One came. When a gap ends with it: where the gap began.
    pub(super) fn came(&mut self, now: Millis) -> Option<Millis> {
        let silent = now.saturating_sub(self.last);
        let gap = (self.due >= GAP && silent >= SILENCE && self.last != 0).then_some(self.last);
        *self = Self { last: now, ..Self::default() };
        gap
    }

    /// None come, and hardly any were due but one vendor's: nobody reports any, or what that vendor says is not true.
    pub(super) fn may_be_a_lie(&self) -> bool {
        self.due >= GAP && self.due_of_others < GAP
    }

    /// Up to when conversions are reported as they happen.
    pub(super) fn up_to(&self, now: Millis) -> Millis {
        if self.last == 0 || self.due > SUSPICION { self.last } else { now }
    }
}

impl Demand {
    pub(super) fn new(request: &Request) -> Self {
        let bits = request.allowed.0;
        Self {
            class: request.cell.class,
            reports_conversion: request.cell.reports_conversion,
            allowed: ((bits >> 64) as u64, bits as u64),
            rate: 0.0,
            fresh: 0,
            last: 0,
        }
    }

    pub(super) fn allowed(&self) -> Vendors {
        Vendors((u128::from(self.allowed.0) << 64) | u128::from(self.allowed.1))
    }

    pub(super) fn cell(&self, operator: OperatorIndex) -> Cell {
        Cell { operator, class: self.class, reports_conversion: self.reports_conversion }
    }

    pub(super) fn is_of(&self, request: &Request) -> bool {
        self.class == request.cell.class
            && self.reports_conversion == request.cell.reports_conversion
            && self.allowed() == request.allowed
    }
}

impl State {
    pub(super) fn new(vendors: usize, seed: u64) -> Self {
        Self {
            arms: Vec::new(),
            vendors: vec![VendorState::default(); vendors],
            operators: Vec::new(),
            reports: Reports::default(),
            incidents: Incidents::default(),
            chance: Chance::new(seed),
            version: 0,
            traffic: 1.0,
            reporting: 1.0,
            ticks: 0,
            reporting_classes: 0,
            told: Vec::new(),
        }
    }

    pub(super) fn arm_index(&self, vendor: VendorIndex, operator: OperatorIndex) -> Option<usize> {
        let next = *self.operators.get(operator)?.by_vendor.get(vendor)?;
        next.checked_sub(1).map(|arm| arm as usize)
    }

    pub(super) fn operator(&mut self, operator: OperatorIndex, delay: &Shape) -> Option<&mut OperatorState> {
        while self.operators.len() <= operator {
            self.operators.push(OperatorState {
                arms: Vec::new(),
                conversion_delay: Delay::new(delay),
                converting: 0.75,
                demands: Vec::new(),
                rate: 0.85,
                by_vendor: Vec::new(),
                asked: Asked::default(),
            });
        }
        self.operators.get_mut(operator)
    }
}
