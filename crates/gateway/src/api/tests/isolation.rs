//! Who sees what: an app its own, an admin all, and nobody anything without a key.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::super::openapi::DOCUMENT;
use super::super::served;
use super::access;
use super::stand::{ADMIN, BANK, DISPATCHER, READER, SHOP, Stand, request};

/// What a question about a message is answered with when the message is none, or another app's.
async fn answers(stand: &Stand, key: &str, method: &str, path: &str, id: &str) -> (StatusCode, Value) {
    let path = path.replace("{id}", id);
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let body = match (method.as_str(), path.as_str()) {
        ("POST", "/v1/conversions") => json!({ "message_id": id }),
        _ => json!({}),
    };
    let builder = request(method, key, &path).header("content-type", "application/json");
    let answer = stand.send(builder.body(Body::from(body.to_string())).unwrap()).await;
    let text = answer.text.replace(id, "ID");
    let mut answered: Value = serde_json::from_str(&text).unwrap();
    answered["request_id"].take();
    (answer.status, answered)
}

/// The values with which each filter of the list finds the shop's message.
fn filters(message: &Value) -> Vec<(String, String)> {
    let parameters = DOCUMENT.pointer("/paths/~1v1~1messages/get/parameters").unwrap().as_array().unwrap();
    let names = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned());
    names
        .map(|name| {
            let value = match name.as_str() {
                "to" => "%2B4915112345678".to_owned(),
                "status" | "class" | "reference" => message[&name].as_str().unwrap().to_owned(),
                "route" => "acme-de".to_owned(),
                "operator" => "26201".to_owned(),
                "vendor_message_id" => format!("{}-0", message["id"].as_str().unwrap()),
                "since" => "2020-01-01T00:00:00Z".to_owned(),
                "until" => "2100-01-01T00:00:00Z".to_owned(),
                "limit" => "500".to_owned(),
                "cursor" => "msg_3zzzzzzzzzzzzzzzzzzzzzzzzz".to_owned(),
                other => panic!("say here with which value the new filter `{other}` finds a message"),
            };
            (name, value)
        })
        .collect()
}

#[tokio::test]
async fn no_endpoint_tells_an_app_of_anothers_message() {
    let stand = Stand::with_vendor().await;
    let body = json!({ "to": "+4915112345678", "text": "hello", "reference": "order-7" });
    let id = stand.post(SHOP, "/v1/messages", &body).await.json()["id"].as_str().unwrap().to_owned();
    let message = stand.settled(&id, "delivered").await;
    let mut asked = 0;
    for row in access::rows().iter().filter(|row| row.is_for_own_messages()) {
        if row.path == "/v1/messages" {
            continue;
        }
        let nobodys = "msg_00000000000000000000000000";
        let of_another = answers(&stand, BANK, row.method, row.path, &id).await;
        let of_nobody = answers(&stand, BANK, row.method, row.path, nobodys).await;
        assert_eq!(of_another, of_nobody, "{} {}", row.method, row.path);
        assert_eq!(of_another.0, StatusCode::NOT_FOUND, "{} {}", row.method, row.path);
        // The same question is answered for whose message it is: the comparison does not hold for want of a body.
        let of_own = answers(&stand, SHOP, row.method, row.path, &id).await;
        assert_ne!(of_own.0, StatusCode::NOT_FOUND, "{} {}", row.method, row.path);
        asked += 1;
    }
    assert_eq!(asked, 4);
    assert_eq!(stand.get(SHOP, &format!("/v1/messages/{id}")).await.json()["status"], "delivered");
    let found = |key, query: String| {
        let stand = &stand;
        async move {
            let page = stand.get(key, &format!("/v1/messages?{query}")).await;
            assert_eq!(page.status, StatusCode::OK, "{query}: {}", page.text);
            page.json()["data"].as_array().unwrap().len()
        }
    };
    let filters = filters(&message);
    for (name, value) in &filters {
        assert_eq!(found(BANK, format!("{name}={value}")).await, 0, "{name}");
        assert_eq!(found(SHOP, format!("{name}={value}")).await, 1, "{name}");
        assert_eq!(found(ADMIN, format!("{name}={value}")).await, 1, "{name}");
    }
    assert_eq!(found(BANK, String::new()).await, 0);
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
