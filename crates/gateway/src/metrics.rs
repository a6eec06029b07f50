//! The gateway's metrics, in the text format of Prometheus.
//!
//! Counting is an addition to an atomic number: it happens on the path of every message. No label comes from a user's
//! input, so the number of series is bounded by the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::attempt::Outcome;
use domain::money::{Currency, Decimal};
use domain::verdict::Kind as VerdictKind;
use domain::{Channel, Class, ConnectionId, ErrorClass, Price, RouteId, Stage, Status, Timestamp};
use parking_lot::Mutex;
use pipeline::{Observer, Promised, Snapshot, VendorError};
use routing::learning::Stage as VerdictStage;
use store::Waiting;

use crate::operators::provider::RESULTS;
use crate::unmapped::Unmapped;

mod by_name;
mod histogram;
mod text;

use by_name::ByName;
use histogram::Histogram;
use text::{Kind, Name, Text};

/// What waits, as the store says when it is asked.
#[derive(Clone, Debug)]
pub struct Backlog {
    pub waiting: Vec<Waiting>,
    /// Webhooks not delivered yet.
    pub webhooks: u64,
}

/// Everything that is counted.
#[derive(Default)]
pub struct Metrics {
    messages: [[[AtomicU64; Status::ALL.len()]; Class::ALL.len()]; Channel::ALL.len()],
    routes: ByName<RouteId, OfRoute>,
    connections: ByName<ConnectionId, OfConnection>,
    decisions: Histogram<{ DECISION_BOUNDS.len() }>,
    commits: Histogram<{ COMMIT_BOUNDS.len() }>,
    operations: AtomicU64,
    webhooks_told: AtomicU64,
    webhooks_failed: AtomicU64,
    lookups: ByName<Arc<str>, OfProvider>,
    operators_written: AtomicU64,
    unmapped: Unmapped,
    verdicts: [[AtomicU64; STAGES.len()]; VerdictKind::ALL.len()],
}

#[derive(Default)]
struct OfProvider {
    results: [AtomicU64; RESULTS.len()],
    took: Histogram<{ SUBMIT_BOUNDS.len() }>,
    /// By currency. Locked for moments, once for each lookup.
    costs: Mutex<BTreeMap<Currency, Decimal>>,
}

#[derive(Default)]
struct OfRoute {
    outcomes: [AtomicU64; OUTCOMES.len()],
    receipts: [AtomicU64; RECEIPTS.len()],
    receipt_delay: Histogram<{ RECEIPT_BOUNDS.len() }>,
}

#[derive(Default)]
struct OfConnection {
    submits: Histogram<{ SUBMIT_BOUNDS.len() }>,
    receipts_held: AtomicU64,
    /// By stage, and by class with those that nobody mapped at the end.
    errors: [[AtomicU64; ErrorClass::ALL.len() + 1]; Stage::ALL.len()],
}

/// What is new of a verdict.
const STAGES: [(VerdictStage, &str); 3] = [
    (VerdictStage::Raised, "raised"),
    (VerdictStage::Revised, "revised"),
    (VerdictStage::Recovered, "recovered"),
];

const OUTCOMES: [Outcome; 3] = [Outcome::Accepted, Outcome::Rejected, Outcome::Unknown];
/// What a receipt can say. Anything that is not final is on its way.
const RECEIPTS: [&str; 4] = ["delivered", "undelivered", "expired", PENDING];
const PENDING: &str = "pending";

/// In microseconds: choosing a route takes a few of them.
const DECISION_BOUNDS: [u64; 9] = [5, 10, 25, 50, 100, 250, 1_000, 10_000, 100_000];
/// In microseconds: a sync takes milliseconds on a good disk and seconds on a bad day.
const COMMIT_BOUNDS: [u64; 11] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];
/// In microseconds: from the next rack to a response timeout.
const SUBMIT_BOUNDS: [u64; 11] =
    [1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000, 10_000_000];
/// In microseconds: from a second to the next day.
const RECEIPT_BOUNDS: [u64; 11] = [
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
    1_800_000_000,
    7_200_000_000,
    86_400_000_000,
];

impl Observer for Metrics {
    fn status_changed(&self, channel: Channel, class: Class, status: Status) {
        let place = |all: &[AtomicU64; Status::ALL.len()]| add(all, position(&Status::ALL, &status));
        let of_channel = position(&Channel::ALL, &channel).and_then(|at| self.messages.get(at));
        let of_class = position(&Class::ALL, &class).and_then(|at| of_channel?.get(at));
        if let Some(by_status) = of_class {
            place(by_status);
        }
    }

    fn attempt_answered(&self, route: &RouteId, outcome: Outcome) {
        self.routes.with(route, |of| add(&of.outcomes, position(&OUTCOMES, &outcome)));
    }

    fn receipt(&self, route: &RouteId, status: &'static str, delay: Duration) {
        let at = position(&RECEIPTS, &status).or_else(|| position(&RECEIPTS, &PENDING));
        self.routes.with(route, |of| {
            add(&of.receipts, at);
            of.receipt_delay.record(&RECEIPT_BOUNDS, delay);
        });
    }

    fn submit_took(&self, connection: &ConnectionId, took: Duration) {
        self.connections.with(connection, |of| of.submits.record(&SUBMIT_BOUNDS, took));
    }

    fn decision_took(&self, took: Duration) {
        self.decisions.record(&DECISION_BOUNDS, took);
    }

    fn committed(&self, operations: usize, took: Duration) {
        self.commits.record(&COMMIT_BOUNDS, took);
        self.operations.fetch_add(operations as u64, Ordering::Relaxed);
    }

    /// The gauge is read from the connections when it is asked for.
    fn connection_up(&self, _: &ConnectionId, _: bool) {}

    fn receipt_held(&self, connection: &ConnectionId) {
        self.connections.with(connection, |of| {
            of.receipts_held.fetch_add(1, Ordering::Relaxed);
        });
    }

    fn vendor_error(&self, error: VendorError<'_>) {
        let at = error.class.map_or(Some(ErrorClass::ALL.len()), |class| position(&ErrorClass::ALL, &class));
        self.connections.with(error.connection, |of| {
            if let Some(of_stage) = position(&Stage::ALL, &error.stage).and_then(|stage| of.errors.get(stage))
            {
                add(of_stage, at);
            }
        });
        if error.class.is_none() {
            self.unmapped.saw(&error);
        }
    }

    fn notice_told(&self, told: bool) {
        let counter = if told { &self.webhooks_told } else { &self.webhooks_failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn verdict(&self, kind: VerdictKind, stage: VerdictStage) {
        let of_kind = position(&VerdictKind::ALL, &kind).and_then(|at| self.verdicts.get(at));
        if let Some(by_stage) = of_kind {
            add(by_stage, STAGES.iter().position(|(one, _)| *one == stage));
        }
    }
}

/// What of the store does not read back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Damage {
    /// Records that were put aside; None when the store could not be asked.
    pub records: Option<u64>,
    /// Sealed days whose file cannot be used.
    pub days: usize,
}

impl Metrics {
    /// The whole exposition. `backlog` is None when the store could not be asked.
    #[must_use]
    pub fn text(
        &self,
        snapshot: &Snapshot,
        backlog: Option<&Backlog>,
        damage: Damage,
        now: Timestamp,
    ) -> String {
        let mut text = Text::default();
        self.write_messages(&mut text);
        self.write_routes(&mut text);
        self.write_connections(&mut text, snapshot);
        if let Some(backlog) = backlog {
            write_backlog(&mut text, backlog, now);
        }
        text.family(Name::Overrides, Kind::Gauge, "Overrides that are in force.");
        text.sample(&[], snapshot.overrides as u64);
        write_caps(&mut text, snapshot);
        self.write_verdicts(&mut text, snapshot);
        write_commitments(&mut text, snapshot);
        write_store(&mut text, snapshot, damage);
        self.write_lookups(&mut text);
        self.write_rest(&mut text);
        text.finish()
    }

    /// The vendors' codes that no error map knew.
    pub(crate) fn unmapped(&self) -> &Unmapped {
        &self.unmapped
    }

    /// A provider was asked for a number's operator.
    pub(crate) fn lookup(
        &self,
        provider: &Arc<str>,
        result: &'static str,
        took: Duration,
        cost: Option<Price>,
    ) {
        self.lookups.with(provider, |of| {
            add(&of.results, position(&RESULTS, &result));
            of.took.record(&SUBMIT_BOUNDS, took);
            if let Some(Price { amount, currency }) = cost {
                let mut costs = of.costs.lock();
                let sum = costs.entry(currency).or_default();
                *sum = sum.saturating_add(amount);
            }
        });
    }

    /// So much of what was learnt of operators is durable.
    pub(crate) fn operators_written(&self, learnt: usize) {
        self.operators_written.fetch_add(learnt as u64, Ordering::Relaxed);
    }

    fn write_lookups(&self, text: &mut Text) {
        text.family(
            Name::OperatorsWritten,
            Kind::Counter,
            "What was learnt of operators and is in the store.",
        );
        text.sample(&[], self.operators_written.load(Ordering::Relaxed));
        let providers = self.lookups.sorted();
        text.family(Name::Lookups, Kind::Counter, "Questions to providers of lookups by how they ended.");
        for (provider, of) in &providers {
            for (result, counter) in RESULTS.iter().zip(&of.results) {
                text.sample(&[("provider", provider), ("result", result)], counter.load(Ordering::Relaxed));
            }
        }
        text.family(
            Name::LookupDuration,
            Kind::Histogram,
            "From a question to its answer, or to its timeout.",
        );
        for (provider, of) in &providers {
            text.histogram(&[("provider", provider)], &of.took, &SUBMIT_BOUNDS);
        }
        text.family(
            Name::LookupCost,
            Kind::Counter,
            "What answered questions cost, as the configuration says.",
        );
        for (provider, of) in &providers {
            for (currency, amount) in &*of.costs.lock() {
                text.amount(&[("provider", provider), ("currency", currency.as_str())], *amount);
            }
        }
    }

    fn write_verdicts(&self, text: &mut Text, snapshot: &Snapshot) {
        text.family(Name::Verdicts, Kind::Counter, "What the adaptive engine concluded.");
        for (kind, by_stage) in VerdictKind::ALL.iter().zip(&self.verdicts) {
            for ((_, stage), counter) in STAGES.iter().zip(by_stage) {
                text.sample(&[("kind", kind.as_str()), ("stage", stage)], counter.load(Ordering::Relaxed));
            }
        }
        text.family(Name::VerdictsOpen, Kind::Gauge, "Verdicts that hold.");
        for kind in VerdictKind::ALL {
            let open = snapshot.verdicts.iter().filter(|open| **open == kind).count();
            text.sample(&[("kind", kind.as_str())], open as u64);
        }
        text.family(Name::NewsLost, Kind::Counter, "Observations that the adaptive engine had no room for.");
        text.sample(&[], snapshot.news_lost);
    }

    fn write_messages(&self, text: &mut Text) {
        text.family(Name::Messages, Kind::Counter, "Status changes of messages.");
        for (channel, by_class) in Channel::ALL.iter().zip(&self.messages) {
            for (class, by_status) in Class::ALL.iter().zip(by_class) {
                for (status, counter) in Status::ALL.iter().zip(by_status) {
                    let labels = [
                        ("channel", channel.as_str()),
                        ("class", class.as_str()),
                        ("status", status.as_str()),
                    ];
                    // A series for each combination would be mostly zeros: channels that are not used have none.
                    if let value @ 1.. = counter.load(Ordering::Relaxed) {
                        text.sample(&labels, value);
                    }
                }
            }
        }
    }

    fn write_routes(&self, text: &mut Text) {
        let routes = self.routes.sorted();
        text.family(Name::Attempts, Kind::Counter, "Attempts by how their submit ended.");
        for (route, of) in &routes {
            for (outcome, counter) in OUTCOMES.iter().zip(&of.outcomes) {
                let labels = [("route", route.as_str()), ("outcome", outcome.as_str())];
                text.sample(&labels, counter.load(Ordering::Relaxed));
            }
        }
        text.family(Name::Receipts, Kind::Counter, "Receipts by what they say.");
        for (route, of) in &routes {
            for (status, counter) in RECEIPTS.iter().zip(&of.receipts) {
                text.sample(
                    &[("route", route.as_str()), ("status", status)],
                    counter.load(Ordering::Relaxed),
                );
            }
        }
        text.family(Name::ReceiptDelay, Kind::Histogram, "From dispatch to receipt.");
        for (route, of) in &routes {
            text.histogram(&[("route", route.as_str())], &of.receipt_delay, &RECEIPT_BOUNDS);
        }
    }

    fn write_connections(&self, text: &mut Text, snapshot: &Snapshot) {
        let connections = self.connections.sorted();
        text.family(Name::Submit, Kind::Histogram, "From the bytes of a submit to its answer.");
        for (connection, of) in &connections {
            text.histogram(&[("connection", connection.as_str())], &of.submits, &SUBMIT_BOUNDS);
        }
        text.family(Name::ReceiptsHeld, Kind::Counter, "Receipts that found no attempt when they came.");
        for (connection, of) in &connections {
            let held = of.receipts_held.load(Ordering::Relaxed);
            text.sample(&[("connection", connection.as_str())], held);
        }
        text.family(Name::VendorErrors, Kind::Counter, "Errors that vendors told of, by what they mean.");
        for (connection, of) in &connections {
            write_errors(text, connection, &of.errors);
        }
        text.family(Name::ConnectionUp, Kind::Gauge, "Whether any bind of the connection can send.");
        for (connection, health) in &snapshot.connections {
            text.sample(&[("connection", connection.as_str())], u64::from(!health.is_down()));
        }
        text.family(Name::BindsUp, Kind::Gauge, "Binds of the connection that are up.");
        for (connection, health) in &snapshot.connections {
            text.sample(&[("connection", connection.as_str())], u64::from(health.binds_up));
        }
    }

    fn write_rest(&self, text: &mut Text) {
        text.family(Name::Webhooks, Kind::Counter, "Webhook tries by how they ended.");
        text.sample(&[("result", "told")], self.webhooks_told.load(Ordering::Relaxed));
        text.sample(&[("result", "failed")], self.webhooks_failed.load(Ordering::Relaxed));
        text.family(Name::Decision, Kind::Histogram, "Choosing the routes of a message.");
        text.histogram(&[], &self.decisions, &DECISION_BOUNDS);
        text.family(Name::Commit, Kind::Histogram, "Commits of the store, their sync included.");
        text.histogram(&[], &self.commits, &COMMIT_BOUNDS);
        text.family(Name::Operations, Kind::Counter, "Operations that the store has committed.");
        text.sample(&[], self.operations.load(Ordering::Relaxed));
        text.family(Name::BuildInfo, Kind::Gauge, "Which version runs; always 1.");
        text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    }
}

/// A series for each class would be mostly zeros: those that never came have none.
fn write_errors(
    text: &mut Text,
    connection: &ConnectionId,
    errors: &[[AtomicU64; ErrorClass::ALL.len() + 1]; Stage::ALL.len()],
) {
    let classes = || ErrorClass::ALL.map(ErrorClass::as_str).into_iter().chain([UNMAPPED]);
    for (stage, of_stage) in Stage::ALL.iter().zip(errors) {
        for (class, counter) in classes().zip(of_stage) {
            if let value @ 1.. = counter.load(Ordering::Relaxed) {
                let labels =
                    [("connection", connection.as_str()), ("stage", stage.as_str()), ("class", class)];
                text.sample(&labels, value);
            }
        }
    }
}

/// In the place of a class, where the error map does not know the code.
const UNMAPPED: &str = "unmapped";

fn write_commitments(text: &mut Text, snapshot: &Snapshot) {
    text.family(
        Name::CommitmentBehind,
        Kind::Gauge,
        "The part of a commitment to a vendor that an even pace would have carried by now and that is not carried.",
    );
    for Promised { vendor, period, pace, .. } in &snapshot.promised {
        let labels = [("vendor", vendor.as_str()), ("period", period.as_str()), ("unit", pace.unit.as_str())];
        let behind = pace.behind().checked_div(pace.promised).unwrap_or_default();
        text.amount(&labels, behind.round_dp(4));
    }
}

fn write_backlog(text: &mut Text, backlog: &Backlog, now: Timestamp) {
    let of_class = |class| backlog.waiting.iter().filter(move |waiting| waiting.lane.class == class);
    text.family(Name::QueueDepth, Kind::Gauge, "Messages that wait for a slot.");
    for class in Class::ALL {
        let depth = of_class(class).map(|waiting| waiting.messages).sum();
        text.sample(&[("class", class.as_str())], depth);
    }
    text.family(Name::QueueOldest, Kind::Gauge, "For how long the longest of them waits.");
    for class in Class::ALL {
        let oldest = of_class(class).map(|waiting| waiting.oldest).min();
        let waits = oldest.map_or(Duration::ZERO, |since| now.since(since));
        text.seconds(&[("class", class.as_str())], waits);
    }
    text.family(Name::WebhookPending, Kind::Gauge, "Webhooks that wait to be delivered.");
    text.sample(&[], backlog.webhooks);
}

/// Two versions in force may have a cap of one name, and count it together: the one that is fuller tells.
fn write_caps(text: &mut Text, snapshot: &Snapshot) {
    text.family(Name::CapUsed, Kind::Gauge, "Which part of a cap is used in its period.");
    let mut used: BTreeMap<&str, Decimal> = BTreeMap::new();
    for standing in &snapshot.caps {
        let fullest = used.entry(standing.cap.as_str()).or_default();
        *fullest = standing.used.max(*fullest);
    }
    for (cap, used) in used {
        text.amount(&[("cap", cap)], used);
    }
}

fn write_store(text: &mut Text, snapshot: &Snapshot, damage: Damage) {
    text.family(Name::StoreWritable, Kind::Gauge, "Whether the store takes what is to be written.");
    text.sample(&[], u64::from(snapshot.is_writing && !snapshot.is_broken));
    text.family(Name::CommitsFailed, Kind::Counter, "Commits that failed.");
    text.sample(&[], snapshot.commits_failed);
    text.family(Name::PutAside, Kind::Counter, "Operations that could not be written though others could.");
    text.sample(&[], snapshot.put_aside);
    if let Some(damaged) = damage.records {
        text.family(Name::DamagedRecords, Kind::Gauge, "Records that did not read back and were put aside.");
        text.sample(&[], damaged);
    }
    text.family(Name::DamagedDays, Kind::Gauge, "Sealed days whose file cannot be used.");
    text.sample(&[], damage.days as u64);
}

fn position<T: PartialEq>(all: &[T], wanted: &T) -> Option<usize> {
    all.iter().position(|one| one == wanted)
}

fn add(counters: &[AtomicU64], at: Option<usize>) {
    if let Some(counter) = at.and_then(|at| counters.get(at)) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
