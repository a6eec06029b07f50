//! Every decision can be made again from its record and what the store keeps of its table.
//!
//! Four things that a decision depends on are in no table and are told by the plan itself: a route whose connection was
//! down, and one that had carried the recipient's last one-time password, say so in their reasons; the shares of a draw
//! and how commitments stood stand beside them; and a plan says so when its recipient was spared a probe after another.

use std::collections::{HashMap, HashSet};

use axum::http::StatusCode;
use domain::commitment::Pace;
use domain::plan::{Capped, Plan, Probing, Reason};
use domain::{ConnectionId, Message, RouteId};
use routing::learning::{Beliefs, Destination, Recorded};
use routing::table::Cap;
use routing::{Facts, HealthView, Table};
use serde_json::json;
use store::versions::Origin;
use store::{Query, Reader};

use super::stand::{ADMIN, DISPATCHER, READER, SHOP, Stand};
use crate::versions;

/// The table of a number, from nothing but the store.
fn table_again(reader: &dyn Reader, number: u64) -> Table {
    match reader.published(number).unwrap().unwrap_or_else(|| panic!("table {number} is not known")).of {
        Origin::Version { number, inputs } => {
            let version = reader.version(number).unwrap().unwrap();
            let sources = versions::sources(reader, &version).unwrap();
            sources.compile(&sources.surroundings(&inputs).unwrap()).unwrap()
        }
        Origin::Overrides { base, overrides } => {
            let overrides: Vec<_> =
                overrides.iter().map(|id| reader.find_override(*id).unwrap().unwrap()).collect();
            table_again(reader, base).under(&overrides)
        }
    }
}

/// What the plan says: which connections were down, which caps had no room, how commitments stood, and what was believed of the
/// routes.
struct Told {
    down: HashSet<ConnectionId>,
    capped: Vec<Capped>,
    paces: HashMap<ConnectionId, Pace>,
    beliefs: Beliefs,
}

impl HealthView for Told {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        self.down.contains(connection)
    }

    fn capped(&self, cap: &Cap, _: u32) -> Option<Capped> {
        self.capped.iter().find(|capped| capped.cap == cap.id).cloned()
    }

    fn pace(&self, connection: &ConnectionId) -> Option<&Pace> {
        self.paces.get(connection)
    }

    fn beliefs(&self) -> Option<&Beliefs> {
        Some(&self.beliefs)
    }
}

fn beliefs(message: &Message, plan: &Plan, table: &Table) -> Beliefs {
    let recorded: Vec<Recorded> = plan
        .routes
        .iter()
        .map(|planned| Recorded {
            connection: table.route(&planned.route).unwrap().connection.clone(),
            drawn: planned.drawn,
            shortfall: None,
        })
        .filter(|recorded| recorded.drawn.is_some())
        .collect();
    let to = Destination::new(message.country, message.operator.as_deref());
    Beliefs::recorded(&message.app, message.class, to, &recorded)
}

pub(super) fn plan_again(reader: &dyn Reader, message: &Message, plan: &Plan) -> Plan {
    let table = table_again(reader, plan.table);
    let with = |reason: Reason| {
        let routes = plan.routes.iter().filter(move |planned| planned.reason == reason);
        routes.map(|planned| &planned.route)
    };
    let used_just_now: Option<&RouteId> = with(Reason::UsedJustNow).next();
    let down = with(Reason::ConnectionDown).map(|id| table.route(id).unwrap().connection.clone());
    let capped = plan.left_out.iter().filter_map(|left_out| left_out.capped.as_ref());
    let paces = plan.routes.iter().filter_map(|planned| {
        let connection = table.route(&planned.route).unwrap().connection.clone();
        Some((connection, planned.shadow_price.as_ref()?.pace))
    });
    let facts = Facts {
        app: &message.app,
        channel: message.channel,
        class: message.class,
        to: &message.to,
        from: message.from.as_ref(),
        country: message.country,
        operator: message.operator.as_deref(),
        segments: message.segments,
        text: routing::Text::of(message),
        features: message.features(),
        max_price: message.max_price,
        now: message.created_at,
        used_just_now,
        no_probe: message.no_probe,
        probed_just_now: plan.probing == Some(Probing::ProbedJustNow),
        chance: routing::chance(message.id),
    };
    let told = Told {
        down: down.collect(),
        capped: capped.cloned().collect(),
        paces: paces.collect(),
        beliefs: beliefs(message, plan, &table),
    };
    routing::choose(&facts, &table, &told).unwrap().plan
}

const NUMBERS: u32 = 40;

async fn send(stand: &Stand, from: u32) {
    for number in from..from + NUMBERS {
        let class = if number % 2 == 0 { "otp" } else { "transactional" };
        let body = json!({ "to": format!("+491511234{:04}", number % 60), "text": "hello", "class": class });
        let answer = stand.post(SHOP, "/v1/messages", &body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    }
}

async fn version(stand: &Stand, from: &str, to: &str) {
    let text = stand.get(READER, "/v1/policies/active?format=toml").await.text;
    assert!(text.contains(from), "{text}");
    let made = stand.post(ADMIN, "/v1/policies", &json!({ "toml": text.replace(from, to) })).await;
    let number = made.fits("Policy")["number"].to_string();
    stand.post(ADMIN, &format!("/v1/policies/{number}/activate"), &json!({})).await.fits("Policy");
}

async fn flip(stand: &Stand, from: &str, to: &str) -> String {
    let body = json!({ "from": from, "to": to, "reason": "late" });
    let made = stand.post(DISPATCHER, "/v1/overrides", &body).await;
    made.fits("Override")["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_decision_of_versions_flips_and_rollouts_is_made_again_as_it_was() {
    let stand = Stand::with_vendor().await;
    send(&stand, 0).await;
    let first = flip(&stand, "acme-de", "borealis-de").await;
    send(&stand, NUMBERS).await;
    version(
        &stand,
        r#"routes = ["acme-de", "borealis-de"]"#,
        "strategy = \"weighted\"\nroutes = [{ id = \"acme-de\", weight = 3 }, { id = \"borealis-de\", weight = 1 }]",
    )
    .await;
    send(&stand, 2 * NUMBERS).await;
    stand.delete(DISPATCHER, &format!("/v1/overrides/{first}")).await.fits("Override");
    send(&stand, 3 * NUMBERS).await;
    flip(&stand, "borealis-de", "acme-de").await;
    send(&stand, 4 * NUMBERS).await;
    stand
        .post(ADMIN, "/v1/policies/rollback", &json!({ "to": 1, "reason": "as before" }))
        .await
        .fits("Policy");
    send(&stand, 5 * NUMBERS).await;
    version(
        &stand,
        r#"routes = ["acme-de", "borealis-de"]"#,
        "strategy = \"adaptive\"\nroutes = [\"acme-de\", \"borealis-de\"]",
    )
    .await;
    // The first of a kind are not drawn yet.
    send(&stand, 6 * NUMBERS).await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    send(&stand, 7 * NUMBERS).await;
    let text = stand.get(READER, "/v1/policies/active?format=toml").await.text;
    let turned = text.replace(r#"["acme-de", "borealis-de"]"#, r#"["borealis-de", "acme-de"]"#);
    let made = stand.post(ADMIN, "/v1/policies", &json!({ "toml": turned })).await.fits("Policy");
    let path = format!("/v1/policies/{}/rollout", made["number"]);
    stand.post(ADMIN, &path, &json!({ "percent": 50 })).await.fits("Policy");
    send(&stand, 8 * NUMBERS).await;

    let reader = stand.api.pipeline.reader();
    let records = reader.search(&Query { limit: 1000, ..Query::default() }).unwrap().records;
    assert_eq!(records.len(), 9 * NUMBERS as usize);
    assert!(records.iter().any(|record| record.plan.as_ref().is_some_and(Plan::is_drawn)));
    let mut tables = HashSet::new();
    for record in records {
        let plan = record.plan.unwrap();
        assert_eq!(plan_again(&*reader, &record.message, &plan), plan);
        tables.insert(plan.table);
    }
    // Each of the first seven had a table of its own; the version that is rolled out has another, under the same override.
    assert_eq!(tables.len(), 8);
}

#[tokio::test]
async fn decisions_by_pins_and_caps_are_made_again_and_say_what_the_counts_were() {
    let stand = Stand::with_vendor().await;
    version(
        &stand,
        "[[policy.rules]]",
        "[[caps]]\nid = \"acme-day\"\nroute = \"acme-de\"\nlimit = 3\nper = \"day\"\n\n[[policy.pins]]\nid = \"ones\"\nrecipient_prefix = [\"+4915112340001\"]\nroute = \"borealis-de\"\n\n[[policy.rules]]",
    )
    .await;
    send(&stand, 0).await;
    let reader = stand.api.pipeline.reader();
    let records = reader.search(&Query { limit: 1000, ..Query::default() }).unwrap().records;
    let [mut capped, mut pinned] = [0, 0];
    for record in records {
        let plan = record.plan.unwrap();
        assert_eq!(plan_again(&*reader, &record.message, &plan), plan);
        pinned += usize::from(plan.pin.is_some());
        let Some(of) = plan.left_out.iter().find_map(|left_out| left_out.capped.as_ref()) else { continue };
        assert_eq!((of.cap.as_str(), of.count, of.limit), ("acme-day", 3, 3));
        capped += 1;
    }
    assert!(capped > 0 && pinned == 1, "{capped} {pinned}");
    let found =
        stand.post(SHOP, "/v1/routing/explain", &json!({ "to": "+4915112345678", "text": "hello" })).await;
    assert!(found.text.contains("cap acme-day is reached: 3 of 3 segments until "), "{}", found.text);
}

#[tokio::test]
async fn decisions_by_the_pace_of_a_commitment_are_made_again_and_say_how_it_stood() {
    let stand = Stand::with_vendor().await;
    stand.promise_much();
    let text = stand.get(READER, "/v1/policies/active?format=toml").await.text;
    for strategy in ["least_cost", "adaptive"] {
        let rule = r#"routes = ["acme-de", "borealis-de"]"#;
        let text = text.replace(rule, &format!("strategy = \"{strategy}\"\n{rule}"));
        let toml = format!("[policy.commitments]\nworth_at_most = \"0.25\"\n\n{text}");
        let made = stand.post(ADMIN, "/v1/policies", &json!({ "toml": toml })).await.fits("Policy");
        let path = format!("/v1/policies/{}/activate", made["number"]);
        stand.post(ADMIN, &path, &json!({})).await.fits("Policy");
        send(&stand, 0).await;
    }
    let reader = stand.api.pipeline.reader();
    let records = reader.search(&Query { limit: 1000, ..Query::default() }).unwrap().records;
    assert_eq!(records.len(), 2 * NUMBERS as usize);
    let mut counted_as_cheaper = 0;
    for record in records {
        let plan = record.plan.unwrap();
        assert_eq!(plan_again(&*reader, &record.message, &plan), plan);
        let shadow = plan.routes.iter().find_map(|planned| planned.shadow_price.as_ref()).unwrap();
        assert!(shadow.pace.urgency > 0, "{shadow}");
        counted_as_cheaper += usize::from(shadow.off.amount > domain::money::Decimal::ZERO);
    }
    // Under `adaptive` the engine alone knows by how much.
    assert_eq!(counted_as_cheaper, NUMBERS as usize);
}
