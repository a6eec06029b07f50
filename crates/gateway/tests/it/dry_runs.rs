//! A version that is tried on the log of a gateway: what it says it would cost is what it costs when it is in force.

use std::path::Path;

use domain::money::Decimal;
use serde_json::{Value, json};

use crate::client::ADMIN_KEY;
use crate::command_line::{Done, by};
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const RECIPIENTS: [&str; 4] = ["+447700900123", "+4915112345678", "+4915112345679", "+33612345678"];
const EACH: usize = 5;

fn policy(rules: &str) -> String {
    format!(
        r#"
[[routes]]
id = "acme-sms"
connection = "acme-main"
rate_card = "acme"
[[routes]]
id = "borealis-sms"
connection = "borealis-main"
rate_card = "borealis"
[[rate_cards]]
id = "acme"
currency = "EUR"
prices = [{{ country = "GB", price = "0.0311" }}, {{ country = "DE", price = "0.0702" }}]
[[rate_cards]]
id = "borealis"
currency = "USD"
prices = [{{ country = "GB", price = "0.02999" }}, {{ country = "DE", price = "0.0647" }}, {{ country = "FR", price = "0.05" }}]
{rules}
"#
    )
}

const BOREALIS: &str = r#"
[[policy.rules]]
id = "all"
routes = ["borealis-sms", "acme-sms"]
"#;

const ONLY_GERMANY: &str = r#"
[[policy.rules]]
id = "de"
match = { country = ["DE"] }
routes = ["borealis-sms"]
"#;

async fn ops(gateway: &Gateway, arguments: &[&str]) -> Done {
    by(ADMIN_KEY, &gateway.client, arguments).await
}

/// The number of a draft of these rules.
async fn draft(gateway: &Gateway, folder: &Path, rules: &str) -> String {
    let file = folder.join("wanted.toml");
    std::fs::write(&file, policy(rules)).unwrap();
    let made = ops(gateway, &["policy", "draft", file.to_str().unwrap(), "--json"]).await;
    made.ended_with(0).json()["number"].to_string()
}

/// Sends a day's traffic; returns when its first message was accepted.
async fn traffic(gateway: &Gateway) -> String {
    let mut first = None;
    for round in 0..EACH {
        for to in RECIPIENTS {
            // Every third text has two segments.
            let text = if round % 3 == 0 { "x".repeat(200) } else { format!("round {round}") };
            let id = gateway.client.send(to, &text).await;
            let trace = gateway.client.settled(&id, &["delivered"]).await;
            first.get_or_insert_with(|| trace["message"]["created_at"].as_str().unwrap().to_owned());
        }
    }
    first.unwrap()
}

/// In one currency: before, after and the difference.
fn cost(report: &Value, currency: &str) -> [Decimal; 3] {
    let costs = report["costs"].as_array().unwrap();
    let found = costs.iter().find(|cost| cost["currency"] == currency).cloned().unwrap_or_default();
    ["before", "after", "delta"].map(|side| found[side].as_str().unwrap_or("0").parse().unwrap())
}

#[tokio::test]
async fn what_a_dry_run_says_is_what_comes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let promised = "commitments = [{ period = \"month\", segments = 1_000_000_000, spend = \"0.01\", currency = \"USD\" }]";
    let setup = Setup::default().vendor("acme", acme.addr().port(), "throughput = \"50/s\"").vendor(
        "borealis",
        borealis.addr().port(),
        &format!("[vendors.contract]\n{promised}\n"),
    );
    let gateway = Gateway::start(folder.path(), &setup).await;
    let priced =
        draft(&gateway, folder.path(), "[[policy.rules]]\nid = \"all\"\nroutes = [\"acme-sms\"]\n").await;
    ops(&gateway, &["policy", "activate", &priced]).await.ended_with(0);
    traffic(&gateway).await;
    let sent = RECIPIENTS.len() * EACH;

    // The other vendor is cheaper, and has a price for France.
    let number = draft(&gateway, folder.path(), BOREALIS).await;
    let told = ops(&gateway, &["policy", "dry-run", &number, "--last", "1h", "--json"]).await.ended_with(0);
    let run = told.json();
    let report = &run["report"];
    assert_eq!(
        (&run["state"], &run["percent"], &run["decisions"]),
        (&json!("done"), &json!(100), &json!(sent))
    );
    assert_eq!(
        (&report["changed"], &report["assumed"], &report["lost"]),
        (&json!(sent), &json!(sent), &json!(0))
    );
    let only = &report["moves"][0];
    assert_eq!((&only["before"], &only["after"]), (&json!(["acme-sms"]), &json!(["borealis-sms"])));
    assert_eq!(report["moves"].as_array().unwrap().len(), 1);
    // Seven segments to each recipient; France has no price at acme.
    let [before, after, delta] = cost(report, "EUR");
    assert_eq!(before, "1.2005".parse().unwrap());
    assert_eq!((after, delta), (Decimal::ZERO, -before));
    assert_eq!(report["unpriced"], json!({ "before": 7, "after": 0 }));
    let [nothing, predicted, _] = cost(report, "USD");
    assert_eq!((nothing, predicted), (Decimal::ZERO, "1.46573".parse().unwrap()));
    let loaded = report["connections"].as_array().unwrap();
    let of = |id: &str| loaded.iter().find(|one| one["connection"] == id).unwrap();
    assert_eq!(
        (&of("acme-main")["throughput"], &of("acme-main")["before"]["messages"]),
        (&json!(50), &json!(sent))
    );
    assert_eq!(of("borealis-main")["after"]["messages"], sent);

    let committed = report["commitments"].as_array().unwrap();
    let told = |at: usize, field: &str| committed[at][field].as_str().unwrap().parse::<Decimal>().unwrap();
    assert_eq!(committed.iter().map(|one| &one["unit"]).collect::<Vec<_>>(), ["segments", "USD"]);
    assert_eq!((&committed[0]["met_before"], &committed[0]["met_after"]), (&json!(false), &json!(false)));
    assert_eq!((&committed[1]["met_before"], &committed[1]["met_after"]), (&json!(false), &json!(true)));
    // 28 segments in an hour: at least as many in each hour of 28 days.
    assert!(told(0, "before").is_zero() && told(0, "after") >= Decimal::from(28 * 24 * 28), "{committed:?}");
    assert!(told(1, "after") >= predicted * Decimal::from(24 * 28) && told(1, "carried").is_zero());

    // Put in force, the same traffic costs to the cent what was predicted.
    ops(&gateway, &["policy", "activate", &number]).await.ended_with(0);
    let since = traffic(&gateway).await;
    let again = ops(&gateway, &["policy", "dry-run", "active", "--since", &since, "--json"])
        .await
        .ended_with(0)
        .json();
    let report = &again["report"];
    assert_eq!((&report["decisions"], &report["unchanged"]), (&json!(sent), &json!(sent)));
    assert_eq!(cost(report, "USD"), [predicted, predicted, Decimal::ZERO]);
    assert_eq!(cost(report, "EUR"), [Decimal::ZERO; 3]);

    // What would be left without a route is told, with the ids of some.
    let narrow = draft(&gateway, folder.path(), ONLY_GERMANY).await;
    let told = ops(&gateway, &["policy", "dry-run", &narrow, "--since", &since]).await.ended_with(10);
    assert!(told.stderr.contains("10 messages that had a route would have none"), "{}", told.stderr);
    assert!(
        told.stdout.contains("10 lose every route") && told.stdout.contains("no rule matches"),
        "{}",
        told.stdout
    );
    let listed = gateway.client.bare(reqwest::Method::GET, "/v1/dry-runs").bearer_auth(ADMIN_KEY);
    let listed = crate::client::answer(listed).await.unwrap();
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 3);
    assert_eq!(listed.body["data"][0]["report"], Value::Null);

    ops(&gateway, &["policy", "dry-run", "99"]).await.ended_with(4);
    ops(&gateway, &["policy", "dry-run", &narrow, "--last", "90d"]).await.ended_with(3);
    let wrong =
        draft(&gateway, folder.path(), "[[policy.rules]]\nid = \"x\"\nroutes = [\"nobodys\"]\n").await;
    let refused = ops(&gateway, &["policy", "dry-run", &wrong]).await.ended_with(3);
    assert!(refused.stderr.contains("nobodys"), "{}", refused.stderr);
}
