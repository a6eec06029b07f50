//! Tells applications of their messages over HTTP, as Standard Webhooks 1.0 says.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::status::{Status, StatusSet};
use domain::{AppId, Record, Timestamp};
use pipeline::{Clock, Teller, Told};
use reqwest::Url;
use rustc_hash::FxHashMap;
use serde::Serialize;
use store::Notice;

use crate::api::render;

pub mod address;
mod line;
mod send;
pub mod sign;

pub use sign::{BadSecret, Secret};

/// The endpoint has this long for its answer.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// What the configuration says of webhooks.
#[derive(Clone, Debug)]
pub struct Settings {
    pub endpoints: FxHashMap<AppId, Endpoint>,
    /// Where the gateway is reached from outside, for `trace_url`.
    pub public_url: String,
}

/// Where an app is told, and how it knows that it was us.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// None for an app that has only callbacks of its messages.
    pub url: Option<Url>,
    /// Each signs: two while a secret is changed. With none, callbacks go out unsigned.
    pub secrets: Vec<Secret>,
}

/// Tells by webhook, on connections that are kept and reused.
pub struct Webhooks {
    shared: Arc<Shared>,
}

struct Shared {
    lines: line::Lines,
    private: address::Private,
    clock: Arc<dyn Clock>,
    settings: ArcSwap<Settings>,
}

impl Webhooks {
    #[must_use]
    pub fn new(settings: Settings, private: address::Private, clock: Arc<dyn Clock>) -> Self {
        let settings = ArcSwap::from_pointee(settings);
        Self { shared: Arc::new(Shared { lines: line::Lines::new(private), private, clock, settings }) }
    }

    /// Puts other endpoints in place, for the next notice.
    pub fn reconfigure(&self, settings: Settings) {
        self.shared.settings.store(Arc::new(settings));
    }
}

impl Teller for Webhooks {
    fn tell(&self, notice: Notice, record: Arc<Record>) -> Pin<Box<dyn Future<Output = Told> + Send>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.tell(&notice, &record).await })
    }
}

impl Shared {
    async fn tell(&self, notice: &Notice, record: &Record) -> Told {
        let Some(post) = self.post(notice, record) else { return Told::Nobody };
        send::post(&self.lines, post).await
    }

    /// The request, signed; None when nothing is configured to tell, or the address may not be told.
    fn post(&self, notice: &Notice, record: &Record) -> Option<send::Post> {
        let settings = self.settings.load();
        let endpoint = settings.endpoints.get(&notice.app);
        let url = match &notice.callback_url {
            // Checked when the message was accepted, and again here: the configuration may have become stricter.
            Some(url) => address::check_url(url, self.private).ok()?,
            None => {
                let url = endpoint?.url.clone()?;
                address::check_host(&url, self.private).ok()?;
                url
            }
        };
        let body = body(notice, record, &settings.public_url)?;
        let id = event_id(notice);
        let seconds = self.clock.now().as_millis() / 1000;
        let secrets = endpoint.map(|endpoint| endpoint.secrets.as_slice()).unwrap_or_default();
        let signature = sign::signatures(secrets, &sign::Signed { id: &id, seconds, body: &body });
        Some(send::Post { url, id, seconds, signature, body: body.into() })
    }
}

/// The statuses that the patterns of an app's `events` name: `message.*`, or `message.` and a status.
/// `message.received` names no status and is allowed: inbound messages are told apart from these.
///
/// # Errors
/// With the first pattern that names nothing.
pub fn events<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<StatusSet, BadEvent> {
    let mut events = StatusSet::NONE;
    for pattern in patterns {
        match pattern.strip_prefix("message.") {
            Some("*") => events = StatusSet::all(),
            Some("received") => {}
            Some(word) => match word.parse::<Status>() {
                Ok(status) => events = events.with(status),
                Err(_) => return Err(BadEvent(pattern.to_owned())),
            },
            None if pattern == "*" => events = StatusSet::all(),
            None => return Err(BadEvent(pattern.to_owned())),
        }
    }
    Ok(events)
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an event: expected message.* or message. and a status, such as message.delivered")]
pub struct BadEvent(pub String);

/// The same on every try, so that the application can tell a repetition. It holds no dot: the signature joins by dots.
fn event_id(notice: &Notice) -> String {
    let message = notice.message.to_string();
    format!("evt_{}_{}", message.trim_start_matches("msg_"), notice.sequence)
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    message: render::Whole<'a>,
    event: Event,
    sequence: u16,
}

#[derive(Serialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    status: &'static str,
    at: Timestamp,
}

fn body(notice: &Notice, record: &Record, public_url: &str) -> Option<String> {
    let kind = format!("message.{}", notice.status);
    let event =
        Event { id: event_id(notice), kind: kind.clone(), status: notice.status.as_str(), at: notice.at };
    let message = render::whole_with_status(record, notice.status, public_url);
    let data = Data { message, event, sequence: notice.sequence };
    let body = Body { kind, timestamp: notice.at, data };
    match serde_json::to_string(&body) {
        Ok(body) => Some(body),
        Err(error) => {
            tracing::error!(%error, message_id = %notice.message, "a webhook could not be written as JSON");
            None
        }
    }
}

#[cfg(test)]
mod tests;
