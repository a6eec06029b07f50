//! The configuration file: read whole, checked whole, and every problem told at once with its place.
//!
//! What a key means is said by the struct beside the code that obeys it; here those structs are gathered. The JSON
//! Schema made from them is what unknown keys and wrong types are found by, so `config schema` and the check agree.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connectors::smpp;
use domain::number::Country;
use domain::setting::Rate;
use domain::{AppId, Class, ConnectionId, Scope, Sender, VendorId};
use pipeline::App;
use rustc_hash::FxHashMap;
use store::Retention;
use store::sqlite::Synchronous;

use crate::api::Keys;
use crate::network::Networks;
use crate::operators;
use crate::smpp_server::{self, Account};
use crate::tables::Routing;
use crate::tls;
use crate::webhooks::Endpoint;

mod build;
mod contract;
mod difference;
pub mod document;
mod files;
mod parse;
mod raw;
mod report;
mod schema;
mod secret;
mod structure;
mod told;
mod tree;

#[cfg(test)]
mod tests;

pub use contract::Contract;
pub use difference::{Difference, difference};
pub use report::{Problem, Report};
pub use schema::schema;
pub use secret::Secret;

/// The commented example of every key.
pub const EXAMPLE: &str = include_str!("../strowger.example.toml");

/// A configuration without a problem.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// Where vendors and people reach the gateway; without a slash at the end. Empty when not given.
    pub public_url: String,
    /// Who the API says it is; None serves it without TLS.
    pub tls: Option<tls::Pair>,
    /// Proxies whose word about the client's address is taken.
    pub trusted_proxies: Networks,
    pub admin_keys: Vec<AdminKey>,
    /// Requests that a key may make which has no limit of its own.
    pub key_rate_limit: Option<Rate>,
    /// The folder of the embedded store.
    pub store: PathBuf,
    pub retention: Retention,
    /// Whether what is acknowledged is on the disk; only tests want it otherwise.
    pub synchronous: Synchronous,
    /// Whether webhooks and callbacks may lead to private addresses.
    pub allow_private: bool,
    /// Where applications bind.
    pub smpp_server: Option<smpp_server::Settings>,
    /// Whose numbers are.
    pub operators: operators::Settings,
    pub apps: Vec<Application>,
    pub vendors: Vec<Vendor>,
    /// The routing document: what a version is imported from.
    pub routing: Routing,
    /// A hash of what the files say, rate cards included: it changes when the configuration does. Of secrets that are
    /// elsewhere it has only the name.
    pub version: u64,
    /// All that the files say, without secrets: a JSON object.
    pub document: serde_json::Value,
    /// What is configured and no part of this version obeys yet.
    pub not_served: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct AdminKey {
    pub id: String,
    pub key: Secret,
    pub scopes: Vec<Scope>,
    /// Where it may be used from.
    pub networks: Networks,
}

#[derive(Clone, Debug)]
pub struct Application {
    pub id: AppId,
    pub api_keys: Vec<Secret>,
    pub default_sender: Option<Sender>,
    pub default_country: Option<Country>,
    pub default_class: Option<Class>,
    /// What the pipeline has to know of it.
    pub settings: App,
    pub endpoint: Endpoint,
    pub smpp: Option<Account>,
}

#[derive(Clone, Debug)]
pub struct Vendor {
    pub id: VendorId,
    /// Vendors of one domain fail together.
    pub failure_domain: Option<String>,
    pub connections: Vec<Connection>,
    /// What was agreed with it.
    pub contract: Option<Contract>,
    /// What its codes mean.
    pub errors: Arc<smpp::errors::Map>,
}

#[derive(Clone, Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub smpp: smpp::Settings,
}

impl Config {
    /// The keys that open the API.
    #[must_use]
    pub fn keys(&self) -> Keys {
        let mut keys = Keys::default();
        for app in &self.apps {
            for key in &app.api_keys {
                keys.add_app(key.reveal(), app.id.clone(), self.key_rate_limit);
            }
        }
        for admin in &self.admin_keys {
            keys.add_admin(admin.key.reveal(), &admin.id, &admin.scopes, admin.networks.clone());
        }
        keys
    }

    #[must_use]
    pub fn pipeline_apps(&self) -> FxHashMap<AppId, App> {
        self.apps.iter().map(|app| (app.id.clone(), app.settings.clone())).collect()
    }

    #[must_use]
    pub fn endpoints(&self) -> FxHashMap<AppId, Endpoint> {
        self.apps.iter().map(|app| (app.id.clone(), app.endpoint.clone())).collect()
    }

    #[must_use]
    pub fn smpp_accounts(&self) -> Vec<Account> {
        self.apps.iter().filter_map(|app| app.smpp.clone()).collect()
    }

    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.vendors.iter().flat_map(|vendor| &vendor.connections)
    }
}

/// Reads a configuration file and all that it includes.
///
/// # Errors
/// With every problem of all files, each at its file, line and key.
pub fn load(path: &Path) -> Result<(Config, Report), Report> {
    load_with(path, &|name| std::env::var(name).ok())
}

/// As `load`, with the environment as an argument.
pub(crate) fn load_with(
    path: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(Config, Report), Report> {
    let mut report = Report::default();
    let config = files::read(path, &mut report).and_then(|tree| {
        let (tree, told) = structure::check(tree, &mut report);
        build::Builder::new(&tree, told, environment, &mut report).build()
    });
    report.sort();
    match config {
        Some(config) if !report.has_problems() => Ok((config, report)),
        Some(_) | None => Err(report),
    }
}
