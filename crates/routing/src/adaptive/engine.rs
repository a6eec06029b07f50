//! The engine's doors: choose, what is told back, and the tick.

use std::sync::Arc;

use super::arm::Arm;
use super::chance::Normals;
use super::delay::{Grid, Shape, log_normal};
use super::door::{Answer, DoorEvent};
use super::evidence::{Fade, Moment};
use super::settings::{Millis, OperatorIndex, Settings, Vendor, VendorIndex};
use super::state::{Demand, State, VendorState};
use super::table::{Cell, Pick, Probabilities, Request};
use super::told::What;
use super::verdict::{Kind, Proof, Scope, Stage, Verdict};

/// Receipts and conversions are taken to be so late until they are known: median in seconds, sigma.
const RECEIPTS: (f64, f64) = (4.0, 1.0);
const CONVERSIONS: (f64, f64) = (22.0, 0.8);
/// Of the saved state: another one is not read, and the engine learns anew.
const FORMAT: u32 = 2;
/// Operators beyond this are not learned about: their number comes from outside.
const OPERATORS: usize = 100_000;

/// Learns and chooses. One owner; others read the table that it publishes.
#[derive(Debug)]
pub struct Engine {
    pub(super) settings: Settings,
    pub(super) state: State,
    pub(super) table: Arc<Probabilities>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) tables: Tables,
}

/// What is computed once.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) grid: Grid,
    pub(super) normals: Normals,
    pub(super) receipts_fade: Fade,
    pub(super) conversions_fade: Fade,
    pub(super) receipts: Shape,
    pub(super) conversions: Shape,
}

impl Tables {
    pub(super) fn moment(&self, now: Millis) -> Moment<'_> {
        Moment {
            now,
            second: super::arm::second(now),
            grid: &self.grid,
            receipts_fade: &self.receipts_fade,
            conversions_fade: &self.conversions_fade,
        }
    }
}

/// The saved state is not one of this version.
#[derive(Debug, thiserror::Error)]
#[error("the saved state of the adaptive engine cannot be read")]
pub struct NotRestored(#[from] minicbor::decode::Error);

impl Engine {
    pub fn new(settings: Settings, seed: u64) -> Self {
        let tables = Tables {
            grid: Grid::new(),
            normals: Normals::new(),
            receipts_fade: Fade::new(settings.tuning.receipts_half_life),
            conversions_fade: Fade::new(settings.tuning.conversions_half_life),
            receipts: log_normal(RECEIPTS.0, RECEIPTS.1),
            conversions: log_normal(CONVERSIONS.0, CONVERSIONS.1),
        };
        let state = State::new(settings.vendors.len(), seed);
        let mut engine =
            Self { settings, state, table: Arc::new(Probabilities::default()), verdicts: Vec::new(), tables };
        engine.publish(0);
        engine
    }

    /// Other vendors, prices or promises. Vendors keep their numbers; new ones are added at the end.
    pub fn configure(&mut self, now: Millis, settings: Settings) {
        self.settings = settings;
        let count = self.settings.vendors.len().max(self.state.vendors.len());
        self.state.vendors.resize(count, VendorState::default());
        self.forget_asked();
        self.publish(now);
    }

    /// What is heard of changes: that more is heard of than before says nothing of what is asked for.
    pub fn forget_asked(&mut self) {
        for operator in &mut self.state.operators {
            operator.asked.forget();
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The table in force, to be read by others.
    pub fn table(&self) -> Arc<Probabilities> {
        Arc::clone(&self.table)
    }

    /// None when every allowed vendor is excluded, or none is allowed.
    pub fn choose(&mut self, now: Millis, request: &Request) -> Option<Pick> {
        self.wanted(now, request);
        let chance = self.state.chance.pair();
        let pick = self.table.pick(request, chance)?;
        if let Some(vendor) = self.state.vendors.get_mut(pick.vendor) {
            vendor.door.asked();
        }
        Some(pick)
    }

    /// Counts a message that is to be sent. Who picks from the shared table tells the engine by this.
    pub fn wanted(&mut self, now: Millis, request: &Request) {
        let Cell { operator, class, reports_conversion } = request.cell;
        if operator >= OPERATORS {
            return;
        }
        if reports_conversion && class < 64 {
            self.state.reporting_classes |= 1 << class;
        }
        let Some(state) = self.state.operator(operator, &self.tables.conversions) else { return };
        if let Some(demand) = state.demands.iter_mut().find(|demand| demand.is_of(request)) {
            demand.fresh += u32::from(request.excluded.0 == 0);
            demand.last = now;
            return;
        }
        let mut demand = Demand::new(request);
        (demand.fresh, demand.last) = (1, now);
        state.demands.push(demand);
        self.publish_operator(operator);
    }

    /// A message goes to the vendor: the counterpart of `choose` for who picks from the shared table.
    pub fn asked(&mut self, vendor: VendorIndex) {
        if let Some(vendor) = self.state.vendors.get_mut(vendor) {
            vendor.door.asked();
        }
    }

    /// What the vendors take for a message to this operator, from the next table on.
    pub fn price(&mut self, operator: OperatorIndex, prices: Vec<f64>) {
        if operator >= OPERATORS {
            return;
        }
        if self.settings.prices.len() <= operator {
            self.settings.prices.resize(operator + 1, Vec::new());
        }
        if let Some(place) = self.settings.prices.get_mut(operator) {
            *place = prices;
        }
    }

    /// What was agreed with a vendor, from the next tick on.
    pub fn agree(&mut self, vendor: VendorIndex, agreed: Vendor) {
        let Some(place) = self.settings.vendors.get_mut(vendor) else { return };
        if let Some(state) = self.state.vendors.get_mut(vendor) {
            state.door.agree(place.per_second, agreed.per_second);
        }
        *place = agreed;
    }

    /// How the vendor answered a submit.
    pub fn submitted(&mut self, now: Millis, vendor: VendorIndex, cell: Cell, answer: Answer) {
        if answer == Answer::Accepted && cell.operator < OPERATORS {
            if self.state.arm_index(vendor, cell.operator).is_none() {
                self.add_arm(vendor, cell.operator);
            }
            self.tell_arm(vendor, cell.operator, now, What::Sent(cell.reports_conversion));
        }
        let Some(state) = self.state.vendors.get_mut(vendor) else { return };
        if answer == Answer::Accepted {
            state.accepted += 1.0;
        }
        let was_open = state.door.is_open();
        let event = state.door.answer(now, answer);
        let is_open = state.door.is_open();
        if let Some(event) = event {
            self.tell_door(now, vendor, event);
        }
        if is_open != was_open || event.is_some() {
            self.publish(now);
        }
    }

    /// The message that the vendor accepted was a probe to a test number: others have to carry one less.
    pub fn tested(&mut self, vendor: VendorIndex, cell: Cell) {
        let at = self.state.arm_index(vendor, cell.operator);
        if let Some(arm) = at.and_then(|at| self.state.arms.get_mut(at)) {
            arm.tested(cell.reports_conversion);
        }
    }

    /// A receipt for a message that was accepted at `sent_at`.
    pub fn receipt(
        &mut self,
        now: Millis,
        vendor: VendorIndex,
        operator: OperatorIndex,
        sent_at: Millis,
        delivered: bool,
    ) {
        let Some(state) = self.state.vendors.get_mut(vendor) else { return };
        state.feed.spoke(now);
        let not_before = state.feed.not_before(now);
        self.tell_arm(vendor, operator, sent_at, What::Receipt(now, not_before, delivered));
    }

    /// The application says that the user of a message acted.
    pub fn conversion(&mut self, now: Millis, vendor: VendorIndex, operator: OperatorIndex, sent_at: Millis) {
        if let Some(begin) = self.state.reports.came(now) {
            self.forget_gap(begin);
        }
        self.tell_arm(vendor, operator, sent_at, What::Conversion(now));
    }

    /// Once a second: counts, judges, publishes. What is told between two ticks is netted.
    pub fn tick(&mut self, now: Millis) {
        self.note();
        for vendor in 0..self.settings.vendors.len() {
            let (Some(state), Some(agreed)) =
                (self.state.vendors.get_mut(vendor), self.settings.vendors.get(vendor))
            else {
                continue;
            };
            if let Some(event) = state.door.tick(now, agreed) {
                self.tell_door(now, vendor, event);
            }
        }
        self.judge(now);
        self.publish(now);
    }

    /// The verdicts since the last call.
    pub fn verdicts(&mut self) -> Vec<Verdict> {
        std::mem::take(&mut self.verdicts)
    }

    /// All that was learned, to be restored under the same numbers of vendors and operators.
    pub fn save(&self) -> Vec<u8> {
        // Writing to memory does not fail; without a state the engine would only have to learn anew.
        minicbor::to_vec((FORMAT, &self.state)).unwrap_or_default()
    }

    pub fn restore(settings: Settings, now: Millis, saved: &[u8]) -> Result<Self, NotRestored> {
        let (format, state): (u32, State) = minicbor::decode(saved)?;
        if format != FORMAT {
            return Err(minicbor::decode::Error::message("it is of another version").into());
        }
        let mut engine = Self::new(settings, 0);
        engine.state = state;
        let count = engine.settings.vendors.len().max(engine.state.vendors.len());
        engine.state.vendors.resize(count, VendorState::default());
        for arm in &mut engine.state.arms {
            arm.cut_off(super::arm::second(now));
        }
        engine.republish(now);
        Ok(engine)
    }

    fn add_arm(&mut self, vendor: VendorIndex, operator: OperatorIndex) {
        let Ok(at) = u32::try_from(self.state.arms.len()) else { return };
        let Some(of_vendor) = self.state.vendors.get_mut(vendor) else { return };
        of_vendor.arms.push(at);
        let Some(of_operator) = self.state.operator(operator, &self.tables.conversions) else { return };
        of_operator.arms.push(at);
        if of_operator.by_vendor.len() <= vendor {
            of_operator.by_vendor.resize(vendor + 1, 0);
        }
        if let Some(place) = of_operator.by_vendor.get_mut(vendor) {
            *place = at + 1;
        }
        self.state.arms.push(Arm::new(vendor, operator, &self.tables.receipts));
    }

    /// Nobody reported conversions for a while, which is nobody's fault.
    fn forget_gap(&mut self, begin: Millis) {
        self.note();
        let from = super::arm::second(begin).saturating_sub(60);
        for arm in &mut self.state.arms {
            arm.evidence.forget_conversions(from..);
            arm.conversions.reset(super::arm::second(begin));
            arm.absences = arm.absences.saturating_add(1);
        }
    }

    fn tell_door(&mut self, now: Millis, vendor: VendorIndex, event: DoorEvent) {
        let (kind, stage) = match event {
            DoorEvent::Outage => (Kind::Outage, Stage::Raised),
            DoorEvent::OutageOver => (Kind::Outage, Stage::Recovered),
            DoorEvent::Throttled => (Kind::Throttled, Stage::Raised),
            DoorEvent::ThrottledOver => (Kind::Throttled, Stage::Recovered),
            DoorEvent::Shut => return,
        };
        let Some(door) = self.state.vendors.get(vendor).map(|vendor| &vendor.door) else { return };
        let agreed = self.settings.vendors.get(vendor).map_or(0.0, |vendor| vendor.per_second);
        let proof = match kind {
            Kind::Throttled => Proof {
                since: door.throttled.unwrap_or(now),
                before: agreed,
                after: door.accepted,
                observations: door.throttles,
                ..Proof::default()
            },
            Kind::Outage
            | Kind::SilentDrop
            | Kind::FakeReceipts
            | Kind::SlowReceipts
            | Kind::SlowDelivery
            | Kind::OperatorWide
            | Kind::Pumping => Proof {
                since: door.outage.unwrap_or(now),
                before: 1.0,
                after: door.answered,
                observations: f64::from(door.failed),
                ..Proof::default()
            },
        };
        let scope = Scope { vendor: Some(vendor), operator: None };
        self.verdicts.push(Verdict { kind, scope, stage, at: now, proof });
    }
}
