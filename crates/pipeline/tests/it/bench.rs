//! The bench that a test is set up on: a pipeline, a store in a temporary folder, scripted connections, a listening
//! application and a clock that the test moves.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use connectors::connector::HealthState;
use connectors::{Answered, Connector, Events, Health, NoSlot, ReceiptReport, Slot, Submission};
use domain::attempt::Verdict;
use domain::record::{Answer, ReceiptNews};
use domain::status::StatusSet;
use domain::{AppId, Channel, Class, ConnectionId, Lane, MessageId, Record, Status, Timestamp};
use parking_lot::Mutex;
use pipeline::{Acceptance, App, Clock, Pipeline, Refused, Request, Settings, Silent, Teller, Told};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use routing::Table;
use routing::table::Known;
use store::write::NoticeLimit;
use store::{Notice, sqlite};
use tempfile::TempDir;

/// How a scripted connection answers the next submissions; when the script ends it accepts.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Accept,
    Reject,
    Throttle,
    Unknown {
        line_lost: bool,
    },
    /// Says nothing until the test does, by `answer_last`.
    Silence,
}

pub(crate) struct Scripted {
    id: ConnectionId,
    events: Arc<dyn Events>,
    script: Mutex<VecDeque<Reply>>,
    pub(crate) down: AtomicBool,
    pub(crate) full: AtomicBool,
    pub(crate) submitted: Mutex<Vec<(MessageId, u16)>>,
    pub(crate) texts: Mutex<Vec<Vec<Box<str>>>>,
    taken: Arc<AtomicUsize>,
    silent_slots: Mutex<Vec<Slot>>,
    down_since: tokio::time::Instant,
}

struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Scripted {
    pub(crate) fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().extend(replies);
    }

    pub(crate) fn slots_taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    pub(crate) fn submissions(&self) -> usize {
        self.submitted.lock().len()
    }

    /// What the vendor calls a part: unlike any other.
    pub(crate) fn vendor_id(message: MessageId, attempt: u16, part: u8) -> String {
        format!("{message}-{attempt}-{part}")
    }

    pub(crate) fn answer(&self, (message, attempt): (MessageId, u16), answer: Answer) {
        let answered = Answered { message, attempt, part: 0, answer, took: None, slot: None };
        self.events.answered(&self.id, &mut vec![answered]);
    }

    /// A receipt for the first part of the attempt.
    pub(crate) fn receipt(
        &self,
        (message, attempt): (MessageId, u16),
        verdict: Option<Verdict>,
    ) -> Arc<AtomicBool> {
        self.receipt_for(&Self::vendor_id(message, attempt, 0), verdict)
    }

    pub(crate) fn receipt_for(&self, vendor_id: &str, verdict: Option<Verdict>) -> Arc<AtomicBool> {
        let stored = Arc::new(AtomicBool::new(false));
        let report = ReceiptReport {
            vendor_id: vendor_id.into(),
            news: ReceiptNews { verdict, word: "WORD".into(), class: None },
            done_at: None,
            is_error: false,
            operator: None,
            reply: Box::new(Reported(Arc::clone(&stored))),
        };
        self.events.receipts(&self.id, &mut vec![report]);
        stored
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
        self.events.health_changed(&self.id, self.health());
    }
}

struct Reported(Arc<AtomicBool>);

impl connectors::connector::Reply for Reported {
    fn stored(self: Box<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Connector for Scripted {
    fn id(&self) -> &ConnectionId {
        &self.id
    }

    fn reserve(&self) -> Result<Slot, NoSlot> {
        if self.down.load(Ordering::SeqCst) {
            return Err(NoSlot::Down);
        }
        if self.full.load(Ordering::SeqCst) {
            return Err(NoSlot::Busy);
        }
        self.taken.fetch_add(1, Ordering::SeqCst);
        Ok(Slot { bind: 0, epoch: 1, hold: Box::new(Held(Arc::clone(&self.taken))) })
    }

    fn submit(&self, slot: Slot, submission: Submission) {
        let Submission { message, attempt, parts, .. } = submission;
        self.submitted.lock().push((message, attempt));
        let count = u8::try_from(parts.len()).unwrap();
        self.texts.lock().push(parts);
        let reply = self.script.lock().pop_front().unwrap_or(Reply::Accept);
        let answer = |part| match &reply {
            Reply::Accept => {
                Answer::Accepted { vendor_id: Some(Self::vendor_id(message, attempt, part).into()) }
            }
            Reply::Reject => Answer::Rejected { code: "ESME_RSUBMITFAIL (0x00000045)".into(), class: None },
            Reply::Throttle => Answer::Busy {
                code: "ESME_RTHROTTLED (0x00000058)".into(),
                class: domain::ErrorClass::Throttle,
            },
            Reply::Unknown { line_lost } => Answer::Unknown { line_lost: *line_lost },
            Reply::Silence => Answer::NotSent,
        };
        if matches!(reply, Reply::Silence) {
            self.silent_slots.lock().push(slot);
            return;
        }
        let mut slot = Some(slot);
        let mut batch: Vec<Answered> = (0..count)
            .map(|part| Answered {
                message,
                attempt,
                part,
                answer: answer(part),
                took: None,
                slot: if part + 1 == count { slot.take() } else { None },
            })
            .collect();
        self.events.answered(&self.id, &mut batch);
    }

    fn health(&self) -> Health {
        let state = if self.down.load(Ordering::SeqCst) {
            HealthState::Down { since: self.down_since, reason: "scripted".into() }
        } else {
            HealthState::Up
        };
        Health { state, binds_up: 1, binds: 1 }
    }
}

/// A clock that stands until the test moves it.
pub(crate) struct Standing(AtomicI64);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// An application that writes down what it is told, and refuses where the test says so.
#[derive(Default)]
pub(crate) struct Listener {
    pub(crate) heard: Mutex<Vec<(AppId, MessageId, Status, u16)>>,
    pub(crate) deaf: Mutex<HashMap<AppId, Told>>,
    pub(crate) refused: AtomicUsize,
    /// Apps whose endpoint never answers.
    pub(crate) hanging: Mutex<Vec<AppId>>,
}

impl Teller for Listener {
    fn tell(
        &self,
        notice: Notice,
        record: Arc<Record>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Told> + Send>> {
        assert_eq!(notice.message, record.message.id);
        if self.hanging.lock().contains(&notice.app) {
            return Box::pin(std::future::pending());
        }
        let told = self.deaf.lock().get(&notice.app).copied().unwrap_or(Told::Yes);
        if told == Told::Yes {
            self.heard.lock().push((notice.app, notice.message, notice.status, notice.sequence));
        } else {
            self.refused.fetch_add(1, Ordering::SeqCst);
        }
        Box::pin(std::future::ready(told))
    }
}

/// The real store, which cannot write while the test says so.
struct Faulty {
    store: sqlite::SqliteWriter,
    fault: Arc<Mutex<Option<Fault>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    DiskFull,
    SyncFailed,
    /// What vendors answer cannot be written, and all else can.
    Unwritable,
}

fn is_answer(write: &store::Write) -> bool {
    matches!(write, store::Write::Apply { input: domain::record::Input::Answer { .. }, .. })
}

impl Faulty {
    fn check(&self) -> Result<(), store::Error> {
        let reason = "scripted".to_owned();
        match *self.fault.lock() {
            None | Some(Fault::Unwritable) => Ok(()),
            Some(Fault::DiskFull) => Err(store::Error::Unavailable { reason }),
            Some(Fault::SyncFailed) => Err(store::Error::Broken { reason }),
        }
    }
}

impl store::Writer for Faulty {
    fn commit(
        &mut self,
        batch: &mut Vec<store::Write>,
        now: Timestamp,
    ) -> Result<Vec<store::Written>, store::Error> {
        self.check()?;
        if *self.fault.lock() == Some(Fault::Unwritable) && batch.iter().any(is_answer) {
            return Err(store::Error::Unavailable { reason: "scripted".to_owned() });
        }
        self.store.commit(batch, now)
    }

    fn claim(&mut self, claim: store::Claim, limit: usize) -> Result<Vec<Record>, store::Error> {
        self.store.claim(claim, limit)
    }

    fn lanes(&mut self) -> Result<Vec<Lane>, store::Error> {
        self.store.lanes()
    }

    fn claim_notices(&mut self, now: Timestamp, limit: NoticeLimit) -> Result<Vec<Notice>, store::Error> {
        self.check()?;
        self.store.claim_notices(now, limit)
    }

    fn next_due(&mut self) -> Result<Option<Timestamp>, store::Error> {
        self.store.next_due()
    }

    fn rest(&mut self) {
        self.store.rest();
    }

    fn wake_notices(&mut self, callback: &str, now: Timestamp) -> Result<(), store::Error> {
        self.store.wake_notices(callback, now)
    }

    fn parts(&mut self) -> Result<Vec<store::Part>, store::Error> {
        self.store.parts()
    }

    fn find_closed(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<Box<dyn store::Sealing>>, store::Error> {
        self.check()?;
        self.store.find_closed(now, limit)
    }

    fn retain(&mut self, now: Timestamp, retention: &store::Retention) -> Result<(), store::Error> {
        self.store.retain(now, retention)
    }

    fn is_on_hold(&mut self) -> Result<bool, store::Error> {
        self.store.is_on_hold()
    }

    fn end_hold(&mut self) -> Result<(), store::Error> {
        self.check()?;
        self.store.end_hold()
    }

    fn probe(&mut self) -> Result<(), store::Error> {
        self.check()?;
        self.store.probe()
    }

    fn last_key(&mut self) -> Result<i64, store::Error> {
        self.store.last_key()
    }
}

/// The real store's reading side, likewise.
struct FaultyReader {
    store: sqlite::SqliteReader,
    unreadable: Arc<AtomicBool>,
}

impl store::Reader for FaultyReader {
    fn message(&self, id: MessageId) -> Result<Option<Record>, store::Error> {
        if self.unreadable.load(Ordering::SeqCst) {
            return Err(store::Error::Unavailable { reason: "scripted".to_owned() });
        }
        self.store.message(id)
    }

    fn search(&self, query: &store::Query) -> Result<store::Page, store::Error> {
        self.store.search(query)
    }

    fn log(&self, query: &store::LogQuery) -> Result<store::LogPage, store::Error> {
        self.store.log(query)
    }

    fn waiting(&self) -> Result<Vec<store::Waiting>, store::Error> {
        self.store.waiting()
    }

    fn notices_pending(&self) -> Result<u64, store::Error> {
        self.store.notices_pending()
    }

    fn damaged(&self) -> Result<u64, store::Error> {
        self.store.damaged()
    }

    fn overrides(
        &self,
        ending_after: Timestamp,
        limit: usize,
    ) -> Result<Vec<domain::Override>, store::Error> {
        self.store.overrides(ending_after, limit)
    }

    fn find_override(&self, id: domain::OverrideId) -> Result<Option<domain::Override>, store::Error> {
        self.store.find_override(id)
    }

    fn keys(&self) -> Result<Vec<domain::Key>, store::Error> {
        self.store.keys()
    }

    fn operator_lists(&self) -> Result<Vec<store::OperatorList>, store::Error> {
        self.store.operator_lists()
    }

    fn counted(&self) -> Result<Vec<store::Counted>, store::Error> {
        self.store.counted()
    }

    fn carried(&self, since: i32) -> Result<Vec<store::Carried>, store::Error> {
        self.store.carried(since)
    }

    fn learnt(&self, now: Timestamp, limit: usize) -> Result<Vec<store::Learnt>, store::Error> {
        self.store.learnt(now, limit)
    }

    fn audit(&self, query: &store::AuditQuery) -> Result<Vec<store::Audited>, store::Error> {
        self.store.audit(query)
    }

    fn imported(&self) -> Result<Option<store::Imported>, store::Error> {
        self.store.imported()
    }

    fn versions(&self, before: u64, limit: usize) -> Result<Vec<store::versions::Summary>, store::Error> {
        self.store.versions(before, limit)
    }

    fn version(&self, number: u64) -> Result<Option<store::Version>, store::Error> {
        self.store.version(number)
    }

    fn active_version(&self) -> Result<Option<store::Version>, store::Error> {
        self.store.active_version()
    }

    fn text(&self, hash: [u8; 32]) -> Result<Option<Box<str>>, store::Error> {
        self.store.text(hash)
    }

    fn rolling_out(&self) -> Result<Option<store::Version>, store::Error> {
        self.store.rolling_out()
    }

    fn list_mappings(&self) -> Result<Vec<store::ListMapping>, store::Error> {
        self.store.list_mappings()
    }

    fn imported_routing(&self) -> Result<Option<[u8; 32]>, store::Error> {
        self.store.imported_routing()
    }

    fn adaptive_state(&self) -> Result<Option<store::adaptive::State>, store::Error> {
        self.store.adaptive_state()
    }

    fn verdicts(&self, query: &store::VerdictQuery) -> Result<Vec<domain::Verdict>, store::Error> {
        self.store.verdicts(query)
    }

    fn published(&self, table: u64) -> Result<Option<store::Published>, store::Error> {
        self.store.published(table)
    }
}

pub(crate) struct Bench {
    pub(crate) pipeline: Pipeline,
    pub(crate) connections: HashMap<&'static str, Arc<Scripted>>,
    pub(crate) listener: Arc<Listener>,
    pub(crate) clock: Arc<Standing>,
    fault: Arc<Mutex<Option<Fault>>>,
    /// Whether no message can be read.
    pub(crate) unreadable: Arc<AtomicBool>,
    folder: Arc<TempDir>,
    rule: String,
}

pub(crate) const CONNECTIONS: [&str; 3] = ["acme", "borealis", "cumulus"];

impl Bench {
    /// Three connections, each with a route of its name, and one rule over them in that order, with `terms`, a JSON
    /// object, on top; its `caps` are those of the document.
    pub(crate) async fn with_rule(terms: &str) -> Self {
        Self::at(Arc::new(tempfile::tempdir().unwrap()), terms, 1_790_000_000_000).await
    }

    pub(crate) async fn new() -> Self {
        Self::with_rule("{}").await
    }

    async fn at(folder: Arc<TempDir>, terms: &str, millis: i64) -> Self {
        let (writer, reader) = sqlite::open(folder.path(), &sqlite::Options::default()).unwrap();
        let clock = Arc::new(Standing(AtomicI64::new(millis)));
        let listener = Arc::new(Listener::default());
        let fault = Arc::new(Mutex::new(None));
        let unreadable = Arc::new(AtomicBool::new(false));
        let apps = ["shop", "bank"].map(|app| {
            let mut settings = App::new(StatusSet::all());
            settings.has_webhook = true;
            (AppId::new(app).unwrap(), settings)
        });
        let pipeline = Pipeline::start(Settings {
            writer: Box::new(Faulty { store: writer, fault: Arc::clone(&fault) }),
            reader: Arc::new(FaultyReader { store: reader, unreadable: Arc::clone(&unreadable) }),
            clock: Arc::<Standing>::clone(&clock),
            observer: Arc::new(Silent),
            operators: Arc::new(pipeline::NumberingPlan),
            teller: Arc::<Listener>::clone(&listener),
            tables: Arc::new(table(terms)).into(),
            apps: apps.into_iter().collect(),
            retention: store::Retention::default(),
            resume: None,
            random: StdRng::seed_from_u64(7),
            workplace: pipeline::Workplace::Threads,
        })
        .await
        .unwrap();
        let connections = CONNECTIONS.map(|name| {
            let scripted = Arc::new(Scripted {
                id: ConnectionId::new(name).unwrap(),
                events: pipeline.events(),
                script: Mutex::default(),
                down: AtomicBool::new(false),
                full: AtomicBool::new(false),
                submitted: Mutex::default(),
                texts: Mutex::default(),
                taken: Arc::default(),
                silent_slots: Mutex::default(),
                down_since: tokio::time::Instant::now() - Duration::from_secs(60),
            });
            pipeline.connect(Arc::<Scripted>::clone(&scripted));
            (name, scripted)
        });
        Self {
            pipeline,
            connections: connections.into_iter().collect(),
            listener,
            clock,
            fault,
            unreadable,
            folder,
            rule: terms.to_owned(),
        }
    }

    /// Ends the process as far as the store can tell, and starts the next over the same folder.
    pub(crate) async fn restart(self) -> Self {
        let now = self.clock.now().as_millis();
        self.pipeline.shut_down().await;
        let Self { folder, rule, pipeline, connections, .. } = self;
        drop(connections);
        drop(pipeline);
        Self::at(folder, &rule, now + 1000).await
    }

    /// A store restored from a backup of this one, on hold, beside it.
    pub(crate) async fn restored(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backup = self.folder.path().join("backup");
        sqlite::backup::copy(self.folder.path(), &backup, &mut |_| {}).unwrap();
        sqlite::restore(&backup, folder.path(), &mut |_| {}).unwrap();
        Self::at(Arc::new(folder), &self.rule, self.clock.now().as_millis()).await
    }

    /// What happens to every commit from now on.
    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.lock() = fault;
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) async fn send(&self) -> MessageId {
        self.accept(request()).await.unwrap().record.message.id
    }

    pub(crate) async fn accept(&self, request: Request) -> Result<Acceptance, Refused> {
        self.pipeline.send(request).accepted().await
    }

    pub(crate) fn record(&self, id: MessageId) -> Record {
        self.pipeline.reader().message(id).unwrap().unwrap()
    }

    /// Waits until the stored record is as wanted; fails with the record when it never is.
    pub(crate) async fn until(&self, id: MessageId, wanted: impl Fn(&Record) -> bool) -> Record {
        for _ in 0..400 {
            let record = self.record(id);
            if wanted(&record) {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never came to that: {:#?}", self.record(id));
    }

    pub(crate) async fn until_status(&self, id: MessageId, status: Status) -> Record {
        self.until(id, |record| record.status == status).await
    }

    /// Waits until something outside the record is as wanted.
    pub(crate) async fn until_true(&self, what: &str, wanted: impl Fn() -> bool) {
        for _ in 0..400 {
            if wanted() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never happened: {what}");
    }

    pub(crate) fn connection(&self, name: &str) -> &Arc<Scripted> {
        &self.connections[name]
    }
}

pub(crate) fn request() -> Request {
    Request {
        app: AppId::new("shop").unwrap(),
        to: "+4915112345678".to_owned(),
        from: None,
        channel: Channel::Sms,
        class: Some(Class::Otp),
        text: "Your code is 482913".to_owned(),
        validity: None,
        send_at: None,
        max_price: None,
        reference: None,
        metadata: None,
        callback_url: None,
        no_probe: false,
        by_smpp: None,
        id: None,
        idempotency: None,
    }
}

/// The routes of a record's attempts, in order, each with its status.
pub(crate) fn path(record: &Record) -> Vec<(String, &'static str)> {
    record.attempts.iter().map(|attempt| (attempt.route.to_string(), attempt.status())).collect()
}

fn table(terms: &str) -> Table {
    let mut rule = serde_json::json!({
        "id": "all", "match": { "channel": "sms" }, "strategy": "priority", "routes": CONNECTIONS, "validity": "10m",
    });
    let mut terms: serde_json::Map<String, serde_json::Value> = serde_json::from_str(terms).unwrap();
    let caps = terms.remove("caps").unwrap_or_else(|| serde_json::json!([]));
    let commitments = terms.remove("commitments").unwrap_or_else(|| serde_json::json!({}));
    // In Germany, one for each connection.
    let prices: Vec<String> =
        terms.remove("prices").map(|of| serde_json::from_value(of).unwrap()).unwrap_or_default();
    rule.as_object_mut().unwrap().extend(terms);
    let cards = CONNECTIONS.iter().zip(&prices).map(|(name, price)| {
        serde_json::json!({ "id": name, "currency": "EUR", "prices": [{ "country": "DE", "price": price }] })
    });
    let routes = CONNECTIONS.map(|name| {
        let card = (!prices.is_empty()).then_some(name);
        serde_json::json!({ "id": name, "connection": name, "rate_card": card })
    });
    let settings = serde_json::json!({
        "routes": routes, "caps": caps, "rate_cards": cards.collect::<Vec<_>>(),
        "policy": { "default_class": "transactional", "commitments": commitments, "rules": [rule] },
    });
    let settings: routing::settings::Settings = serde_json::from_value(settings).unwrap();
    let connections = CONNECTIONS.map(|name| ConnectionId::new(name).unwrap());
    let apps = ["shop", "bank"].map(|name| AppId::new(name).unwrap());
    let known = Known {
        connections: &connections,
        apps: &apps,
        failure_domains: &HashMap::new(),
        price_files: &HashMap::new(),
    };
    Table::compile(&settings, &known, 1).unwrap()
}
