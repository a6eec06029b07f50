//! `GET /v1/verdicts`: what the adaptive engine concluded, with its numbers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use domain::{Scope, Timestamp, Verdict, VerdictId};
use serde::Serialize;
use store::VerdictQuery;

use super::auth::Caller;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Api, messages, respond};

const PARAMETERS: [&str; 5] = ["state", "since", "until", "limit", "cursor"];

#[derive(Debug, Serialize)]
pub(crate) struct VerdictView<'a> {
    id: VerdictId,
    kind: &'static str,
    state: &'static str,
    /// Null when all routes to the operator are concerned.
    connection: Option<&'a str>,
    country: Option<&'a str>,
    /// Null with the country when all that the connection carries is concerned.
    operator: Option<&'a str>,
    /// When it changed, as far as can be told.
    since: Timestamp,
    raised_at: Timestamp,
    revised_at: Option<Timestamp>,
    recovered_at: Option<Timestamp>,
    proof: ProofView,
    explanation: String,
}

/// Rates are shares from zero to one, but for `throttled`, where they are messages a second.
#[derive(Debug, Serialize)]
struct ProofView {
    before: Option<f64>,
    after: Option<f64>,
    log_likelihood_ratio: f64,
    threshold: f64,
    messages: f64,
}

#[derive(Serialize)]
struct Verdicts<'a> {
    data: Vec<VerdictView<'a>>,
    next_cursor: Option<String>,
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &PARAMETERS)?;
    let is_open = parameters.parsed("state", |text| match text {
        "open" => Ok(true),
        "recovered" => Ok(false),
        _ => Err("is neither open nor recovered"),
    });
    let limit = parameters.limit(100, 1000);
    let query = VerdictQuery {
        is_open,
        since: parameters.instant("since"),
        until: parameters.instant("until"),
        before: parameters.word("cursor"),
        // One more tells whether another page follows.
        limit: limit + 1,
    };
    parameters.finish()?;
    let reader = api.pipeline.reader();
    let mut found = messages::read(move || reader.verdicts(&query)).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok(respond::ok(&Verdicts { data: found.iter().map(view).collect(), next_cursor }))
}

pub(crate) fn view(verdict: &Verdict) -> VerdictView<'_> {
    let destination = verdict.scope.destination.as_ref();
    let proof = &verdict.proof;
    let finite = |number: f64| number.is_finite().then_some(number);
    VerdictView {
        id: verdict.id,
        kind: verdict.kind.as_str(),
        state: if verdict.is_open() { "open" } else { "recovered" },
        connection: verdict.scope.connection.as_ref().map(|connection| connection.as_str()),
        country: destination.and_then(|to| to.country.as_ref()).map(|country| country.as_str()),
        operator: destination.and_then(|to| to.operator.as_deref()),
        since: Timestamp::from_millis(proof.since_ms),
        raised_at: verdict.raised_at,
        revised_at: verdict.revised_at,
        recovered_at: verdict.recovered_at,
        proof: ProofView {
            before: finite(proof.before),
            after: finite(proof.after),
            log_likelihood_ratio: proof.ratio,
            threshold: proof.threshold,
            messages: proof.observations,
        },
        explanation: verdict.explanation(),
    }
}
