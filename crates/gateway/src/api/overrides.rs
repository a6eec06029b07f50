//! `/v1/overrides`: steering traffic by hand, for a while.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use domain::overrides::{self, Action, HOLDS_FOR, LONGEST_REASON};
use domain::{Override, OverrideId, RouteId, Scope, Timestamp};
use pipeline::{End, NotSteered, Steer};
use routing::Table;
use serde::Serialize;

use super::auth::{Admin, Caller};
use super::code::Code;
use super::fields::Fields;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Api, body, messages, refusal, respond};

const MAX_BODY: usize = 64 * 1024;
const FIELDS: [&str; 6] = ["kind", "from", "to", "reason", "expires_in", "expires_at"];
/// How long one that is over is listed.
const LISTED_FOR: Duration = Duration::from_secs(30 * 86_400);
const MAX_LISTED: usize = 1000;

#[derive(Serialize)]
struct OverrideView<'a> {
    id: OverrideId,
    kind: &'static str,
    from: &'a str,
    to: &'a str,
    reason: &'a str,
    state: &'static str,
    /// Whether it steers anything now: one whose routes left the configuration does not.
    has_effect: bool,
    created_at: Timestamp,
    created_by: &'a str,
    expires_at: Timestamp,
    /// Until it expires; zero when it is over.
    remaining_seconds: u64,
    reverted_at: Option<Timestamp>,
    reverted_by: Option<&'a str>,
}

#[derive(Serialize)]
struct Overrides<'a> {
    data: Vec<OverrideView<'a>>,
    next_cursor: Option<&'a str>,
}

/// A flip as the list of routes shows it.
#[derive(Serialize)]
pub(crate) struct FlipView<'a> {
    id: OverrideId,
    to: &'a str,
    reason: &'a str,
    created_by: &'a str,
    expires_at: Timestamp,
    remaining_seconds: u64,
}

pub(crate) fn flip_of<'a>(
    route: &RouteId,
    in_force: &'a [Override],
    table: &Table,
    now: Timestamp,
) -> Option<FlipView<'a>> {
    let found = in_force.iter().find(|one| {
        let Action::Flip { from, .. } = &one.action;
        from == route && table.obeys(one)
    })?;
    let Action::Flip { to, .. } = &found.action;
    Some(FlipView {
        id: found.id,
        to: to.as_str(),
        reason: &found.reason,
        created_by: &found.created_by,
        expires_at: found.expires_at,
        remaining_seconds: remaining(found, now),
    })
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
        found.ok_or("is none of active, reverted, expired")
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
    let Some(wanted) = wanted(&mut fields, admin.id(), api.pipeline.now()) else {
        return Err(fields.into_problem(text));
    };
    let table = api.pipeline.table();
    let describe = |before: Option<&Override>, after: &Override| {
        entry(admin, &table, "override.create", before, after, Some(&after.reason))
    };
    let made = api.pipeline.steer(wanted, &describe).await.map_err(problem)?;
    Ok(respond::json(StatusCode::CREATED, &view(&made, &api.pipeline.table(), api.pipeline.now())))
}

/// None when something is wrong, which the fields then tell.
fn wanted(fields: &mut Fields<'_>, by: &str, now: Timestamp) -> Option<Steer> {
    if let Some(kind) = fields.text("kind")
        && kind != "flip"
    {
        fields.wrong("kind", "is not served: only `flip` is");
    }
    let mut route = |name: &str, what: &str| {
        if fields.raw(name).is_none() {
            fields.wrong(name, format!("is missing: the route {what}"));
        }
        fields.word::<RouteId>(name)
    };
    let from = route("from", "that traffic leaves");
    let to = route("to", "that takes it over");
    let reason = reason(fields);
    let expires_at = expiry(fields, now);
    fields.refuse_others(&FIELDS);
    if fields.has_errors() {
        return None;
    }
    let action = Action::Flip { from: from?, to: to? };
    Some(Steer { action, reason: reason?, by: by.into(), expires_at: expires_at? })
}

fn reason(fields: &mut Fields<'_>) -> Option<Box<str>> {
    let text = fields.text("reason").unwrap_or_default();
    let reason = text.trim();
    if reason.is_empty() {
        fields.wrong("reason", "is missing: why traffic is steered, for whoever reads it later");
    } else if reason.chars().count() > LONGEST_REASON {
        fields.wrong("reason", format!("is longer than {LONGEST_REASON} characters"));
    } else if reason.chars().any(char::is_control) {
        fields.wrong("reason", "holds a control character");
    }
    Some(reason.into())
}

fn expiry(fields: &mut Fields<'_>, now: Timestamp) -> Option<Timestamp> {
    let (at, span) = (fields.word::<Timestamp>("expires_at"), fields.span("expires_in", Code::InvalidExpiry));
    if at.is_some() && span.is_some() {
        fields.wrong_as(Code::InvalidExpiry, "expires_at", "is given together with expires_in");
    }
    at.or_else(|| Some(now.plus(span.unwrap_or(HOLDS_FOR))))
}

fn problem(refused: NotSteered) -> Problem {
    let detail = refused.to_string();
    match refused {
        NotSteered::UnknownRoute { end, .. } => {
            let pointer = match end {
                End::From => "#/from",
                End::To => "#/to",
            };
            Problem::field(Code::UnknownRoute, pointer, detail)
        }
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
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Dispatch)?;
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

fn view<'a>(one: &'a Override, table: &Table, now: Timestamp) -> OverrideView<'a> {
    let Action::Flip { from, to } = &one.action;
    let state = one.state(now);
    OverrideView {
        id: one.id,
        kind: "flip",
        from: from.as_str(),
        to: to.as_str(),
        reason: &one.reason,
        state: state.as_str(),
        has_effect: state == overrides::State::Active && table.obeys(one),
        created_at: one.created_at,
        created_by: &one.created_by,
        expires_at: one.expires_at,
        remaining_seconds: remaining(one, now),
        reverted_at: one.reverted.as_ref().map(|reverted| reverted.at),
        reverted_by: one.reverted.as_ref().map(|reverted| &*reverted.by),
    }
}

fn remaining(one: &Override, now: Timestamp) -> u64 {
    match one.state(now) {
        overrides::State::Active => one.expires_at.since(now).as_secs(),
        overrides::State::Reverted | overrides::State::Expired => 0,
    }
}
