//! Who is no probe of the adaptive engine, and who is one first: as the API and the records tell it.

use std::time::Duration;

use axum::http::StatusCode;
use domain::attempt::State;
use domain::plan::{DrawFlags, Probing};
use domain::{Recipient, Record};
use serde_json::{Value, json};
use store::Query;

use super::derived::plan_again;
use super::stand::{ADMIN, READER, SHOP, Stand};

/// Of an operator of its own each: nothing is known of it at first.
const FIRST_OF: [&str; 6] = [
    "+4915112340001",
    "+4915212340001",
    "+4915712340001",
    "+4917612340001",
    "+4917012340001",
    "+4917212340001",
];
const TEST_NUMBER: &str = "+4915112349999";

/// Two vendors, of which one takes more than a message is worth: it gets nothing but probes.
async fn learning(more: &str) -> Stand {
    let stand = Stand::with_vendors(&["acme-main", "borealis-main"]).await;
    let text = stand.get(READER, "/v1/policies/active?format=toml").await.text;
    let card = "\n[[rate_cards]]\nid = \"dear\"\ncurrency = \"EUR\"\nprices = [{ country = \"DE\", price = \"5\" }]\n";
    let toml = text
        .replace("connection = \"borealis-main\"", "connection = \"borealis-main\"\nrate_card = \"dear\"")
        .replace(
            "[[policy.rules]]",
            &format!("[policy.adaptive]\ntest_numbers = [\"{TEST_NUMBER}\"]\n\n[[policy.rules]]"),
        )
        .replace(
            r#"routes = ["acme-de", "borealis-de"]"#,
            &format!("strategy = \"adaptive\"\n{more}routes = [\"acme-de\", \"borealis-de\"]"),
        );
    let made = stand.post(ADMIN, "/v1/policies", &json!({ "toml": format!("{toml}{card}") })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let number = made.fits("Policy")["number"].to_string();
    stand.post(ADMIN, &format!("/v1/policies/{number}/activate"), &json!({})).await.fits("Policy");
    stand
}

async fn send(stand: &Stand, to: &str, no_probe: bool) -> String {
    let body = json!({ "to": to, "text": "hello", "no_probe": no_probe });
    let answer = stand.post(SHOP, "/v1/messages", &body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Sends one, after which the engine knows of such messages.
async fn learn_of(stand: &Stand, to: &str) {
    send(stand, to, false).await;
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let asked = stand.post(SHOP, "/v1/routing/explain", &json!({ "to": to })).await;
        let plan = asked.json()["plan"].clone();
        if plan.to_string().contains(" % to learn about it") {
            return;
        }
    }
    panic!("nothing is drawn to {to}");
}

/// All to a number, in the order in which they came.
fn records(stand: &Stand, to: &str) -> Vec<Record> {
    let to = Recipient::from_e164(to);
    let mut records =
        stand.api.pipeline.reader().search(&Query { to, limit: 1000, ..Query::default() }).unwrap().records;
    records.reverse();
    records
}

fn is_probe(record: &Record) -> bool {
    let first = record.attempts.iter().find(|attempt| attempt.state != State::Withdrawn);
    first.and_then(|attempt| attempt.drawn).is_some_and(|drawn| drawn.flags.contains(DrawFlags::PROBE))
}

/// Every decision follows from its record.
fn made_again(stand: &Stand, records: &[Record]) {
    let reader = stand.api.pipeline.reader();
    for record in records {
        let plan = record.plan.as_ref().unwrap();
        assert_eq!(plan_again(&*reader, &record.message, plan), *plan);
    }
}

async fn trace(stand: &Stand, id: &str) -> Value {
    stand.get(SHOP, &format!("/v1/messages/{id}/trace")).await.fits("Trace")
}

#[tokio::test]
async fn a_message_to_a_test_number_is_a_probe_unless_it_asks_for_none() {
    let stand = learning("").await;
    learn_of(&stand, FIRST_OF[0]).await;
    let mut ids = Vec::new();
    for nth in 0..20 {
        ids.push(send(&stand, TEST_NUMBER, nth % 4 == 3).await);
    }
    let records = records(&stand, TEST_NUMBER);
    made_again(&stand, &records);
    for (nth, record) in records.iter().enumerate() {
        let asks_for_none = nth % 4 == 3;
        assert_eq!(record.message.no_probe, asks_for_none);
        assert_eq!(is_probe(record), !asks_for_none, "{nth}: {:?}", record.plan);
    }
    let told = trace(&stand, &ids[0]).await;
    assert_eq!(told["probing"], "test_number");
    let first = told["plan"][0]["explanation"].as_str().unwrap();
    assert!(first.contains("its recipient is a test number"), "{first}");
    let told = trace(&stand, &ids[3]).await;
    assert_eq!((&told["probing"], &told["message"]["no_probe"]), (&json!("no_probe"), &json!(true)));
    let question = json!({ "to": FIRST_OF[0], "no_probe": true });
    let explained = stand.post(SHOP, "/v1/routing/explain", &question).await.fits("Explanation");
    assert_eq!(explained["probing"], "no_probe");
    let wrong = json!({ "to": FIRST_OF[0], "text": "hello", "no_probe": "yes" });
    let refused = stand.post(SHOP, "/v1/messages", &wrong).await;
    assert_eq!(refused.json()["errors"][0]["pointer"], "#/no_probe", "{}", refused.text);
}

#[tokio::test]
async fn a_rule_that_allows_no_probes_sends_none_to_a_test_number_either() {
    let stand = learning("probes = false\n").await;
    send(&stand, FIRST_OF[0], false).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for _ in 0..10 {
        send(&stand, TEST_NUMBER, false).await;
    }
    let records = records(&stand, TEST_NUMBER);
    made_again(&stand, &records);
    let drawn = records.iter().filter(|record| record.plan.as_ref().unwrap().probing == Some(Probing::Rule));
    assert!(drawn.count() > 0, "nothing was drawn");
    assert!(!records.iter().any(is_probe));
}

/// Of a vendor that is worth none, three messages in a thousand are probes until a second later the engine knows how
/// many come: so many at once.
#[tokio::test]
async fn a_recipient_gets_no_two_probes_in_a_row() {
    let stand = learning("").await;
    let mut probed = Vec::new();
    for of_operator in FIRST_OF {
        learn_of(&stand, of_operator).await;
        let recipients: Vec<String> =
            (0..1000).map(|nth| format!("{}{nth:03}", &of_operator[..11])).collect();
        let messages: Vec<Value> = recipients.iter().map(|to| json!({ "to": to, "text": "hello" })).collect();
        let answer = stand.post(SHOP, "/v1/messages/batch", &json!({ "messages": messages })).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        probed.extend(recipients.into_iter().filter(|to| is_probe(&records(&stand, to)[0])));
        if !probed.is_empty() {
            break;
        }
    }
    assert!(!probed.is_empty(), "no probe was seen in {} messages", FIRST_OF.len() * 1000);
    for to in &probed {
        for _ in 0..2 {
            send(&stand, to, false).await;
        }
        let records = records(&stand, to);
        made_again(&stand, &records);
        let spared = |nth: usize| records[nth].plan.as_ref().unwrap().probing == Some(Probing::ProbedJustNow);
        assert!(!spared(0) && spared(1) && !is_probe(&records[1]), "{records:?}");
        assert!(!spared(2), "{records:?}");
    }
}
