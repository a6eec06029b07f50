//! From a tree of the right shape to a configuration: texts are read, secrets resolved, references followed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use connectors::smpp;
use routing::Table;
use routing::table::Known;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::raw::{Connection as RawConnection, HttpConnection, Raw, ServerTls};
use super::report::{Problem, Report};
use super::secret::{Secret, SecretSource};
use super::tree::{Node, Step};
use super::{AdminKey, Config, Connection, PriceFiles, Vendor};
use crate::api::Scope;

mod apps;

pub(super) struct Builder<'a> {
    pub(super) tree: &'a Node,
    /// Of the main file: relative paths are relative to it.
    pub(super) folder: &'a Path,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) report: &'a mut Report,
    pub(super) strict_secrets: bool,
    /// Where each id and each key was given first.
    seen: HashMap<(&'static str, String), String>,
    not_served: Vec<String>,
}

/// A path in the tree, grown as one goes down.
pub(super) type Steps = Vec<Step>;

pub(super) fn path(steps: &[&str]) -> Steps {
    steps.iter().map(|step| Step::Key((*step).to_owned())).collect()
}

pub(super) fn below(path: &Steps, key: &str) -> Steps {
    let mut inner = path.clone();
    inner.push(Step::Key(key.to_owned()));
    inner
}

pub(super) fn item(path: &Steps, index: usize) -> Steps {
    let mut inner = path.clone();
    inner.push(Step::Index(index));
    inner
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        tree: &'a Node,
        folder: &'a Path,
        environment: &'a dyn Fn(&str) -> Option<String>,
        report: &'a mut Report,
    ) -> Self {
        Self {
            tree,
            folder,
            environment,
            report,
            strict_secrets: false,
            seen: HashMap::new(),
            not_served: Vec::new(),
        }
    }

    /// None when something is missing that a configuration cannot be without; the report says what.
    pub(super) fn build(&mut self) -> Option<Config> {
        let raw: Raw = self.read(self.tree.json(), &Vec::new())?;
        self.strict_secrets = raw.strict_secrets;
        let listen = self.server(&raw);
        let admin_keys = self.admin_keys(&raw);
        let vendors = self.vendors(&raw);
        let apps = self.apps(&raw);
        self.unserved(&raw);
        let table = self.table(&vendors, &apps);
        Some(Config {
            listen: listen?,
            public_url: raw.server.public_url.unwrap_or_default().trim_end_matches('/').to_owned(),
            admin_keys,
            store: self.folder.join(&raw.store.path),
            allow_private: raw.webhooks.allow_private,
            apps,
            vendors,
            table: Arc::new(table?),
            version: self.version(),
            not_served: std::mem::take(&mut self.not_served),
        })
    }

    /// FNV-1a over the merged tree: stable between versions of the program and of its libraries.
    fn version(&self) -> u64 {
        let text = self.tree.json().to_string();
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // The store keeps it as a signed number.
        hash >> 1
    }

    fn server(&mut self, raw: &Raw) -> Option<SocketAddr> {
        let at = path(&["server", "listen"]);
        if let Some(url) = &raw.server.public_url {
            let parsed = reqwest::Url::parse(url).ok();
            if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
                self.problem(&path(&["server", "public_url"]), format!("`{url}` is not an http(s) URL"));
            }
        }
        self.address(&raw.server.listen, &at)
    }

    fn address(&mut self, text: &str, at: &Steps) -> Option<SocketAddr> {
        let parsed = text.parse();
        if parsed.is_err() {
            let message =
                format!("`{text}` is not an address: expected one such as 127.0.0.1:8080 or [::1]:8080");
            self.problem(at, message);
        }
        parsed.ok()
    }

    fn admin_keys(&mut self, raw: &Raw) -> Vec<AdminKey> {
        let mut keys = Vec::new();
        for (index, admin) in raw.admin_keys.iter().enumerate() {
            let at = item(&path(&["admin_keys"]), index);
            self.once("admin key", &admin.id, &below(&at, "id"));
            let key = self.api_key(&admin.key, &below(&at, "key"));
            let mut scopes = Vec::new();
            for (index, scope) in admin.scopes.iter().enumerate() {
                match scope.parse::<Scope>() {
                    Ok(scope) => scopes.push(scope),
                    Err(bad) => self.problem(&item(&below(&at, "scopes"), index), bad.to_string()),
                }
            }
            keys.extend(key.map(|key| AdminKey { id: admin.id.clone(), key, scopes }));
        }
        keys
    }

    fn vendors(&mut self, raw: &Raw) -> Vec<Vendor> {
        let mut vendors = Vec::new();
        for (index, vendor) in raw.vendors.iter().enumerate() {
            let at = item(&path(&["vendors"]), index);
            let id = self.id("vendor", &vendor.id, &below(&at, "id"));
            let mut connections = Vec::new();
            for (index, connection) in vendor.connections.iter().enumerate() {
                connections.extend(self.connection(connection, &item(&below(&at, "connections"), index)));
            }
            vendors.extend(id.map(|id| Vendor {
                id,
                failure_domain: vendor.failure_domain.clone(),
                connections,
            }));
        }
        vendors
    }

    fn connection(&mut self, raw: &RawConnection, at: &Steps) -> Option<Connection> {
        let mut settings = raw.0.clone();
        let text = |value: Option<Json>| {
            value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let (id, kind) = (text(settings.remove("id")), text(settings.remove("kind")));
        let id = self.id::<domain::ConnectionId>("connection", &id, &below(at, "id"));
        if kind == "http" {
            let _: HttpConnection = self.read(Json::Object(settings), at)?;
            self.not_served.push(format!("the HTTP connection {}", id.as_ref()?));
            return None;
        }
        if let Some(password) = settings.get("password").cloned() {
            let at = below(at, "password");
            let source: SecretSource = self.read(password, &at)?;
            let secret = self.secret(&source, &at)?;
            settings.insert("password".to_owned(), Json::String(secret.reveal().to_owned()));
        }
        let mut smpp: smpp::Settings = self.read(Json::Object(settings), at)?;
        smpp.resolve_paths(self.folder);
        for (key, message) in smpp.validate() {
            let mut inner = at.clone();
            inner.extend(key.split('.').map(|key| Step::Key(key.to_owned())));
            self.problem(&inner, message);
        }
        Some(Connection { id: id?, smpp })
    }

    fn table(&mut self, vendors: &[Vendor], apps: &[super::Application]) -> Option<Table> {
        let json = self.tree.json();
        let part = |key: &str| json.get(key).cloned();
        let mut routing = serde_json::Map::new();
        for key in ["routes", "rate_cards", "policy"] {
            routing.extend(part(key).map(|value| (key.to_owned(), value)));
        }
        let settings: routing::Settings = self.read(Json::Object(routing), &Vec::new())?;
        let price_files = self.price_files(&settings);
        let connections: Vec<_> = vendors
            .iter()
            .flat_map(|vendor| &vendor.connections)
            .map(|connection| connection.id.clone())
            .collect();
        let apps: Vec<_> = apps.iter().map(|app| app.id.clone()).collect();
        let known = Known { connections: &connections, apps: &apps, price_files: &price_files };
        match Table::compile(&settings, &known, self.version()) {
            Ok(table) => Some(table),
            Err(problems) => {
                for problem in problems {
                    let steps = problem.path.steps().iter().map(|step| match step {
                        routing::problem::Step::Key(key) => Step::Key((*key).to_owned()),
                        routing::problem::Step::Index(index) => Step::Index(*index),
                    });
                    self.problem(&steps.collect(), problem.message);
                }
                None
            }
        }
    }

    fn price_files(&mut self, settings: &routing::Settings) -> PriceFiles {
        let mut files = PriceFiles::new();
        for (index, card) in settings.rate_cards.iter().enumerate() {
            let Some(file) = &card.file else { continue };
            let file = self.folder.join(file);
            let at = below(&item(&path(&["rate_cards"]), index), "file");
            match std::fs::read_to_string(&file) {
                Err(error) => self.problem(&at, format!("{} cannot be read: {error}", file.display())),
                Ok(text) => match routing::price::parse_csv(&text) {
                    Ok(lines) => {
                        files.insert(card.id.clone(), lines);
                    }
                    Err(problems) => {
                        let problems = problems.into_iter().map(|problem| Problem {
                            file: file.clone(),
                            line: usize::try_from(problem.line).unwrap_or(0),
                            key: String::new(),
                            message: problem.message,
                        });
                        self.report.problems.extend(problems);
                    }
                },
            }
        }
        files
    }

    /// What is configured for doors and ways out that a later version opens.
    fn unserved(&mut self, raw: &Raw) {
        if let Some(url) = &raw.store.url {
            let scheme = url.split(':').next().unwrap_or_default();
            let message =
                format!("a shared database ({scheme}) is not served yet: give `path` for the embedded store");
            self.problem(&path(&["store", "url"]), message);
        }
        if let Some(door) = &raw.smpp_server {
            self.address(&door.listen, &path(&["smpp_server", "listen"]));
            self.not_served.push("the SMPP server ([smpp_server])".to_owned());
            self.certificates(door.tls.as_ref(), &path(&["smpp_server", "tls"]));
        }
        if raw.server.tls.is_some() {
            self.certificates(raw.server.tls.as_ref(), &path(&["server", "tls"]));
            self.not_served.push("TLS on the API's own port ([server.tls]): put a proxy in front".to_owned());
        }
        if !raw.server.trusted_proxies.is_empty() {
            self.not_served.push("forwarded headers (server.trusted_proxies)".to_owned());
        }
    }

    fn certificates(&mut self, tls: Option<&ServerTls>, at: &Steps) {
        let Some(tls) = tls else { return };
        if let Some(listen) = &tls.listen {
            self.address(listen, &below(at, "listen"));
        }
        for (key, file) in [("cert", &tls.cert), ("key", &tls.key)] {
            let file = self.folder.join(file);
            if !file.is_file() {
                self.problem(&below(at, key), format!("there is no file {}", file.display()));
            }
        }
    }

    pub(super) fn not_served_here(&mut self, what: String) {
        self.not_served.push(what);
    }

    /// Reads a part by serde. The shape was checked before, so what fails here is a text of a strict form; serde stops
    /// at the first.
    pub(super) fn read<T: DeserializeOwned>(&mut self, json: Json, at: &Steps) -> Option<T> {
        match serde_path_to_error::deserialize(json) {
            Ok(value) => Some(value),
            Err(error) => {
                let mut inner = at.clone();
                for segment in error.path() {
                    match segment {
                        serde_path_to_error::Segment::Map { key } => inner.push(Step::Key(key.clone())),
                        serde_path_to_error::Segment::Seq { index } => inner.push(Step::Index(*index)),
                        serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => {
                        }
                    }
                }
                self.problem(&inner, error.inner().to_string());
                None
            }
        }
    }

    pub(super) fn secret(&mut self, source: &SecretSource, at: &Steps) -> Option<Secret> {
        if source.is_plain() {
            let message = "a secret written into the file: give { env = \"…\" } or { file = \"…\" }";
            if self.strict_secrets {
                self.problem(at, message);
            } else {
                self.warn(at, message);
            }
        }
        match source.resolve(self.folder, self.environment) {
            Ok(secret) => Some(secret),
            Err(message) => {
                self.problem(at, message);
                None
            }
        }
    }

    /// A key that opens the API: no two may be the same.
    pub(super) fn api_key(&mut self, source: &SecretSource, at: &Steps) -> Option<Secret> {
        let key = self.secret(source, at)?;
        if key.reveal().len() < 16 {
            self.warn(at, "the key is shorter than 16 characters and may be guessed");
        }
        let given = super::tree::written(at);
        match self.seen.insert(("API key", key.reveal().to_owned()), given.clone()) {
            Some(first) => self.problem(at, format!("the same key as {first}")),
            None => return Some(key),
        }
        None
    }

    /// An id of which each may be given once.
    pub(super) fn id<T>(&mut self, what: &'static str, id: &str, at: &Steps) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.once(what, id, at);
        match id.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                self.problem(at, format!("{error}"));
                None
            }
        }
    }

    fn once(&mut self, what: &'static str, id: &str, at: &Steps) {
        let given = super::tree::written(at);
        if let Some(first) = self.seen.insert((what, id.to_owned()), given) {
            self.problem(at, format!("the {what} `{id}` is given already at {first}"));
        }
    }

    pub(super) fn problem(&mut self, at: &Steps, message: impl Into<String>) {
        self.report.problems.push(self.tree.problem(at, message));
    }

    pub(super) fn warn(&mut self, at: &Steps, message: impl Into<String>) {
        self.report.warnings.push(self.tree.problem(at, message));
    }
}
