//! `/v1/messages`: sending one, looking at one, taking one back.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use domain::key::Owner;
use domain::{AppId, MessageId, Record, Scope, Status};
use pipeline::{Sending, Stepped};
use serde_json::json;

use super::auth::{Caller, View};
use super::code::Code;
use super::draft::{self, Terms};
use super::fields::Fields;
use super::problem::Problem;
use super::{Api, Settings, body, idempotency, refusal, render, respond};

/// Far above what a message can hold: what is larger is a mistake, and what is nested deeper still gets its reason.
const MAX_BODY: usize = 1024 * 1024;
const RETRY_READ_SECONDS: u32 = 1;
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The id in the path. What is no id is no message.
pub(crate) struct Id(pub(crate) MessageId);

impl FromRequestParts<Arc<Api>> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, api).await;
        let id = path.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| missing("the path holds no message id"))
    }
}

/// `POST /v1/messages`
pub(crate) async fn send(
    State(api): State<Arc<Api>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let app = caller.app()?;
    let key = idempotency::key(request.headers())?.map(str::to_owned);
    let body = body::read(request, MAX_BODY).await?;
    let sending = begin(&api, app, key.as_deref(), &body)?;
    let acceptance = sending.accepted().await.map_err(refusal::problem)?;
    let settings = api.settings.load();
    let response = respond::accepted(&render::accepted(&acceptance.record, &settings.public_url));
    Ok(if acceptance.replayed { marked_replayed(response) } else { response })
}

fn begin(api: &Api, app: &AppId, key: Option<&str>, body: &Bytes) -> Result<Sending, Problem> {
    let text = body::text(body)?;
    let mut fields = Fields::of_body(text)?;
    let settings = api.settings.load();
    let Some(mut request) = draft::request(&mut fields, terms(&settings, app)) else {
        return Err(fields.into_problem(text));
    };
    request.idempotency = key.map(|key| {
        idempotency::of_message(key, idempotency::fingerprint("/v1/messages", &fields.canonical()))
    });
    Ok(api.pipeline.send(request))
}

pub(crate) fn terms<'a>(settings: &'a Settings, app: &'a AppId) -> Terms<'a> {
    let default_country = settings.apps.get(app).and_then(|app| app.default_country);
    Terms { app, default_country, private: settings.private }
}

pub(crate) fn marked_replayed(mut response: Response) -> Response {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// `GET /v1/messages/{id}`
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, Problem> {
    let record = find(&api, id, &caller.view()?).await?;
    Ok(respond::ok(&render::whole(&record, &api.settings.load().public_url)))
}

/// `POST /v1/messages/{id}/cancel`. What is canceled already stays so, and that is no mistake.
pub(crate) async fn cancel(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, Problem> {
    let found = find(&api, id, &caller.steers()?).await?;
    let stepped = match caller.owner() {
        Owner::App(_) => api.pipeline.cancel(id).await,
        Owner::Admin(_) => {
            let admin = caller.admin(Scope::Dispatch)?;
            let status = |status: Status| json!({ "status": status.as_str() });
            let (before, after) = (status(found.status), status(Status::Canceled));
            let at = api.pipeline.now();
            let entry = admin.entry(at, "message.cancel", &id.to_string(), None, Some(before), Some(after));
            api.pipeline.cancel_by(id, entry).await
        }
    };
    let stepped = stepped.map_err(refusal::not_written)?;
    let record = match stepped {
        Stepped::Done(record) => record,
        Stepped::TooLate(record) if record.status == Status::Canceled => record,
        Stepped::TooLate(record) => {
            let detail = format!("the message is {}: a vendor may have it, or it is final", record.status);
            return Err(Problem::new(Code::NotCancelable, detail));
        }
        Stepped::NoSuchMessage => return Err(missing("no message has this id")),
    };
    Ok(respond::ok(&render::whole(&record, &api.settings.load().public_url)))
}

/// The message, if the caller may see it; one that it may not see is not there.
pub(crate) async fn find(api: &Api, id: MessageId, view: &View) -> Result<Record, Problem> {
    let reader = api.pipeline.reader();
    let record = read(move || reader.message(id)).await?;
    let seen = record.filter(|record| view.shows(&record.message.app));
    seen.ok_or_else(|| missing("no message has this id"))
}

/// Runs a read of the store where blocking is allowed.
pub(crate) async fn read<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, store::Error> + Send + 'static,
) -> Result<T, Problem> {
    let unavailable = || {
        Problem::new(Code::StoreUnavailable, "the store cannot be read now").retry_after(RETRY_READ_SECONDS)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            tracing::error!(%error, "the store could not be read");
            Err(unavailable())
        }
        Err(_) => Err(unavailable()),
    }
}

pub(crate) fn missing(detail: &str) -> Problem {
    Problem::new(Code::NotFound, detail)
}
