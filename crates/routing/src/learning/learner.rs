//! Hears what becomes of messages, in the gateway's words, and tells what it makes of it.

use std::sync::Arc;
use std::time::Duration;

use domain::commitment::Pace;
use domain::verdict::{Kind, Proof, Scope};
use domain::{AppId, Class, ConnectionId, Timestamp, Verdict, VerdictId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::agreed::Agreed;
use super::beliefs::Beliefs;
use super::economy;
use super::names::{CONNECTIONS, Destination, Names, Reporting, number};
use super::times::Times;
use crate::adaptive::{
    self, Answer, Cell, Engine, Millis, OperatorIndex, Quality, Request, Settings, Stage, Tuning, Vendor,
    VendorIndex, Vendors,
};
use crate::table::Table;

/// An application that has not said for so long whether users act no longer says so.
const REPORTS_FOR: Duration = Duration::from_secs(24 * 3600);
/// Prices are looked up again within so many ticks: they change with the date.
const PRICED_WITHIN: usize = 60;

/// The one owner of the engine.
#[derive(Debug)]
pub struct Learner {
    pub(super) engine: Engine,
    table: Arc<Table>,
    /// By their numbers in the engine.
    pub(super) connections: Vec<ConnectionId>,
    pub(super) destinations: Vec<Destination>,
    pub(super) reporting: FxHashMap<AppId, Reporting>,
    /// Verdicts that have not recovered.
    pub(super) open: Vec<Verdict>,
    pub(super) times: Times,
    /// Where the engine's clock stands.
    pub(super) at: Millis,
    /// It was restored, and no vendor has spoken since.
    pub(super) stands_still: bool,
    names: Arc<Names>,
    published: Option<Arc<adaptive::Probabilities>>,
    /// How arms deliver, until the next tick: the table may be published several times in between.
    qualities: Option<Arc<Vec<Vec<Quality>>>>,
    /// Destinations whose prices are looked up next.
    to_price: usize,
    agreed: Agreed,
}

/// Something that became known of a message.
#[derive(Clone, Debug)]
pub struct News {
    pub at: Timestamp,
    pub app: AppId,
    pub class: Class,
    pub to: Destination,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    /// It is to be sent, and these may carry it.
    Wanted { allowed: Vendors },
    /// How the vendor answered its submit, and whether it was a probe to a test number.
    Answered { connection: ConnectionId, segments: u8, answer: Answer, is_test: bool },
    /// The vendor said what became of it, accepted at `sent_at`.
    Receipt { connection: ConnectionId, sent_at: Timestamp, delivered: bool },
    /// The application said whether its user acted; `None` when no vendor accepted it.
    Conversion { of: Option<(ConnectionId, Timestamp)>, converted: bool },
}

/// A verdict as it is now, and what is new of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Turned {
    pub verdict: Verdict,
    pub stage: Stage,
}

impl Learner {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(table: Arc<Table>, now: Timestamp, seed: u64) -> Self {
        let mut learner = Self::empty(table, now, seed);
        learner.rename();
        learner
    }

    pub(super) fn empty(table: Arc<Table>, now: Timestamp, seed: u64) -> Self {
        let mut learner = Self {
            engine: Engine::new(settings(&table, Vec::new(), Vec::new()), seed),
            table,
            connections: Vec::new(),
            destinations: Vec::new(),
            reporting: FxHashMap::default(),
            open: Vec::new(),
            times: Times::default(),
            at: Times::default().engine(now),
            stands_still: false,
            names: Arc::default(),
            published: None,
            qualities: None,
            to_price: 0,
            agreed: Agreed::default(),
        };
        learner.number_connections();
        learner.engine.configure(learner.at, learner.settings(now));
        learner
    }

    /// Another table holds from now on. Connections keep their numbers; those beyond what can be told apart are not
    /// learned about.
    pub fn configure(&mut self, table: Arc<Table>, now: Timestamp) {
        self.table = table;
        self.number_connections();
        let settings = self.settings(now);
        self.engine.configure(self.at, settings);
        self.rename();
    }

    /// What connections take, in segments a second: one that is missing takes whatever comes. Holds from the next tick on.
    pub fn agree(&mut self, throughput: FxHashMap<ConnectionId, u32>) {
        self.agreed.throughput = throughput;
    }

    /// How the commitments stand that are behind their pace. Holds from the next tick on.
    pub fn favour(&mut self, paces: FxHashMap<ConnectionId, Pace>) {
        self.agreed.paces = paces;
    }

    pub fn hear(&mut self, news: &News) {
        let speaks = match news.what {
            What::Answered { .. } | What::Receipt { .. } => true,
            What::Wanted { .. } | What::Conversion { .. } => false,
        };
        if self.stands_still && speaks {
            self.times.go_on(news.at, self.at);
            self.stands_still = false;
        }
        let operator = self.destination(news.to, news.at);
        let class = number(news.class);
        let reports_conversion = self.names.reports(&news.app, news.class);
        let cell = Cell { operator, class, reports_conversion };
        let now = self.now(news.at);
        match &news.what {
            What::Wanted { allowed } => {
                let request =
                    Request { cell, allowed: *allowed, excluded: Vendors::default(), no_probe: false };
                self.engine.wanted(now, &request);
            }
            What::Answered { connection, segments, answer, is_test } => {
                let Some(vendor) = self.vendor(connection) else { return };
                self.agreed.saw(vendor, *segments);
                self.engine.asked(vendor);
                // Nobody acts on what comes to a test number.
                let cell = Cell { reports_conversion: reports_conversion && !*is_test, ..cell };
                self.engine.submitted(now, vendor, cell, *answer);
                if *is_test && *answer == Answer::Accepted {
                    self.engine.tested(vendor, cell);
                }
            }
            What::Receipt { connection, sent_at, delivered } => {
                let Some(vendor) = self.vendor(connection) else { return };
                let sent_at = self.times.engine(*sent_at).min(now);
                self.engine.receipt(now, vendor, operator, sent_at, *delivered);
            }
            What::Conversion { of, converted } => {
                self.note_report(&news.app, class, news.at);
                let Some((connection, sent_at)) = of.as_ref().filter(|_| *converted) else { return };
                let Some(vendor) = self.vendor(connection) else { return };
                let sent_at = self.times.engine(*sent_at).min(now);
                self.engine.conversion(now, vendor, operator, sent_at);
            }
        }
    }

    /// Once a second: judges what was heard. Returns what is new of verdicts; `new_id` makes the id of a new one.
    pub fn tick(&mut self, now: Timestamp, mut new_id: impl FnMut() -> VerdictId) -> Vec<Turned> {
        if self.stands_still {
            return Vec::new();
        }
        self.forget_reports(now);
        self.price_some(now);
        for (vendor, connection) in self.connections.iter().enumerate() {
            self.engine.agree(vendor, self.agreed.vendor(vendor, connection, &self.table));
        }
        let at = self.now(now);
        self.engine.tick(at);
        self.qualities = None;
        let mut turned = self.turned(now, &mut new_id);
        self.reconcile(now, new_id, &mut turned);
        turned
    }

    /// What became of verdicts since the last call; at once, where `tick` is not due yet.
    pub fn turned(&mut self, now: Timestamp, mut new_id: impl FnMut() -> VerdictId) -> Vec<Turned> {
        let verdicts = self.engine.verdicts();
        verdicts.iter().filter_map(|verdict| self.turn(verdict, now, &mut new_id)).collect()
    }

    /// What is believed now; None when that is what was returned last.
    pub fn publish(&mut self) -> Option<Beliefs> {
        let probabilities = self.engine.table();
        if self.published.as_ref().is_some_and(|last| Arc::ptr_eq(last, &probabilities)) {
            return None;
        }
        self.published = Some(Arc::clone(&probabilities));
        let qualities = self.qualities.take().unwrap_or_else(|| self.look_at_qualities());
        self.qualities = Some(Arc::clone(&qualities));
        Some(Beliefs {
            probabilities,
            names: Arc::clone(&self.names),
            qualities,
            verdicts: self.open.as_slice().into(),
            took_over: Vendors::default(),
            rooms: self.rooms(),
        })
    }

    fn look_at_qualities(&self) -> Arc<Vec<Vec<Quality>>> {
        let mut qualities = vec![Vec::new(); self.destinations.len()];
        for quality in self.engine.qualities().filter(Beliefs::tells) {
            if let Some(arms) = qualities.get_mut(quality.operator) {
                arms.push(quality);
            }
        }
        Arc::new(qualities)
    }

    /// By vendor: the part of what the table has it carry that it takes.
    fn rooms(&self) -> Arc<[f32]> {
        let planned = self.engine.planned().into_iter();
        let agreed = self.engine.settings().vendors.iter().map(|agreed| agreed.per_second);
        let room =
            |(planned, agreed): (f64, f64)| if planned > agreed { (agreed / planned) as f32 } else { 1.0 };
        planned.zip(agreed).map(room).collect()
    }

    /// Verdicts that hold.
    #[must_use]
    pub fn open(&self) -> &[Verdict] {
        &self.open
    }

    /// Connections of the table that are not learned about, because there are too many.
    #[must_use]
    pub fn not_told_apart(&self) -> usize {
        let all: FxHashSet<&ConnectionId> =
            self.table.routes().iter().map(|route| &route.connection).collect();
        all.into_iter().filter(|connection| !self.names.connections.contains_key(*connection)).count()
    }

    /// The engine's clock never goes back, and does not move before a vendor has spoken: how long it stood still is not
    /// known until then.
    fn now(&mut self, wall: Timestamp) -> Millis {
        if !self.stands_still {
            self.at = self.at.max(self.times.engine(wall));
        }
        self.at
    }

    fn vendor(&self, connection: &ConnectionId) -> Option<VendorIndex> {
        self.names.connections.get(connection).copied()
    }

    fn destination(&mut self, to: Destination, now: Timestamp) -> OperatorIndex {
        if let Some(known) = self.names.destinations.get(&to) {
            return *known;
        }
        let at = self.destinations.len();
        self.destinations.push(to);
        self.engine.price(at, economy::prices(&self.table, &self.connections, to, now));
        Arc::make_mut(&mut self.names).destinations.insert(to, at);
        at
    }

    fn note_report(&mut self, app: &AppId, class: usize, at: Timestamp) {
        let is_new = !self.reporting.contains_key(app);
        if is_new {
            self.reporting.insert(app.clone(), Reporting::default());
        }
        let Some(place) = self.reporting.get_mut(app).and_then(|classes| classes.get_mut(class)) else {
            return;
        };
        if place.replace(at).is_none() {
            self.engine.forget_asked();
            Arc::make_mut(&mut self.names).reporting.clone_from(&self.reporting);
        }
    }

    fn forget_reports(&mut self, now: Timestamp) {
        let places = self.reporting.values_mut().flatten();
        let mut forgotten = false;
        for place in places.filter(|place| place.is_some_and(|at| now.since(at) > REPORTS_FOR)) {
            *place = None;
            forgotten = true;
        }
        if forgotten {
            Arc::make_mut(&mut self.names).reporting.clone_from(&self.reporting);
        }
    }

    fn number_connections(&mut self) {
        for route in self.table.routes() {
            if self.connections.len() < CONNECTIONS && !self.connections.contains(&route.connection) {
                self.connections.push(route.connection.clone());
            }
        }
    }

    /// Makes the names anew from the lists.
    pub(super) fn rename(&mut self) {
        self.names = Arc::new(Names {
            connections: self.connections.iter().cloned().zip(0..).collect(),
            destinations: self.destinations.iter().copied().zip(0..).collect(),
            reporting: self.reporting.clone(),
        });
        (self.published, self.qualities) = (None, None);
    }

    pub(super) fn settings(&self, now: Timestamp) -> Settings {
        let prices = self.destinations.iter();
        let prices = prices.map(|to| economy::prices(&self.table, &self.connections, *to, now)).collect();
        let vendors = self.connections.iter().enumerate();
        let vendors = vendors.map(|(at, connection)| self.agreed.vendor(at, connection, &self.table));
        settings(&self.table, vendors.collect(), prices)
    }

    fn price_some(&mut self, now: Timestamp) {
        for _ in 0..self.destinations.len().div_ceil(PRICED_WITHIN) {
            self.to_price = (self.to_price + 1) % self.destinations.len().max(1);
            if let Some(to) = self.destinations.get(self.to_price) {
                let prices = economy::prices(&self.table, &self.connections, *to, now);
                self.engine.price(self.to_price, prices);
            }
        }
    }

    fn turn(
        &mut self,
        told: &adaptive::Verdict,
        now: Timestamp,
        new_id: &mut impl FnMut() -> VerdictId,
    ) -> Option<Turned> {
        let scope = Scope {
            connection: told.scope.vendor.and_then(|vendor| self.connections.get(vendor)).cloned(),
            destination: told.scope.operator.and_then(|at| self.destinations.get(at)).map(|to| to.in_words()),
        };
        let kind = told.kind;
        let proof = self.proof(&told.proof);
        // What comes from the door of a vendor and what comes from its arms may hold at once; so may pumping.
        let is_same = |open: &Verdict| open.scope == scope && apart(open.kind) == apart(kind);
        let at = self.open.iter().position(is_same);
        let verdict = match (told.stage, at) {
            (Stage::Raised, None) => self.raise(new_id(), kind, scope, proof, now),
            (Stage::Raised | Stage::Revised, Some(at)) => {
                let open = self.open.get_mut(at)?;
                (open.kind, open.proof, open.revised_at) = (kind, proof, Some(now));
                open.clone()
            }
            (Stage::Recovered, Some(at)) => Verdict { recovered_at: Some(now), ..self.open.remove(at) },
            (Stage::Revised | Stage::Recovered, None) => return None,
        };
        let stage = if told.stage == Stage::Raised && at.is_some() { Stage::Revised } else { told.stage };
        self.published = None;
        Some(Turned { verdict, stage })
    }

    /// The engine tells of a trouble once, also when it comes back soon and then is of another kind. Whoever reads the
    /// list of verdicts wants to find what is so: whatever arm is in trouble, and none that is not.
    fn reconcile(&mut self, now: Timestamp, mut new_id: impl FnMut() -> VerdictId, turned: &mut Vec<Turned>) {
        let arms: Vec<(VendorIndex, OperatorIndex)> = self.engine.troubled().collect();
        let is_of_arms = |open: &Verdict| apart(open.kind).is_none();
        let mut scopes = Vec::with_capacity(arms.len());
        for (vendor, operator) in arms {
            let (Some(connection), Some(to)) =
                (self.connections.get(vendor), self.destinations.get(operator))
            else {
                continue;
            };
            let (connection, destination) = (connection.clone(), to.in_words());
            let covers = |open: &Verdict| is_of_arms(open) && open.scope.covers(&connection, &destination);
            let trouble = self.engine.snapshot(vendor, operator).and_then(|snapshot| snapshot.trouble);
            if let Some((found, proof)) = trouble.filter(|_| !self.open.iter().any(covers)) {
                let (kind, proof) = (found, self.proof(&proof));
                let scope =
                    Scope { connection: Some(connection.clone()), destination: Some(destination.clone()) };
                let verdict = self.raise(new_id(), kind, scope, proof, now);
                turned.push(Turned { verdict, stage: Stage::Raised });
            }
            scopes.push((connection, destination));
        }
        let pumped = self.destinations.iter().enumerate().filter(|(at, _)| self.engine.is_pumped(*at));
        let pumped: Vec<_> = pumped.map(|(_, to)| Some(to.in_words())).collect();
        let is_over = |open: &mut Verdict| match apart(open.kind) {
            None => !scopes.iter().any(|(connection, to)| open.scope.covers(connection, to)),
            Some(Kind::Pumping) => !pumped.contains(&open.scope.destination),
            Some(_) => false,
        };
        let over: Vec<Verdict> = self.open.extract_if(.., is_over).collect();
        for verdict in over {
            let verdict = Verdict { recovered_at: Some(now), ..verdict };
            turned.push(Turned { verdict, stage: Stage::Recovered });
        }
        if !turned.is_empty() {
            self.published = None;
        }
    }

    /// A verdict that holds from now on.
    fn raise(&mut self, id: VerdictId, kind: Kind, scope: Scope, proof: Proof, now: Timestamp) -> Verdict {
        let verdict =
            Verdict { id, kind, scope, raised_at: now, revised_at: None, recovered_at: None, proof };
        self.open.push(verdict.clone());
        verdict
    }

    fn proof(&self, proof: &adaptive::Proof) -> Proof {
        Proof {
            since_ms: self.times.wall(proof.since).as_millis(),
            before: proof.before,
            after: proof.after,
            ratio: proof.ratio,
            threshold: proof.threshold,
            observations: proof.observations,
        }
    }
}

fn settings(table: &Table, vendors: Vec<Vendor>, prices: Vec<Vec<f64>>) -> Settings {
    Settings { vendors, classes: economy::classes(table), prices, tuning: Tuning::default() }
}

/// What does not come from arms that are in trouble, and may hold beside what does.
fn apart(kind: Kind) -> Option<Kind> {
    match kind {
        Kind::Outage | Kind::Throttled | Kind::Pumping => Some(kind),
        Kind::SilentDrop
        | Kind::FakeReceipts
        | Kind::SlowReceipts
        | Kind::SlowDelivery
        | Kind::OperatorWide => None,
    }
}
