//! From a tree of the right shape to a configuration: texts are read, secrets resolved, references followed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use domain::Scope;
use domain::record::RECEIPT_HORIZON;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use store::Retention;
use store::sqlite::Synchronous;

use super::raw::{self, Raw};
use super::report::Report;
use super::secret::{Secret, SecretSource};
use super::told::Told;
use super::tree::{Node, Step, written};
use super::{AdminKey, Config};
use crate::digest::{self, Digest};
use crate::network::{Network, Networks};
use crate::tables::Sources;

mod apps;
mod contract;
mod operators;
mod smpp;
mod table;
mod unserved;
mod vendors;

/// Shorter keys and passwords may be guessed.
const SAFE_KEY: usize = 16;

pub(super) struct Builder<'a> {
    tree: &'a Node,
    environment: &'a dyn Fn(&str) -> Option<String>,
    report: &'a mut Report,
    /// Of whose shape a problem is told: a stand-in may be there, of which nothing more is to be said.
    told: Told,
    strict_secrets: bool,
    /// Where each id, account and key was given first.
    seen: HashMap<(&'static str, String), String>,
    not_served: Vec<String>,
    /// Where secrets are written into the file.
    plain_secrets: Vec<Steps>,
}

/// A path in the tree, grown as one goes down.
type Steps = Vec<Step>;

fn path(keys: &[&str]) -> Steps {
    keys.iter().map(|key| Step::Key((*key).to_owned())).collect()
}

fn below(path: &Steps, key: &str) -> Steps {
    let mut inner = path.clone();
    inner.push(Step::Key(key.to_owned()));
    inner
}

fn item(path: &Steps, index: usize) -> Steps {
    let mut inner = path.clone();
    inner.push(Step::Index(index));
    inner
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        tree: &'a Node,
        told: Told,
        environment: &'a dyn Fn(&str) -> Option<String>,
        report: &'a mut Report,
    ) -> Self {
        Self {
            tree,
            environment,
            report,
            told,
            strict_secrets: false,
            seen: HashMap::new(),
            not_served: Vec::new(),
            plain_secrets: Vec::new(),
        }
    }

    /// None when something is missing that a configuration cannot be without; the report says what.
    pub(super) fn build(&mut self) -> Option<Config> {
        let raw: Raw = self.read(self.tree.json(), &Vec::new())?;
        self.strict_secrets = raw.strict_secrets;
        let listen = self.server(&raw);
        let store = self.beside(&path(&["store", "path"]), &raw.store.path);
        let retention = self.retention(&raw);
        let synchronous = self.synchronous(raw.store.synchronous);
        let admin_keys = self.admin_keys(&raw);
        let vendors = self.vendors(&raw);
        let apps = self.apps(&raw);
        self.unserved(&raw);
        let smpp_server = raw.smpp_server.as_ref().map(|door| self.smpp_server(door));
        let public_url =
            raw.server.public_url.as_deref().unwrap_or_default().trim_end_matches('/').to_owned();
        let tls = self.certificates(raw.server.tls.as_ref(), &path(&["server", "tls"]));
        let trusted_proxies =
            self.networks(&raw.server.trusted_proxies, &path(&["server", "trusted_proxies"]));
        let allow_private = raw.webhooks.allow_private;
        let key_rate_limit = raw.server.key_rate_limit;
        let operators = self.operators(&raw.operators);
        let routing = self.routing(raw)?;
        Some(Config {
            listen: listen?,
            public_url,
            tls,
            trusted_proxies,
            admin_keys,
            key_rate_limit,
            store,
            retention,
            synchronous,
            allow_private,
            smpp_server: match smpp_server {
                Some(door) => Some(door?),
                None => None,
            },
            operators,
            apps,
            vendors,
            version: self.version(&routing.sources),
            routing,
            document: self.document(),
            not_served: std::mem::take(&mut self.not_served),
        })
    }

    fn version(&self, sources: &Sources) -> u64 {
        let mut digest = Digest::default();
        digest.add(&self.tree.json().to_string());
        sources.price_files.values().for_each(|text| digest.add(text));
        digest::number(digest.finish())
    }

    /// What the files say, with every secret that is written into them masked.
    fn document(&self) -> Json {
        let mut document = self.tree.json();
        for secret in &self.plain_secrets {
            let place = secret.iter().try_fold(&mut document, |value, step| match step {
                Step::Key(key) => value.get_mut(key),
                Step::Index(index) => value.get_mut(index),
            });
            if let Some(place) = place {
                *place = Json::from("***");
            }
        }
        document
    }

    fn server(&mut self, raw: &Raw) -> Option<SocketAddr> {
        if let Some(url) = &raw.server.public_url {
            self.web_address(url, &path(&["server", "public_url"]));
        }
        self.address(&raw.server.listen, &path(&["server", "listen"]))
    }

    fn retention(&mut self, raw: &Raw) -> Retention {
        let messages = raw.retention.messages.map(|age| age.0);
        let texts = raw.retention.texts.map(|age| age.0);
        if messages.is_some_and(|age| age < RECEIPT_HORIZON) {
            let message = "receipts come up to 7 days late and have to find their messages: give 7d or more";
            self.problem(&path(&["retention", "messages"]), message);
        }
        if let (Some(messages), Some(texts)) = (messages, texts)
            && texts >= messages
        {
            let message = "without effect: the messages go before or with their texts";
            self.warn(&path(&["retention", "texts"]), message);
        }
        Retention { messages, texts }
    }

    fn synchronous(&mut self, written: raw::Synchronous) -> Synchronous {
        match written {
            raw::Synchronous::Full => Synchronous::Full,
            raw::Synchronous::Off => {
                let message = "for tests only: ACCEPTED MESSAGES ARE LOST when the power fails";
                self.warn(&path(&["store", "synchronous"]), message);
                Synchronous::Off
            }
        }
    }

    fn address(&mut self, text: &str, at: &Steps) -> Option<SocketAddr> {
        let parsed = text.parse();
        if parsed.is_err() {
            let message = format!(
                "`{text}` is not an address with a port: expected one such as 127.0.0.1:8080 or [::1]:8080"
            );
            self.problem(at, message);
        }
        parsed.ok()
    }

    fn networks(&mut self, texts: &[String], at: &Steps) -> Networks {
        let each = texts.iter().enumerate();
        each.filter_map(|(index, text)| self.keep(text.parse::<Network>(), &item(at, index))).collect()
    }

    fn web_address(&mut self, text: &str, at: &Steps) {
        let parsed = reqwest::Url::parse(text).ok();
        if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            self.problem(at, format!("`{text}` is not a URL: expected one such as https://gw.example.com"));
        }
    }

    fn admin_keys(&mut self, raw: &Raw) -> Vec<AdminKey> {
        let mut keys = Vec::new();
        for (index, admin) in raw.admin_keys.iter().enumerate() {
            let at = item(&path(&["admin_keys"]), index);
            if admin.id.trim().is_empty() {
                self.problem(&below(&at, "id"), "expected a name");
            }
            self.once("admin key", &admin.id, &below(&at, "id"));
            let key = self.api_key(&admin.key, &below(&at, "key"));
            let at_scopes = below(&at, "scopes");
            if admin.scopes.is_empty() {
                self.warn(&at_scopes, "without a scope, the key opens nothing");
            }
            let mut scopes = Vec::new();
            for (index, scope) in admin.scopes.iter().enumerate() {
                scopes.extend(self.keep(admin_scope(scope), &item(&at_scopes, index)));
            }
            let networks = self.networks(&admin.ips, &below(&at, "ips"));
            keys.extend(key.map(|key| AdminKey { id: admin.id.clone(), key, scopes, networks }));
        }
        keys
    }

    /// Reads a part by serde. The shape was checked before, so what fails here is a text of a strict form; serde stops
    /// at the first.
    fn read<T: DeserializeOwned>(&mut self, json: Json, at: &Steps) -> Option<T> {
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

    fn secret(&mut self, source: &SecretSource, at: &Steps) -> Option<Secret> {
        if self.is_told(at) {
            return None;
        }
        if source.is_plain() {
            self.plain_secret(at);
        }
        let resolved = source.resolve(self.tree.locate(at).folder(), self.environment);
        self.keep(resolved, at)
    }

    fn plain_secret(&mut self, at: &Steps) {
        self.plain_secrets.push(at.clone());
        let message = "a secret written into the file: give { env = \"…\" } or { file = \"…\" }";
        if self.strict_secrets {
            self.problem(at, message);
        } else {
            self.warn(at, message);
        }
    }

    /// A key that opens the API: no two may be the same.
    fn api_key(&mut self, source: &SecretSource, at: &Steps) -> Option<Secret> {
        let key = self.secret(source, at)?;
        if key.reveal().len() < SAFE_KEY {
            self.warn(at, format!("the key is shorter than {SAFE_KEY} characters and may be guessed"));
        }
        match self.first("key", key.reveal(), at) {
            Some(first) => self.problem(at, format!("the same key as {first}")),
            None => return Some(key),
        }
        None
    }

    /// An id of which each may be given once.
    fn id<T>(&mut self, what: &'static str, id: &str, at: &Steps) -> Option<T>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        self.once(what, id, at);
        self.keep(id.parse(), at)
    }

    fn once(&mut self, what: &'static str, id: &str, at: &Steps) {
        if let Some(first) = self.first(what, id, at) {
            self.problem(at, format!("the {what} `{id}` is given already at {first}"));
        }
    }

    /// Where it was given before.
    fn first(&mut self, what: &'static str, value: &str, at: &Steps) -> Option<String> {
        let key = (what, value.to_owned());
        if let Some(first) = self.seen.get(&key) {
            return Some(first.clone());
        }
        self.seen.insert(key, written(at));
        None
    }

    fn keep<T, E: std::fmt::Display>(&mut self, read: Result<T, E>, at: &Steps) -> Option<T> {
        read.map_err(|error| self.problem(at, error.to_string())).ok()
    }

    /// A file that is named by a path relative to the folder of the file that names it.
    fn beside(&self, at: &Steps, file: &str) -> PathBuf {
        self.tree.locate(at).folder().join(file)
    }

    fn file(&mut self, file: &Path, at: &Steps) {
        if !file.is_file() {
            self.problem(at, format!("there is no file {}", file.display()));
        }
    }

    fn problem(&mut self, at: &Steps, message: impl Into<String>) {
        if !self.is_told(at) {
            self.report.problems.push(self.tree.problem(at, message));
        }
    }

    fn warn(&mut self, at: &Steps, message: impl Into<String>) {
        if !self.is_told(at) {
            self.report.warnings.push(self.tree.problem(at, message));
        }
    }

    /// Whether the shape of the value, of what it is in or of something in it is wrong.
    fn is_told(&self, at: &Steps) -> bool {
        self.told.concerns(&written(at))
    }
}

fn admin_scope(text: &str) -> Result<Scope, String> {
    let found = Scope::OF_ADMINS.into_iter().find(|scope| scope.as_str() == text);
    found.ok_or_else(|| format!("`{text}` is not a scope: expected read, dispatch or configure"))
}
