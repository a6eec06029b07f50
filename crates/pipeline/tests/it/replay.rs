//! A replay says what really comes of the traffic under another policy: the same routes for every message, and the same
//! cost to the last digit.
//!
//! What a route does with a message is fixed, by the recipient and the route. The traffic is run under one policy, its
//! log is replayed to another, and then the traffic is run under that one.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use connectors::connector::HealthState;
use connectors::{Answered, Connector, Events, Health, NoSlot, ReceiptReport, Slot, Submission};
use domain::attempt::{PartAnswer, Verdict};
use domain::money::Decimal;
use domain::plan::Capped;
use domain::record::{Answer, ReceiptNews};
use domain::{
    AppId, ConnectionId, Currency, ErrorClass, Message, MessageId, Record, RouteId, Status, Timestamp,
};
use pipeline::replay::{CapLoad, Counted, Decision, Done, Fate, Leg, Replay, Report};
use pipeline::{App, Clock as _, Pipeline, Refused, Settings, Silent};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use routing::Table;
use routing::table::Known;
use rustc_hash::FxHashMap;
use store::{Query, sqlite};

use crate::bench::request;

const CONNECTIONS: [&str; 5] = ["acme", "borealis", "cumulus", "dorado", "full"];
const MESSAGES: u32 = 3000;

/// A second goes by with each message: so many that are refused are kept of each.
struct Counting(AtomicI64);

impl pipeline::Clock for Counting {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

struct Deaf;

impl pipeline::Teller for Deaf {
    fn tell(
        &self,
        _: store::Notice,
        _: Arc<Record>,
    ) -> std::pin::Pin<Box<dyn Future<Output = pipeline::Told> + Send>> {
        Box::pin(std::future::ready(pipeline::Told::Yes))
    }
}

/// What a connection does with a recipient, always the same.
fn fate(to: &str, connection: &str) -> Fate {
    if connection == "full" {
        return Fate::NoSlot;
    }
    let seed = to
        .bytes()
        .chain(connection.bytes())
        .fold(17_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let (accepted, rejected) = (PartAnswer::Accepted, PartAnswer::Rejected);
    let parts = |parts: &[PartAnswer], receipt: Option<Verdict>| {
        let mut fate = Fate::all(accepted, receipt);
        if let Fate::Answered(answered) = &mut fate {
            answered.parts = parts.into();
        }
        fate
    };
    let of_class = |mut fate: Fate, class: ErrorClass| {
        if let Fate::Answered(answered) = &mut fate {
            answered.classes = [Some(class)].into();
        }
        fate
    };
    let undelivered = || Fate::all(accepted, Some(Verdict::Undelivered));
    match (seed >> 8) % 20 {
        0 => of_class(Fate::all(rejected, None), ErrorClass::OptOut),
        1 => of_class(Fate::all(rejected, None), ErrorClass::Retry),
        2 => of_class(Fate::all(rejected, None), ErrorClass::Sender),
        3 => Fate::all(rejected, None),
        4 => of_class(undelivered(), ErrorClass::PermanentNumber),
        5 => of_class(undelivered(), ErrorClass::Retry),
        6 => undelivered(),
        7 => Fate::all(accepted, Some(Verdict::Expired)),
        8..=9 => Fate::all(PartAnswer::Unknown, None),
        // Some of a long text is paid for and the rest is refused; a text of one part is taken.
        10..=11 => parts(&[accepted, rejected], None),
        _ => Fate::all(accepted, Some(Verdict::Delivered)),
    }
}

/// A part of a text of one part that is taken without a receipt would leave its message open for a week.
fn fate_of(to: &str, connection: &str, parts: usize) -> Fate {
    match fate(to, connection) {
        Fate::Answered(answered) if parts == 1 && answered.parts.len() > 1 => {
            Fate::all(PartAnswer::Accepted, Some(Verdict::Delivered))
        }
        fate @ (Fate::NoSlot | Fate::Answered(_)) => fate,
    }
}

struct Vendor {
    id: ConnectionId,
    events: OnceLock<Arc<dyn Events>>,
}

struct Stored;

impl connectors::connector::Reply for Stored {
    fn stored(self: Box<Self>) {}
}

impl Connector for Vendor {
    fn id(&self) -> &ConnectionId {
        &self.id
    }

    fn reserve(&self) -> Result<Slot, NoSlot> {
        if self.id.as_str() == "full" {
            return Err(NoSlot::Busy);
        }
        Ok(Slot { bind: 0, epoch: 1, hold: Box::new(()) })
    }

    fn submit(&self, slot: Slot, submission: Submission) {
        let Submission { message, attempt, to, parts, .. } = submission;
        let Fate::Answered(fate) = fate_of(to.as_str(), self.id.as_str(), parts.len()) else {
            panic!("nothing is submitted to a connection without slots")
        };
        let id = |part: usize| format!("{message}-{attempt}-{part}").into_boxed_str();
        let of = |part: usize| *fate.parts.get(part).or_else(|| fate.parts.last()).unwrap();
        let class = fate.classes.first().copied().flatten();
        let mut slot = Some(slot);
        let mut batch: Vec<Answered> = (0..parts.len())
            .map(|part| Answered {
                message,
                attempt,
                part: u8::try_from(part).unwrap(),
                answer: match of(part) {
                    PartAnswer::Accepted => Answer::Accepted { vendor_id: Some(id(part)) },
                    PartAnswer::Rejected => Answer::Rejected { code: "REFUSED".into(), class },
                    PartAnswer::Unknown => Answer::Unknown { line_lost: false },
                    PartAnswer::Busy | PartAnswer::NotSent => panic!("no fate here has it"),
                },
                took: None,
                slot: if part + 1 == parts.len() { slot.take() } else { None },
            })
            .collect();
        let events = self.events.get().unwrap();
        events.answered(&self.id, &mut batch);
        let Some(Some(verdict)) = fate.receipts.first().copied() else { return };
        let mut receipts: Vec<ReceiptReport> = (0..parts.len())
            .map(|part| ReceiptReport {
                vendor_id: id(part),
                news: ReceiptNews { verdict: Some(verdict), word: "WORD".into(), class },
                is_error: false,
                operator: None,
                done_at: None,
                reply: Box::new(Stored),
            })
            .collect();
        events.receipts(&self.id, &mut receipts);
    }

    fn health(&self) -> Health {
        Health { state: HealthState::Up, binds_up: 1, binds: 1 }
    }
}

/// Three currencies, countries and operators with prices of their own, and places without any.
fn table(rules: serde_json::Value, version: u64) -> Table {
    table_with(serde_json::json!([]), rules, version)
}

fn table_with(caps: serde_json::Value, rules: serde_json::Value, version: u64) -> Table {
    compiled(settings(caps, rules), version)
}

fn settings(caps: serde_json::Value, rules: serde_json::Value) -> serde_json::Value {
    let card = |id: &str, currency: &str, prices: &[(&str, &str)]| {
        let prices = prices.iter().map(|(place, price)| match place.split_once('-') {
            Some((mcc, mnc)) => serde_json::json!({ "mcc": mcc, "mnc": mnc, "price": price }),
            None => serde_json::json!({ "country": place, "price": price }),
        });
        serde_json::json!({ "id": id, "currency": currency, "prices": prices.collect::<Vec<_>>() })
    };
    let route =
        |id: &str| serde_json::json!({ "id": id, "connection": id, "rate_card": format!("{id}-card") });
    serde_json::json!({
        "routes": CONNECTIONS.map(route),
        "rate_cards": [
            card("acme-card", "EUR", &[("DE", "0.0731"), ("FR", "0.04501"), ("262-02", "0.069")]),
            card("borealis-card", "EUR", &[("DE", "0.0695"), ("FR", "0.051"), ("US", "0.0079")]),
            card("cumulus-card", "USD", &[("DE", "0.081"), ("US", "0.00645")]),
            card("dorado-card", "GBP", &[("DE", "0.0612"), ("FR", "0.0399"), ("US", "0.0071")]),
            card("full-card", "EUR", &[("DE", "0.01")]),
        ],
        "caps": caps,
        "policy": { "default_class": "transactional", "rules": rules },
    })
}

fn compiled(settings: serde_json::Value, version: u64) -> Table {
    let settings: routing::Settings = serde_json::from_value(settings).unwrap();
    let connections = CONNECTIONS.map(|name| ConnectionId::new(name).unwrap());
    let apps = [AppId::new("shop").unwrap()];
    let known = Known {
        connections: &connections,
        apps: &apps,
        price_files: &HashMap::new(),
        failure_domains: &HashMap::new(),
    };
    Table::compile(&settings, &known, version).unwrap()
}

fn before() -> Table {
    let on = ["rejected", "busy", "undelivered"];
    table(
        serde_json::json!([
            { "id": "codes", "match": { "class": ["otp"] }, "strategy": "weighted",
              "routes": [{ "id": "acme", "weight": 3 }, { "id": "borealis", "weight": 1 }, { "id": "cumulus", "weight": 1 }],
              "failover": { "on": on, "wait_at_most": "0s" } },
            { "id": "germany", "match": { "country": ["DE"] }, "routes": ["acme", "borealis"],
              "on_unknown": "hold", "failover": { "on": ["rejected"], "wait_at_most": "0s" } },
            { "id": "france", "match": { "country": ["FR"], "class": ["transactional"] },
              "routes": ["borealis", "acme"], "failover": { "on": on, "wait_at_most": "0s" } },
            { "id": "america", "match": { "country": ["US"], "class": ["transactional"] },
              "routes": ["cumulus", "borealis"], "failover": { "on": on, "wait_at_most": "0s" } },
        ]),
        1,
    )
}

fn after() -> Table {
    let on = ["rejected", "busy", "undelivered"];
    table(
        serde_json::json!([
            { "id": "operator", "match": { "operator": ["262-02"] }, "routes": ["full", "dorado", "acme", "cumulus"],
              "on_unknown": "resend", "failover": { "on": on, "wait_at_most": "0s", "max_attempts": 4 } },
            { "id": "codes", "match": { "class": ["otp"], "country": ["DE", "US"] }, "strategy": "weighted",
              "routes": [{ "id": "acme", "weight": 1 }, { "id": "dorado", "weight": 4 }, { "id": "cumulus", "weight": 1 }],
              "failover": { "on": on, "wait_at_most": "0s" } },
            { "id": "cheap", "match": { "country": ["DE", "FR"], "class": ["otp", "transactional"] },
              "strategy": "least_cost", "routes": ["acme", "borealis"], "on_unknown": "hold",
              "failover": { "on": on, "wait_at_most": "0s" } },
            { "id": "america", "match": { "country": ["US"] }, "routes": ["full", "dorado", "cumulus"],
              "failover": { "on": ["rejected", "busy"], "wait_at_most": "0s", "max_attempts": 2 } },
            { "id": "limit", "match": { "country": ["FR"] }, "routes": ["cumulus"], "max_price": "0.05" },
        ]),
        2,
    )
}

fn recipient(at: u32) -> String {
    match at % 5 {
        0 => format!("+4915{}{:07}", 1 + at % 2, 1_000_000 + at),
        1 => format!("+49172{:07}", 1_000_000 + at),
        2 => format!("+336{:08}", 12_000_000 + at),
        3 => format!("+1202555{at:04}"),
        _ => format!("+49160{:07}", 2_000_000 + at),
    }
}

/// The traffic, run for real: every record of it, once nothing more happens.
async fn run(table: Table) -> Vec<Record> {
    let folder = tempfile::tempdir().unwrap();
    let (writer, reader) = sqlite::open(folder.path(), &sqlite::Options::default()).unwrap();
    let app = App::new(domain::status::StatusSet::NONE);
    let clock = Arc::new(Counting(AtomicI64::new(1_790_000_000_000)));
    let pipeline = Pipeline::start(Settings {
        writer: Box::new(writer),
        reader: Arc::new(reader),
        clock: Arc::<Counting>::clone(&clock),
        observer: Arc::new(Silent),
        teller: Arc::new(Deaf),
        tables: Arc::new(table).into(),
        apps: [(AppId::new("shop").unwrap(), app)].into_iter().collect(),
        retention: store::Retention::default(),
        resume: None,
        operators: Arc::new(pipeline::NumberingPlan),
        random: StdRng::seed_from_u64(7),
        workplace: pipeline::Workplace::Threads,
    })
    .await
    .unwrap();
    for name in CONNECTIONS {
        let vendor = Arc::new(Vendor { id: ConnectionId::new(name).unwrap(), events: OnceLock::new() });
        assert!(vendor.events.set(pipeline.events()).is_ok());
        pipeline.connect(vendor);
    }
    let mut ids = Vec::new();
    for at in 0..MESSAGES {
        clock.0.fetch_add(1000, Ordering::SeqCst);
        let mut request = request();
        request.to = recipient(at);
        request.class = Some(domain::Class::ALL[(at / 5 % 3) as usize]);
        request.text = "x".repeat([40, 200, 400][(at / 7 % 3) as usize]);
        request.reference = Some(at.to_string().into());
        match pipeline.send(request).accepted().await {
            Ok(acceptance) => ids.push(acceptance.record.message.id),
            Err(Refused::NoRule | Refused::NoRoute { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    // Each round ends one wait for a route; no message has more than two on each of its routes.
    for _ in 0..8 {
        for id in &ids {
            let waits = |record: &Record| record.retry_at.is_some_and(|at| at > clock.now());
            until(&pipeline, *id, |record| is_settled(record) || waits_in_vain(record) || waits(record))
                .await;
        }
        clock.0.fetch_add(60_000, Ordering::SeqCst);
    }
    // The validity of those that wait ends.
    clock.0.fetch_add(2 * 86_400_000, Ordering::SeqCst);
    for id in &ids {
        until(&pipeline, *id, is_settled).await;
    }
    let mut records = all(&pipeline);
    // Nobody is told when one that was refused is stored.
    for _ in 0..3000 {
        if records.len() == MESSAGES as usize {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        records = all(&pipeline);
    }
    pipeline.shut_down().await;
    records.reverse();
    records
}

fn all(pipeline: &Pipeline) -> Vec<Record> {
    let mut query = Query { limit: 500, ..Query::default() };
    let mut records = Vec::new();
    loop {
        let page = pipeline.reader().search(&query).unwrap();
        records.extend(page.records);
        query.before = page.next;
        if query.before.is_none() {
            return records;
        }
    }
}

async fn until(pipeline: &Pipeline, id: MessageId, wanted: impl Fn(&Record) -> bool) {
    for _ in 0..6000 {
        if wanted(&pipeline.reader().message(id).unwrap().unwrap()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to that: {:#?}", pipeline.reader().message(id));
}

fn is_settled(record: &Record) -> bool {
    let is_idle = record.work() == domain::record::Work::default();
    is_idle && (record.status.is_final() || record.status == Status::Uncertain)
}

/// Only the route without slots is left.
fn waits_in_vain(record: &Record) -> bool {
    let was_tried =
        |route: &RouteId| record.attempts.iter().any(|other| other.route == *route && other.counts());
    let planned = record.plan.iter().flat_map(|plan| &plan.routes);
    let mut left = planned.filter(|planned| !was_tried(&planned.route));
    record.work().queued && left.all(|planned| planned.route.as_str() == "full")
}

fn replay(records: &[Record], table: &Table) -> (Report, BTreeMap<Box<str>, Done>) {
    let outcomes = |message: &Message, route: &RouteId| {
        Some(fate_of(message.to.as_str(), route.as_str(), usize::from(message.segments)))
    };
    let mut replay = Replay::new(table, FxHashMap::default(), Box::new(outcomes));
    let mut done = BTreeMap::new();
    for record in records {
        let reference = record.message.reference.clone().unwrap();
        let decision = Decision::of(record.clone()).unwrap();
        done.insert(reference, replay.decide(&decision));
    }
    (replay.finish(), done)
}

fn routes(done: &Done) -> Option<Vec<&str>> {
    match done {
        Done::Sent(legs) => Some(legs.iter().map(|leg| leg.route.as_str()).collect()),
        Done::Refused(_) | Done::Planned => None,
    }
}

fn costs(records: &[Record]) -> BTreeMap<Currency, Decimal> {
    let mut costs = BTreeMap::new();
    for cost in records.iter().flat_map(|record| &record.attempts).filter_map(domain::Attempt::cost) {
        *costs.entry(cost.currency).or_insert(Decimal::ZERO) += cost.amount;
    }
    costs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_routes_and_its_cost_are_those_of_the_traffic_really_run() {
    let logged = run(before()).await;
    assert_eq!(logged.len(), MESSAGES as usize);
    let (report, done) = replay(&logged, &after());
    let really = run(after()).await;
    assert_eq!(really.len(), MESSAGES as usize);

    for record in &really {
        let expected = Decision::of(record.clone()).unwrap();
        let reference = record.message.reference.as_ref().unwrap();
        assert_eq!(routes(&done[reference]), routes(&expected.done), "message {reference}: {record:#?}");
    }
    let (old, new) = (costs(&logged), costs(&really));
    let of = |side: fn(&pipeline::replay::Cost) -> Decimal| -> BTreeMap<Currency, Decimal> {
        let costs = report.costs.iter().map(|(currency, cost)| (*currency, side(cost)));
        costs.filter(|(_, amount)| !amount.is_zero()).collect()
    };
    assert_eq!(of(|cost| cost.before), old);
    assert_eq!(of(|cost| cost.after), new);

    // The traffic was of every kind that the two policies can make of it.
    assert_eq!(report.assumed, 0);
    assert_eq!(new.len(), 3, "{new:?}");
    assert_ne!(old, new);
    let sum = report.unchanged + report.changed + report.lost + report.gained + report.still_refused;
    assert_eq!(sum, report.decisions);
    let kinds = [report.unchanged, report.changed, report.lost, report.gained, report.still_refused];
    assert!(kinds.iter().all(|count| *count > 20), "{kinds:?}");
    let statuses: Vec<&str> =
        really.iter().flat_map(|record| &record.attempts).map(domain::Attempt::status).collect();
    for status in ["delivered", "undelivered", "expired", "rejected", "unknown"] {
        assert!(statuses.contains(&status), "{status}");
    }
    let moved = really.iter().flat_map(|record| &record.events);
    assert!(moved.into_iter().any(|event| matches!(event.kind, domain::event::Kind::Moved { .. })));
    assert!(really.iter().any(|record| record.attempts.len() == 4));
    // Of every class of error some message met one.
    let events = || really.iter().flat_map(|record| &record.events).map(|event| &event.kind);
    assert!(events().any(|kind| matches!(kind, domain::event::Kind::Retrying { .. })));
    assert!(events().any(|kind| matches!(kind, domain::event::Kind::Barred { .. })));
}

/// The log of a table, replayed to that table, changes nothing and costs the same, with nobody to tell outcomes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_table_changes_nothing() {
    let logged = run(after()).await;
    let table = after();
    let mut replay = Replay::new(&table, FxHashMap::default(), Box::new(|_, _| None));
    for record in &logged {
        replay.decide(&Decision::of(record.clone()).unwrap());
    }
    let report = replay.finish();
    assert_eq!((report.changed, report.lost, report.gained, report.assumed), (0, 0, 0, 0), "{report:#?}");
    assert!(report.costs.values().all(|cost| cost.delta().is_zero()));
}

/// Of which the log says nothing more.
fn bare(message: Message, done: Done) -> Decision {
    Decision {
        message,
        done,
        fates: Vec::new(),
        down: Vec::new(),
        capped: Vec::new(),
        believed: Vec::new(),
        paces: Vec::new(),
        probed_just_now: false,
    }
}

/// A route that was at its cap when a message was accepted is passed over in the replay, too; under a higher limit it is
/// not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_passed_over_a_full_cap_passes_over_it_again() {
    let capped = |limit: u32| {
        table_with(
            serde_json::json!([{ "id": "acme-minute", "connection": "acme", "limit": limit, "per": "minute" }]),
            serde_json::json!([{ "id": "all", "routes": ["acme", "borealis"],
                "failover": { "on": ["busy"], "wait_at_most": "0s" } }]),
            3,
        )
    };
    let logged = run(before()).await;
    let message = &logged.iter().find(|record| record.rejection.is_none()).unwrap().message;
    let decision = Decision {
        capped: vec![Capped {
            cap: "acme-minute".parse().unwrap(),
            count: 20,
            limit: 20,
            until: message.created_at.plus(Duration::from_secs(60)),
        }],
        ..bare(message.clone(), Done::Sent(Vec::new()))
    };
    for (limit, expected) in [(20, "borealis"), (10_000, "acme")] {
        let table = capped(limit);
        let mut replay = Replay::new(&table, FxHashMap::default(), Box::new(|_, _| None));
        assert_eq!(routes(&replay.decide(&decision)), Some(vec![expected]));
    }
}

/// Caps are not obeyed, and what is asked of each is counted by its own periods, for what it counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cap_would_be_asked_for_is_told_by_its_periods() {
    let logged = run(before()).await;
    let message = &logged.iter().find(|record| record.rejection.is_none()).unwrap().message;
    let table = table_with(
        serde_json::json!([
            { "id": "minute", "connection": "acme", "limit": 3, "per": "minute" },
            { "id": "day", "connection": "acme", "limit": 30, "per": "day" },
            { "id": "other", "connection": "borealis", "limit": 1, "per": "day" },
        ]),
        serde_json::json!([{ "id": "all", "routes": ["acme"] }]),
        3,
    );
    let mut replay = Replay::new(&table, FxHashMap::default(), Box::new(|_, _| None));
    let midnight = Timestamp::from_millis(1_767_225_600_000);
    // Five in one minute, then one in each of ten.
    let seconds = (0..5).map(|nth| nth * 10).chain((1..=10).map(|minute| minute * 60));
    for second in seconds {
        let created_at = midnight.plus(Duration::from_secs(second));
        let expires_at = created_at.plus(Duration::from_secs(3600));
        let message = Message { created_at, expires_at, segments: 1, ..message.clone() };
        replay.decide(&bare(message, Done::Planned));
    }
    let report = replay.finish();
    let told = |of: &CapLoad| {
        let Counted { segments, fullest, fullest_at, periods_above, segments_above } = of.after;
        (of.cap.to_string(), segments, fullest, fullest_at, periods_above, segments_above)
    };
    let at = Some(midnight.as_millis());
    let told: Vec<_> = report.caps.iter().map(told).collect();
    assert_eq!(
        told,
        [
            ("minute".to_owned(), 15, 5, at, 1, 2),
            ("day".to_owned(), 15, 15, at, 0, 0),
            ("other".to_owned(), 0, 0, None, 0, 0)
        ]
    );
    assert!(report.caps.iter().all(|of| of.before == Counted::default()));
}

/// A text that is gone takes on its route what it took there, with what the route put before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_is_gone_costs_what_it_cost() {
    let logged = run(before()).await;
    let mut sent = logged.iter().filter(|record| record.rejection.is_none());
    let to_germany = |record: &&Record| record.message.to.as_str().starts_with("+4915");
    let mut message = sent.find(to_germany).unwrap().message.clone();
    (message.text, message.segments, message.operator) = (Box::default(), 1, None);
    let acme: RouteId = "acme".parse().unwrap();
    let cost = domain::Price { amount: "0.1462".parse().unwrap(), currency: "EUR".parse().unwrap() };
    let leg = Leg {
        route: acme,
        connection: ConnectionId::new("acme").unwrap(),
        asked_at: message.created_at,
        segments: 2,
        cost: Some(cost),
        taken: 2,
        unpriced: 0,
    };
    let decision = bare(message, Done::Sent(vec![leg]));
    let rules = serde_json::json!([{ "id": "all", "routes": ["acme"] }]);
    let mut settings = settings(serde_json::json!([]), rules);
    let replayed = |settings: serde_json::Value| {
        let table = compiled(settings, 3);
        let mut replay = Replay::new(&table, FxHashMap::default(), Box::new(|_, _| None));
        replay.decide(&decision);
        replay.finish()
    };
    // As it was handed in, where nothing is put before it.
    let plain = replayed(settings.clone());
    let cost = plain.costs.values().next().unwrap();
    assert_eq!((plain.without_text, cost.after.to_string()), (0, "0.0731".to_owned()));
    settings["routes"][0]["content"] = serde_json::json!({ "prefix": "[Acme] " });
    let report = replayed(settings);
    assert_eq!((report.without_text, report.unchanged), (1, 1), "{report:#?}");
    assert!(report.costs.values().all(|cost| cost.delta().is_zero()), "{report:#?}");
}
