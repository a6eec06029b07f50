//! Whose a number is, as the API tells it; and lists that are imported.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::stand::{ADMIN, KEEPER, NAMED, Response, SHOP, Stand, request};

async fn import(stand: &Stand, text: &str) -> Response {
    let request =
        request(Method::POST, KEEPER, "/v1/operators/imports").header(header::CONTENT_TYPE, "text/csv");
    stand.send(request.body(Body::from(text.to_owned())).unwrap()).await
}

async fn lookup(stand: &Stand, digits: &str) -> Value {
    let answer = stand.get(ADMIN, &format!("/v1/operators/lookup?to=%2B{digits}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn what_a_receipt_names_is_known_of_the_next_message() {
    let stand = Stand::with_vendor().await;
    let digits = format!("4915112{NAMED}");
    let first = stand.accepted(SHOP, &format!("+{digits}")).await;
    let first = stand.settled(&first, "delivered").await;
    assert_eq!((&first["operator"], &first["operator_source"]), (&json!("26201"), &json!("prefix")));
    // It is learnt once it is durable, a moment after others can see that it is.
    while lookup(&stand, &digits).await["receipt"].is_null() {
        tokio::task::yield_now().await;
    }
    let next = stand.accepted(SHOP, &format!("+{digits}")).await;
    let next = stand.settled(&next, "delivered").await;
    assert_eq!((&next["operator"], &next["operator_source"]), (&json!("26207"), &json!("receipt")));
    assert!(next["operator_known_at"].is_string());
    let known = lookup(&stand, &digits).await;
    assert_eq!((&known["receipt"]["operator"], &known["lookup"]), (&json!("26207"), &Value::Null));
    assert_eq!(known["can_ask"], false);
}

#[tokio::test]
async fn an_import_holds_at_once_is_audited_and_names_networks() {
    let stand = Stand::start().await;
    let made = import(&stand, "prefix,operator\n4915112,262-98\n").await;
    assert_eq!((made.status, made.json()["lines"].clone()), (StatusCode::CREATED, json!(1)), "{}", made.text);
    assert_eq!(import(&stand, "operator,name,country\n26298,Ours,DE\n").await.status, StatusCode::CREATED);
    let known = lookup(&stand, "4915112345678").await;
    assert_eq!((&known["operator"], &known["operator_source"]), (&json!("26298"), &json!("import")));
    assert_eq!((&known["name"], &known["operator_known_at"]), (&json!("Ours"), &made.json()["imported_at"]));
    let listed = stand.get(SHOP, "/v1/operators?country=DE").await.json();
    let listed = listed["data"].as_array().unwrap().clone();
    assert!(
        listed.contains(&json!({ "operator": "26298", "name": "Ours", "country": "DE", "source": "import" }))
    );
    assert!(listed.iter().any(|one| one["operator"] == "26201" && one["source"] == "prefix"));
    let audited = stand.get(ADMIN, "/v1/audit?action=operators.import").await.json();
    assert_eq!(audited["data"].as_array().unwrap().len(), 2);
    // A mistake leaves what was there, and no entry.
    let refused = import(&stand, "prefix,operator\n49,26201\n4x,26201\n").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["errors"][0]["pointer"], "#/lines/3");
    assert_eq!(lookup(&stand, "4915112345678").await["operator"], "26298");
    let audited = stand.get(ADMIN, "/v1/audit?action=operators.import").await.json();
    assert_eq!(audited["data"].as_array().unwrap().len(), 2);
}
