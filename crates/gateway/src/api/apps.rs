//! `GET /v1/apps`: the applications of the configuration, and how many keys each has.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::key::{Owner, State as KeyState};
use domain::{Class, Scope};
use serde::Serialize;

use super::auth::Caller;
use super::problem::Problem;
use super::{Api, respond};

#[derive(Serialize)]
struct AppView<'a> {
    id: &'a str,
    default_sender: Option<&'a str>,
    default_country: Option<&'a str>,
    default_class: Option<Class>,
    has_webhook: bool,
    /// Keys that the configuration gives it.
    configured_keys: usize,
    /// Keys that were made by `POST /v1/keys` and are active.
    active_keys: usize,
}

#[derive(Serialize)]
struct Apps<'a> {
    data: Vec<AppView<'a>>,
    next_cursor: Option<&'a str>,
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let settings = api.settings.load();
    let (keys, now) = (api.ring.list(), api.pipeline.now());
    let mut data: Vec<AppView<'_>> = settings
        .apps
        .iter()
        .map(|(id, app)| {
            let own = keys.iter().filter(|key| matches!(&key.owner, Owner::App(owner) if owner == id));
            AppView {
                id: id.as_str(),
                default_sender: app.default_sender.as_ref().map(|sender| sender.as_str()),
                default_country: app.default_country.as_ref().map(|country| country.as_str()),
                default_class: app.default_class,
                has_webhook: app.has_webhook,
                configured_keys: settings.keys.count_of(id),
                active_keys: own.filter(|key| key.state(now) == KeyState::Active).count(),
            }
        })
        .collect();
    data.sort_by_key(|app| app.id);
    Ok(respond::ok(&Apps { data, next_cursor: None }))
}
