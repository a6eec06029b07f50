//! What the gateway says of itself: health, metrics, and its documentation.

use axum::http::StatusCode;
use serde_json::json;

use super::super::code::Code;
use super::stand::{SHOP, Stand};

#[tokio::test]
async fn health_and_readiness_are_told_apart() {
    let stand = Stand::start().await;
    stand.get("", "/healthz").await.fits("Health");
    let ready = stand.get("", "/readyz").await;
    assert_eq!(ready.status, StatusCode::OK);
    let ready = ready.fits("Readiness");
    assert_eq!(ready["checks"][0], json!({ "name": "store", "ok": true, "detail": "writable" }));
    let detail = "policy version 1, that of the configuration file, with 2 apps and 3 routes";
    assert_eq!(ready["checks"][1]["detail"], detail);
}

#[tokio::test]
async fn metrics_are_text_for_prometheus() {
    let stand = Stand::with_vendor().await;
    let id = stand.accepted(SHOP, "+4915112345678").await;
    stand.settled(&id, "delivered").await;
    let metrics = stand.get("", "/metrics").await;
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        r#"strowger_messages_total{channel="sms",class="transactional",status="delivered"} 1"#,
        r#"strowger_attempts_total{route="acme-de",outcome="accepted"} 1"#,
        r#"strowger_connection_up{connection="acme-main"} 1"#,
        "strowger_webhook_pending 0",
        "strowger_decision_duration_seconds_count 1",
    ] {
        assert!(metrics.text.lines().any(|other| other == line), "{line}\n{}", metrics.text);
    }
    assert!(!metrics.text.contains("4915112345678"));
}

#[tokio::test]
async fn the_document_names_where_it_is_served() {
    let stand = Stand::start().await;
    let document = stand.get("", "/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    let document = document.json();
    assert_eq!(document["servers"][0]["url"], "https://gw.example.com");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn pages_stand_on_their_own() {
    let stand = Stand::start().await;
    let mut pages = vec!["/docs/api".to_owned()];
    pages.extend(Code::ALL.iter().map(|code| format!("/docs/errors/{}", code.as_str())));
    for path in pages {
        let page = stand.get("", &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
        for outside in ["<script", "<link", "<img", "@import", "url(", "src="] {
            assert!(!page.text.contains(outside), "{path} has {outside}");
        }
        assert!(page.text.contains("prefers-color-scheme: dark"));
    }
    let reference = stand.get("", "/docs/api").await.text;
    for told in ["/v1/messages/{id}/cancel", "Idempotency-Key", "href=\"#NewMessage\"", "max_price"] {
        assert!(reference.contains(told), "{told}");
    }
}
