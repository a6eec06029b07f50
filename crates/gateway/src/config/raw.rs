//! The file's own sections as they are written, for those whose obeying code is the gateway itself.
//!
//! Ids, addresses and the like stay texts here, so that all that is wrong with them is told at once.

use schemars::JsonSchema;
use serde::Deserialize;

use super::secret::SecretSource;

pub(super) mod operators;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Configuration")]
pub(super) struct Raw {
    /// Refuse secrets written as plain strings.
    #[serde(default)]
    pub(super) strict_secrets: bool,
    #[serde(default)]
    pub(super) server: Server,
    #[serde(default)]
    pub(super) admin_keys: Vec<AdminKey>,
    pub(super) smpp_server: Option<SmppServer>,
    #[serde(default)]
    pub(super) store: Store,
    #[serde(default)]
    pub(super) retention: Retention,
    #[serde(default)]
    pub(super) webhooks: Webhooks,
    #[serde(default)]
    pub(super) numbers: Numbers,
    /// Whose a number is, beside what the numbering plan tells.
    #[serde(default)]
    pub(super) operators: operators::Operators,
    #[serde(default)]
    pub(super) apps: Vec<App>,
    #[serde(default)]
    pub(super) vendors: Vec<Vendor>,
    #[serde(default)]
    pub(super) routes: Vec<routing::settings::Route>,
    #[serde(default)]
    pub(super) rate_cards: Vec<routing::settings::RateCard>,
    /// By which prices in different currencies are compared.
    #[serde(default)]
    pub(super) exchange_rates: Vec<routing::settings::ExchangeRate>,
    #[serde(default)]
    pub(super) policy: routing::settings::Policy,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Server {
    /// Where the API listens: an IPv4 or IPv6 address with a port; `[::]` is everyone of both families. Read at start
    /// only.
    pub(super) listen: String,
    /// Where vendors and people reach the gateway.
    pub(super) public_url: Option<String>,
    /// How many requests each API key may make that has no limit of its own, such as `200/s`; without it there is no
    /// limit. A batch counts as many as it has messages.
    pub(super) key_rate_limit: Option<domain::setting::Rate>,
    /// TLS on the API's port. Whether there is any is read at start only; the files are read again on SIGHUP.
    pub(super) tls: Option<ServerTls>,
    /// Proxies whose X-Forwarded-For or Forwarded is believed, as networks; default none.
    pub(super) trusted_proxies: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: None,
            key_rate_limit: None,
            tls: None,
            trusted_proxies: Vec::new(),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerTls {
    /// The certificate with its chain, PEM.
    pub(super) cert: String,
    /// The private key of `cert`, PEM.
    pub(super) key: String,
}

/// May change the configuration, flip, and see everything.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminKey {
    pub(super) id: String,
    pub(super) key: SecretSource,
    /// Any of read, dispatch, configure.
    pub(super) scopes: Vec<String>,
    /// Networks that it may be used from; anywhere without them.
    #[serde(default)]
    pub(super) ips: Vec<String>,
}

/// The SMPP door for applications.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SmppServer {
    /// The port without TLS: an IPv4 or IPv6 address with a port. Read at start only.
    pub(super) listen: Option<String>,
    /// A port of its own, beside the other or alone.
    pub(super) tls: Option<SmppTls>,
    /// Networks of proxies. What comes from there begins with a header of the PROXY protocol, version 1 or 2, and the
    /// address in it counts as the client's.
    #[serde(default)]
    pub(super) proxy_protocol: Vec<String>,
    /// So long after its first part a text that is not whole is given up; default 30m.
    pub(super) parts_within: Option<domain::setting::Span>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SmppTls {
    /// An IPv4 or IPv6 address with a port. Read at start only; the files are read at every reload.
    pub(super) listen: String,
    /// The certificate and those between it and its root, in PEM.
    pub(super) cert: String,
    /// Its private key, in PEM.
    pub(super) key: String,
    /// Certificates in PEM: a client then has to show one that one of them has signed.
    pub(super) client_ca: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Store {
    /// The folder of the embedded store, relative to this file's folder. Read at start only.
    pub(super) path: String,
    /// A shared database, for several nodes. Not served yet.
    pub(super) url: Option<String>,
    /// Whether a commit waits until it is on the disk. Anything but full is for tests only. Read at start only.
    pub(super) synchronous: Synchronous,
}

impl Default for Store {
    fn default() -> Self {
        Self { path: "data".to_owned(), url: None, synchronous: Synchronous::Full }
    }
}

/// How long what is stored is kept, counted from the end of the UTC day of acceptance. Absent: for ever.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Retention {
    /// Closed messages, with all that is known of them: at least 7d, because receipts come that late.
    pub(super) messages: Option<domain::setting::Span>,
    /// The texts of closed messages; all else stays and can be searched for.
    pub(super) texts: Option<domain::setting::Span>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Synchronous {
    /// Nothing is acknowledged before it is on the disk.
    Full,
    /// For tests only: what was acknowledged is lost when the power fails.
    Off,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Webhooks {
    /// Allow addresses in private networks: for tests and demos. Default false.
    pub(super) allow_private: bool,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Numbers {
    /// Refuse numbers that are possible but that no numbering plan assigns. Default false.
    pub(super) strict: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct App {
    pub(super) id: String,
    #[serde(default)]
    pub(super) api_keys: Vec<SecretSource>,
    pub(super) webhook: Option<Webhook>,
    /// The app's account at the SMPP door.
    pub(super) smpp: Option<AppSmpp>,
    /// Who messages without a sender appear to come from.
    pub(super) default_sender: Option<String>,
    /// Two letters of ISO 3166; then national numbers are understood.
    pub(super) default_country: Option<String>,
    /// The class of messages that name none, instead of the policy's.
    pub(super) default_class: Option<domain::Class>,
    /// Doors that imitate other APIs. Not served yet.
    pub(super) compat: Option<Compat>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Webhook {
    pub(super) url: String,
    /// `whsec_` and 24 to 64 bytes in base 64.
    pub(super) secret: SecretSource,
    /// Patterns of event types: `message.*`, `message.delivered`. Default all.
    #[serde(default = "all_events")]
    pub(super) events: Vec<String>,
}

fn all_events() -> Vec<String> {
    vec!["message.*".to_owned()]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppSmpp {
    pub(super) system_id: String,
    pub(super) password: SecretSource,
    /// Default 10.
    pub(super) max_binds: Option<u16>,
    /// Submissions over all of its binds; more are answered ESME_RTHROTTLED.
    pub(super) throughput: Option<domain::setting::Rate>,
    /// Networks from which it may bind; absent: from anywhere.
    pub(super) ips: Option<Vec<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Compat {
    pub(super) twilio_account_sid: Option<String>,
    pub(super) twilio_auth_token: Option<SecretSource>,
}

/// A company that the buyer has a contract with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Vendor {
    pub(super) id: String,
    /// Vendors of one domain fail together.
    pub(super) failure_domain: Option<String>,
    #[serde(default)]
    pub(super) connections: Vec<Connection>,
    /// What was agreed with it.
    pub(super) contract: Option<super::contract::Contract>,
}

/// One account or bind group; `kind` says by which protocol.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Connection(pub(super) serde_json::Map<String, serde_json::Value>);

/// An account at an HTTP vendor. Not served yet.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpConnection {
    /// Which definition describes the vendor's API.
    pub(super) vendor: String,
    /// What the definition asks for; secrets as `{ env = "X" }` or `{ file = "…" }`.
    #[serde(default)]
    pub(super) settings: serde_json::Map<String, serde_json::Value>,
    /// Where the API is, instead of where the definition says.
    pub(super) base_url: Option<String>,
}
