//! The native API: its routes, and what they share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post};
use domain::AppId;
use pipeline::{App, Pipeline};
use rustc_hash::FxHashMap;
use tower_http::catch_panic::CatchPanicLayer;

use crate::metrics::Metrics;
use crate::webhooks::address;

mod auth;
mod batch;
mod body;
mod code;
mod conversions;
mod draft;
mod error_pages;
mod explain;
mod fields;
mod finish;
mod health;
mod idempotency;
mod messages;
mod openapi;
mod overrides;
mod page;
mod problem;
mod reference;
mod refusal;
pub(crate) mod render;
mod respond;
mod routes;
#[cfg(test)]
pub(crate) mod samples;
mod search;
mod summary;
mod trace;

pub use auth::{BadScope, Keys, Scope};

use code::Code;
use problem::Problem;

/// What every request can reach.
pub struct Api {
    pipeline: Pipeline,
    metrics: Arc<Metrics>,
    settings: ArcSwap<Settings>,
}

/// What the configuration says of the API.
#[derive(Debug)]
pub struct Settings {
    pub keys: Keys,
    /// The same that the pipeline has.
    pub apps: FxHashMap<AppId, App>,
    /// Where the gateway is reached from outside, without a slash at the end; empty for links without a host.
    pub public_url: String,
    /// Whether `callback_url` may lead to private addresses.
    pub private: address::Private,
    /// The vendors are simulated: this is a demo.
    pub simulated: bool,
}

impl Api {
    #[must_use]
    pub fn new(pipeline: Pipeline, metrics: Arc<Metrics>, settings: Settings) -> Arc<Self> {
        Arc::new(Self { pipeline, metrics, settings: ArcSwap::from_pointee(settings) })
    }

    /// Puts other settings in place, for the next request.
    pub fn reconfigure(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }
}

/// A path that is served.
struct Served {
    path: &'static str,
    /// As the OpenAPI document lists them.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test holds the document against it"))]
    methods: &'static [&'static str],
    serve: MethodRouter<Arc<Api>>,
}

fn served() -> Vec<Served> {
    let routes: [(_, &[_], _); 17] = [
        ("/v1/messages", &["get", "post"], get(search::list).post(messages::send)),
        ("/v1/messages/batch", &["post"], post(batch::send)),
        ("/v1/messages/{id}", &["get"], get(messages::get)),
        ("/v1/messages/{id}/trace", &["get"], get(trace::get)),
        ("/v1/messages/{id}/cancel", &["post"], post(messages::cancel)),
        ("/v1/conversions", &["post"], post(conversions::post)),
        ("/v1/estimate", &["post"], post(explain::estimate)),
        ("/v1/routing/explain", &["post"], post(explain::explain)),
        ("/v1/routes", &["get"], get(routes::list)),
        ("/v1/overrides", &["get", "post"], get(overrides::list).post(overrides::make)),
        ("/v1/overrides/{id}", &["delete"], delete(overrides::revert)),
        ("/healthz", &["get"], get(health::alive)),
        ("/readyz", &["get"], get(health::ready)),
        ("/metrics", &["get"], get(health::metrics)),
        ("/openapi.json", &["get"], get(openapi::get)),
        ("/docs/api", &["get"], get(reference::get)),
        ("/docs/errors/{code}", &["get"], get(error_pages::get)),
    ];
    routes.into_iter().map(|(path, methods, serve)| Served { path, methods, serve }).collect()
}

/// The API as a router. What it does not serve is answered with a problem, so it is the outermost one.
pub fn router(api: Arc<Api>) -> Router {
    let mut router = Router::new();
    for route in served() {
        router = router.route(route.path, route.serve);
    }
    router
        .fallback(unknown_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(finish::panicked))
        .layer(from_fn_with_state(Arc::clone(&api), finish::finish))
        .with_state(api)
}

async fn unknown_path(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(Code::UnknownPath, format!("nothing is served at {path}"))
}

async fn method_not_allowed(method: axum::http::Method, uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(Code::MethodNotAllowed, format!("{path} does not serve {method}"))
}

/// Every way in which a value is not as the OpenAPI document says.
#[cfg(test)]
pub(crate) fn misfits(value: &serde_json::Value, schema: &serde_json::Value) -> Vec<String> {
    openapi::tests::misfits(value, schema, "")
}

#[cfg(test)]
mod tests;
