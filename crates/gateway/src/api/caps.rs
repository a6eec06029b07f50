//! `GET /v1/caps`: what each cap in force has counted, and what waits because of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::{Scope, Timestamp};
use pipeline::CapStanding;
use routing::settings::Cap;
use serde::Serialize;
use store::Waiting;

use super::auth::Caller;
use super::problem::Problem;
use super::{Api, messages, policies, respond};
use crate::versions;

#[derive(Serialize)]
struct Caps<'a> {
    data: Vec<CapView<'a>>,
    next_cursor: Option<&'a str>,
}

#[derive(Serialize)]
struct CapView<'a> {
    id: &'a str,
    /// The version of the policy that it is of.
    version: u64,
    connection: Option<&'a str>,
    route: Option<&'a str>,
    sender_kind: Option<Vec<&'static str>>,
    class: Option<Vec<&'static str>>,
    limit: u32,
    per: &'static str,
    counted: Option<u32>,
    used_ratio: f64,
    full: bool,
    /// When the count begins anew.
    until: Option<Timestamp>,
    waiting: u64,
    passed_over: u32,
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let standing = api.versions.standing();
    let active = standing.active.number;
    let rolled_out = standing.rollout.as_ref().map(|rollout| rollout.number);
    let mut documents: BTreeMap<u64, Vec<Cap>> = BTreeMap::new();
    for number in [Some(active), rolled_out].into_iter().flatten() {
        let (_, sources) =
            versions::read(&api.pipeline, number).await.map_err(|refused| policies::problem(&refused, ""))?;
        documents.insert(number, sources.document.caps);
    }
    let reader = api.pipeline.reader();
    let lanes = messages::read(move || reader.waiting()).await?;
    let caps = api.pipeline.caps();
    let views = caps.iter().filter_map(|one| {
        let version = if one.is_rolled_out { rolled_out? } else { active };
        // A version that took its place this very moment may lack it.
        let cap = documents.get(&version)?.iter().find(|cap| cap.id == one.cap.as_str())?;
        Some(view(one, version, cap, &lanes))
    });
    Ok(respond::ok(&Caps { data: views.collect(), next_cursor: None }))
}

fn view<'a>(one: &'a CapStanding, version: u64, cap: &'a Cap, lanes: &[Waiting]) -> CapView<'a> {
    let kinds = cap.sender_kind.as_ref();
    let classes = cap.class.as_ref();
    CapView {
        id: one.cap.as_str(),
        version,
        connection: cap.connection.as_deref(),
        route: cap.route.as_deref(),
        sender_kind: kinds.map(|kinds| kinds.iter().map(|kind| kind.as_str()).collect()),
        class: classes.map(|classes| classes.iter().map(|class| class.as_str()).collect()),
        limit: one.limit,
        per: one.per.as_str(),
        counted: one.counted,
        // As it is written, which a float of this size repeats.
        used_ratio: one.used.to_string().parse().unwrap_or(0.0),
        full: one.is_full,
        until: one.until,
        waiting: waiting(one, lanes),
        passed_over: one.passed_over,
    }
}

/// Messages that were queued for a route that the cap counts, while it has no room.
fn waiting(one: &CapStanding, lanes: &[Waiting]) -> u64 {
    let counts = |waiting: &&Waiting| {
        let route = waiting.lane.queued_for();
        one.classes.contains(&waiting.lane.class)
            && route.is_some_and(|route| one.routes.iter().any(|own| own.as_str() == route))
    };
    if one.is_full { lanes.iter().filter(counts).map(|waiting| waiting.messages).sum() } else { 0 }
}
