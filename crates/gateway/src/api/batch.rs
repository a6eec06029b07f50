//! `POST /v1/messages/batch`: many messages in one request, each accepted or refused on its own.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::AppId;
use pipeline::{Acceptance, Sending};
use serde::Serialize;

use super::auth::Caller;
use super::code::Code;
use super::fields::{self, Fields, expected};
use super::problem::{Document, Problem};
use super::{Api, body, draft, idempotency, messages, refusal, render, respond};

const MAX_BODY: usize = 4 * 1024 * 1024;
const MAX_MESSAGES: usize = 1000;

#[derive(Serialize)]
struct Results<'a> {
    data: Vec<Item<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Accepted(Box<render::Accepted<'a>>),
    Refused { error: Document<'a> },
}

pub(crate) async fn send(
    State(api): State<Arc<Api>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let app = caller.app()?;
    let key = idempotency::key(request.headers())?.map(str::to_owned);
    let body = body::read(request, MAX_BODY).await?;
    let text = body::text(&body)?;
    let mut fields = Fields::of_body(text)?;
    let Some(items) = items(&mut fields) else { return Err(fields.into_problem(text)) };
    // The request itself is counted already.
    caller.spend(items.len() - 1)?;
    let key = key.map(|key| {
        let fingerprint = idempotency::fingerprint("/v1/messages/batch", &fields.canonical());
        Key { key, fingerprint }
    });
    let results = send_all(&Batch { api: &api, app, key }, &items).await?;
    let settings = api.settings.load();
    let data = results.iter().map(|result| item(result, &settings.public_url)).collect();
    let response = respond::accepted(&Results { data });
    let all_replayed = results.iter().all(|result| result.as_ref().is_ok_and(|accepted| accepted.replayed));
    Ok(if all_replayed { messages::marked_replayed(response) } else { response })
}

fn items<'a>(fields: &mut Fields<'a>) -> Option<Vec<&'a str>> {
    let raw = fields.raw("messages");
    fields.refuse_others(&["messages"]);
    let Some(raw) = raw else {
        fields.wrong("messages", format!("is missing: a list of 1 to {MAX_MESSAGES} messages"));
        return None;
    };
    match fields::elements(raw, MAX_MESSAGES) {
        None => fields.wrong("messages", expected("a list of messages", raw)),
        Some(items) if items.is_empty() => fields.wrong("messages", "is empty"),
        Some(items) if items.len() > MAX_MESSAGES => {
            fields.wrong("messages", format!("holds more than {MAX_MESSAGES} messages"));
        }
        Some(items) => return Some(items).filter(|_| !fields.has_errors()),
    }
    None
}

struct Batch<'a> {
    api: &'a Api,
    app: &'a AppId,
    key: Option<Key>,
}

struct Key {
    key: String,
    fingerprint: [u8; 32],
}

type Outcome = Result<Acceptance, Problem>;

/// All writes are queued before any is awaited, so that they share commits. Under an idempotency key the first goes
/// ahead alone: it tells whether the key belongs to another batch, before anything of this one is sent.
async fn send_all(batch: &Batch<'_>, items: &[&str]) -> Result<Vec<Outcome>, Problem> {
    let mut results = Vec::with_capacity(items.len());
    let ahead = usize::from(batch.key.is_some());
    for (index, item) in items.iter().enumerate().take(ahead) {
        let outcome = settled(begin(batch, index, item)).await;
        match outcome {
            Err(problem) if problem.code() == Code::IdempotencyKeyReused => return Err(problem),
            outcome => results.push(outcome),
        }
    }
    let begun: Vec<_> =
        items.iter().enumerate().skip(ahead).map(|(index, item)| begin(batch, index, item)).collect();
    for sending in begun {
        results.push(settled(sending).await);
    }
    all_unavailable(&results).map_or(Ok(results), Err)
}

async fn settled(sending: Result<Sending, Problem>) -> Outcome {
    sending?.accepted().await.map_err(refusal::problem)
}

fn begin(batch: &Batch<'_>, index: usize, item: &str) -> Result<Sending, Problem> {
    let place = format!("#/messages/{index}");
    let mut fields = Fields::nested(item, place).map_err(|error| Problem::fields(vec![error]))?;
    let settings = batch.api.settings.load();
    let Some(mut request) = draft::request(&mut fields, messages::terms(&settings, batch.app)) else {
        return Err(Problem::fields(fields.into_errors()));
    };
    request.idempotency =
        batch.key.as_ref().map(|key| idempotency::of_item(&key.key, index, key.fingerprint));
    Ok(batch.api.pipeline.send(request))
}

/// When the store took nothing at all the whole request may be repeated, and its answer says so.
fn all_unavailable(results: &[Outcome]) -> Option<Problem> {
    let unavailable = |result: &Outcome| {
        result.as_ref().is_err_and(|problem| problem.code().status() == StatusCode::SERVICE_UNAVAILABLE)
    };
    let first = results.first()?.as_ref().err()?;
    results.iter().all(unavailable).then(|| first.clone())
}

fn item<'a>(result: &'a Outcome, public_url: &'a str) -> Item<'a> {
    match result {
        Ok(acceptance) => Item::Accepted(Box::new(render::accepted(&acceptance.record, public_url))),
        Err(problem) => Item::Refused { error: problem.document(public_url, None) },
    }
}
