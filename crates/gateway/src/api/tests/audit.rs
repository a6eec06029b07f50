//! The audit log: every change by the API makes its entry, and none of them tells a secret.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use store::audit::Hash;

use super::stand::{ADMIN, DISPATCHER, READER, SHOP, Stand};

/// With the entries as they are written.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<One<'a>>,
}

#[derive(Deserialize)]
struct One<'a> {
    number: u64,
    #[serde(borrow)]
    entry: &'a RawValue,
}

/// But for the one of the policy that the stand begins with.
async fn entries(stand: &Stand, query: &str) -> Vec<Value> {
    let page = stand.get(READER, &format!("/v1/audit?{query}")).await.fits("AuditPage");
    let all = page["data"].as_array().unwrap().iter().map(|one| one["entry"].clone());
    all.filter(|entry| entry["action"] != "policy.import").collect()
}

async fn key_of_shop(stand: &Stand) -> (String, String) {
    let body = json!({ "app": "shop", "reason": "a new shop" });
    let made = stand.post(ADMIN, "/v1/keys", &body).await.fits("MadeKey");
    (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn who_changed_what_and_why_is_told_newest_first() {
    let stand = Stand::start().await;
    let (key, secret) = key_of_shop(&stand).await;
    stand.post(ADMIN, &format!("/v1/keys/{key}/rotate"), &json!({ "overlap": "1h" })).await.fits("MadeKey");
    stand.delete(ADMIN, &format!("/v1/keys/{key}?reason=it%20leaked")).await.fits("Key");
    let flip = json!({ "from": "acme-de", "to": "borealis-de", "reason": "receipts drop" });
    let flip = stand.post(DISPATCHER, "/v1/overrides", &flip).await.fits("Override");
    let flip = flip["id"].as_str().unwrap();
    stand.delete(DISPATCHER, &format!("/v1/overrides/{flip}")).await.fits("Override");

    let all = entries(&stand, "").await;
    let told: Vec<[&str; 2]> = all
        .iter()
        .map(|entry| [entry["action"].as_str().unwrap(), entry["actor"]["id"].as_str().unwrap()])
        .collect();
    assert_eq!(
        told,
        [
            ["override.revert", "night-shift"],
            ["override.create", "night-shift"],
            ["key.revoke", "ops"],
            ["key.rotate", "ops"],
            ["key.create", "ops"],
        ]
    );
    let states = |entry: &Value| [entry["before"]["state"].clone(), entry["after"]["state"].clone()];
    assert_eq!(states(&all[0]), [json!("active"), json!("reverted")]);
    assert_eq!(states(&all[1]), [Value::Null, json!("active")]);
    assert_eq!(
        (states(&all[2]), &all[2]["reason"]),
        ([json!("active"), json!("revoked")], &json!("it leaked"))
    );
    assert_eq!(all[1]["reason"], "receipts drop");
    assert_eq!((&all[4]["target"], &all[4]["actor"]["door"]), (&json!(key), &json!("api")));
    assert!(all[4]["request_id"].as_str().unwrap().starts_with("req_"));
    assert!(!json!(all).to_string().contains(&secret[8..]));

    assert_eq!(entries(&stand, "action=key.revoke").await.len(), 1);
    assert_eq!(entries(&stand, "actor=night-shift&limit=1").await.len(), 1);
    assert_eq!(entries(&stand, &format!("target={flip}")).await.len(), 2);
    assert_eq!(entries(&stand, "until=2020-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(entries(&stand, "since=2020-01-01T00:00:00Z&order=oldest").await[0]["action"], "key.create");
    stand.get(READER, "/v1/audit?order=best&who=ops").await.problem("invalid_query");
}

#[tokio::test]
async fn a_key_that_was_made_here_is_named_when_it_makes_a_change() {
    let stand = Stand::start().await;
    let body = json!({ "admin": "robot", "scopes": ["configure"] });
    let robot = stand.post(ADMIN, "/v1/keys", &body).await.json();
    let made = stand.post(robot["secret"].as_str().unwrap(), "/v1/keys", &json!({ "app": "shop" })).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let newest = &entries(&stand, "limit=1").await[0];
    assert_eq!((&newest["actor"]["id"], &newest["actor"]["key"]), (&json!("robot"), &robot["id"]));
}

#[tokio::test]
async fn taking_anothers_message_back_is_a_change_and_taking_ones_own_is_traffic() {
    let stand = Stand::start().await;
    let [first, second] =
        [stand.accepted(SHOP, "+4915112345678").await, stand.accepted(SHOP, "+4915112345679").await];
    let cancel = |key, id: &str| {
        let (stand, path) = (&stand, format!("/v1/messages/{id}/cancel"));
        async move { stand.post(key, &path, &json!({})).await }
    };
    assert_eq!(cancel(SHOP, &first).await.status, StatusCode::OK);
    assert!(entries(&stand, "").await.is_empty());
    // It is canceled already: nothing is changed.
    assert_eq!(cancel(DISPATCHER, &first).await.status, StatusCode::OK);
    assert!(entries(&stand, "").await.is_empty());
    assert_eq!(cancel(DISPATCHER, &second).await.status, StatusCode::OK);
    let all = entries(&stand, "").await;
    assert_eq!(
        (all.len(), &all[0]["action"], &all[0]["target"]),
        (1, &json!("message.cancel"), &json!(second))
    );
    assert_eq!(
        (&all[0]["before"]["status"], &all[0]["after"]["status"]),
        (&json!("accepted"), &json!("canceled"))
    );
}

#[tokio::test]
async fn each_entry_is_bound_to_those_before_it() {
    let stand = Stand::start().await;
    for _ in 0..3 {
        key_of_shop(&stand).await;
    }
    let verified = stand.get(READER, "/v1/audit/verification").await.fits("AuditVerification");
    assert_eq!((&verified["is_whole"], &verified["entries"]), (&json!(true), &json!(4)));
    // As anybody would check it who has only the answer.
    let page = stand.get(READER, "/v1/audit?order=oldest").await.text;
    let page: Page<'_> = serde_json::from_str(&page).unwrap();
    let hash = page.data.iter().fold(Hash::START, |hash, one| hash.next(one.number, one.entry.get()));
    assert_eq!(page.data.len(), 4);
    assert_eq!(verified["last_hash"], hash.to_string());
}
