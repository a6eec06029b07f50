//! The demo's configuration file, as a buyer with five vendors would write it.

use std::net::SocketAddr;

/// The demo's application may use this; it opens nothing but a demo.
pub(super) const KEY: &str = "demo-app-key-0123456789";
pub(super) const ADMIN_KEY: &str = "demo-admin-key-0123456789";
/// 32 bytes, as Standard Webhooks asks for.
pub(super) const HOOK_SECRET: &str = "whsec_ZGVtby1kZW1vLWRlbW8tZGVtby1kZW1vLWRlbW8=";

pub(super) struct Demo<'a> {
    pub(super) listen: SocketAddr,
    /// Where the application listens for webhooks.
    pub(super) hook: String,
    /// Scenarios are to be played.
    pub(super) plays: bool,
    pub(super) vendors: Vec<(&'a str, SocketAddr)>,
}

impl Demo<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            r#"# Made by `strowger demo`; what a buyer with five vendors would write.
[server]
listen = "{listen}"

[store]
path = "data"

[webhooks]
allow_private = true

[[admin_keys]]
id = "demo"
key = "{ADMIN_KEY}"
scopes = ["read", "dispatch", "configure"]

[[apps]]
id = "shop"
api_keys = ["{KEY}"]
webhook = {{ url = "{hook}", secret = "{HOOK_SECRET}", events = ["message.*"] }}
default_sender = "SHOP"
default_country = "US"

"#,
            listen = self.listen,
            hook = self.hook,
        );
        for (name, address) in &self.vendors {
            text.push_str(&vendor(name, *address));
        }
        text.push_str(if self.plays { LEARNING_POLICY } else { POLICY });
        text
    }
}

fn vendor(name: &str, address: SocketAddr) -> String {
    let (price_us, price_gb) = match name {
        "premium" => ("0.0300", "0.0420"),
        "cheap" => ("0.0080", "0.0190"),
        "slow" => ("0.0150", "0.0250"),
        "flaky" => ("0.0120", "0.0230"),
        _ => ("0.0350", "0.0210"),
    };
    format!(
        r#"[[vendors]]
id = "{name}"
[[vendors.connections]]
id = "{name}-main"
kind = "smpp"
host = "{host}"
port = {port}
system_id = "{system_id}"
password = "{password}"
binds = 2
window = 20
response_timeout = "5s"
[[routes]]
id = "{name}"
connection = "{name}-main"
rate_card = "{name}"
[[rate_cards]]
id = "{name}"
currency = "EUR"
prices = [{{ country = "US", price = "{price_us}" }}, {{ country = "GB", price = "{price_gb}" }}]

"#,
        host = address.ip(),
        port = address.port(),
        system_id = simulator::demo::SYSTEM_ID,
        password = simulator::demo::PASSWORD,
    )
}

const POLICY: &str = r#"[policy]
default_class = "transactional"

# A code has to arrive: the best vendor first, and on to the next whatever goes wrong.
[[policy.rules]]
id = "otp"
match = { channel = "sms", class = ["otp"] }
strategy = "priority"
routes = ["premium", "regional", "flaky", "slow"]
on_unknown = "next_route"
failover = { on = ["rejected", "busy", "unavailable", "undelivered", "no_receipt"], wait_at_most = "1s", no_receipt_after = "20s", max_attempts = 3 }
validity = "10m"

# The bulk of it, shared out.
[[policy.rules]]
id = "transactional"
match = { channel = "sms", class = ["transactional"] }
strategy = "weighted"
routes = [{ id = "premium", weight = 50 }, { id = "flaky", weight = 30 }, { id = "slow", weight = 20 }]
failover = { on = ["rejected", "busy", "unavailable", "undelivered"], wait_at_most = "2s", max_attempts = 3 }

# Where pennies count.
[[policy.rules]]
id = "marketing"
match = { channel = "sms", class = ["marketing"] }
strategy = "least_cost"
routes = ["cheap", "flaky", "slow", "premium"]
max_price = "0.05"
"#;

/// Whoever delivers best for its price carries most.
const LEARNING_POLICY: &str = r#"[policy]
default_class = "transactional"

[[policy.rules]]
id = "learned"
match = { channel = "sms" }
strategy = "adaptive"
routes = ["premium", "regional", "flaky", "slow", "cheap"]
failover = { on = ["rejected", "busy", "unavailable", "undelivered"], wait_at_most = "1s", max_attempts = 3 }
validity = "10m"
"#;
