//! `GET /v1/routes/stats`: how messages fare over each connection to each operator, as the adaptive engine knows it now.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use domain::{ConnectionId, Country, RouteId, Scope, Verdict};
use routing::Table;
use routing::learning::ArmStats;
use serde::Serialize;

use super::auth::Caller;
use super::code::Code;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Api, respond};

const PARAMETERS: [&str; 4] = ["route", "connection", "country", "operator"];
/// From so many on it is worth saying how long receipts take.
const ENOUGH: f64 = 15.0;

#[derive(Serialize)]
struct Stats<'a> {
    data: Vec<StatsView<'a>>,
    next_cursor: Option<&'a str>,
}

/// Parts are from zero to one.
#[derive(Serialize)]
struct StatsView<'a> {
    connection: &'a str,
    /// Those that lead over the connection to the country.
    routes: Vec<&'a str>,
    country: Option<&'a str>,
    operator: Option<String>,
    messages_per_second: f64,
    /// `in_trouble`, `recovering`, `little_known` or `ok`.
    state: &'static str,
    /// The kinds of the verdicts that hold.
    verdicts: Vec<&'static str>,
    /// What routing takes the part to be that arrives; null where too few messages tell.
    arrives: Option<f64>,
    arrives_by: Option<&'static str>,
    receipts: Receipts,
    conversions: Conversions,
}

#[derive(Serialize)]
struct Receipts {
    messages: f64,
    /// Null where none tell.
    delivered: Option<f64>,
    /// How far they are believed.
    trust: f64,
    p50_seconds: Option<f64>,
    p95_seconds: Option<f64>,
}

#[derive(Serialize)]
struct Conversions {
    messages: f64,
    arrives_in_time: Option<f64>,
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &PARAMETERS)?;
    let route: Option<RouteId> = parameters.word("route");
    let connection: Option<ConnectionId> = parameters.word("connection");
    let country: Option<Country> = parameters.word("country");
    let operator = parameters.text("operator");
    parameters.finish()?;
    let stopping = || Problem::new(Code::ShuttingDown, "the gateway is stopping");
    let mut known = api.pipeline.arm_stats().await.ok_or_else(stopping)?;
    let (table, verdicts) = (api.pipeline.table(), api.pipeline.verdicts());
    known.sort_by(|a, b| b.messages_a_second.total_cmp(&a.messages_a_second));
    let views = known.iter().map(|known| view(known, &table, &verdicts));
    let is_asked_for = |view: &StatsView<'_>| {
        route.as_ref().is_none_or(|route| view.routes.contains(&route.as_str()))
            && connection.as_ref().is_none_or(|connection| view.connection == connection.as_str())
            && country.is_none_or(|country| view.country == Some(country.as_str()))
            && operator.as_ref().is_none_or(|operator| view.operator.as_ref() == Some(operator))
    };
    Ok(respond::ok(&Stats { data: views.filter(is_asked_for).collect(), next_cursor: None }))
}

fn view<'a>(known: &'a ArmStats, table: &'a Table, verdicts: &[Verdict]) -> StatsView<'a> {
    let to = known.to.in_words();
    let held = verdicts.iter().filter(|verdict| verdict.scope.covers(&known.connection, &to));
    let verdicts: Vec<_> = held.map(|verdict| verdict.kind.as_str()).collect();
    let routes = table.routes().iter();
    let routes =
        routes.filter(|route| route.connection == known.connection && route.goes_to(known.to.country));
    let state = match (verdicts.is_empty(), known.ramp < 1.0, known.arrives) {
        (false, _, _) => "in_trouble",
        (true, true, _) => "recovering",
        (true, false, None) => "little_known",
        (true, false, Some(_)) => "ok",
    };
    let tells = |messages: f64, number: f64| (messages > 0.5).then(|| rounded(number));
    let within = |time: Duration| (known.receipts >= ENOUGH).then(|| rounded(time.as_secs_f64()));
    StatsView {
        connection: known.connection.as_str(),
        routes: routes.map(|route| route.id.as_str()).collect(),
        country: known.to.country.as_ref().map(|country| country.as_str()),
        operator: to.operator.as_deref().map(str::to_owned),
        messages_per_second: rounded(known.messages_a_second),
        state,
        verdicts,
        arrives: known.arrives.map(|arrives| rounded(arrives.part)),
        arrives_by: known.arrives.map(|arrives| arrives.by()),
        receipts: Receipts {
            messages: known.receipts.round(),
            delivered: tells(known.receipts, known.delivered),
            trust: rounded(known.trust),
            p50_seconds: within(known.half_within),
            p95_seconds: within(known.most_within),
        },
        conversions: Conversions {
            messages: known.conversions.round(),
            arrives_in_time: tells(known.conversions, known.acted),
        },
    }
}

/// To four digits: more are not known.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}
