//! `/v1/vendors/errors` and `/v1/vendors/{id}/errors`: the codes that no error map knows, and what those mean that one
//! does.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use connectors::smpp::errors::Entry;
use domain::{MessageId, Scope, Stage, Timestamp};
use serde::Serialize;

use super::auth::Caller;
use super::code::Code;
use super::parameters::Parameters;
use super::problem::Problem;
use super::vendors::find;
use super::{Api, respond};

#[derive(Serialize)]
struct UnmappedErrors {
    data: Vec<UnmappedView>,
    /// Codes that were dropped because their connection had too many.
    forgotten: u64,
    next_cursor: Option<&'static str>,
}

#[derive(Serialize)]
struct UnmappedView {
    vendor: String,
    connection: String,
    stage: &'static str,
    code: Box<str>,
    count: u64,
    first_seen_at: Timestamp,
    last_seen_at: Timestamp,
    message: Option<MessageId>,
}

/// `GET /v1/vendors/errors`
pub(crate) async fn unmapped(
    State(api): State<Arc<Api>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let parameters = Parameters::read(&uri, &["vendor"])?;
    let vendor = parameters.text("vendor");
    parameters.finish()?;
    let settings = api.settings.load();
    if let Some(id) = &vendor {
        find(&settings.vendors, id)?;
    }
    let wanted =
        settings.vendors.iter().filter(|one| vendor.as_deref().is_none_or(|id| one.id.as_str() == id));
    let (mut data, mut forgotten) = (Vec::new(), 0);
    for one in wanted {
        for connection in &one.connections {
            let (seen, dropped) = api.metrics.unmapped().of(connection);
            forgotten += dropped;
            // What was seen may be mapped by now.
            let unmapped = seen.into_iter().filter(|seen| one.errors.find(seen.stage, &seen.code).is_none());
            data.extend(unmapped.map(|seen| UnmappedView {
                vendor: one.id.to_string(),
                connection: connection.to_string(),
                stage: seen.stage.as_str(),
                code: seen.code,
                count: seen.count,
                first_seen_at: seen.first_at,
                last_seen_at: seen.last_at,
                message: seen.message,
            }));
        }
    }
    data.sort_by_key(|one| std::cmp::Reverse(one.count));
    Ok(respond::ok(&UnmappedErrors { data, forgotten, next_cursor: None }))
}

#[derive(Serialize)]
struct ErrorMap<'a> {
    data: Vec<EntryView<'a>>,
    next_cursor: Option<&'static str>,
}

#[derive(Serialize)]
struct EntryView<'a> {
    stage: &'static str,
    code: &'a str,
    class: &'static str,
    meaning: &'a str,
    /// `own`, or the shipped table.
    source: &'static str,
}

/// `GET /v1/vendors/{id}/errors`
pub(crate) async fn of_vendor(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &["stage", "code"])?;
    let stage = parameters.word::<Stage>("stage");
    let code = parameters.text("code");
    parameters.finish()?;
    let settings = api.settings.load();
    let map = &find(&settings.vendors, &id)?.errors;
    let data = match (stage, &code) {
        (Some(stage), Some(code)) => map.find(stage, code).map(view).into_iter().collect(),
        (None, Some(_)) => {
            return Err(Problem::new(
                Code::InvalidQuery,
                "#/stage: is missing: submit or receipt, with `code`",
            ));
        }
        (stage, None) => map
            .entries()
            .filter(|(_, entry)| stage.is_none_or(|stage| entry.stage == stage))
            .map(view)
            .collect(),
    };
    Ok(respond::ok(&ErrorMap { data, next_cursor: None }))
}

fn view<'a>((table, entry): (Option<&'static str>, &'a Entry)) -> EntryView<'a> {
    EntryView {
        stage: entry.stage.as_str(),
        code: &entry.written,
        class: entry.class.as_str(),
        meaning: &entry.meaning,
        source: table.unwrap_or("own"),
    }
}
