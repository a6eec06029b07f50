//! The vendors of a configuration, and the connections to them.

use std::collections::HashSet;

use connectors::smpp;
use connectors::smpp::settings::{Proxy, Tls};
use domain::ConnectionId;
use serde_json::Value as Json;

use super::super::raw::{Connection as RawConnection, HttpConnection, Raw};
use super::super::secret::SecretSource;
use super::super::tree::Step;
use super::super::{Connection, Vendor};
use super::{Builder, Steps, below, item, path};

impl Builder<'_> {
    pub(super) fn vendors(&mut self, raw: &Raw) -> Vec<Vendor> {
        let routed: HashSet<&str> = raw.routes.iter().map(|route| route.connection.as_str()).collect();
        let mut vendors = Vec::new();
        for (index, vendor) in raw.vendors.iter().enumerate() {
            let at = item(&path(&["vendors"]), index);
            let id = self.id("vendor", &vendor.id, &below(&at, "id"));
            if let Some(contract) = &vendor.contract {
                self.contract(contract, &below(&at, "contract"));
                self.warn_of_uncounted(raw, vendor, contract, &below(&at, "contract"));
            }
            let errors = self.error_map(vendor, &at);
            let at_connections = below(&at, "connections");
            if vendor.connections.is_empty() {
                self.warn(&at_connections, "the vendor has no connection, so nothing is sent through it");
            }
            let mut connections = Vec::new();
            for (index, connection) in vendor.connections.iter().enumerate() {
                let at = item(&at_connections, index);
                let id = connection.text("id");
                if !routed.contains(id) {
                    self.warn(&at, format!("no route uses the connection `{id}`"));
                }
                connections.extend(self.connection(connection, &at));
            }
            vendors.extend(id.map(|id| Vendor {
                id,
                failure_domain: vendor.failure_domain.clone(),
                connections,
                contract: vendor.contract.clone(),
                errors,
            }));
        }
        vendors
    }

    fn connection(&mut self, raw: &RawConnection, at: &Steps) -> Option<Connection> {
        let mut settings = raw.0.clone();
        settings.remove("id");
        let kind = settings.remove("kind");
        let id = self.id::<ConnectionId>("connection", raw.text("id"), &below(at, "id"));
        if self.is_told(&below(at, "kind")) {
            return None;
        }
        if kind.as_ref().and_then(Json::as_str) == Some("http") {
            let http: HttpConnection = self.read(Json::Object(settings), at)?;
            self.http(&http, at);
            let message = format!("the HTTP connection {}: routes over it are down", raw.text("id"));
            self.not_served.push(message);
            return None;
        }
        self.smpp_password(&mut settings, at);
        self.proxy_password(&mut settings, &below(at, "proxy"));
        let mut smpp: smpp::Settings = self.read(Json::Object(settings), at)?;
        smpp.resolve_paths(self.tree.locate(at).folder());
        self.tls_files(&smpp.tls, &below(at, "tls"));
        for (key, message) in smpp.validate() {
            let mut inner = at.clone();
            inner.extend(key.split('.').map(|key| Step::Key(key.to_owned())));
            self.problem(&inner, message);
        }
        Some(Connection { id: id?, smpp })
    }

    /// Puts the secret in the place of what says where it is. One that cannot be had is told and left empty, so that
    /// the other keys are checked, too.
    fn smpp_password(&mut self, settings: &mut serde_json::Map<String, Json>, at: &Steps) {
        let at = below(at, "password");
        let Some(source) = settings.get("password").cloned() else { return };
        let secret = self.read::<SecretSource>(source, &at).and_then(|source| self.secret(&source, &at));
        let password = secret.map(|secret| secret.reveal().to_owned()).unwrap_or_default();
        settings.insert("password".to_owned(), Json::String(password));
    }

    /// As `smpp_password`, where a proxy is a table. In its URL a password is one that is written into the file.
    fn proxy_password(&mut self, settings: &mut serde_json::Map<String, Json>, at: &Steps) {
        let url = match settings.get_mut("proxy") {
            Some(Json::Object(table)) => {
                self.smpp_password(table, at);
                table.get("url").and_then(Json::as_str).map(|url| (url, below(at, "url")))
            }
            Some(proxy) => proxy.as_str().map(|url| (url, at.clone())),
            None => None,
        };
        if let Some((_, at)) = url.filter(|(url, _)| Proxy::url_holds_password(url)) {
            self.plain_secret(&at);
        }
    }

    fn tls_files(&mut self, tls: &Tls, at: &Steps) {
        let Tls::On(tls) = tls else { return };
        for (key, file) in [("ca", &tls.ca), ("cert", &tls.cert), ("key", &tls.key)] {
            if let Some(file) = file {
                self.file(file, &below(at, key));
            }
        }
    }

    fn http(&mut self, http: &HttpConnection, at: &Steps) {
        if http.vendor.is_empty() {
            self.problem(&below(at, "vendor"), "expected the name of a definition");
        }
        if let Some(url) = &http.base_url {
            self.web_address(url, &below(at, "base_url"));
        }
        let at = below(at, "settings");
        for (key, value) in http.settings.iter().filter(|(_, value)| value.is_object()) {
            let at = below(&at, key);
            if let Some(source) = self.read::<SecretSource>(value.clone(), &at) {
                self.secret(&source, &at);
            }
        }
    }
}

impl RawConnection {
    /// The schema has seen to it that there is one.
    pub(super) fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Json::as_str).unwrap_or_default()
    }
}
