//! An application's webhook in the test's own process: it takes everything and remembers what it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) struct WebhookSink {
    pub(crate) port: u16,
    told: Arc<Mutex<Told>>,
    /// Aborted when this is dropped.
    _server: JoinSet<()>,
}

/// What was told of each message, by the reference that its application gave it.
type Told = BTreeMap<String, Of>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Of {
    pub(crate) ids: BTreeSet<String>,
    /// Types of events, such as `message.delivered`.
    pub(crate) events: BTreeSet<String>,
    /// Events that told of a vendor's error, each with its class and its code.
    pub(crate) errors: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    id: String,
    reference: Option<String>,
    error: Option<VendorError>,
}

#[derive(Deserialize)]
struct VendorError {
    class: Option<String>,
    vendor_code: String,
}

impl WebhookSink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::<Mutex<Told>>::default();
        let router = Router::new().route("/hook", post(hear)).with_state(Arc::clone(&told));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, told, _server: server }
    }

    /// Whether the message with this reference was told to be this.
    pub(crate) fn was_told(&self, reference: &str, event: &str) -> bool {
        self.told.lock().get(reference).is_some_and(|of| of.events.contains(event))
    }

    pub(crate) fn told(&self) -> BTreeMap<String, Of> {
        self.told.lock().clone()
    }
}

async fn hear(State(told): State<Arc<Mutex<Told>>>, body: Bytes) {
    let event: Event = serde_json::from_slice(&body).unwrap();
    let mut told = told.lock();
    let of = told.entry(event.data.reference.unwrap_or_default()).or_default();
    of.ids.insert(event.data.id);
    if let Some(VendorError { class, vendor_code }) = event.data.error {
        let class = class.unwrap_or_default();
        of.errors.insert(format!("{} {class} {vendor_code}", event.kind));
    }
    of.events.insert(event.kind);
}
