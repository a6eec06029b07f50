//! `/v1/dry-runs`: what a version of the policy would have done with the messages of the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use domain::{ConnectionId, Currency, DryRunId, Scope, Timestamp};
use pipeline::Promised;
use pipeline::replay::{Cost, Group, GroupKey, Move, Peak, Report, Ways};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::auth::Caller;
use super::code::Code;
use super::fields::Fields;
use super::policies::{self, Which};
use super::problem::Problem;
use super::vendors::VendorRecord;
use super::{Api, body, respond};
use crate::dry_runs::{self, Busy, DryRun, Found, LONGEST, State as RunState, Wanted};

mod commitments;

const MAX_BODY: usize = 64 * 1024;
const LAST: Duration = Duration::from_secs(24 * 3600);
/// Rows of each table of a report; the rest is counted.
const MOST_ROWS: usize = 200;

#[derive(Serialize)]
struct DryRunView {
    id: DryRunId,
    version: u64,
    state: &'static str,
    since: Timestamp,
    until: Timestamp,
    percent: u8,
    decisions: u64,
    created_at: Timestamp,
    created_by: Box<str>,
    error: Option<Box<str>>,
    report: Option<Json>,
}

/// `POST /v1/policies/{number}/dry-run`
pub(crate) async fn start(
    State(api): State<Arc<Api>>,
    caller: Caller,
    which: Which,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Read)?;
    let body = body::read(request, MAX_BODY).await?;
    let text = body::text(&body)?;
    let mut fields = Fields::of_body(if text.is_empty() { "{}" } else { text })?;
    let now = api.pipeline.now();
    let (last, since, until) = (
        fields.span("last", Code::InvalidRequest),
        fields.word::<Timestamp>("since"),
        fields.word::<Timestamp>("until"),
    );
    fields.refuse_others(&["last", "since", "until"]);
    if last.is_some() && since.is_some() {
        fields.wrong("last", "is given together with since");
    }
    let until = until.unwrap_or(now).min(now);
    let since = since.unwrap_or_else(|| before(until, last.unwrap_or(LAST)));
    if since >= until {
        fields.wrong("since", "is not before `until`, or lies in the future");
    } else if until.since(since) > LONGEST {
        fields.wrong(if last.is_some() { "last" } else { "since" }, "reaches back more than 31 days");
    }
    if fields.has_errors() {
        return Err(fields.into_problem(text));
    }
    let version = which.number(&api);
    let checked = api.versions.validate(&api.pipeline, version).await;
    let (_, _, table) = checked.map_err(|refused| policies::problem(&refused, ""))?;
    let wanted = Wanted {
        id: DryRunId::from_u128(api.pipeline.new_id().as_u128()),
        version,
        since,
        until,
        by: admin.id().into(),
        at: now,
        throughput: api.settings.load().throughput.clone(),
    };
    let started = api.dry_runs.start(wanted, table, api.pipeline.reader());
    let run = started.map_err(|Busy(id)| {
        Problem::new(
            Code::DryRunBusy,
            format!("{id} is running: wait for it, or stop it by DELETE /v1/dry-runs/{id}"),
        )
    })?;
    let mut response = respond::accepted(&view(&api, &run));
    let location = format!("/v1/dry-runs/{}", run.wanted.id);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn before(at: Timestamp, span: Duration) -> Timestamp {
    let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.as_millis().saturating_sub(millis))
}

/// `GET /v1/dry-runs`
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let views = api.dry_runs.list().into_iter().map(|run| DryRunView { report: None, ..view(&api, &run) });
    Ok(respond::ok(&json!({ "data": views.collect::<Vec<_>>(), "next_cursor": null })))
}

fn find(api: &Api, id: &str) -> Result<Arc<DryRun>, Problem> {
    let found = id.parse().ok().and_then(|id| api.dry_runs.find(id));
    found.ok_or_else(|| {
        Problem::new(Code::DryRunNotFound, "no dry-run has this id; the last 20 are kept until a restart")
    })
}

/// `GET /v1/dry-runs/{id}`
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    Ok(respond::ok(&view(&api, &*find(&api, &id)?)))
}

/// `DELETE /v1/dry-runs/{id}`: stops it, if it is running still.
pub(crate) async fn stop(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let run = find(&api, &id)?;
    run.stop();
    Ok(respond::ok(&view(&api, &run)))
}

fn view(api: &Api, run: &DryRun) -> DryRunView {
    let state = run.state();
    let Wanted { id, version, since, until, by, at, .. } = run.wanted.clone();
    let (report, error) = match &state {
        RunState::Done(found) => (
            Some(report(found, &api.settings.load().vendors, &api.pipeline.promised(), until.since(since))),
            None,
        ),
        RunState::Failed(because) => (None, Some(because.clone())),
        RunState::Running | RunState::Stopped => (None, None),
    };
    DryRunView {
        id,
        version,
        state: state.as_str(),
        since,
        until,
        percent: run.percent(),
        decisions: run.decisions(),
        created_at: at,
        created_by: by,
        error,
        report,
    }
}

/// What was found, the largest first, in exact decimals.
fn report(found: &Found, vendors: &[VendorRecord], promised: &[Promised], span: Duration) -> Json {
    let Found { report, damaged, days_left_out } = found;
    let left_aside: BTreeMap<&str, u64> =
        report.left_aside.iter().map(|(why, count)| (dry_runs::word(*why), *count)).collect();
    let (moves, other_moves) = moves(report);
    let (groups, other_groups) = groups(report);
    json!({
        "decisions": report.decisions,
        "unchanged": report.unchanged,
        "changed": report.changed,
        "lost": report.lost,
        "gained": report.gained,
        "still_refused": report.still_refused,
        "assumed": report.assumed,
        "left_aside": left_aside,
        "damaged": damaged,
        "days_left_out": days_left_out,
        "costs": costs(&report.costs),
        "unpriced": { "before": report.unpriced.0, "after": report.unpriced.1 },
        "moves": moves,
        "other_moves": other_moves,
        "groups": groups,
        "other_groups": other_groups,
        "refused": refused(report),
        "connections": connections(report),
        "commitments": commitments::commitments(report, vendors, promised, span),
    })
}

fn costs(costs: &BTreeMap<Currency, Cost>) -> Vec<Json> {
    let one = |(currency, cost): (&Currency, &Cost)| {
        json!({
            "currency": currency.to_string(),
            "before": cost.before.to_string(),
            "after": cost.after.to_string(),
            "delta": cost.delta().to_string(),
        })
    };
    costs.iter().map(one).collect()
}

/// Takes out what a table has no rows for.
fn beyond<T>(all: &mut Vec<T>) -> Vec<T> {
    all.split_off(all.len().min(MOST_ROWS))
}

fn moves(report: &Report) -> (Vec<Json>, u64) {
    let mut all: Vec<(&Ways, &Move)> = report.moves.iter().collect();
    all.sort_unstable_by(|(a, x), (b, y)| y.messages.cmp(&x.messages).then_with(|| a.cmp(b)));
    let rest = beyond(&mut all);
    let others: u64 = rest.iter().map(|(_, one)| one.messages).sum();
    let one = |(ways, one): (&Ways, &Move)| {
        let routes = |routes: &[domain::RouteId]| routes.iter().map(ToString::to_string).collect::<Vec<_>>();
        json!({
            "before": routes(&ways.before),
            "after": routes(&ways.after),
            "messages": one.messages,
            "costs": costs(&one.costs),
            "examples": one.examples.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    (all.into_iter().map(one).collect(), others + report.other_moves)
}

fn groups(report: &Report) -> (Vec<Json>, u64) {
    let mut all: Vec<(&GroupKey, &Group)> = report.groups.iter().collect();
    let touched = |group: &Group| group.changed + group.lost;
    all.sort_unstable_by(|(a, x), (b, y)| {
        touched(y).cmp(&touched(x)).then(y.messages.cmp(&x.messages)).then_with(|| a.cmp(b))
    });
    let rest = beyond(&mut all);
    let others: u64 = rest.iter().map(|(_, group)| group.messages).sum();
    let one = |(key, group): (&GroupKey, &Group)| {
        json!({
            "class": key.class.as_str(),
            "country": key.country.map(|country| country.to_string()),
            "operator": key.operator,
            "messages": group.messages,
            "changed": group.changed,
            "lost": group.lost,
            "costs": costs(&group.costs),
        })
    };
    (all.into_iter().map(one).collect(), others + report.other_groups)
}

fn refused(report: &Report) -> Vec<Json> {
    let mut all: Vec<_> = report.refused.iter().collect();
    all.sort_by_key(|(_, refused)| std::cmp::Reverse((refused.lost, refused.messages)));
    let one = |(reason, refused): (&String, &pipeline::replay::Refused)| {
        json!({
            "reason": reason,
            "messages": refused.messages,
            "lost": refused.lost,
            "examples": refused.examples.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    all.into_iter().take(MOST_ROWS).map(one).collect()
}

fn connections(report: &Report) -> Vec<Json> {
    let side = |peak: &Peak| {
        json!({
            "messages": peak.messages,
            "busiest_second": peak.segments,
            "busiest_at": Timestamp::from_millis(peak.at),
            "seconds_above": peak.seconds_above,
            "segments_above": peak.segments_above,
        })
    };
    let one = |(connection, load): (&ConnectionId, &pipeline::replay::Load)| {
        json!({
            "connection": connection.as_str(),
            "throughput": load.throughput,
            "before": side(&load.before),
            "after": side(&load.after),
            "costs": costs(&load.costs),
        })
    };
    report.loads.iter().map(one).collect()
}
