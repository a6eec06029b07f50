//! The configuration file of a gateway under test.

use std::fmt::Write as _;

use crate::client::{ADMIN_KEY, APP_KEY};

/// What vendors are bound to as.
pub(crate) const SYSTEM_ID: &str = "buyer";
pub(crate) const PASSWORD: &str = "secret";

/// What the app binds as.
pub(crate) const APP_SYSTEM_ID: &str = "shop";
pub(crate) const APP_PASSWORD: &str = "shop-pw";

/// Signs webhooks: `whsec_` and the base64 of 32 octets.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_c3Ryb3dnZXIgdHVybmVkIHRoZSBzd2l0Y2ggaW4gMTg=";

/// One rule with all routes, in the order in which their vendors were added.
#[derive(Default)]
pub(crate) struct Setup {
    vendors: String,
    routes: Vec<String>,
    rule: String,
    rules: Option<String>,
    webhook: String,
    store: String,
    account: Option<String>,
    server: String,
    smpp_listen: String,
    door: String,
}

impl Setup {
    /// Adds the vendor `name` with the connection `name-main` and the route `name-sms`. `lines` go to the connection.
    pub(crate) fn vendor(self, name: &str, port: u16, lines: &str) -> Self {
        self.vendor_at(name, ("127.0.0.1", port), lines)
    }

    /// As `vendor`, at another host.
    pub(crate) fn vendor_at(mut self, name: &str, (host, port): (&str, u16), lines: &str) -> Self {
        let route = format!("{name}-sms");
        write!(
            self.vendors,
            r#"
[[vendors]]
id = "{name}"
[[vendors.connections]]
id = "{name}-main"
kind = "smpp"
host = "{host}"
port = {port}
system_id = "{SYSTEM_ID}"
password = "{PASSWORD}"
{lines}

[[routes]]
id = "{route}"
connection = "{name}-main"
channel = "sms"
"#
        )
        .unwrap();
        self.routes.push(format!("\"{route}\""));
        self
    }

    /// Adds lines to the rule.
    pub(crate) fn rule(mut self, lines: &str) -> Self {
        self.rule.push_str(lines);
        self.rule.push('\n');
        self
    }

    /// Puts these rules in the place of the one.
    pub(crate) fn rules(mut self, rules: &str) -> Self {
        self.rules = Some(rules.to_owned());
        self
    }

    /// All routes that were added get the same share of the messages.
    pub(crate) fn evenly(mut self) -> Self {
        for route in &mut self.routes {
            *route = format!("{{ id = {route}, weight = 1 }}");
        }
        self.rule(r#"strategy = "weighted""#)
    }

    /// Where the app is told of its messages.
    pub(crate) fn webhook(self, port: u16) -> Self {
        self.webhook_of(port, &["message.*"])
    }

    /// Where the app is told of these events.
    pub(crate) fn webhook_of(mut self, port: u16, events: &[&str]) -> Self {
        self.webhook = format!(
            r#"webhook = {{ url = "http://127.0.0.1:{port}/hook", secret = "{WEBHOOK_SECRET}", events = {events:?} }}"#
        );
        self
    }

    /// The store's lines, instead of a folder beside the file.
    pub(crate) fn store(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.store);
        self
    }

    /// Where the API listens and what else is said of it, instead of a free port of 127.0.0.1.
    pub(crate) fn server(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.server);
        self
    }

    /// Opens the SMPP door to the app, with more of its account.
    pub(crate) fn door(mut self, more: &str) -> Self {
        self.account =
            Some(format!(r#"smpp = {{ system_id = "{APP_SYSTEM_ID}", password = "{APP_PASSWORD}"{more} }}"#));
        self
    }

    /// Where the SMPP door listens, instead of a free port of 127.0.0.1.
    pub(crate) fn smpp_listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.smpp_listen);
        self
    }

    /// Adds lines to the SMPP door.
    pub(crate) fn door_with(mut self, lines: &str) -> Self {
        self.door.push_str(lines);
        self.door.push('\n');
        self
    }

    /// Adds lines to the last route.
    pub(crate) fn route(mut self, lines: &str) -> Self {
        self.vendors.push_str(lines);
        self.vendors.push('\n');
        self
    }

    pub(crate) fn file(&self) -> String {
        let Self { vendors, routes, rule, rules, webhook, store, account, door, .. } = self;
        let Self { server, smpp_listen, .. } = self;
        let smpp_listen = if smpp_listen.is_empty() { "127.0.0.1:0" } else { smpp_listen };
        let server = if server.is_empty() { "listen = \"127.0.0.1:0\"" } else { server };
        let listen = format!("[smpp_server]\nlisten = \"{smpp_listen}\"");
        let door = account.as_ref().map_or_else(String::new, |_| format!("{listen}\n{door}"));
        let account = account.as_deref().unwrap_or_default();
        let store = if store.is_empty() { "path = \"data\"" } else { store };
        let routes = routes.join(", ");
        let one_rule = || {
            format!(
                r#"
[[policy.rules]]
id = "all"
match = {{ channel = "sms" }}
routes = [{routes}]
{rule}
"#
            )
        };
        let rules = rules.clone().unwrap_or_else(one_rule);
        format!(
            r#"
[server]
{server}

[[admin_keys]]
id = "ops"
key = "{ADMIN_KEY}"
scopes = ["read", "dispatch", "configure"]

{door}

[store]
{store}

[webhooks]
allow_private = true

[[apps]]
id = "shop"
api_keys = ["{APP_KEY}"]
default_sender = "SHOP"
{webhook}
{account}
{vendors}
[policy]
default_class = "transactional"
{rules}
"#
        )
    }
}
