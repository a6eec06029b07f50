//! A route's senders by country: what was asked for is kept with the message, what was used with its attempts, and the
//! vendor sees the latter.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{ADMIN_KEY, Client, answer};
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const POOL: [&str; 3] = ["+12025550101", "+12025550102", "+12025550103"];

async fn explained(client: &Client, body: &Value) -> Value {
    let request = client.bare(Method::POST, "/v1/routing/explain").bearer_auth(ADMIN_KEY);
    let request = request.header("content-type", "application/json").body(body.to_string());
    let answered = answer(request).await.unwrap();
    assert_eq!(answered.status, 200, "{}", answered.body);
    answered.body
}

#[tokio::test]
async fn a_country_has_its_own_senders_and_each_recipient_keeps_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let setup = Setup::default()
        .vendor("acme", acme.addr().port(), "")
        .route(
            r#"
senders_by = [
    { countries = ["US"], pool = ["+12025550101", "+12025550102", "+12025550103"] },
    { countries = ["GB"], allow_senders = ["BANK"] },
    { countries = ["DE"], rewrite = [{ from = "SH*", to = "LADEN" }] },
]"#,
        )
        .vendor("borealis", borealis.addr().port(), "");
    let gateway = Gateway::start(folder.path(), &setup).await;
    let client = &gateway.client;

    let mut used: Vec<(String, String)> = Vec::new();
    for round in 0..2 {
        for recipient in ["+12024561111", "+12024561414", "+13104561212", "+13104561313"] {
            let id = client.send(recipient, &format!("round {round}")).await;
            let trace = client.settled(&id, &["delivered"]).await;
            assert_eq!(
                (&trace["message"]["from"], &trace["attempts"][0]["route"]),
                (&json!("SHOP"), &json!("acme-sms"))
            );
            let from = trace["attempts"][0]["from"].as_str().unwrap().to_owned();
            assert!(POOL.contains(&from.as_str()), "{from}");
            used.push((recipient.to_owned(), from));
        }
    }
    assert_eq!(used[..4], used[4..], "each recipient keeps its sender");
    for message in acme.received() {
        let expected = used.iter().find(|(to, _)| to.trim_start_matches('+') == message.to);
        assert_eq!(message.from, expected.unwrap().1.trim_start_matches('+'));
    }

    // Britain's entry does not carry SHOP, so the next route does, and the plan says which entry it was.
    let id = client.send("+447700900123", "britain").await;
    let trace = client.settled(&id, &["delivered"]).await;
    assert_eq!(trace["attempts"][0]["route"], "borealis-sms");
    let left_out = &trace["plan"][1];
    assert_eq!(left_out["reason"], "sender_not_allowed");
    assert_eq!(left_out["explanation"], "left out: the route does not carry this sender (senders_by[1])");

    let question = json!({ "app": "shop", "to": "+4915112345678", "text": "hi" });
    let explanation = explained(client, &question).await;
    assert_eq!(explanation["plan"][0]["from"], "LADEN");
    assert_eq!(
        explanation["plan"][0]["explanation"],
        "the rule lists it in place 1; from LADEN in the place of SHOP"
    );
    let estimate = client.post("/v1/estimate", &json!({ "to": "+4915112345678", "text": "hi" })).await;
    assert_eq!(estimate.body["routes"][0]["from"], "LADEN");
}
