//! The same key twice.

use axum::body::Body;
use axum::http::StatusCode;

use super::stand::{BANK, Response, SHOP, Stand, post};

async fn send(stand: &Stand, key: &str, body: &str) -> Response {
    send_as(stand, key, "order-7", body).await
}

async fn send_as(stand: &Stand, key: &str, idempotency_key: &str, body: &str) -> Response {
    let request = post(key, "/v1/messages").header("idempotency-key", idempotency_key);
    stand.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

const BODY: &str = r#"{"to":"+4915112345678","text":"hello"}"#;

#[tokio::test]
async fn the_answer_of_then_is_given_again() {
    let stand = Stand::with_vendor().await;
    let first = send(&stand, SHOP, BODY).await;
    let id = first.json()["id"].as_str().unwrap().to_owned();
    stand.settled(&id, "delivered").await;
    let again = send(&stand, SHOP, BODY).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.text, again.text);
}

#[tokio::test]
async fn space_and_order_do_not_make_another_request() {
    let stand = Stand::start().await;
    let first = send(&stand, SHOP, BODY).await.json();
    let again = send(&stand, SHOP, "{ \"text\": \"hello\",\n \"to\": \"+4915112345678\" }").await.json();
    assert_eq!(first["id"], again["id"]);
}

#[tokio::test]
async fn another_body_is_refused_and_another_app_has_its_own_keys() {
    let stand = Stand::start().await;
    let first = send(&stand, SHOP, BODY).await.json();
    let other = send(&stand, SHOP, r#"{"to":"+4915112345678","text":"hello!"}"#).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    other.problem("idempotency_key_reused");
    let of_bank = send(&stand, BANK, BODY).await;
    assert_eq!(of_bank.status, StatusCode::ACCEPTED);
    assert_ne!(of_bank.json()["id"], first["id"]);
}

#[tokio::test]
async fn two_at_once_are_accepted_once() {
    let stand = Stand::start().await;
    // Where the first is on disk before the second is looked at, there is only one at a time.
    for round in 0..1000 {
        let body = format!(r#"{{"to":"+4915112345678","text":"round {round}"}}"#);
        let key = format!("order-{round}");
        let (one, two) = tokio::join!(send_as(&stand, SHOP, &key, &body), send_as(&stand, SHOP, &key, &body));
        assert_eq!(one.status, StatusCode::ACCEPTED);
        if two.status == StatusCode::ACCEPTED {
            assert_eq!(one.json()["id"], two.json()["id"]);
            continue;
        }
        assert_eq!(two.status, StatusCode::CONFLICT);
        assert_eq!(two.problem("idempotency_key_in_flight")["retryable"], true);
        assert_eq!(two.header("retry-after"), "1");
        return;
    }
    panic!("no two were ever at once");
}
