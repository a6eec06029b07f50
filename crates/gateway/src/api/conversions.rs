//! `POST /v1/conversions`: the application says whether its users acted on their messages.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use domain::{AppId, MessageId, Timestamp};
use futures_util::future::join_all;
use pipeline::{Conversion, Stepped};
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::auth::Caller;
use super::code::Code;
use super::fields::{self, Fields};
use super::problem::{Document, FieldError, Problem};
use super::{Api, body, messages, refusal, respond};

const MAX_BODY: usize = 1024 * 1024;
const MAX_CONVERSIONS: usize = 1000;
/// What a clock that is ahead of ours may be off by.
const AHEAD: std::time::Duration = std::time::Duration::from_secs(300);

#[derive(Serialize)]
struct Results<'a> {
    data: Vec<Item<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Noted { message_id: MessageId, converted: bool, at: Timestamp },
    Refused { error: Document<'a> },
}

/// One object that fails answers as a problem; in a list each item has its own result.
pub(crate) async fn post(
    State(api): State<Arc<Api>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let app = caller.app()?;
    let body = body::read(request, MAX_BODY).await?;
    let text = body::text(&body)?;
    let results = if text.trim_start().starts_with('[') {
        note_all(&api, app, read_list(text, api.pipeline.now())?).await?
    } else {
        let mut fields = Fields::of_body(text)?;
        let Some(report) = report(&mut fields, api.pipeline.now()) else {
            return Err(fields.into_problem(text));
        };
        let mut results = note_all(&api, app, vec![Ok(report)]).await?;
        match results.pop() {
            Some(Err(problem)) => return Err(problem),
            result => result.into_iter().collect(),
        }
    };
    let settings = api.settings.load();
    let data = results.iter().map(|result| item(result, &settings.public_url)).collect();
    Ok(respond::accepted(&Results { data }))
}

#[derive(Clone, Copy)]
struct Report {
    message: MessageId,
    conversion: Conversion,
}

fn read_list(text: &str, now: Timestamp) -> Result<Vec<Result<Report, Problem>>, Problem> {
    let items = serde_json::from_str::<&serde_json::value::RawValue>(text)
        .map_err(|error| fields::unreadable(text, &error, "a list of conversions"))?;
    let items = fields::elements(items.get(), MAX_CONVERSIONS).unwrap_or_default();
    let refused = |detail: &str| {
        let error = FieldError { pointer: "#".to_owned(), detail: detail.to_owned(), code: None };
        Err(Problem::fields(vec![error]))
    };
    match items.len() {
        0 => refused("is empty"),
        length if length > MAX_CONVERSIONS => refused("holds more than 1000 conversions"),
        _ => Ok(items.iter().enumerate().map(|(index, item)| read_item(index, item, now)).collect()),
    }
}

fn read_item(index: usize, item: &str, now: Timestamp) -> Result<Report, Problem> {
    let mut fields =
        Fields::nested(item, format!("#/{index}")).map_err(|error| Problem::fields(vec![error]))?;
    report(&mut fields, now).ok_or_else(|| Problem::fields(fields.into_errors()))
}

fn report(fields: &mut Fields<'_>, now: Timestamp) -> Option<Report> {
    if fields.raw("message_id").is_none() {
        fields.wrong("message_id", "is missing: the id of the message");
    }
    let message = fields.word::<MessageId>("message_id");
    let converted = fields.boolean("converted").unwrap_or(true);
    let at = fields.word::<Timestamp>("at").unwrap_or(now);
    if at > now.plus(AHEAD) {
        fields.wrong("at", "lies ahead");
    }
    fields.refuse_others(&["message_id", "converted", "at"]);
    let conversion = Conversion { converted, at: at.min(now) };
    message.filter(|_| !fields.has_errors()).map(|message| Report { message, conversion })
}

/// Which messages are the app's own is read for all of them at once; then all writes are queued together.
async fn note_all(
    api: &Api,
    app: &AppId,
    reports: Vec<Result<Report, Problem>>,
) -> Result<Vec<Result<Report, Problem>>, Problem> {
    let ids: Vec<MessageId> = reports.iter().flatten().map(|report| report.message).collect();
    let reader = api.pipeline.reader();
    let owners = messages::read(move || {
        let mut owners = FxHashMap::default();
        for id in ids {
            if let Some(record) = reader.message(id)? {
                owners.insert(id, record.message.app);
            }
        }
        Ok(owners)
    })
    .await?;
    let noted = reports.into_iter().map(|report| note(api, report, &owners, app));
    Ok(join_all(noted).await)
}

async fn note(
    api: &Api,
    report: Result<Report, Problem>,
    owners: &FxHashMap<MessageId, AppId>,
    app: &AppId,
) -> Result<Report, Problem> {
    let report = report?;
    let id = report.message;
    let unknown = || Problem::new(Code::NotFound, format!("no message has the id {id}"));
    if owners.get(&id) != Some(app) {
        return Err(unknown());
    }
    match api.pipeline.convert(id, report.conversion).await.map_err(refusal::not_written)? {
        Stepped::Done(_) | Stepped::TooLate(_) => Ok(report),
        Stepped::NoSuchMessage => Err(unknown()),
    }
}

fn item<'a>(result: &'a Result<Report, Problem>, public_url: &'a str) -> Item<'a> {
    match result {
        Ok(report) => Item::Noted {
            message_id: report.message,
            converted: report.conversion.converted,
            at: report.conversion.at,
        },
        Err(problem) => Item::Refused { error: problem.document(public_url, None) },
    }
}
