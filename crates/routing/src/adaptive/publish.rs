//! From beliefs to the published table.

use std::sync::Arc;

use super::arm::Arm;
use super::chance::Chance;
use super::count::read_ahead_beliefs;
use super::engine::Engine;
use super::judge::milliseconds;
use super::plan::{Candidate, Planner};
use super::settings::{ClassIndex, Millis, OperatorIndex, VendorIndex};
use super::state::{Demand, OperatorState};
use super::table::{Plan, Plans, Probabilities};
use super::trouble::Conversions;

/// A kind of message that has not come for so long is forgotten, in milliseconds.
const FORGOTTEN: Millis = 900_000;
/// Arms with fewer receipts are still little known.
const LITTLE: f64 = 50.0;
/// No more than this part of a cell's traffic goes to an arm in trouble, or to confirm one.
const TROUBLE_SHARE: f64 = 0.05;
/// Messages that are worth less than others carry the probes of arms in trouble where they are at least this part of what
/// the vendor may carry; one that came a while ago is not waited for.
const CHEAP: f64 = 0.02;
/// The same of idle arms, which get a small share of them only.
const CHEAP_FOR_IDLE: f64 = 0.25;
/// How uncertain the quality of an arm without any evidence is.
const UNKNOWN_SD: f64 = 0.15;

/// What the cells of one operator have in common.
struct Surroundings<'a> {
    state: &'a OperatorState,
    /// By vendor.
    arms: &'a [Option<&'a Arm>],
    flow: &'a Flow,
}

/// What comes for one operator.
struct Flow {
    /// The highest value of a message that comes.
    dearest: f64,
    /// By vendor.
    rates: Vec<Rates>,
}

/// Messages a second that one vendor may carry: all, those whose conversion is reported, and those that are worth less
/// than the dearest.
#[derive(Clone, Copy, Default)]
struct Rates {
    all: f64,
    reporting: f64,
    cheap: f64,
}

impl Engine {
    /// The table of a new version.
    pub(super) fn publish(&mut self, now: Millis) {
        self.state.version += 1;
        self.commitments();
        for operator in &mut self.state.operators {
            operator.demands.retain(|demand| now.saturating_sub(demand.last) < FORGOTTEN);
        }
        self.republish(now);
    }

    /// The table of this version, made again.
    pub(super) fn republish(&mut self, now: Millis) {
        let mut planner = Planner::new(&self.settings.tuning, &self.tables.normals);
        let operators = (0..self.state.operators.len())
            .map(|operator| Arc::new(self.plans(operator, &mut planner)))
            .collect();
        let keep = self.state.vendors.iter().map(|vendor| vendor.door.keep()).collect();
        self.table = Arc::new(Probabilities { version: self.state.version, made_at: now, operators, keep });
    }

    pub(super) fn publish_operator(&mut self, operator: OperatorIndex) {
        let mut planner = Planner::new(&self.settings.tuning, &self.tables.normals);
        let plans = Arc::new(self.plans(operator, &mut planner));
        // A copy is made only when somebody has read the table since the last one.
        let table = Arc::make_mut(&mut self.table);
        while table.operators.len() <= operator {
            table.operators.push(Arc::default());
        }
        if let Some(place) = table.operators.get_mut(operator) {
            *place = plans;
        }
    }

    /// Moves the dual price of each commitment towards where its share is met, and takes the rates of the second.
    fn commitments(&mut self) {
        let accepted: f64 = self.state.vendors.iter().map(|vendor| vendor.accepted).sum();
        let most = self.settings.classes.iter().map(|class| class.value).fold(0.0, f64::max) * 0.25;
        for (vendor, agreed) in self.state.vendors.iter_mut().zip(&self.settings.vendors) {
            if agreed.commitment > 0.0 && accepted > 100.0 {
                let missing = agreed.commitment - vendor.accepted / accepted;
                vendor.commitment =
                    (vendor.commitment + 0.005 * most * missing / agreed.commitment).clamp(0.0, most);
            }
        }
    }

    fn plans(&self, operator: OperatorIndex, planner: &mut Planner<'_>) -> Plans {
        let Some(state) = self.state.operators.get(operator) else { return Plans::default() };
        let arms = self.by_vendor(state);
        read_ahead_beliefs(&arms);
        let of = Surroundings { state, arms: &arms, flow: &self.flow(state) };
        let vendors = self.settings.vendors.len();
        let width = |demand: &Demand| (demand.allowed().0.count_ones() as usize).min(vendors);
        let mut plans = Plans::with_capacity(state.demands.len(), state.demands.iter().map(width).sum());
        // Kinds that differ in who may carry them alone have their candidates in common.
        let mut known: Vec<((ClassIndex, bool), Vec<Candidate>)> = Vec::new();
        let mut candidates = Vec::new();
        for (nth, demand) in state.demands.iter().enumerate() {
            let like = (demand.class, demand.reports_conversion);
            let at = known.iter().position(|(of, _)| *of == like).unwrap_or_else(|| {
                known.push((like, self.candidates(operator, &of, demand)));
                known.len() - 1
            });
            let (allowed, all) = (demand.allowed(), known.get(at).map_or(&[][..], |(_, all)| all.as_slice()));
            candidates.clear();
            candidates.extend(all.iter().filter(|one| allowed.contains(one.vendor.into())).cloned());
            let mut chance =
                Chance::new(self.state.version ^ ((operator as u64) << 24) ^ ((nth as u64) << 52));
            let rows = planner.rows(&mut candidates, &mut chance);
            plans.add(Plan { cell: demand.cell(operator), allowed: demand.allowed(), rows });
        }
        plans
    }

    /// What comes for each vendor. The sums are made once for all kinds of messages.
    fn flow(&self, state: &OperatorState) -> Flow {
        let value = |demand: &Demand| self.value(demand);
        let live = || state.demands.iter().filter(|demand| demand.rate > 0.0);
        let dearest = live().map(value).fold(0.0, f64::max);
        let mut flow = Flow { dearest, rates: vec![Rates::default(); self.settings.vendors.len()] };
        for demand in &state.demands {
            let (allowed, is_cheap) = (demand.allowed(), value(demand) < dearest);
            for (_, rates) in flow.rates.iter_mut().enumerate().filter(|(at, _)| allowed.contains(*at)) {
                rates.all += demand.rate;
                rates.reporting += if demand.reports_conversion { demand.rate } else { 0.0 };
                rates.cheap += if is_cheap { demand.rate } else { 0.0 };
            }
        }
        flow
    }

    fn value(&self, demand: &Demand) -> f64 {
        self.settings.classes.get(demand.class).map_or(0.0, |class| class.value)
    }

    fn by_vendor(&self, state: &OperatorState) -> Vec<Option<&Arm>> {
        let mut arms = vec![None; self.settings.vendors.len()];
        for arm in state.arms.iter().filter_map(|arm| self.state.arms.get(*arm as usize)) {
            if let Some(place) = arms.get_mut(arm.vendor) {
                *place = Some(arm);
            }
        }
        arms
    }

    /// All vendors, whether they may carry a message of the kind or not.
    fn candidates(&self, operator: OperatorIndex, of: &Surroundings<'_>, demand: &Demand) -> Vec<Candidate> {
        let Some(class) = self.settings.classes.get(demand.class) else { return Vec::new() };
        let mut candidates = Vec::with_capacity(of.arms.len());
        let reporting = self.state.reporting_classes;
        let acts = demand.class < 64 && reporting >> demand.class & 1 == 1;
        for (vendor, arm) in of.arms.iter().enumerate() {
            let (Some(of_vendor), Ok(number)) = (self.state.vendors.get(vendor), u16::try_from(vendor))
            else {
                continue;
            };
            let (quality, sd, ramp) = match arm {
                Some(arm) if acts => (arm.belief.acted, arm.belief.acted_sd, arm.ramp),
                Some(arm) => {
                    let in_time = arm.in_time(&self.tables.grid, milliseconds(class.deadline));
                    let belief = &arm.belief;
                    (belief.delivered * belief.trust * in_time, belief.delivered_sd, arm.ramp)
                }
                None => (of_vendor.rate.max(of.state.rate.min(0.9)), UNKNOWN_SD, 1.0),
            };
            let price = self.settings.price(vendor, operator);
            let door = &of_vendor.door;
            let is_well = !door.is_open() && arm.is_none_or(|arm| arm.trouble.is_none());
            let agreed = self.settings.vendors.get(vendor).filter(|_| is_well);
            let off = agreed.map_or(0.0, |agreed| agreed.favour.of(demand.class) * price);
            let favour = of_vendor.commitment + off;
            let utility = (class.value * quality - price) * door.answered + favour;
            let is_below = quality + 2.0 * sd < class.min_success;
            let probe = self.probe(of.flow, demand, vendor, *arm);
            let shut = if door.is_half_open() { self.knock() } else { probe };
            candidates.push(Candidate {
                vendor: number,
                utility,
                sd: class.value * sd,
                ramp: ramp * f64::from(door.share()),
                is_shut: door.is_open(),
                is_below,
                probe: if door.is_open() { shut } else { probe },
            });
        }
        candidates
    }

    /// The share that sends a message or two a second through a half-open circuit.
    fn knock(&self) -> f64 {
        (1.5 / self.state.traffic.max(1.0)).min(TROUBLE_SHARE)
    }

    /// The least probability of a vendor in a cell, from what is to be learned about its arm.
    fn probe(&self, flow: &Flow, demand: &Demand, vendor: VendorIndex, arm: Option<&Arm>) -> f64 {
        let tuning = &self.settings.tuning;
        let rates = flow.rates.get(vendor).copied().unwrap_or_default();
        // Those that test numbers carry do not have to come out of other traffic.
        let (tests, reporting_tests) = arm.map_or((0.0, 0.0), |arm| arm.tests);
        let Some(arm) = arm else {
            return spread(rates.all, tuning.idle_probes, tuning.idle_share);
        };
        if let Some(trouble) = arm.trouble.as_deref() {
            let mut least = 0.0;
            let comes_late = arm.belief.delivered > 0.5 * trouble.delivered;
            let needs_proof = match trouble.conversions {
                Conversions::Contradict | Conversions::Testing => true,
                Conversions::Fallen => comes_late,
                Conversions::Unknown | Conversions::Normal => false,
            };
            if needs_proof && demand.reports_conversion {
                least = spread(rates.reporting, tuning.conversion_probes - reporting_tests, TROUBLE_SHARE);
            }
            if trouble.is_of_receipts_only() {
                // What it carries is not at stake, only whether its receipts are as before.
                least = f64::max(least, spread(rates.all, tuning.idle_probes - tests, tuning.idle_share));
            } else if trouble.by_receipts {
                let by_cheap = rates.cheap > CHEAP * rates.all;
                if !by_cheap || self.value(demand) < flow.dearest {
                    let rate = if by_cheap { rates.cheap } else { rates.all };
                    least = f64::max(least, spread(rate, tuning.trouble_probes - tests, TROUBLE_SHARE));
                }
            }
            return least;
        }
        if demand.reports_conversion && self.state.reports.may_be_a_lie() {
            // What others carry tells, and they are few until it has told.
            return TROUBLE_SHARE;
        }
        let carries = arm.traffic - arm.reporting > 0.2;
        if carries && demand.reports_conversion && arm.evidence.conversions.trials < tuning.verified {
            return spread(rates.reporting, tuning.verify_probes - reporting_tests, TROUBLE_SHARE);
        }
        let by_cheap = rates.cheap > CHEAP_FOR_IDLE * rates.all;
        if by_cheap && self.value(demand) >= flow.dearest {
            return 0.0;
        }
        if arm.evidence.receipts.trials < LITTLE {
            let rate = if by_cheap { rates.cheap } else { rates.all };
            return spread(rate, tuning.idle_probes - tests, tuning.idle_share);
        }
        0.1 * tuning.idle_share
    }
}

/// `wanted` messages a second over the cells that are eligible, which have this rate together, as a share of each.
fn spread(rate: f64, wanted: f64, most: f64) -> f64 {
    (wanted.max(0.0) / rate.max(1e-6)).min(most)
}
