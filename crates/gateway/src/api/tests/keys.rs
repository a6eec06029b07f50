//! Keys: made, used, limited, replaced and revoked; and that what opens is shown once.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::stand::{ADMIN, KEEPER, Response, SHOP, Stand, request};
use crate::http::Client;

async fn made(stand: &Stand, body: Value) -> Value {
    let answer = stand.post(ADMIN, "/v1/keys", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.fits("MadeKey")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

async fn listed(stand: &Stand, query: &str) -> Vec<Value> {
    let page = stand.get(ADMIN, &format!("/v1/keys?{query}")).await.fits("KeyList");
    page["data"].as_array().unwrap().clone()
}

async fn from(stand: &Stand, address: Option<&str>, key: &str) -> Response {
    let mut builder = request(Method::GET, key, "/v1/messages");
    if let Some(address) = address {
        builder = builder.extension(Client(address.parse::<IpAddr>().unwrap()));
    }
    stand.send(builder.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_key_opens_from_its_answer_on_and_is_shown_only_there() {
    let stand = Stand::start().await;
    let key = made(&stand, json!({ "app": "shop", "label": " checkout " })).await;
    let secret = text(&key, "secret");
    assert!(secret.starts_with(text(&key, "hint")) && secret.len() == 36, "{secret}");
    assert_eq!((&key["scopes"], text(&key, "label")), (&json!(["send", "read"]), "checkout"));
    let id = stand.accepted(secret, "+4915112345678").await;
    assert_eq!(stand.get(SHOP, &format!("/v1/messages/{id}")).await.status, StatusCode::OK);
    let path = format!("/v1/keys/{}", text(&key, "id"));
    for answer in [stand.get(ADMIN, &path).await, stand.get(ADMIN, "/v1/keys").await] {
        assert!(!answer.text.contains(&secret[8..]), "{}", answer.text);
    }
    let shown = stand.get(ADMIN, &path).await.fits("Key");
    assert!(shown["last_used_at"].is_string(), "{shown}");
}

#[tokio::test]
async fn what_is_revoked_opens_nothing_and_stays_so() {
    let stand = Stand::start().await;
    let key = made(&stand, json!({ "app": "shop" })).await;
    let path = format!("/v1/keys/{}", text(&key, "id"));
    let revoked = stand.delete(ADMIN, &format!("{path}?reason=it%20was%20in%20a%20log")).await.fits("Key");
    assert_eq!((text(&revoked, "state"), text(&revoked, "revoked_by")), ("revoked", "ops"));
    stand.get(text(&key, "secret"), "/v1/messages").await.problem("unauthorized");
    let again = stand.delete(ADMIN, &path).await.fits("Key");
    assert_eq!(again["revoked_at"], revoked["revoked_at"]);
    assert_eq!(listed(&stand, "state=revoked&app=shop").await.len(), 1);
    assert!(listed(&stand, "state=active").await.is_empty());
    stand.post(ADMIN, &format!("{path}/rotate"), &json!({})).await.problem("key_not_active");
}

#[tokio::test]
async fn a_rotated_key_opens_on_for_the_overlap() {
    let stand = Stand::start().await;
    let old = made(&stand, json!({ "app": "shop", "scopes": ["read"], "rate_limit": "90/min" })).await;
    let rotate = format!("/v1/keys/{}/rotate", text(&old, "id"));
    let new = stand.post(ADMIN, &rotate, &json!({ "overlap": "1h" })).await.fits("MadeKey");
    assert_eq!((&new["replaces"], &new["scopes"]), (&old["id"], &json!(["read"])));
    assert_eq!(text(&new, "rate_limit"), "90/min");
    for key in [&old, &new] {
        assert_eq!(stand.get(text(key, "secret"), "/v1/messages").await.status, StatusCode::OK);
    }
    let path = format!("/v1/keys/{}", text(&new, "id"));
    let newest = stand.post(ADMIN, &format!("{path}/rotate"), &json!({ "overlap": 0 })).await.fits("MadeKey");
    stand.get(text(&new, "secret"), "/v1/messages").await.problem("unauthorized");
    assert_eq!(text(&stand.get(ADMIN, &path).await.json(), "state"), "expired");
    assert_eq!(stand.get(text(&newest, "secret"), "/v1/messages").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_is_used_from_its_networks_alone() {
    let stand = Stand::start().await;
    let key = made(&stand, json!({ "app": "shop", "ips": ["10.0.0.0/8", "2001:db8::7"] })).await;
    let secret = text(&key, "secret");
    for inside in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7"] {
        assert_eq!(from(&stand, Some(inside), secret).await.status, StatusCode::OK, "{inside}");
    }
    for outside in [Some("192.0.2.1"), Some("2001:db8::8"), None] {
        from(&stand, outside, secret).await.problem("forbidden");
    }
}

#[tokio::test]
async fn a_limit_is_told_with_every_answer_and_holds() {
    let stand = Stand::start().await;
    let key = made(&stand, json!({ "app": "shop", "rate_limit": "3/h" })).await;
    let secret = text(&key, "secret");
    for remaining in [2, 1, 0] {
        let answer = stand.get(secret, "/v1/messages").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("ratelimit-policy"), "\"key\";q=3;w=3600");
        assert!(answer.header("ratelimit").starts_with(&format!("\"key\";r={remaining};t=")));
    }
    let refused = stand.get(secret, "/v1/messages").await;
    refused.problem("rate_limited");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1100..=1200).contains(&wait), "{wait}");
    // Nobody else waits for it.
    let free = stand.get(SHOP, "/v1/messages").await;
    assert_eq!((free.status, free.header("ratelimit")), (StatusCode::OK, ""));
}

#[tokio::test]
async fn a_batch_counts_as_many_as_it_has_messages() {
    let stand = Stand::start().await;
    let key = made(&stand, json!({ "app": "shop", "rate_limit": "10/h" })).await;
    let message = json!({ "to": "+4915112345678", "text": "hello" });
    let batch = |count| json!({ "messages": vec![message.clone(); count] });
    let sent = stand.post(text(&key, "secret"), "/v1/messages/batch", &batch(6)).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED);
    assert!(sent.header("ratelimit").starts_with("\"key\";r=4;"), "{}", sent.header("ratelimit"));
    stand.post(text(&key, "secret"), "/v1/messages/batch", &batch(6)).await.problem("rate_limited");
    let stored = stand.get(SHOP, "/v1/messages").await.json();
    assert_eq!(stored["data"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let stand = Stand::start().await;
    let keeper = json!({ "admin": "helper", "scopes": ["configure"] });
    let answer = stand.post(KEEPER, "/v1/keys", &keeper).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let helper = answer.json();
    for scopes in [json!(["read"]), json!(["configure", "dispatch"])] {
        let body = json!({ "admin": "more", "scopes": scopes });
        stand.post(text(&helper, "secret"), "/v1/keys", &body).await.problem("forbidden");
    }
    let strong = made(&stand, json!({ "admin": "strong", "scopes": ["read", "configure"] })).await;
    let rotate = format!("/v1/keys/{}/rotate", text(&strong, "id"));
    stand.post(KEEPER, &rotate, &json!({})).await.problem("forbidden");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_key_is_told_at_once() {
    let stand = Stand::start().await;
    let body = json!({
        "app": "shop", "scopes": ["send", "configure"], "ips": ["10.0.0.0/33"], "rate_limit": "fast",
        "expires_in": "0s", "lable": "x", "reason": "a\u{7}b",
    });
    let answer = stand.post(ADMIN, "/v1/keys", &body).await;
    let problem = answer.problem("invalid_request");
    let errors = problem["errors"].as_array().unwrap();
    let pointers: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for field in ["scopes", "ips", "rate_limit", "expires_in", "lable", "reason"] {
        assert!(pointers.contains(&format!("#/{field}").as_str()), "{field}: {pointers:?}");
    }
    for body in [
        json!({}),
        json!({ "app": "nobody" }),
        json!({ "app": "shop", "admin": "ops" }),
        json!({ "admin": "ops" }),
        json!({ "app": "shop", "scopes": [] }),
        json!({ "app": "shop", "expires_in": "1h", "expires_at": "2100-01-01T00:00:00Z" }),
        json!({ "app": "shop", "expires_at": "2020-01-01T00:00:00Z" }),
    ] {
        let answer = stand.post(ADMIN, "/v1/keys", &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.text);
    }
    assert!(listed(&stand, "").await.is_empty());
    stand.get(ADMIN, "/v1/keys/key_00000000000000000000000000").await.problem("key_not_found");
}

#[tokio::test]
async fn keys_come_page_by_page() {
    let stand = Stand::start().await;
    for label in ["a", "b", "c"] {
        made(&stand, json!({ "app": "shop", "label": label })).await;
    }
    let first = stand.get(ADMIN, "/v1/keys?limit=2").await.fits("KeyList");
    let labels = |page: &Value| {
        let keys = page["data"].as_array().unwrap();
        keys.iter().map(|key| text(key, "label").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(labels(&first), ["c", "b"]);
    let next = format!("/v1/keys?limit=2&cursor={}", text(&first, "next_cursor"));
    let last = stand.get(ADMIN, &next).await.fits("KeyList");
    assert_eq!((labels(&last), &last["next_cursor"]), (vec!["a".to_owned()], &Value::Null));
}
