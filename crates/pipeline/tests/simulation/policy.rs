//! What the buyer configured: vendors, routes, and a rule for each application.

use std::collections::{BTreeMap, HashMap};

use domain::plan::OnUnknown;
use domain::{AppId, ConnectionId};
use rand::RngExt as _;
use rand::rngs::StdRng;
use routing::Table;
use routing::table::Known;
use serde_json::json;

pub(crate) const APPS: [&str; 4] = ["shop", "bank", "news", "taxi"];
const VENDORS: [&str; 3] = ["acme", "borealis", "cumulus"];

pub(crate) struct Policy {
    pub(crate) vendors: Vec<Terms>,
    on_unknown: BTreeMap<AppId, OnUnknown>,
    settings: routing::Settings,
}

/// What a vendor's contract says.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) connection: ConnectionId,
    pub(crate) binds: u16,
    pub(crate) window: usize,
    /// The shortest time from one submit to the next.
    pub(crate) gap_ms: u64,
    pub(crate) latency_ms: u64,
}

impl Policy {
    pub(crate) fn draw(random: &mut StdRng) -> Self {
        let vendors: Vec<Terms> = VENDORS[..random.random_range(2..=3)]
            .iter()
            .map(|name| Terms {
                connection: ConnectionId::new(name).unwrap(),
                binds: random.random_range(1..=2),
                window: random.random_range(1..=4),
                gap_ms: random.random_range(0..=20),
                latency_ms: random.random_range(1..=300),
            })
            .collect();
        let routes: Vec<_> = vendors
            .iter()
            .map(|vendor| json!({ "id": vendor.connection.as_str(), "connection": vendor.connection.as_str() }))
            .collect();
        let mut on_unknown = BTreeMap::new();
        let mut rules = Vec::new();
        for app in APPS {
            let choice = match random.random_range(0..3) {
                0 => OnUnknown::NextRoute,
                1 => OnUnknown::Resend,
                _ => OnUnknown::Hold,
            };
            on_unknown.insert(AppId::new(app).unwrap(), choice);
            rules.push(rule(app, choice, &vendors, random));
        }
        let settings =
            json!({ "routes": routes, "policy": { "default_class": "transactional", "rules": rules } });
        Self { vendors, on_unknown, settings: serde_json::from_value(settings).unwrap() }
    }

    pub(crate) fn holds(&self, app: &AppId) -> bool {
        self.on_unknown.get(app) == Some(&OnUnknown::Hold)
    }

    pub(crate) fn table(&self) -> Table {
        let connections: Vec<ConnectionId> =
            self.vendors.iter().map(|vendor| vendor.connection.clone()).collect();
        let apps = APPS.map(|app| AppId::new(app).unwrap());
        let known = Known {
            connections: &connections,
            apps: &apps,
            failure_domains: &HashMap::new(),
            price_files: &HashMap::new(),
        };
        Table::compile(&self.settings, &known, 1).unwrap()
    }
}

fn rule(app: &str, on_unknown: OnUnknown, vendors: &[Terms], random: &mut StdRng) -> serde_json::Value {
    let mut order: Vec<&str> = vendors.iter().map(|vendor| vendor.connection.as_str()).collect();
    let by = random.random_range(0..order.len());
    order.rotate_left(by);
    let mut on = vec!["rejected", "busy", "unavailable"];
    if random.random_bool(0.6) {
        on.push("undelivered");
    }
    // Together with `hold` the configuration refuses it.
    if random.random_bool(0.5) && on_unknown != OnUnknown::Hold {
        on.push("no_receipt");
    }
    if random.random_bool(0.2) {
        on.remove(0);
    }
    let mut failover = json!({
        "on": on,
        "wait_at_most": format!("{}ms", random.random_range(200..3000)),
        "max_attempts": random.random_range(2..=4),
    });
    if failover["on"].as_array().unwrap().contains(&json!("no_receipt")) {
        failover["no_receipt_after"] = json!(format!("{}s", random.random_range(3..=10)));
    }
    let strategy = if random.random_bool(0.3) { "weighted" } else { "priority" };
    let routes: Vec<_> = order
        .iter()
        .map(|route| if strategy == "weighted" { json!({ "id": route, "weight": 1 }) } else { json!(route) })
        .collect();
    json!({
        "id": app, "match": { "app": [app] }, "strategy": strategy, "routes": routes,
        "on_unknown": on_unknown, "failover": failover, "validity": format!("{}s", random.random_range(20..300)),
    })
}
