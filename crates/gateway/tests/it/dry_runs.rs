//! A version that is tried on the log of a gateway: what it says it would cost is what it costs when it is in force.

use std::path::Path;

use domain::money::Decimal;
use serde_json::{Value, json};
use simulator::Behaviour;
use smpp_wire::status::CommandStatus;

use crate::client::ADMIN_KEY;
use crate::command_line::{Done, alone, by};
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

/// A configuration of the same vendors with these rules: for one who has no gateway.
fn laptop(rules: &str) -> String {
    let vendor = |name: &str, lines: &str| {
        format!(
            r#"
[[vendors]]
id = "{name}"
[[vendors.connections]]
id = "{name}-main"
kind = "smpp"
host = "127.0.0.1"
port = 1
system_id = "x"
password = "x"
{lines}
"#
        )
    };
    let (acme, borealis) = (vendor("acme", "throughput = \"50/s\""), vendor("borealis", ""));
    let app = "[[apps]]\nid = \"shop\"\napi_keys = [\"key\"]\ndefault_sender = \"SHOP\"\n";
    format!("{app}{acme}{borealis}{}", policy(rules))
}

#[tokio::test]
async fn a_file_of_the_log_comes_to_what_the_log_comes_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let setup = Setup::default().vendor("acme", acme.addr().port(), "throughput = \"50/s\"").vendor(
        "borealis",
        borealis.addr().port(),
        "",
    );
    let gateway = Gateway::start(folder.path(), &setup).await;
    let first = draft(
        &gateway,
        folder.path(),
        "[[policy.rules]]\nid = \"all\"\nroutes = [\"acme-sms\", \"borealis-sms\"]\n",
    )
    .await;
    ops(&gateway, &["policy", "activate", &first]).await.ended_with(0);
    let since = traffic(&gateway).await;
    // Some that another vendor had to take, and one that was taken back.
    acme.set(Behaviour::Refuse(CommandStatus::RSYSERR));
    for to in RECIPIENTS {
        let id = gateway.client.send(to, "again").await;
        gateway.client.settled(&id, &["delivered"]).await;
    }
    let scheduled =
        json!({ "to": RECIPIENTS[0], "text": "later", "validity": 7200, "send_at": in_an_hour() });
    let scheduled = gateway.client.post("/v1/messages", &scheduled).await;
    let id = scheduled.body["id"].as_str().unwrap().to_owned();
    gateway.client.post(&format!("/v1/messages/{id}/cancel"), &json!({})).await;
    gateway.client.settled(&id, &["canceled"]).await;
    let until = gateway.client.message(&id).await["created_at"].as_str().unwrap().to_owned();
    let until =
        until.parse::<domain::Timestamp>().unwrap().plus(std::time::Duration::from_millis(1)).to_string();

    let narrow = draft(&gateway, folder.path(), ONLY_GERMANY).await;
    let period = ["--since", &since, "--until", &until];
    let over_log = [&["policy", "dry-run", &narrow, "--json"][..], &period].concat();
    let over_log = ops(&gateway, &over_log).await.ended_with(10).json();
    let report = &over_log["report"];
    assert_eq!(report["left_aside"], json!({ "canceled": 1 }));
    assert_eq!((&report["decisions"], &report["lost"]), (&json!(24), &json!(12)));

    let file = path("yesterday.jsonl");
    let export = [&["decisions", "export", "--out", &file][..], &period].concat();
    ops(&gateway, &export).await.ended_with(0);
    // A file that is there is not written over.
    ops(&gateway, &export).await.ended_with(2);
    let from_file =
        ops(&gateway, &["policy", "dry-run", &narrow, "--file", &file, "--json"]).await.ended_with(10).json();
    assert_eq!(from_file["report"], *report);
    for field in ["state", "version", "since", "until"] {
        assert_eq!(from_file[field], over_log[field], "{field}");
    }
    assert_eq!((&from_file["source"], &over_log["source"]), (&json!("file"), &json!("log")));

    // Without a gateway, from a configuration that has the same rules.
    std::fs::write(path("laptop.toml"), laptop(ONLY_GERMANY)).unwrap();
    let config = path("laptop.toml");
    let offline = ["policy", "dry-run", "--offline", "--config", &config, "--file", &file, "--json"];
    let offline = alone(&offline).await.ended_with(10).json();
    assert_eq!(offline["report"], *report);

    // What was cut off is no file, and nothing is found out of it.
    let text = std::fs::read_to_string(&file).unwrap();
    let cut: Vec<&str> = text.lines().take(10).collect();
    std::fs::write(path("cut.jsonl"), cut.join("\n")).unwrap();
    let cut =
        ops(&gateway, &["policy", "dry-run", &narrow, "--file", &path("cut.jsonl")]).await.ended_with(3);
    assert!(cut.stderr.contains("line 11: the line is missing that ends an export"), "{}", cut.stderr);
    assert_eq!(cut.stdout, "");
}

/// Soon enough to be scheduled, and long after the test.
fn in_an_hour() -> String {
    use pipeline::Clock as _;
    gateway::clock::SystemClock::default().now().plus(std::time::Duration::from_secs(3600)).to_string()
}

#[tokio::test]
async fn a_campaign_is_tried_before_anything_of_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let setup =
        Setup::default().vendor("acme", lab::closed_port(), "").vendor("borealis", lab::closed_port(), "");
    let gateway = Gateway::start(folder.path(), &setup).await;
    let number = draft(&gateway, folder.path(), BOREALIS).await;
    let mut lines = String::new();
    for place in 0..1000 {
        lines.push_str(&format!(
            "{{\"to\":\"+49151{:08}\",\"app\":\"shop\",\"class\":\"marketing\",\"text\":\"{}\"}}\n",
            place,
            "x".repeat(170)
        ));
    }
    lines.push_str("{\"to\":\"+447700900123\",\"segments\":1,\"outcomes\":[{\"route\":\"borealis-sms\",\"answers\":[\"rejected\"]}]}\n");
    std::fs::write(path("campaign.jsonl"), &lines).unwrap();
    let arguments = ["policy", "dry-run", &number, "--file", &path("campaign.jsonl")];
    let told = ops(&gateway, &[&arguments[..], &["--json"]].concat()).await.ended_with(0).json();
    let report = &told["report"];
    assert_eq!(
        (&report["planned"], &report["changed"], &report["lost"]),
        (&json!(1001), &json!(0), &json!(0))
    );
    // Two segments each; one goes on to the other vendor.
    assert_eq!(cost(report, "USD"), [Decimal::ZERO, "129.4".parse().unwrap(), "129.4".parse().unwrap()]);
    assert_eq!(cost(report, "EUR")[1], "0.0311".parse().unwrap());
    assert_eq!(report["assumed"], 1001);
    assert_eq!(report["moves"][0]["before"], json!([]));
    assert_eq!(report["commitments"], json!([]));
    let told = ops(&gateway, &arguments).await.ended_with(0);
    assert!(told.stdout.contains("1001 have a route, 0 have none"), "{}", told.stdout);

    let narrow = draft(&gateway, folder.path(), ONLY_GERMANY).await;
    let told = ops(&gateway, &["policy", "dry-run", &narrow, "--file", &path("campaign.jsonl")]).await;
    let told = told.ended_with(10);
    assert!(told.stderr.contains("1 planned messages have no route"), "{}", told.stderr);

    // Every line that is bad is named, and there is no report.
    let bad = lines.replacen("+4915100000007", "7", 1).replacen("\"text\"", "\"txt\"", 1);
    std::fs::write(path("bad.jsonl"), bad).unwrap();
    let refused =
        ops(&gateway, &["policy", "dry-run", &number, "--file", &path("bad.jsonl")]).await.ended_with(3);
    assert!(refused.stderr.contains("line 1: txt: unknown field `txt`"), "{}", refused.stderr);
    assert!(refused.stderr.contains("line 8: to: "), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
    let runs = gateway.client.bare(reqwest::Method::GET, "/v1/dry-runs").bearer_auth(ADMIN_KEY);
    let runs = crate::client::answer(runs).await.unwrap();
    assert_eq!(runs.body["data"][0]["state"], "failed");
    ops(&gateway, &["policy", "dry-run", "99", "--file", &path("campaign.jsonl")]).await.ended_with(4);
}
