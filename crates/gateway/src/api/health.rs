//! `/healthz`, `/readyz` and `/metrics`: what a supervisor, a load balancer and Prometheus ask for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::{Api, respond};
use crate::metrics::{Backlog, Damage};

#[derive(Serialize)]
struct Alive {
    status: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    checks: Vec<Check>,
    /// The vendors are not real: this is a demo.
    simulated: bool,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

/// The process runs and answers.
pub(crate) async fn alive() -> Response {
    respond::ok(&Alive { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Messages can be accepted. Vendors that are down do not count: their messages wait.
pub(crate) async fn ready(State(api): State<Arc<Api>>) -> Response {
    let checks = vec![store(&api), configuration(&api)];
    let ready = checks.iter().all(|check| check.ok);
    let (code, status) =
        if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not_ready") };
    respond::json(code, &Ready { status, checks, simulated: api.settings.load().simulated })
}

fn store(api: &Api) -> Check {
    let snapshot = api.pipeline.snapshot();
    let on_hold = api.pipeline.is_on_hold();
    let reason = snapshot.failure.unwrap_or_default();
    let detail = match (snapshot.is_broken, snapshot.is_writing) {
        _ if on_hold => {
            "restored from a backup and on hold: start with --resume all, none or a class".to_owned()
        }
        (true, _) => format!("nothing more is written until a restart: {reason}"),
        (false, true) => "writable".to_owned(),
        (false, false) => format!("nothing can be written, it is tried again all the time: {reason}"),
    };
    Check { name: "store", ok: snapshot.is_writing && !snapshot.is_broken && !on_hold, detail }
}

fn configuration(api: &Api) -> Check {
    let table = api.pipeline.table();
    let apps = api.settings.load().apps.len();
    let routes = table.routes().len();
    let standing = api.versions.standing();
    let is_that_of_the_file = if standing.has_drifted() { "not that" } else { "that" };
    let number = standing.active.number;
    let detail = format!(
        "policy version {number}, {is_that_of_the_file} of the configuration file, with {apps} apps and {routes} routes"
    );
    Check { name: "configuration", ok: true, detail }
}

pub(crate) async fn metrics(State(api): State<Arc<Api>>) -> Response {
    let reader = api.pipeline.reader();
    // A store that cannot be read has its own alarm; the other numbers are wanted all the more then.
    let stored = tokio::task::spawn_blocking(move || {
        let backlog =
            || Some(Backlog { waiting: reader.waiting().ok()?, webhooks: reader.notices_pending().ok()? });
        (backlog(), Damage { records: reader.damaged().ok(), days: reader.days_given_up() })
    });
    let (backlog, damage) = stored.await.unwrap_or_default();
    let text = api.metrics.text(&api.pipeline.snapshot(), backlog.as_ref(), damage, api.pipeline.now());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
