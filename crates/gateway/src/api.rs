//! The native API: its routes, and what they share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post};
use domain::key::Owner;
use domain::setting::Rate;
use domain::{AppId, ConnectionId};
use pipeline::{App, Pipeline};
use rustc_hash::FxHashMap;
use tower_http::catch_panic::CatchPanicLayer;

use crate::dry_runs::DryRuns;
use crate::metrics::Metrics;
use crate::operators::Operators;
use crate::versions::Versions;
use crate::webhooks::address;

mod apps;
mod aside;
mod audit;
mod auth;
mod batch;
mod body;
mod caps;
mod code;
mod comment;
mod conversions;
mod decisions;
mod draft;
mod dry_runs;
mod error_pages;
mod explain;
mod fields;
mod finish;
mod health;
mod idempotency;
mod key_ring;
mod keys;
mod messages;
mod openapi;
mod operators;
mod overrides;
mod paces;
mod page;
mod parameters;
mod policies;
mod problem;
mod rate_cards;
mod reference;
mod refusal;
pub(crate) mod render;
mod respond;
mod route_stats;
mod routes;
#[cfg(test)]
pub(crate) mod samples;
mod scan;
mod search;
mod summary;
mod trace;
mod vendor_errors;
mod vendors;
mod verdicts;

pub use auth::Keys;
pub use vendors::VendorRecord;

use auth::Grant;
use code::Code;
use key_ring::KeyRing;
use problem::Problem;
use scan::Scans;

/// What every request can reach.
pub struct Api {
    pipeline: Pipeline,
    metrics: Arc<Metrics>,
    operators: Arc<Operators>,
    settings: ArcSwap<Settings>,
    ring: KeyRing,
    versions: Arc<Versions>,
    dry_runs: DryRuns,
    scans: Scans,
}

/// What the configuration says of the API.
#[derive(Debug)]
pub struct Settings {
    /// Those of the configuration.
    pub keys: Keys,
    /// For every key that has no limit of its own.
    pub key_rate_limit: Option<Rate>,
    /// The same that the pipeline has.
    pub apps: FxHashMap<AppId, App>,
    /// Where the gateway is reached from outside, without a slash at the end; empty for links without a host.
    pub public_url: String,
    /// Whether `callback_url` may lead to private addresses.
    pub private: address::Private,
    /// In the order of the configuration.
    pub vendors: Vec<VendorRecord>,
    /// What connections may send in a second, in segments.
    pub throughput: FxHashMap<ConnectionId, u32>,
    /// The vendors are simulated: this is a demo.
    pub simulated: bool,
}

impl Api {
    /// With the keys that the store has.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn new(
        pipeline: Pipeline,
        metrics: Arc<Metrics>,
        operators: Arc<Operators>,
        versions: Arc<Versions>,
        settings: Settings,
    ) -> Result<Arc<Self>, store::Error> {
        let ring = KeyRing::new(pipeline.reader().keys()?, settings.key_rate_limit);
        let settings = ArcSwap::from_pointee(settings);
        Ok(Arc::new(Self {
            pipeline,
            metrics,
            operators,
            settings,
            ring,
            versions,
            dry_runs: DryRuns::default(),
            scans: Scans::default(),
        }))
    }

    pub(crate) fn versions(&self) -> Arc<Versions> {
        Arc::clone(&self.versions)
    }

    /// Puts other settings in place, for the next request.
    pub fn reconfigure(&self, settings: Settings) {
        // Limits of keys that have none of their own may be others now.
        self.ring.limit(settings.key_rate_limit);
        self.settings.store(Arc::new(settings));
    }

    fn find_key(&self, hash: &[u8; 32]) -> Option<Arc<Grant>> {
        let settings = self.settings.load();
        let configured = settings.keys.find(hash).cloned();
        // An app that left the configuration has no key any more.
        let is_known = |grant: &Arc<Grant>| match &grant.owner {
            Owner::App(app) => settings.apps.contains_key(app),
            Owner::Admin(_) => true,
        };
        configured.or_else(|| self.ring.find(hash).filter(is_known))
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
    let routes: Vec<(_, &[_], _)> = vec![
        ("/v1/messages", &["get", "post"], get(search::list).post(messages::send)),
        ("/v1/messages/batch", &["post"], post(batch::send)),
        ("/v1/messages/{id}", &["get"], get(messages::get)),
        ("/v1/messages/{id}/trace", &["get"], get(trace::get)),
        ("/v1/messages/{id}/cancel", &["post"], post(messages::cancel)),
        ("/v1/conversions", &["post"], post(conversions::post)),
        ("/v1/estimate", &["post"], post(explain::estimate)),
        ("/v1/routing/explain", &["post"], post(explain::explain)),
        ("/v1/routes", &["get"], get(routes::list)),
        ("/v1/routes/stats", &["get"], get(route_stats::list)),
        ("/v1/verdicts", &["get"], get(verdicts::list)),
        ("/v1/caps", &["get"], get(caps::list)),
        ("/v1/overrides", &["get", "post"], get(overrides::list).post(overrides::make)),
        ("/v1/overrides/{id}", &["delete"], delete(overrides::revert)),
        ("/v1/overrides/{id}/draft", &["post"], post(overrides::draft)),
        ("/v1/policies", &["get", "post"], get(policies::list).post(policies::draft)),
        ("/v1/policies/rollback", &["post"], post(policies::roll_back)),
        ("/v1/policies/{number}", &["get", "delete"], get(policies::get).delete(policies::discard)),
        ("/v1/policies/{number}/validate", &["post"], post(policies::validate)),
        ("/v1/policies/{number}/diff", &["get"], get(policies::diff)),
        ("/v1/policies/{number}/activate", &["post"], post(policies::activate)),
        (
            "/v1/policies/{number}/rollout",
            &["post", "delete"],
            post(policies::roll_out).delete(policies::abort),
        ),
        ("/v1/policies/{number}/dry-run", &["post"], post(dry_runs::start)),
        ("/v1/dry-runs", &["get"], get(dry_runs::list)),
        ("/v1/dry-runs/{id}", &["get", "delete"], get(dry_runs::get).delete(dry_runs::stop)),
        ("/v1/decisions", &["get"], get(decisions::export)),
        ("/v1/rate-cards", &["get"], get(rate_cards::list)),
        ("/v1/rate-cards/{id}", &["get"], get(rate_cards::get)),
        ("/v1/rate-cards/{id}/imports", &["post"], post(rate_cards::import::post)),
        ("/v1/rate-cards/{id}/diff", &["get"], get(rate_cards::diff::get)),
        (
            "/v1/rate-cards/{id}/rerating",
            &["get", "post"],
            get(rate_cards::rerating::get).post(rate_cards::rerating::post),
        ),
        ("/v1/rate-card-mappings", &["get"], get(rate_cards::mappings::list)),
        (
            "/v1/rate-card-mappings/{id}",
            &["delete", "put"],
            delete(rate_cards::mappings::forget).put(rate_cards::mappings::put),
        ),
        ("/v1/operators", &["get"], get(operators::list)),
        ("/v1/operators/lookup", &["get"], get(operators::lookup)),
        ("/v1/operators/imports", &["post"], post(operators::import)),
        ("/v1/vendors", &["get"], get(vendors::list)),
        ("/v1/vendors/{id}", &["get"], get(vendors::get)),
        ("/v1/vendors/errors", &["get"], get(vendor_errors::unmapped)),
        ("/v1/vendors/{id}/errors", &["get"], get(vendor_errors::of_vendor)),
        ("/v1/apps", &["get"], get(apps::list)),
        ("/v1/keys", &["get", "post"], get(keys::list).post(keys::make)),
        ("/v1/keys/{id}", &["get", "delete"], get(keys::get).delete(keys::revoke)),
        ("/v1/keys/{id}/rotate", &["post"], post(keys::rotate)),
        ("/v1/audit", &["get"], get(audit::list)),
        ("/v1/audit/verification", &["get"], get(audit::verify)),
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
