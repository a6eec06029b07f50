//! The demo's application: it sends by the API, hears webhooks, and reports what its users did.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::{Value, json};
use simulator::handset::Conversions;
use simulator::{Traffic, traffic};
use tokio::net::TcpListener;

use super::configuration::KEY;

/// What the demo came to so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    pub sent: u64,
    pub refused: u64,
    pub delivered: u64,
    pub undelivered: u64,
    pub failed_over: u64,
    pub converted: u64,
    pub webhooks: u64,
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    refused: AtomicU64,
    delivered: AtomicU64,
    undelivered: AtomicU64,
    failed_over: AtomicU64,
    converted: AtomicU64,
    webhooks: AtomicU64,
}

pub(super) struct Application {
    hook: SocketAddr,
    gateway: String,
    pub(super) http: reqwest::Client,
    counts: Counts,
    sent: Mutex<Sent>,
}

/// Which message a text to a number was, for as long as its user may act on it.
#[derive(Default)]
struct Sent {
    ids: HashMap<(String, String), String>,
    order: VecDeque<(String, String)>,
}

/// Messages remembered for a conversion.
const REMEMBERED: usize = 10_000;

impl Application {
    /// Opens the port for webhooks; the gateway is told of it before it starts.
    pub(super) async fn listen() -> anyhow::Result<(Self, TcpListener)> {
        crate::tls::install_provider();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let http = reqwest::Client::builder().timeout(std::time::Duration::from_secs(10)).build()?;
        let application = Self {
            hook: listener.local_addr()?,
            gateway: String::new(),
            http,
            counts: Counts::default(),
            sent: Mutex::default(),
        };
        Ok((application, listener))
    }

    pub(super) fn with_gateway(mut self, address: SocketAddr) -> Self {
        self.gateway = format!("http://{address}");
        self
    }

    pub(super) fn hook(&self) -> String {
        format!("http://{}/hook", self.hook)
    }

    pub(super) fn summary(&self) -> Summary {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Summary {
            sent: read(&self.counts.sent),
            refused: read(&self.counts.refused),
            delivered: read(&self.counts.delivered),
            undelivered: read(&self.counts.undelivered),
            failed_over: read(&self.counts.failed_over),
            converted: read(&self.counts.converted),
            webhooks: read(&self.counts.webhooks),
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let request = self
            .http
            .post(format!("{}{path}", self.gateway))
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = request.send().await.ok()?;
        let is_accepted = answer.status().is_success();
        let text = answer.text().await.ok()?;
        is_accepted.then(|| serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    fn remember(&self, key: (String, String), id: String) {
        let mut sent = self.sent.lock();
        sent.ids.insert(key.clone(), id);
        sent.order.push_back(key);
        if sent.order.len() > REMEMBERED
            && let Some(oldest) = sent.order.pop_front()
        {
            sent.ids.remove(&oldest);
        }
    }
}

/// Posts the drawn traffic, at its pace.
pub(super) async fn send(application: Arc<Application>, seed: u64, rate: f64) {
    let mut traffic = Traffic::new(traffic::Settings { seed, rate, ..traffic::Settings::default() });
    loop {
        let request = traffic.draw();
        tokio::time::sleep(request.pause).await;
        let body = json!({ "to": request.to, "class": request.class.as_str(), "text": request.text });
        match application.post("/v1/messages", &body).await {
            Some(accepted) => {
                application.counts.sent.fetch_add(1, Ordering::Relaxed);
                if let Some(id) = accepted.get("id").and_then(Value::as_str) {
                    let digits = request.to.trim_start_matches('+').to_owned();
                    application.remember((digits, request.text), id.to_owned());
                }
            }
            None => {
                application.counts.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Reports each user who acted on a message.
pub(super) async fn convert(application: Arc<Application>, mut conversions: Conversions) {
    loop {
        let conversion = conversions.next().await;
        let key = (conversion.to, conversion.text);
        let id = application.sent.lock().ids.get(&key).cloned();
        let Some(id) = id else { continue };
        let body = json!({ "message_id": id, "converted": true });
        if application.post("/v1/conversions", &body).await.is_some() {
            application.counts.converted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Hears webhooks.
pub(super) async fn hear(application: Arc<Application>, listener: TcpListener) {
    let router = Router::new().route("/hook", post(hook)).with_state(application);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the demo's application hears no more webhooks");
    }
}

async fn hook(State(application): State<Arc<Application>>, body: Bytes) -> StatusCode {
    let Ok(event) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    let counts = &application.counts;
    counts.webhooks.fetch_add(1, Ordering::Relaxed);
    let attempts = event.pointer("/data/attempts").and_then(Value::as_array).map_or(0, Vec::len);
    match event.get("type").and_then(Value::as_str) {
        Some("message.delivered") => {
            counts.delivered.fetch_add(1, Ordering::Relaxed);
            if attempts > 1 {
                counts.failed_over.fetch_add(1, Ordering::Relaxed);
            }
        }
        Some("message.undelivered" | "message.failed" | "message.expired") => {
            counts.undelivered.fetch_add(1, Ordering::Relaxed);
        }
        Some(_) | None => {}
    }
    StatusCode::NO_CONTENT
}
