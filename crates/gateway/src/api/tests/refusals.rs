//! Every refusal is a problem document.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use super::super::finish::panicked;
use super::stand::{SHOP, Stand, post, request};

async fn refused(stand: &Stand, body: &str, code: &str) -> serde_json::Value {
    stand.send(post(SHOP, "/v1/messages").body(Body::from(body.to_owned())).unwrap()).await.problem(code)
}

#[tokio::test]
async fn bodies_that_make_no_message_say_why() {
    let stand = Stand::start().await;
    let told = [
        ("", "malformed_json"),
        ("{\"to\":\"+4915112345678\",}", "malformed_json"),
        ("[]", "invalid_request"),
        ("{}", "invalid_request"),
        (r#"{"to":"+4915112345678","text":"x","nonsense":1}"#, "invalid_request"),
        (r#"{"to":"+49 1","text":"x"}"#, "invalid_recipient"),
        (r#"{"to":"hello","text":"x"}"#, "invalid_recipient"),
        (r#"{"to":"+4915112345678","text":""}"#, "empty_text"),
        (r#"{"to":"+4915112345678","text":"x","validity":0}"#, "invalid_validity"),
        (r#"{"to":"+4915112345678","text":"x","validity":"30d"}"#, "invalid_validity"),
        (r#"{"to":"+4915112345678","text":"x","send_at":"2999-01-01T00:00:00Z"}"#, "invalid_send_at"),
        (r#"{"to":"+4915112345678","text":"x","channel":"whatsapp"}"#, "channel_not_served"),
        (r#"{"to":"+4915112345678","content":{"html":"<p>"}}"#, "channel_not_served"),
        (r#"{"to":"+15005550006","text":"x"}"#, "no_rule"),
        (r#"{"to":"+34612345678","text":"x"}"#, "no_route"),
        (r#"{"to":"+4915112345678","text":"x","max_price":"0.01 EUR"}"#, "no_route"),
    ];
    for (body, code) in told {
        refused(&stand, body, code).await;
    }
    let long = json!({ "to": "+4915112345678", "text": "x".repeat(4000) }).to_string();
    refused(&stand, &long, "text_too_long").await;
}

#[tokio::test]
async fn a_missing_route_says_what_is_wrong_with_each() {
    let stand = Stand::start().await;
    let body = r#"{"to":"+447700900100","text":"x","max_price":{"amount":"0.01","currency":"EUR"}}"#;
    let problem = refused(&stand, body, "no_route").await;
    assert_eq!(
        problem["detail"],
        "no route can carry this message (acme-de: the route costs more than the limit allows; \
         borealis-de: the route does not go to the recipient's country)"
    );
}

#[tokio::test]
async fn all_fields_at_fault_are_told_at_once() {
    let stand = Stand::start().await;
    let body = r#"{"to":"+49 1","text":"","class":"promo","txet":1}"#;
    let mut problem = refused(&stand, body, "invalid_request").await;
    problem["request_id"] = json!("req_…");
    insta::assert_json_snapshot!("all_fields_at_fault", problem);
}

#[tokio::test]
async fn bodies_of_the_wrong_kind_or_size_are_not_read() {
    let stand = Stand::start().await;
    let bare = |kind: &str| {
        let request = request(Method::POST, SHOP, "/v1/messages").header("content-type", kind);
        request.body(Body::from("{}")).unwrap()
    };
    for kind in ["text/plain", "multipart/form-data", "application/jsonp", ""] {
        let answer = stand.send(bare(kind)).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        answer.problem("unsupported_media_type");
    }
    // What curl says of everything, and other ways of writing the right kind.
    for kind in ["Application/JSON; charset=utf-8", "application/x-www-form-urlencoded"] {
        stand.send(bare(kind)).await.problem("invalid_request");
    }
    let gzip = post(SHOP, "/v1/messages").header("content-encoding", "gzip").body(Body::from("{}")).unwrap();
    stand.send(gzip).await.problem("unsupported_media_type");
    let large = vec![b' '; 1024 * 1024 + 1];
    let announced = post(SHOP, "/v1/messages").header("content-length", large.len());
    stand.send(announced.body(Body::from(large.clone())).unwrap()).await.problem("body_too_large");
    let answer = stand.send(post(SHOP, "/v1/messages").body(Body::from(large)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    answer.problem("body_too_large");
    let latin = post(SHOP, "/v1/messages").body(Body::from(&b"{\"to\":\"\xe4\"}"[..])).unwrap();
    stand.send(latin).await.problem("malformed_json");
}

#[tokio::test]
async fn paths_and_methods_that_are_not_served_say_so() {
    let stand = Stand::start().await;
    for path in ["/", "/v1", "/v1/messages/", "/v2/messages", "/v1/messages/x/y/z", "/docs/errors/nothing"] {
        let answer = stand.get(SHOP, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        answer.problem("unknown_path");
    }
    for id in ["x", "msg_", "%ff", "msg_0000000000000000000000000l"] {
        stand.get(SHOP, &format!("/v1/messages/{id}")).await.problem("not_found");
    }
    let answer = stand.send(request(Method::DELETE, SHOP, "/v1/messages").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), "GET,HEAD,POST");
    answer.problem("method_not_allowed");
    stand.get(SHOP, "/v1/messages?limit=0&sort=up").await.problem("invalid_query");
}

#[tokio::test]
async fn an_answer_carries_the_requests_own_id() {
    let stand = Stand::start().await;
    let ask =
        |id: &str| Request::builder().uri("/nowhere").header("x-request-id", id).body(Body::empty()).unwrap();
    let answer = stand.send(ask("trace-17")).await;
    assert_eq!(answer.header("x-request-id"), "trace-17");
    answer.problem("unknown_path");
    let answer = stand.send(ask("<script>")).await;
    assert!(answer.header("x-request-id").starts_with("req_"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let stand = Stand::start().await;
    async fn broken() -> &'static str {
        panic!("what nobody foresaw")
    }
    let router = axum::Router::new()
        .route("/broken", axum::routing::get(broken))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn_with_state(
            std::sync::Arc::clone(&stand.api),
            super::super::finish::finish,
        ));
    let stand = Stand { router, ..stand };
    let answer = stand.get(SHOP, "/broken").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.problem("internal").to_string().contains("foresaw"));
}
