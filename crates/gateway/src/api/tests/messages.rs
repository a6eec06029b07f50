//! A message from its acceptance to its trace.

use axum::http::StatusCode;
use serde_json::json;

use super::stand::{ADMIN, DISPATCHER, READER, SHOP, Stand};

#[tokio::test]
async fn an_acceptance_says_all_that_is_known() {
    let stand = Stand::start().await;
    let body = json!({
        "to": "0151 12345678", "text": "Dein Code: 123456 €", "class": "otp", "reference": "order-7",
        "metadata": { "order": 7, "tags": ["a"] },
    });
    let answer = stand.post(SHOP, "/v1/messages", &body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let message = answer.fits("AcceptedMessage");
    let id = message["id"].as_str().unwrap();
    let expected = json!({
        "id": id, "status": "accepted", "to": "+4915112345678", "from": "SHOP", "channel": "sms", "class": "otp",
        "reference": "order-7", "metadata": { "order": 7, "tags": ["a"] }, "segments": 1, "encoding": "gsm7",
        "country": "DE", "operator": "26201", "operator_source": "prefix", "operator_known_at": null, "route": "acme-de", "created_at": message["created_at"],
        "trace_url": format!("https://gw.example.com/v1/messages/{id}/trace"),
    });
    assert_eq!(message, expected);
}

#[tokio::test]
async fn a_delivered_message_tells_its_story() {
    let stand = Stand::with_vendor().await;
    let id = stand.accepted(SHOP, "+4915112345678").await;
    stand.settled(&id, "delivered").await;
    let message = stand.get(SHOP, &format!("/v1/messages/{id}")).await.fits("Message");
    assert_eq!(message["cost"], json!({ "amount": "0.0450", "currency": "EUR" }));
    assert_eq!(message["attempts"][0]["outcome"], "accepted");
    assert_eq!(message["possible_duplicate"], false);
    assert!(message.get("text").is_none());
    let trace = stand.get(SHOP, &format!("/v1/messages/{id}/trace")).await.fits("Trace");
    assert_eq!(trace["message"], message);
    assert_eq!((&trace["rule"], &trace["table"]), (&json!("europe"), &json!("7")));
    assert_eq!(trace["plan"][0]["route"], "acme-de");
    assert_eq!(trace["plan"][0]["explanation"], "the rule lists it in place 1");
    assert!(
        trace["summary"].as_str().unwrap().starts_with("Sent through acme-de, accepted in "),
        "{trace:#}"
    );
    let kinds: Vec<&str> =
        trace["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["status", "queued", "dispatched", "answered", "status", "receipt", "status"]);
}

#[tokio::test]
async fn lists_are_pages_with_filters() {
    let stand = Stand::start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(stand.accepted(SHOP, &format!("+491511234567{number}")).await);
    }
    let first = stand.get(SHOP, "/v1/messages?limit=2").await.fits("MessagePage");
    assert_eq!((&first["data"][0]["id"], &first["data"][1]["id"]), (&json!(ids[4]), &json!(ids[3])));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = stand.get(SHOP, &format!("/v1/messages?limit=2&cursor={cursor}")).await.fits("MessagePage");
    assert_eq!(second["data"][0]["id"], ids[2]);
    let by_number = stand.get(SHOP, "/v1/messages?to=+4915112345673&status=accepted").await.json();
    assert_eq!(by_number["data"].as_array().unwrap().len(), 1);
    assert_eq!(by_number["data"][0]["id"], ids[3]);
    assert_eq!(by_number["next_cursor"], json!(null));
    let none = stand.get(SHOP, "/v1/messages?status=delivered&class=otp&route=acme-de").await.json();
    assert_eq!(none["data"], json!([]));
}

#[tokio::test]
async fn a_refused_message_is_kept_and_found() {
    let stand = Stand::start().await;
    let body = json!({ "to": "+34612345678", "text": "hola", "reference": "lost" });
    stand.post(SHOP, "/v1/messages", &body).await.problem("no_route");
    for _ in 0..10_000 {
        let found = stand.get(SHOP, "/v1/messages?reference=lost").await.fits("MessagePage");
        if let Some(message) = found["data"].get(0) {
            assert_eq!(message["status"], "rejected");
            assert_eq!(message["rejection"], "no route can carry this message");
            return;
        }
    }
    panic!("the refused message is not found");
}

#[tokio::test]
async fn a_message_that_waits_can_be_taken_back() {
    let stand = Stand::start().await;
    let id = stand.accepted(SHOP, "+4915112345678").await;
    let path = format!("/v1/messages/{id}/cancel");
    stand.post(READER, &path, &json!({})).await.problem("forbidden");
    let canceled = stand.post(SHOP, &path, &json!({})).await;
    assert_eq!(canceled.status, StatusCode::OK);
    assert_eq!(canceled.fits("Message")["status"], "canceled");
    let again = stand.post(DISPATCHER, &path, &json!({})).await;
    assert_eq!((again.status, &again.json()["status"]), (StatusCode::OK, &json!("canceled")));
}

#[tokio::test]
async fn what_a_vendor_has_cannot_be_taken_back() {
    let stand = Stand::with_vendor().await;
    let id = stand.accepted(SHOP, "+4915112345678").await;
    stand.settled(&id, "delivered").await;
    let answer = stand.post(SHOP, &format!("/v1/messages/{id}/cancel"), &json!({})).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.problem("not_cancelable")["detail"].as_str().unwrap().contains("is delivered"));
}

#[tokio::test]
async fn a_scheduled_message_waits_for_its_time() {
    let stand = Stand::with_vendor().await;
    let later = stand.api.pipeline.now().plus(std::time::Duration::from_secs(3600));
    let body = json!({ "to": "+4915112345678", "text": "later", "send_at": later.to_string() });
    let accepted = stand.post(SHOP, "/v1/messages", &body).await.fits("AcceptedMessage");
    assert_eq!((&accepted["status"], &accepted["route"]), (&json!("scheduled"), &json!(null)));
    let id = accepted["id"].as_str().unwrap();
    let message = stand.get(SHOP, &format!("/v1/messages/{id}")).await.fits("Message");
    assert_eq!((&message["status"], &message["send_at"]), (&json!("scheduled"), &json!(later)));
}

#[tokio::test]
async fn conversions_are_noted_one_by_one() {
    let stand = Stand::with_vendor().await;
    let id = stand.accepted(SHOP, "+4915112345678").await;
    let other = "msg_00000000000000000000000000";
    let one = stand.post(SHOP, "/v1/conversions", &json!({ "message_id": id })).await;
    assert_eq!(one.status, StatusCode::ACCEPTED);
    assert_eq!(one.fits("ConversionResults")["data"][0]["converted"], true);
    let list = json!([
        { "message_id": id, "converted": false, "at": "2026-01-01T00:00:00Z" },
        { "message_id": other },
        { "message_id": "x", "cnoverted": true },
    ]);
    let results = stand.post(SHOP, "/v1/conversions", &list).await;
    assert_eq!(results.status, StatusCode::ACCEPTED);
    let results = results.fits("ConversionResults");
    assert_eq!(results["data"][0]["converted"], false);
    assert_eq!(results["data"][1]["error"]["code"], "not_found");
    assert_eq!(results["data"][2]["error"]["errors"][1]["pointer"], "#/2/cnoverted");
    let message = stand.get(SHOP, &format!("/v1/messages/{id}")).await.fits("Message");
    assert_eq!(message["converted"], false);
    assert_eq!(message["converted_at"], "2026-01-01T00:00:00.000Z");
    stand.post(SHOP, "/v1/conversions", &json!({ "message_id": other })).await.problem("not_found");
    stand.post(ADMIN, "/v1/conversions", &json!({ "message_id": id })).await.problem("forbidden");
    stand.post(SHOP, "/v1/conversions", &json!([])).await.problem("invalid_request");
    stand.post(SHOP, "/v1/conversions", &json!(vec![json!({}); 1001])).await.problem("invalid_request");
}
