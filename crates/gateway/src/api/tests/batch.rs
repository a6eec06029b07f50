//! Batches: a result for each item, in order.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::json;

use super::stand::{ADMIN, SHOP, Stand, post};

#[tokio::test]
async fn each_item_is_accepted_or_refused_on_its_own() {
    let stand = Stand::start().await;
    let batch = json!({ "messages": [
        { "to": "+4915112345678", "text": "one" },
        { "to": "+49 1", "text": "two" },
        { "to": "+4915112345679", "text": "three", "clas": "otp" },
        "four",
        { "to": "+447700900100", "text": "five" },
    ] });
    let answer = stand.post(SHOP, "/v1/messages/batch", &batch).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let results = answer.fits("BatchResults")["data"].as_array().unwrap().clone();
    assert_eq!(results.len(), 5);
    assert_eq!((&results[0]["to"], &results[4]["to"]), (&json!("+4915112345678"), &json!("+447700900100")));
    assert_eq!(results[1]["error"]["code"], "invalid_recipient");
    assert_eq!(results[2]["error"]["errors"][0]["pointer"], "#/messages/2/clas");
    assert_eq!(results[3]["error"]["errors"][0]["pointer"], "#/messages/3");
}

#[tokio::test]
async fn a_batch_has_a_size() {
    let stand = Stand::start().await;
    let batch = |count| json!({ "messages": vec![json!({ "to": "+4915112345678", "text": "x" }); count] });
    let full = stand.post(SHOP, "/v1/messages/batch", &batch(1000)).await;
    assert_eq!(full.json()["data"].as_array().unwrap().len(), 1000);
    for wrong in
        [batch(1001), batch(0), json!({}), json!({ "messages": {} }), json!({ "messages": [], "x": 1 })]
    {
        let answer = stand.post(SHOP, "/v1/messages/batch", &wrong).await;
        answer.problem("invalid_request");
    }
    stand.post(ADMIN, "/v1/messages/batch", &batch(1)).await.problem("forbidden");
}

#[tokio::test]
async fn a_batch_repeated_under_its_key_is_sent_once() {
    let stand = Stand::start().await;
    let batch = |text: &str| {
        json!({ "messages": [
        { "to": "+4915112345678", "text": text }, { "to": "+4915112345679", "text": text },
    ] })
    };
    let send = async |text: &str| {
        let request = post(SHOP, "/v1/messages/batch").header("idempotency-key", "b-1");
        stand.send(request.body(Body::from(batch(text).to_string())).unwrap()).await
    };
    let first = send("a").await;
    let again = send("a").await;
    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.json(), again.json());
    send("b").await.problem("idempotency_key_reused");
    let all = stand.get(SHOP, "/v1/messages").await.json();
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
}
