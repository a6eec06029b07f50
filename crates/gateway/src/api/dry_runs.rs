//! `/v1/dry-runs`: what a version of the policy would have done with the messages of the log, or does with those of a
//! file.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use domain::{DryRunId, Recipient, Scope, Timestamp};
use http_body_util::BodyExt as _;
use routing::Table;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::auth::Caller;
use super::code::Code;
use super::fields::Fields;
use super::policies::{self, Which};
use super::problem::FieldError;
use super::problem::Problem;
use super::{Api, body, respond};
use crate::decisions::{self, Known, Problems};
use crate::dry_runs::{Busy, Chunk, DryRun, LONGEST, Source, State as RunState, Wanted, report};

const MAX_BODY: usize = 64 * 1024;
const LAST: Duration = Duration::from_secs(24 * 3600);
/// Pieces of a file that have arrived and are not read yet.
const CHUNKS: usize = 8;
/// Whoever sends nothing of a file for so long has gone.
const NEXT_WITHIN: Duration = Duration::from_secs(30);
/// Over all the time that is waited for a file, so much of it comes in a second, after some time to begin with.
const LEAST_BYTES: u64 = 1024;
const MAY_BEGIN_SLOWLY: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct DryRunView {
    id: DryRunId,
    version: u64,
    state: &'static str,
    source: &'static str,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
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
    if is_file(request.headers()) {
        return from_file(&api, admin.id(), &which, request).await;
    }
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
    let (version, table) = tried(&api, &which).await?;
    let wanted = wanted(&api, admin.id(), version, Source::Log { since, until });
    let started = api.dry_runs.start(wanted, table, api.pipeline.reader());
    let run = started.map_err(busy)?;
    let mut response = respond::accepted(&view(&api, &run));
    let location = format!("/v1/dry-runs/{}", run.wanted.id);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The version that is tried, compiled.
async fn tried(api: &Api, which: &Which) -> Result<(u64, Table), Problem> {
    let version = which.number(api);
    let checked = api.versions.validate(&api.pipeline, version).await;
    let (_, _, table) = checked.map_err(|refused| policies::problem(&refused, ""))?;
    Ok((version, table))
}

fn wanted(api: &Api, by: &str, version: u64, source: Source) -> Wanted {
    Wanted {
        id: DryRunId::from_u128(api.pipeline.new_id().as_u128()),
        version,
        source,
        by: by.into(),
        at: api.pipeline.now(),
        throughput: api.settings.load().throughput.clone(),
    }
}

fn busy(Busy(id): Busy) -> Problem {
    let detail = format!("{id} is running: wait for it, or stop it by DELETE /v1/dry-runs/{id}");
    Problem::new(Code::DryRunBusy, detail)
}

fn is_file(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(decisions::KIND)
}

/// Over a file that is the body, while it arrives. Who hangs up ends it.
async fn from_file(api: &Arc<Api>, by: &str, which: &Which, request: Request) -> Result<Response, Problem> {
    body::check_kinds(request.headers(), &[decisions::KIND])?;
    let length = request.headers().get(header::CONTENT_LENGTH);
    let bytes = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let body = request.into_body();
    let begun = async {
        let (version, table) = tried(api, which).await?;
        let run = api.dry_runs.begin(wanted(api, by, version, Source::File { bytes })).map_err(busy)?;
        Ok((run, table))
    };
    let (run, table) = match begun.await {
        Ok(begun) => begun,
        Err(problem) => {
            body::discard(body).await;
            return Err(problem);
        }
    };
    let known = known(api, &table);
    let (give, take) = tokio::sync::mpsc::channel(CHUNKS);
    let at_work = Arc::clone(&run);
    let working = tokio::task::spawn_blocking(move || at_work.read_file(&table, &known, take));
    let arrived = hand_over(&run, body, give).await;
    let read = working.await.unwrap_or(Ok(()));
    arrived?;
    read.map_err(|problems| refused(&problems))?;
    match run.state() {
        RunState::Done(_) | RunState::Stopped => Ok(respond::ok(&view(api, &run))),
        RunState::Running | RunState::Failed(_) => {
            Err(Problem::new(Code::Internal, "the dry-run ended before its time"))
        }
    }
}

/// What is found out of a line as for a message of now.
fn known(api: &Arc<Api>, table: &Table) -> Known {
    let asked = Arc::clone(api);
    Known {
        apps: api.settings.load().apps.clone(),
        default_class: table.default_class(),
        operator: Box::new(move |to: &Recipient| Some(asked.pipeline.operator_of(to)?.operator)),
        now: api.pipeline.now(),
    }
}

async fn hand_over(
    run: &DryRun,
    mut body: Body,
    give: tokio::sync::mpsc::Sender<Chunk>,
) -> Result<(), Problem> {
    let (mut waited, mut bytes) = (Duration::ZERO, 0);
    loop {
        let since = tokio::time::Instant::now();
        let next = tokio::select! {
            next = tokio::time::timeout(NEXT_WITHIN, body.frame()) => next,
            () = run.stopped() => {
                drop(give);
                body::discard(body).await;
                return Ok(());
            }
        };
        let Ok(frame) = next else {
            let detail = format!("nothing of the body came for {} s", NEXT_WITHIN.as_secs());
            return Err(Problem::new(Code::RequestTimeout, detail));
        };
        waited += since.elapsed();
        if waited > MAY_BEGIN_SLOWLY && bytes < waited.as_secs() * LEAST_BYTES {
            let detail = format!("the body comes slower than {LEAST_BYTES} bytes a second");
            return Err(Problem::new(Code::RequestTimeout, detail));
        }
        let chunk = match frame.map(|frame| frame.map(|frame| frame.into_data())) {
            None => Chunk::Over,
            Some(Ok(Ok(piece))) => {
                bytes += piece.len() as u64;
                Chunk::Bytes(piece)
            }
            // Trailers.
            Some(Ok(Err(_))) => Chunk::Bytes(Bytes::new()),
            Some(Err(error)) => {
                let detail = format!("the body did not arrive whole: {error}");
                return Err(Problem::new(Code::InvalidRequest, detail));
            }
        };
        let is_over = matches!(chunk, Chunk::Over);
        if give.send(chunk).await.is_err() {
            // It was stopped.
            body::discard(body).await;
            return Ok(());
        }
        if is_over {
            return Ok(());
        }
    }
}

fn refused(problems: &Problems) -> Problem {
    let errors = problems.told.iter().map(|(line, problem)| FieldError {
        pointer: format!("line {line}"),
        detail: problem.clone(),
        code: None,
    });
    Problem::new(Code::InvalidRequest, problems.to_string()).with_errors(errors.collect())
}

pub(super) fn before(at: Timestamp, span: Duration) -> Timestamp {
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
    let Wanted { id, version, source, by, at, .. } = run.wanted.clone();
    let (report, error) = match &state {
        RunState::Done(found) => (
            Some(report(
                found,
                &api.settings.load().vendors,
                Some(&api.pipeline.promised()),
                api.pipeline.now(),
            )),
            None,
        ),
        RunState::Failed(because) => (None, Some(because.clone())),
        RunState::Running | RunState::Stopped => (None, None),
    };
    let period = match (source, &state) {
        (Source::Log { since, until }, _) => Some((since, until)),
        (Source::File { .. }, RunState::Done(found)) => Some((found.period.since, found.period.until)),
        (Source::File { .. }, RunState::Running | RunState::Stopped | RunState::Failed(_)) => None,
    };
    DryRunView {
        id,
        version,
        state: state.as_str(),
        source: source.as_str(),
        since: period.map(|(since, _)| since),
        until: period.map(|(_, until)| until),
        percent: run.percent(),
        decisions: run.decisions(),
        created_at: at,
        created_by: by,
        error,
        report,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_of_which_nothing_comes_is_stopped() {
        let runs = crate::dry_runs::DryRuns::default();
        let now = Timestamp::from_millis(0);
        let wanted = Wanted {
            id: DryRunId::from_u128(1),
            version: 1,
            source: Source::File { bytes: None },
            by: "".into(),
            at: now,
            throughput: rustc_hash::FxHashMap::default(),
        };
        let run = runs.begin(wanted).unwrap();
        let silent = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let (give, mut take) = tokio::sync::mpsc::channel(1);
        run.stop();
        let handing = hand_over(&run, Body::from_stream(silent), give);
        // Far less than the time in which something has to come.
        let (done, gone) = tokio::join!(tokio::time::timeout(Duration::from_secs(20), handing), take.recv());
        assert!(done.unwrap().is_ok() && gone.is_none());
    }
}
