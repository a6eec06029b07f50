//! `/v1/overrides`: steering traffic by hand, for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use domain::overrides;
use domain::{AppId, Override, OverrideId, Scope, Timestamp};
use pipeline::{Name, NotSteered};
use routing::Table;
use serde::Serialize;
use store::versions::Source;

use super::auth::{Admin, Caller};
use super::code::Code;
use super::fields::Fields;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Api, body, messages, policies, refusal, respond, vendors};
use crate::versions::{self, By, Draft, Refused, Told};

mod effect;
mod view;
mod wanted;

pub(crate) use view::{FlipView, OverrideView, flip_of, laid_over, view};

const MAX_BODY: usize = 64 * 1024;
/// How long one that is over is listed.
const LISTED_FOR: Duration = Duration::from_secs(30 * 86_400);
const MAX_LISTED: usize = 1000;

#[derive(Serialize)]
struct Overrides<'a> {
    data: Vec<OverrideView<'a>>,
    next_cursor: Option<&'a str>,
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let wanted = wanted_state(&uri)?;
    let (now, reader) = (api.pipeline.now(), api.pipeline.reader());
    let since = Timestamp::from_millis(now.as_millis().saturating_sub(LISTED_FOR.as_millis() as i64));
    let found = messages::read(move || reader.overrides(since, MAX_LISTED)).await?;
    let table = api.pipeline.table();
    let shown = found.iter().filter(|one| wanted.is_none_or(|state| one.state(now) == state));
    let data = shown.map(|one| view(one, &table, now)).collect();
    Ok(respond::ok(&Overrides { data, next_cursor: None }))
}

fn wanted_state(uri: &Uri) -> Result<Option<overrides::State>, Problem> {
    let mut parameters = Parameters::read(uri, &["state"])?;
    let state = parameters.parsed("state", |text| {
        let found = overrides::State::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or("is none of planned, active, reverted, expired")
    });
    parameters.finish().map(|()| state)
}

pub(crate) async fn make(
    State(api): State<Arc<Api>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Dispatch)?;
    let body = body::read(request, MAX_BODY).await?;
    let text = body::text(&body)?;
    let mut fields = Fields::of_body(text)?;
    let is_dry_run = fields.boolean("dry_run").unwrap_or(false);
    let known = |app: &AppId| api.settings.load().apps.contains_key(app);
    let Some(wanted) = wanted::read(&mut fields, admin.id(), api.pipeline.now(), &known) else {
        return Err(fields.into_problem(text));
    };
    if is_dry_run {
        api.pipeline.check(&wanted).map_err(problem)?;
        let effect = effect::of(&api, &wanted.action, &wanted.scope);
        return Ok(respond::ok(&effect::DryRun { dry_run: true, effect }));
    }
    let table = api.pipeline.table();
    let describe = |before: Option<&Override>, after: &Override| {
        entry(admin, &table, "override.create", before, after, Some(&after.reason))
    };
    let effect = effect::of(&api, &wanted.action, &wanted.scope);
    let made = api.pipeline.steer(wanted, &describe).await.map_err(problem)?;
    let made = view(&made, &api.pipeline.table(), api.pipeline.now());
    Ok(respond::json(StatusCode::CREATED, &effect::Made { made, effect }))
}

fn problem(refused: NotSteered) -> Problem {
    let detail = refused.to_string();
    match refused {
        NotSteered::Unknown { name, .. } => match name {
            Name::From => Problem::field(Code::UnknownRoute, "#/from", detail),
            Name::To => Problem::field(Code::UnknownRoute, "#/to", detail),
            Name::Route => Problem::field(Code::UnknownRoute, "#/route", detail),
            Name::Connection => Problem::field(Code::InvalidRequest, "#/connection", detail),
            Name::Vendor => Problem::field(Code::InvalidRequest, "#/vendor", detail),
            Name::Connections => Problem::field(Code::InvalidRequest, "#/connections", detail),
        },
        NotSteered::NotWeighted(_) => Problem::field(Code::InvalidRequest, "#/route", detail),
        NotSteered::BadStart => Problem::field(Code::InvalidExpiry, "#/starts_at", detail),
        NotSteered::TooMany => Problem::new(Code::OverrideConflict, detail),
        NotSteered::SameRoute(_) => Problem::field(Code::SameRoute, "#/to", detail),
        NotSteered::OtherChannel { .. } => Problem::field(Code::ChannelDiffers, "#/to", detail),
        NotSteered::BadExpiry => Problem::new(Code::InvalidExpiry, detail),
        NotSteered::Conflict { .. } => Problem::new(Code::OverrideConflict, detail),
        NotSteered::NotWritten(reason) => refusal::not_written(reason),
    }
}

/// An id in the path. One that is none is nobody's.
pub(crate) struct Id(OverrideId);

impl FromRequestParts<Arc<Api>> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let unknown = || Problem::new(Code::OverrideNotFound, "no override has this id");
        let Ok(Path(text)) = Path::<String>::from_request_parts(parts, api).await else {
            return Err(unknown());
        };
        text.parse().map(Self).map_err(|_| unknown())
    }
}

/// Ends it. One that is over already is answered as it is: a repeated request is no mistake.
pub(crate) async fn revert(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Dispatch)?;
    let mut parameters = Parameters::read(&uri, &["kind"])?;
    let meant = parameters.parsed("kind", |text| {
        let known = ["flip", "suspend", "weight", "maintenance"].into_iter().find(|kind| *kind == text);
        known.ok_or("is none of flip, suspend, weight, maintenance")
    });
    parameters.finish()?;
    if let Some(meant) = meant {
        let reader = api.pipeline.reader();
        let found = messages::read(move || reader.find_override(id)).await?;
        // What an override does never changes, so nothing is missed in between.
        if let Some(kind) = found.map(|one| view::kind(&one.action)).filter(|kind| *kind != meant) {
            let detail = format!("{id} is a {kind}, and no {meant}: it is left as it is");
            return Err(Problem::new(Code::OverrideConflict, detail));
        }
    }
    let table = api.pipeline.table();
    let describe = |before: Option<&Override>, after: &Override| {
        entry(admin, &table, "override.revert", before, after, None)
    };
    let reverted = api.pipeline.revert(id, admin.id(), &describe).await.map_err(refusal::not_written)?;
    let found = match reverted {
        Some(reverted) => Some(reverted),
        None => {
            let reader = api.pipeline.reader();
            messages::read(move || reader.find_override(id)).await?
        }
    };
    let unknown = || Problem::new(Code::OverrideNotFound, format!("no override has the id {id}"));
    let found = found.ok_or_else(unknown)?;
    Ok(respond::ok(&view(&found, &api.pipeline.table(), api.pipeline.now())))
}

/// Keeps a draft of the policy that says what the override does. The override stays as it is.
pub(crate) async fn draft(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let reader = api.pipeline.reader();
    let found = messages::read(move || reader.find_override(id)).await?;
    let unknown = || Problem::new(Code::OverrideNotFound, format!("no override has the id {id}"));
    let one = found.ok_or_else(unknown)?;
    let active = api.versions.standing().active.number;
    let refused = |refused: &Refused| policies::problem(refused, "");
    let (_, sources) = versions::read(&api.pipeline, active).await.map_err(|error| refused(&error))?;
    let vendor_of = |connection: &str| vendors::owner(&api.settings.load().vendors, connection).cloned();
    let document = routing::permanent(&sources.document, &one, &vendor_of)
        .map_err(|reason| Problem::new(Code::OverrideConflict, reason.to_string()))?;
    let comment = format!("{id} made permanent: {}", one.reason).chars().take(200).collect::<String>().into();
    let draft = Draft {
        document,
        price_files: BTreeMap::new(),
        comment,
        source: Source::Override,
        based_on: Some(active),
    };
    let entry = |told: &Told<'_>| policies::entry(admin, told);
    let made = api.versions.draft(&api.pipeline, draft, By { id: admin.id(), entry: &entry }).await;
    Ok(respond::json(StatusCode::CREATED, &policies::view(&made.map_err(|error| refused(&error))?)))
}

fn entry(
    admin: Admin<'_>,
    table: &Table,
    action: &'static str,
    before: Option<&Override>,
    after: &Override,
    reason: Option<&str>,
) -> Box<str> {
    let now = after.reverted.as_ref().map_or(after.created_at, |reverted| reverted.at);
    let view = |one| view(one, table, now);
    admin.entry(now, action, &after.id.to_string(), reason, before.map(view), Some(view(after)))
}
