//! `/v1/policies`: versions of the routing document, from draft to active and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use domain::{Scope, Timestamp};
use routing::Share;
use serde::Serialize;
use serde_json::{Value as Json, json};
use store::versions::{Source, Summary};

use super::aside::aside;
use super::auth::{Admin, Caller};
use super::code::Code;
use super::comment::checked_comment;
use super::fields::Fields;
use super::parameters::Parameters;
use super::problem::{FieldError, Problem};
use super::{Api, body, messages, refusal, respond};
use crate::config::{self, document};
use crate::tables::{Place, Problem as Wrong};
use crate::versions::{self, By, Draft, Refused, Told};

/// A document with the texts of its price files.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// What somebody asks to be done with a version.
const MAX_REQUEST: usize = 64 * 1024;

#[derive(Serialize)]
pub(super) struct VersionView<'a> {
    number: u64,
    state: &'static str,
    source: &'static str,
    /// Of the document and its price files.
    sha256: String,
    based_on: Option<u64>,
    equals: Option<u64>,
    comment: &'a str,
    created_at: Timestamp,
    created_by: &'a str,
    activated_at: Option<Timestamp>,
    activated_by: Option<&'a str>,
    /// Of one that is rolled out.
    percent: Option<f64>,
}

#[derive(Serialize)]
struct Listed<'a> {
    data: Vec<VersionView<'a>>,
    next_cursor: Option<String>,
    active: u64,
    /// Whether the routing part of the configuration file is another one than what is in force.
    file_differs: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    version: VersionView<'a>,
    document: Json,
    price_files: Vec<Json>,
    english: Vec<Json>,
}

pub(super) fn view(summary: &Summary) -> VersionView<'_> {
    VersionView {
        number: summary.number,
        state: summary.state.as_str(),
        source: summary.source.as_str(),
        sha256: hexadecimal(&summary.hash),
        based_on: summary.based_on,
        equals: summary.equals,
        comment: &summary.comment,
        created_at: summary.created.at,
        created_by: &summary.created.by,
        activated_at: summary.activated.as_ref().map(|deed| deed.at),
        activated_by: summary.activated.as_ref().map(|deed| &*deed.by),
        percent: summary.share.map(|share| f64::from(share) / 100.0),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `GET /v1/policies`
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &["limit", "cursor"])?;
    let limit = parameters.limit(50, 1000);
    let before = parameters.word::<u64>("cursor").unwrap_or(u64::MAX);
    parameters.finish()?;
    let reader = api.pipeline.reader();
    // One more tells whether another page follows.
    let mut found = messages::read(move || reader.versions(before, limit + 1)).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let standing = api.versions.standing();
    Ok(respond::ok(&Listed {
        data: found.iter().map(view).collect(),
        next_cursor: found.last().filter(|_| has_more).map(|last| last.number.to_string()),
        active: standing.active.number,
        file_differs: standing.has_drifted(),
    }))
}

/// A version by its number, or the one that is active.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    Active,
    Number(u64),
}

impl Which {
    pub(super) fn number(self, api: &Api) -> u64 {
        match self {
            Self::Active => api.versions.standing().active.number,
            Self::Number(number) => number,
        }
    }
}

impl FromRequestParts<Arc<Api>> for Which {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let unknown = || Problem::new(Code::PolicyNotFound, "no version of the policy has this number");
        let Ok(Path(text)) = Path::<String>::from_request_parts(parts, api).await else {
            return Err(unknown());
        };
        if text == "active" {
            return Ok(Self::Active);
        }
        text.parse().map(Self::Number).map_err(|_| unknown())
    }
}

/// `GET /v1/policies/{number}`
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    which: Which,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &["format", "price_file"])?;
    let format = parameters.parsed("format", |text| match text {
        "json" => Ok(false),
        "toml" => Ok(true),
        _ => Err("is neither json nor toml"),
    });
    let price_file = parameters.text("price_file");
    parameters.finish()?;
    let (version, sources) =
        versions::read(&api.pipeline, which.number(&api)).await.map_err(|refused| problem(&refused, ""))?;
    if let Some(card) = price_file {
        let found = sources.price_files.get(&card);
        let unknown = || {
            let detail = format!("this version has no price file of a rate card `{card}`");
            Problem::new(Code::PolicyNotFound, detail)
        };
        return Ok(text("text/csv; charset=utf-8", found.ok_or_else(unknown)?));
    }
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let wants_text = accepted.is_some_and(|accept| accept.trim_start().starts_with("text/plain"));
    if format.unwrap_or(wants_text) {
        return Ok(text("text/plain; charset=utf-8", &sources.text));
    }
    let render = move || {
        respond::ok(&Shown {
            version: view(&version.summary),
            document: serde_json::to_value(&sources.document).unwrap_or_default(),
            price_files: version
                .texts
                .iter()
                .map(|named| json!({ "rate_card": named.name, "sha256": hexadecimal(&named.hash) }))
                .collect(),
            english: english(&sources.document),
        })
    };
    aside("the version could not be shown", render).await
}

fn english(document: &routing::Settings) -> Vec<Json> {
    let rules = document.policy.rules.iter();
    let rules = rules.map(|rule| said("rule", &rule.id, routing::english(rule), rule.managed_by.as_deref()));
    let caps = document.caps.iter();
    let caps = caps.map(|cap| said("cap", &cap.id, routing::english_of_cap(cap), cap.managed_by.as_deref()));
    let pins = document.policy.pins.iter();
    let pins = pins.map(|pin| said("pin", &pin.id, routing::english_of_pin(pin), pin.managed_by.as_deref()));
    let contents = document.routes.iter().flat_map(|route| {
        let sentences = routing::english_of_content(route).into_iter();
        sentences.map(|text| said("route", &route.id, text, route.managed_by.as_deref()))
    });
    let commitments = routing::english_of_commitments(&document.policy.commitments);
    let commitments = commitments.map(|text| json!({ "text": text }));
    pins.chain(rules).chain(caps).chain(contents).chain(commitments).collect()
}

/// What a thing does, in words, and who manages it.
fn said(of: &str, id: &str, text: String, managed_by: Option<&str>) -> Json {
    let mut said = json!({ of: id, "text": text });
    if let (Some(said), Some(manager)) = (said.as_object_mut(), managed_by) {
        said.insert("managed_by".to_owned(), json!(manager));
    }
    said
}

fn text(kind: &'static str, text: &str) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text.to_owned()).into_response()
}

/// `POST /v1/policies`
pub(crate) async fn draft(
    State(api): State<Arc<Api>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let body = body::read(request, MAX_BODY).await?;
    let draft = aside("the document could not be read", move || read_draft(&body)).await??;
    let entry = |told: &Told<'_>| entry(admin, told);
    let made = api.versions.draft(&api.pipeline, draft, By { id: admin.id(), entry: &entry }).await;
    let made = made.map_err(|refused| problem(&refused, "#/document"))?;
    Ok(respond::json(StatusCode::CREATED, &view(&made)))
}

fn read_draft(body: &Bytes) -> Result<Draft, Problem> {
    let text = body::text(body)?;
    let mut fields = Fields::of_body(text)?;
    let document = document(&mut fields);
    let price_files = price_files(&mut fields);
    let comment = comment(&mut fields, "comment");
    let based_on = fields.raw("based_on").map(|raw| {
        let read = raw.parse::<u64>();
        read.unwrap_or_else(|_| {
            fields.wrong("based_on", "expected the number of a version");
            0
        })
    });
    fields.refuse_others(&["document", "toml", "price_files", "comment", "based_on"]);
    let document = match document {
        Ok(Some(document)) if !fields.has_errors() => document,
        Ok(_) => return Err(fields.into_problem(text)),
        Err(errors) => {
            let mut all = fields.into_errors();
            all.extend(errors);
            return Err(Problem::fields(all));
        }
    };
    let (comment, source) = (comment.unwrap_or_default(), Source::Api);
    Ok(Draft { document, price_files, comment, source, based_on })
}

/// None when neither is given, which the fields then tell.
fn document(fields: &mut Fields<'_>) -> Result<Option<routing::Settings>, Vec<FieldError>> {
    let (json, toml) = (fields.raw("document"), fields.text("toml"));
    match (json, toml) {
        (Some(_), Some(_)) => {
            fields.wrong("toml", "is given together with document");
            Ok(None)
        }
        (None, None) => {
            if !fields.has_errors() {
                fields.wrong("document", "is missing: the routing document, or the same as a text in toml");
            }
            Ok(None)
        }
        (Some(json), None) => {
            let json = serde_json::from_str(json).unwrap_or_default();
            let read = document::from_json(json);
            read.map(Some)
                .map_err(|report| report.problems.iter().map(|wrong| at("#/document", wrong)).collect())
        }
        (None, Some(toml)) => document::from_toml(&toml).map(Some).map_err(|report| {
            let lines = report.problems.iter().map(|wrong| FieldError {
                pointer: "#/toml".to_owned(),
                detail: format!("line {}: {}: {}", wrong.line, wrong.key, wrong.message),
                code: None,
            });
            lines.collect()
        }),
    }
}

/// `policy.rules[2].routes` below the field that holds the document.
fn at(field: &str, wrong: &config::Problem) -> FieldError {
    let pointer = format!("{field}/{}", wrong.key.replace('[', "/").replace(']', "").replace('.', "/"));
    FieldError { pointer, detail: wrong.message.clone(), code: None }
}

fn price_files(fields: &mut Fields<'_>) -> BTreeMap<String, Arc<str>> {
    let Some(raw) = fields.raw("price_files") else { return BTreeMap::new() };
    let read: Result<BTreeMap<String, Arc<str>>, _> = serde_json::from_str::<BTreeMap<String, String>>(raw)
        .map(|files| files.into_iter().map(|(card, text)| (card, text.into())).collect());
    read.unwrap_or_else(|_| {
        fields.wrong("price_files", "expected an object: the text of each file by the id of its rate card");
        BTreeMap::new()
    })
}

fn comment(fields: &mut Fields<'_>, name: &str) -> Option<Box<str>> {
    let text = fields.text(name)?;
    checked_comment(&text).map_err(|wrong| fields.wrong(name, wrong)).ok()
}

/// `POST /v1/policies/{number}/validate`
pub(crate) async fn validate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    which: Which,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let number = which.number(&api);
    let told = |place: String, message: &str| json!({ "place": place, "message": message });
    let (problems, warnings): (Vec<Json>, Vec<Json>) =
        match api.versions.validate(&api.pipeline, number).await {
            Ok((_, _, table)) => {
                let warnings = table.warnings().into_iter();
                (Vec::new(), warnings.map(|one| told(one.path.to_string(), &one.message)).collect())
            }
            Err(Refused::Wrong(problems)) => {
                let problems = problems.iter();
                (problems.map(|one| told(one.place.to_string(), &one.message)).collect(), Vec::new())
            }
            Err(other) => return Err(problem(&other, "")),
        };
    let valid = problems.is_empty();
    let document = json!({ "number": number, "valid": valid, "problems": problems, "warnings": warnings });
    Ok(respond::ok(&document))
}

/// `GET /v1/policies/{number}/diff`
pub(crate) async fn diff(
    State(api): State<Arc<Api>>,
    caller: Caller,
    which: Which,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &["against"])?;
    let against = parameters.word::<u64>("against");
    parameters.finish()?;
    let number = which.number(&api);
    let against = against.unwrap_or_else(|| api.versions.standing().active.number);
    let read =
        async |number| versions::read(&api.pipeline, number).await.map_err(|refused| problem(&refused, ""));
    let ((_, after), (_, before)) = (read(number).await?, read(against).await?);
    let compare = move || {
        let changes = versions::changes(&before, &after);
        let same = changes.is_empty();
        respond::ok(&json!({ "number": number, "against": against, "same": same, "changes": changes }))
    };
    aside("the versions could not be compared", compare).await
}

/// What a request wants of a version, which `take` takes of the fields that are `known`, and why.
async fn wanted<T>(
    request: Request,
    known: &[&str],
    take: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<(T, Option<Box<str>>), Problem> {
    let body = body::read(request, MAX_REQUEST).await?;
    let text = body::text(&body)?;
    let mut fields = Fields::of_body(if text.is_empty() { "{}" } else { text })?;
    let taken = take(&mut fields);
    let reason = comment(&mut fields, "reason");
    fields.refuse_others(known);
    match taken {
        Some(taken) if !fields.has_errors() => Ok((taken, reason)),
        Some(_) | None => Err(fields.into_problem(text)),
    }
}

/// What became of it.
fn told(status: StatusCode, made: Result<Summary, Refused>) -> Result<Response, Problem> {
    let made = made.map_err(|refused| problem(&refused, ""))?;
    Ok(respond::json(status, &view(&made)))
}

/// `POST /v1/policies/{number}/activate`
pub(crate) async fn activate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    which: Which,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let ((), reason) = wanted(request, &["reason"], |_| Some(())).await?;
    let number = which.number(&api);
    let entry = |told: &Told<'_>| entry(admin, told);
    let by = By { id: admin.id(), entry: &entry };
    told(StatusCode::OK, api.versions.activate(&api.pipeline, number, reason.as_deref(), by).await)
}

/// `POST /v1/policies/{number}/rollout`
pub(crate) async fn roll_out(
    State(api): State<Arc<Api>>,
    caller: Caller,
    which: Which,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let (share, reason) = wanted(request, &["percent", "reason"], share).await?;
    let number = which.number(&api);
    let entry = |told: &Told<'_>| entry(admin, told);
    let by = By { id: admin.id(), entry: &entry };
    told(StatusCode::OK, api.versions.roll_out(&api.pipeline, number, share, reason.as_deref(), by).await)
}

fn share(fields: &mut Fields<'_>) -> Option<Share> {
    match fields.raw("percent").map(|raw| Share::parse_percent(raw.trim_matches('"'))) {
        None => {
            fields.wrong("percent", "is missing: for how many of a hundred recipients the version decides");
            None
        }
        Some(Err(bad)) => {
            fields.wrong("percent", format!("{bad}; activate the version to have it decide for all"));
            None
        }
        Some(Ok(share)) => Some(share),
    }
}

/// `DELETE /v1/policies/{number}/rollout`
pub(crate) async fn abort(
    State(api): State<Arc<Api>>,
    caller: Caller,
    which: Which,
    uri: Uri,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let mut parameters = Parameters::read(&uri, &["reason"])?;
    let reason = parameters.parsed("reason", checked_comment);
    parameters.finish()?;
    let number = which.number(&api);
    let entry = |told: &Told<'_>| entry(admin, told);
    let by = By { id: admin.id(), entry: &entry };
    told(StatusCode::OK, api.versions.abort(&api.pipeline, number, reason.as_deref(), by).await)
}

/// `POST /v1/policies/rollback`
pub(crate) async fn roll_back(
    State(api): State<Arc<Api>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let to = |fields: &mut Fields<'_>| {
        let to = fields.raw("to").and_then(|raw| raw.parse::<u64>().ok());
        if to.is_none() {
            fields.wrong("to", "expected the number of the version to go back to");
        }
        to
    };
    let (to, reason) = wanted(request, &["to", "reason"], to).await?;
    let entry = |told: &Told<'_>| entry(admin, told);
    let by = By { id: admin.id(), entry: &entry };
    told(StatusCode::CREATED, api.versions.roll_back(&api.pipeline, to, reason.as_deref(), by).await)
}

/// `DELETE /v1/policies/{number}`
pub(crate) async fn discard(
    State(api): State<Arc<Api>>,
    caller: Caller,
    which: Which,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let entry = |told: &Told<'_>| entry(admin, told);
    let by = By { id: admin.id(), entry: &entry };
    told(StatusCode::OK, api.versions.discard(&api.pipeline, which.number(&api), by).await)
}

pub(super) fn entry(admin: Admin<'_>, told: &Told<'_>) -> Box<str> {
    let (before, after) = (told.before.clone(), Some(told.after.clone()));
    admin.entry(told.at, told.action, &told.target, told.reason, before, after)
}

/// `field` is where the request holds the document; empty when it holds none.
pub(super) fn problem(refused: &Refused, field: &str) -> Problem {
    let detail = refused.to_string();
    match refused {
        Refused::NotFound(_) => Problem::new(Code::PolicyNotFound, detail),
        Refused::NotDraft { .. }
        | Refused::Stale { .. }
        | Refused::NeverObeyed { .. }
        | Refused::Active(_)
        | Refused::RollingOut(_)
        | Refused::NotRollingOut(_) => Problem::new(Code::PolicyConflict, detail),
        Refused::Wrong(problems) => {
            let count = problems.len();
            let s = if count == 1 { "" } else { "s" };
            let errors = problems.iter().map(|wrong| place(wrong, field)).collect();
            Problem::new(Code::PolicyInvalid, format!("{count} problem{s}")).with_errors(errors)
        }
        Refused::NotWritten(reason) => refusal::not_written(reason.clone()),
        Refused::Unreadable(error) => {
            tracing::error!(error = format!("{error:#}"), "a version of the policy could not be read");
            Problem::new(Code::StoreUnavailable, "the version cannot be read now")
        }
    }
}

fn place(wrong: &Wrong, field: &str) -> FieldError {
    let (pointer, detail) = match &wrong.place {
        Place::Document(path) => {
            let path = path.to_string().replace('[', "/").replace(']', "").replace('.', "/");
            (
                if field.is_empty() { format!("#/{path}") } else { format!("{field}/{path}") },
                wrong.message.clone(),
            )
        }
        Place::PriceFile { card, line } => {
            (format!("#/price_files/{card}"), format!("line {line}: {}", wrong.message))
        }
    };
    FieldError { pointer, detail, code: None }
}
