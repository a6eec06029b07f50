//! What every test starts from: two apps, an admin, three routes, and a vendor that takes and delivers everything.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use connectors::connector::{HealthState, NoSlot, Slot, Submission};
use connectors::{Answered, Connector, Events, Health, ReceiptReport};
use domain::attempt::Verdict;
use domain::key::Owner;
use domain::record::{Answer, ReceiptNews};
use domain::status::StatusSet;
use domain::{AppId, ConnectionId, Scope};
use http_body_util::BodyExt as _;
use pipeline::{App, Clock as _, Pipeline};
use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::super::auth::{self, Grant};
use super::super::{Api, Keys, Settings, VendorRecord, misfits, router};
use crate::clock::SystemClock;
use crate::metrics::Metrics;
use crate::network::Networks;
use crate::operators::{self, Operators};
use crate::tables::{Routing, Sources, Surroundings};
use crate::versions::Versions;
use crate::webhooks::address::Private;

pub(super) const SHOP: &str = "key-of-shop";
pub(super) const BANK: &str = "key-of-bank";
pub(super) const ADMIN: &str = "key-of-ops";
pub(super) const READER: &str = "key-of-auditor";
pub(super) const DISPATCHER: &str = "key-of-night-shift";
/// May only configure.
pub(super) const KEEPER: &str = "key-of-keeper";
/// Of the shop, and may only send.
pub(super) const SENDER: &str = "sending-key-of-shop";
/// Of the shop, and may only read.
pub(super) const VIEWER: &str = "reading-key-of-shop";

pub(super) struct Stand {
    pub(super) router: Router,
    pub(super) api: Arc<Api>,
    /// Dropped last: the store lies in it.
    pub(super) _folder: tempfile::TempDir,
}

#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Stand {
    /// Nobody opened a connection: messages are accepted and wait.
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut writer, reader) =
            store::sqlite::open(folder.path(), &store::sqlite::Options::default()).unwrap();
        let clock = SystemClock::default();
        let (versions, tables) =
            Versions::start(&mut writer, &reader, &routing(), false, clock.now()).unwrap();
        let metrics = Arc::new(Metrics::default());
        let operators = Operators::load(
            operators::Settings {
                remembered: 1000,
                receipts_hold: std::time::Duration::from_secs(3600),
                ..operators::Settings::default()
            },
            &reader,
            Arc::new(SystemClock::default()),
            Arc::clone(&metrics),
        )
        .unwrap();
        let pipeline = Pipeline::start(pipeline::Settings {
            writer: Box::new(writer),
            reader: Arc::new(reader),
            clock: Arc::new(clock),
            observer: Arc::<Metrics>::clone(&metrics),
            operators: Arc::new(operators::Door(Arc::clone(&operators))),
            teller: Arc::new(Deaf),
            tables,
            apps: apps(),
            retention: store::Retention::default(),
            resume: None,
            random: rand::make_rng(),
            workplace: pipeline::Workplace::Threads,
        })
        .await
        .unwrap();
        let settings = Settings {
            keys: keys(),
            key_rate_limit: None,
            apps: apps(),
            public_url: "https://gw.example.com".to_owned(),
            private: Private::Refused,
            vendors: vendors(),
            throughput: FxHashMap::default(),
            simulated: false,
        };
        pipeline.agree(crate::agreements::of(&settings));
        let api = Api::new(pipeline, metrics, operators, Arc::new(versions), settings).unwrap();
        Self { router: router(Arc::clone(&api)), api, _folder: folder }
    }

    /// A vendor behind `acme-main` takes and delivers everything at once.
    pub(super) async fn with_vendor() -> Self {
        Self::with_vendors(&["acme-main"]).await
    }

    /// So does one behind each of these connections.
    pub(super) async fn with_vendors(connections: &[&str]) -> Self {
        let stand = Self::start().await;
        for connection in connections {
            let vendor = Arc::new(Vendor { id: name(connection), events: OnceLock::new() });
            assert!(vendor.events.set(stand.api.pipeline.events()).is_ok());
            stand.api.pipeline.connect(vendor);
        }
        stand
    }

    /// The vendor behind `acme-main` is promised so many messages a year, of which the one that runs is nearly over.
    pub(super) fn promise_much(&self) {
        let now = routing::commitment::day(self.now()).unwrap();
        let commitment = routing::commitment::Commitment {
            period: routing::commitment::Period::Year,
            unit: domain::commitment::Unit::Messages,
            promised: 1_000_000_000.into(),
            starts: now.checked_sub(jiff::Span::new().months(11)).ok(),
            ends: None,
            elsewhere: Vec::new(),
        };
        let agreed = pipeline::Agreed {
            vendor: "acme".parse().unwrap(),
            connections: vec![name("acme-main")],
            commitments: vec![commitment],
        };
        self.api.pipeline.agree(pipeline::Agreements { vendors: vec![agreed], ..Default::default() });
    }

    pub(super) fn now(&self) -> domain::Timestamp {
        self.api.pipeline.now()
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Response {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Response { status: parts.status, headers: parts.headers, text }
    }

    pub(super) async fn post(&self, key: &str, path: &str, body: &Value) -> Response {
        self.send(post(key, path).body(Body::from(body.to_string())).unwrap()).await
    }

    pub(super) async fn get(&self, key: &str, path: &str) -> Response {
        self.send(request(Method::GET, key, path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn delete(&self, key: &str, path: &str) -> Response {
        self.send(request(Method::DELETE, key, path).body(Body::empty()).unwrap()).await
    }

    /// Sends a message and returns its id.
    pub(super) async fn accepted(&self, key: &str, to: &str) -> String {
        let answer = self.post(key, "/v1/messages", &json!({ "to": to, "text": "hello" })).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Waits until the message has the status, and returns it.
    pub(super) async fn settled(&self, id: &str, status: &str) -> Value {
        for _ in 0..10_000 {
            let message = self.get(SHOP, &format!("/v1/messages/{id}")).await.json();
            if message["status"] == status {
                return message;
            }
            tokio::task::yield_now().await;
        }
        panic!("{id} never is {status}");
    }
}

impl Response {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body, which has the form of the schema.
    pub(super) fn fits(&self, schema: &str) -> Value {
        let value = self.json();
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        assert_eq!(misfits(&value, &schema), Vec::<String>::new(), "{value:#}");
        value
    }

    /// A problem document of this code, complete and consistent.
    pub(super) fn problem(&self, code: &str) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let problem = self.fits("Problem");
        assert_eq!(problem["code"], code, "{problem:#}");
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert_eq!(problem["type"], format!("https://gw.example.com/docs/errors/{code}"));
        problem
    }
}

pub(super) fn request(method: Method, key: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"))
}

pub(super) fn post(key: &str, path: &str) -> axum::http::request::Builder {
    request(Method::POST, key, path).header("content-type", "application/json")
}

fn keys() -> Keys {
    let mut keys = Keys::default();
    keys.add_app(SHOP, AppId::new("shop").unwrap(), None);
    keys.add_app(BANK, AppId::new("bank").unwrap(), None);
    for (key, scope) in [(SENDER, Scope::Send), (VIEWER, Scope::Read)] {
        let grant = Grant::new(Owner::App(AppId::new("shop").unwrap()), &[scope]);
        keys.add(auth::hash(key), grant);
    }
    let admins: [(&str, &str, &[Scope]); 4] = [
        (ADMIN, "ops", &Scope::OF_ADMINS),
        (READER, "auditor", &[Scope::Read]),
        (DISPATCHER, "night-shift", &[Scope::Dispatch]),
        (KEEPER, "keeper", &[Scope::Configure]),
    ];
    for (key, id, scopes) in admins {
        keys.add_admin(key, id, scopes, Networks::default());
    }
    keys
}

pub(super) fn apps() -> FxHashMap<AppId, App> {
    let mut shop = App::new(StatusSet::NONE);
    shop.default_sender = Some("SHOP".parse().unwrap());
    shop.default_country = Some("DE".parse().unwrap());
    let bank = App::new(StatusSet::NONE);
    [("shop", shop), ("bank", bank)].into_iter().map(|(id, app)| (AppId::new(id).unwrap(), app)).collect()
}

/// As a configuration file would bring it.
pub(super) fn routing() -> Routing {
    let settings = json!({
        "routes": [
            { "id": "acme-de", "connection": "acme-main", "countries": ["DE", "GB"], "rate_card": "acme" },
            { "id": "borealis-de", "connection": "borealis-main", "countries": ["DE"] },
            { "id": "cumulus-fr", "connection": "cumulus-main", "countries": ["FR"] },
        ],
        "rate_cards": [{
            "id": "acme", "currency": "EUR",
            "prices": [{ "country": "DE", "price": "0.0450" }, { "country": "GB", "price": "0.03" }],
        }],
        "policy": {
            "default_class": "transactional",
            "rules": [{
                "id": "europe", "match": { "channel": "sms", "country": ["DE", "GB", "FR", "ES"] },
                "strategy": "priority", "routes": ["acme-de", "borealis-de"], "validity": "10m",
            }],
        },
    });
    let sources = Sources::new(serde_json::from_value(settings).unwrap(), BTreeMap::new());
    let of = |connection, vendor: &str| (name(connection), domain::VendorId::new(vendor).unwrap());
    let surroundings = Surroundings {
        vendors: [of("acme-main", "acme"), of("borealis-main", "borealis"), of("cumulus-main", "cumulus")]
            .to_vec(),
        connections: ["acme-main", "borealis-main", "cumulus-main"].map(name).to_vec(),
        apps: ["shop", "bank"].map(|id| AppId::new(id).unwrap()).to_vec(),
        ..Surroundings::default()
    };
    let table = Arc::new(sources.compile(&surroundings).unwrap());
    Routing { sources, surroundings, table }
}

fn vendors() -> Vec<VendorRecord> {
    let contract = json!({
        "number": "MSA-7", "ends": "2999-12-31", "notice_days": 30,
        "sla": { "delivery_rate": "95", "latency": "10s" },
        "commitments": [{ "period": "month", "messages": 100_000 }],
        "contacts": [{ "name": "Ada", "email": "ada@acme.example" }],
        "escalation": [{ "after": "30m", "contact": "Ada" }],
    });
    let record = |id: &str, contract| VendorRecord {
        id: domain::VendorId::new(id).unwrap(),
        failure_domain: None,
        connections: vec![name(&format!("{id}-main"))],
        errors: Arc::default(),
        contract,
    };
    vec![record("acme", Some(serde_json::from_value(contract).unwrap())), record("borealis", None)]
}

fn name(id: &str) -> ConnectionId {
    ConnectionId::new(id).unwrap()
}

/// No app has a webhook.
struct Deaf;

impl pipeline::Teller for Deaf {
    fn tell(
        &self,
        _: store::Notice,
        _: Arc<domain::Record>,
    ) -> std::pin::Pin<Box<dyn Future<Output = pipeline::Told> + Send>> {
        Box::pin(std::future::ready(pipeline::Told::Nobody))
    }
}

/// Of numbers that end so the vendor's receipts name the operator.
pub(super) const NAMED: &str = "4747";

struct Vendor {
    id: ConnectionId,
    events: OnceLock<Arc<dyn Events>>,
}

struct Ignored;

impl connectors::connector::Reply for Ignored {
    fn stored(self: Box<Self>) {}
}

impl Connector for Vendor {
    fn id(&self) -> &ConnectionId {
        &self.id
    }

    fn reserve(&self) -> Result<Slot, NoSlot> {
        Ok(Slot { bind: 0, epoch: 1, hold: Box::new(()) })
    }

    fn submit(&self, slot: Slot, submission: Submission) {
        let events = self.events.get().unwrap();
        let vendor_id = |part| format!("{}-{part}", submission.message).into_boxed_str();
        let mut slot = Some(slot);
        let parts = 0..u8::try_from(submission.parts.len()).unwrap();
        let mut answers: Vec<Answered> = parts
            .clone()
            .map(|part| Answered {
                message: submission.message,
                attempt: submission.attempt,
                part,
                answer: Answer::Accepted { vendor_id: Some(vendor_id(part)) },
                took: Some(std::time::Duration::from_millis(3)),
                slot: slot.take(),
            })
            .collect();
        events.answered(&self.id, &mut answers);
        let mut receipts: Vec<ReceiptReport> = parts
            .map(|part| ReceiptReport {
                vendor_id: vendor_id(part),
                news: ReceiptNews { verdict: Some(Verdict::Delivered), word: "DELIVRD".into(), class: None },
                is_error: false,
                done_at: None,
                operator: submission.to.as_str().ends_with(NAMED).then(|| "262-07".into()),
                reply: Box::new(Ignored),
            })
            .collect();
        events.receipts(&self.id, &mut receipts);
    }

    fn health(&self) -> Health {
        Health { state: HealthState::Up, binds_up: 1, binds: 1 }
    }
}
