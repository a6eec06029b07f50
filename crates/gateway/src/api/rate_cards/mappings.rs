//! `/v1/rate-card-mappings`: how vendors write their price lists, remembered from one list to the next.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use domain::Scope;
use rates::Mapping;
use serde_json::{Value as Json, json};
use store::{Change, Changed, ListMapping};

use super::super::auth::{Admin, Caller};
use super::super::code::Code;
use super::super::problem::Problem;
use super::super::{Api, body, messages, refusal, respond, vendors};

/// Some kilobytes are a mapping already.
const MAX_BODY: usize = 64 * 1024;

/// `GET /v1/rate-card-mappings`
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let data: Vec<Json> = all(&api).await?.iter().map(view).collect();
    Ok(respond::ok(&json!({ "data": data, "next_cursor": null })))
}

async fn all(api: &Api) -> Result<Vec<ListMapping>, Problem> {
    let reader = api.pipeline.reader();
    messages::read(move || reader.list_mappings()).await
}

/// The one of a vendor, when it reads.
pub(super) async fn of(api: &Api, vendor: &str) -> Result<Option<Mapping>, Problem> {
    let found = all(api).await?.into_iter().find(|one| *one.vendor == *vendor);
    Ok(found.and_then(|one| serde_json::from_str(one.mapping.as_deref()?).ok()))
}

fn view(one: &ListMapping) -> Json {
    let mapping: Json =
        one.mapping.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    json!({ "vendor": &*one.vendor, "mapping": mapping, "updated_at": one.at, "updated_by": &*one.by })
}

/// A mapping that lists can be read with.
pub(super) fn read(text: &str) -> Result<Mapping, String> {
    // A list would be taken for the fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err("expected an object".to_owned());
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let mapping: Mapping = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| format!("{}: {}", error.path(), error.inner()))?;
    mapping.check().map_err(|problem| problem.message)?;
    Ok(mapping)
}

/// `PUT /v1/rate-card-mappings/{vendor}`
pub(crate) async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(vendor): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    vendors::find(&api.settings.load().vendors, &vendor)?;
    let body = body::read(request, MAX_BODY).await?;
    let mapping = read(body::text(&body)?).map_err(|detail| Problem::new(Code::InvalidRequest, detail))?;
    let text = serde_json::to_string(&mapping).unwrap_or_default();
    let after = serde_json::to_value(&mapping).unwrap_or_default();
    let one = change(&api, admin, &vendor, Some(text), Some(after), "rate_card_mapping.put").await?;
    Ok(respond::ok(&view(&one)))
}

/// `DELETE /v1/rate-card-mappings/{vendor}`
pub(crate) async fn forget(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(vendor): Path<String>,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    if of(&api, &vendor).await?.is_none() {
        vendors::find(&api.settings.load().vendors, &vendor)?;
    }
    let one = change(&api, admin, &vendor, None, None, "rate_card_mapping.delete").await?;
    Ok(respond::ok(&view(&one)))
}

async fn change(
    api: &Api,
    admin: Admin<'_>,
    vendor: &str,
    mapping: Option<String>,
    after: Option<Json>,
    action: &'static str,
) -> Result<ListMapping, Problem> {
    let at = api.pipeline.now();
    let before = of(api, vendor).await?.and_then(|before| serde_json::to_value(before).ok());
    let entry = admin.entry(at, action, vendor, None, before, after);
    let mapping = mapping.map(String::into_boxed_str);
    let one = ListMapping { vendor: vendor.into(), mapping, at, by: admin.id().into() };
    let what = Changed::ListMapping(one.clone());
    api.pipeline.change(Change { what, entry }, || ()).await.map_err(refusal::not_written)?;
    Ok(one)
}
