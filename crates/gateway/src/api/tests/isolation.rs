//! Who sees what: an app its own, an admin all, and nobody anything without a key.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use super::super::served;
use super::stand::{ADMIN, BANK, DISPATCHER, READER, SHOP, Stand, request};

#[tokio::test]
async fn the_messages_of_another_app_are_not_there() {
    let stand = Stand::start().await;
    let id = stand.accepted(SHOP, "+4915112345678").await;
    for path in [format!("/v1/messages/{id}"), format!("/v1/messages/{id}/trace")] {
        assert_eq!(stand.get(SHOP, &path).await.status, StatusCode::OK);
        assert_eq!(stand.get(BANK, &path).await.status, StatusCode::NOT_FOUND);
        stand.get(BANK, &path).await.problem("not_found");
        assert_eq!(stand.get(ADMIN, &path).await.status, StatusCode::OK);
        assert_eq!(stand.get(READER, &path).await.status, StatusCode::OK);
        stand.get(DISPATCHER, &path).await.problem("forbidden");
    }
    stand.post(BANK, &format!("/v1/messages/{id}/cancel"), &json!({})).await.problem("not_found");
    stand.post(BANK, "/v1/conversions", &json!({ "message_id": id })).await.problem("not_found");
    let listed = |key| {
        let stand = &stand;
        async move {
            let page = stand.get(key, "/v1/messages?to=%2B4915112345678").await.json();
            page["data"].as_array().unwrap().len()
        }
    };
    assert_eq!((listed(SHOP).await, listed(BANK).await, listed(ADMIN).await), (1, 0, 1));
    assert_eq!(stand.get(SHOP, &format!("/v1/messages/{id}")).await.json()["status"], "accepted");
}

#[tokio::test]
async fn an_answer_about_anothers_message_is_that_about_none() {
    let stand = Stand::start().await;
    let id = stand.accepted(SHOP, "+4915112345678").await;
    let mut problems = Vec::new();
    for id in [id.as_str(), "msg_00000000000000000000000000"] {
        let mut problem = stand.get(BANK, &format!("/v1/messages/{id}")).await.problem("not_found");
        problem["request_id"].take();
        problems.push(problem);
    }
    assert_eq!(problems[0], problems[1]);
}

#[tokio::test]
async fn an_admin_reads_and_does_not_send() {
    let stand = Stand::start().await;
    let body = json!({ "to": "+4915112345678", "text": "hello" });
    for key in [ADMIN, READER, DISPATCHER] {
        let answer = stand.post(key, "/v1/messages", &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        answer.problem("forbidden");
    }
}

#[tokio::test]
async fn everything_but_health_and_documents_takes_a_key() {
    let stand = Stand::start().await;
    let open = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/api", "/docs/errors/{code}"];
    for route in served() {
        for method in route.methods {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path =
                route.path.replace("{id}", "msg_00000000000000000000000000").replace("{code}", "no_rule");
            let bare = Request::builder().method(&method).uri(&path).body(Body::empty()).unwrap();
            let answer = stand.send(bare).await;
            if open.contains(&route.path) {
                assert_eq!(answer.status, StatusCode::OK, "{path}");
                continue;
            }
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            answer.problem("unauthorized");
            for key in ["", "key-of-sho", "KEY-OF-SHOP", "key-of-shop-"] {
                let wrong = request(method.clone(), key, &path).body(Body::empty()).unwrap();
                assert_eq!(stand.send(wrong).await.status, StatusCode::UNAUTHORIZED, "{key}");
            }
        }
    }
}
