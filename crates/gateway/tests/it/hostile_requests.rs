//! Requests that nobody well-meaning sends: each gets its problem document, and the process stays well.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{self, ADMIN_KEY, Client};
use crate::deadline::LIMIT;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const MESSAGES: &str = "/v1/messages";
/// Deep enough to exhaust a stack, in a body that is not too large.
const DEPTH: usize = 30_000;
const HUGE: usize = 8 * 1024 * 1024;

#[tokio::test]
async fn each_gets_a_problem_document() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    for (name, request, status, code) in requests(&gateway.client) {
        let answer = client::answer(request).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        println!("{name}: {} {}", answer.status, answer.body);
        assert_eq!((answer.status, answer.body["code"].as_str()), (status, Some(code)), "{name}");
        assert_eq!(answer.kind, "application/problem+json", "{name}");
        check_problem(&answer.body);
    }
    no_http_at_all(gateway.client.base()).await;
    still_well(&mut gateway).await;
}

/// Names, requests, and the status and code that they must get.
fn requests(client: &Client) -> Vec<(&'static str, RequestBuilder, u16, &'static str)> {
    let raw = |body: Vec<u8>| {
        client.request(Method::POST, MESSAGES).header("content-type", "application/json").body(body)
    };
    let message = |body: &Value| client.posting(MESSAGES, body);
    let good = json!({ "to": "+447700900100", "text": "hello" });
    let arrays = || format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let metadata = format!(r#"{{"to":"+447700900100","text":"x","metadata":{}}}"#, arrays());
    vec![
        ("half an object", raw(br#"{"to":"+4477"#.to_vec()), 400, "malformed_json"),
        ("nothing", raw(Vec::new()), 400, "malformed_json"),
        ("no UTF-8", raw(b"{\"to\":\"\xff\xfe\"}".to_vec()), 400, "malformed_json"),
        ("a depth bomb", raw(arrays().into_bytes()), 400, "malformed_json"),
        ("a depth bomb in a field", raw(metadata.into_bytes()), 400, "malformed_json"),
        ("an open depth bomb", raw("[".repeat(DEPTH).into_bytes()), 400, "malformed_json"),
        ("a huge body", raw(vec![b' '; HUGE]), 413, "body_too_large"),
        (
            "an unknown field",
            message(&json!({ "to": "+447700900100", "text": "x", "status": "delivered" })),
            422,
            "invalid_request",
        ),
        ("a wrong type", message(&json!({ "to": 447_700_900_100_u64, "text": "x" })), 422, "invalid_request"),
        ("an impossible number", message(&json!({ "to": "+4477", "text": "x" })), 422, "invalid_recipient"),
        ("an empty text", message(&json!({ "to": "+447700900100", "text": "" })), 422, "empty_text"),
        (
            "an endless text",
            message(&json!({ "to": "+447700900100", "text": "x".repeat(60_000) })),
            422,
            "text_too_long",
        ),
        (
            "another kind",
            client.request(Method::POST, MESSAGES).header("content-type", "text/xml").body(good.to_string()),
            415,
            "unsupported_media_type",
        ),
        ("compressed", message(&good).header("content-encoding", "gzip"), 415, "unsupported_media_type"),
        ("no key", client.bare(Method::POST, MESSAGES).body(good.to_string()), 401, "unauthorized"),
        ("a wrong key", client.bare(Method::GET, MESSAGES).bearer_auth("shop-kez"), 401, "unauthorized"),
        ("an empty key", client.bare(Method::GET, MESSAGES).bearer_auth(""), 401, "unauthorized"),
        (
            "an admin sends",
            client
                .bare(Method::POST, MESSAGES)
                .bearer_auth(ADMIN_KEY)
                .header("content-type", "application/json")
                .body(good.to_string()),
            403,
            "forbidden",
        ),
        ("an unknown path", client.request(Method::GET, "/v2/messages"), 404, "unknown_path"),
        (
            "a climbing path",
            client.request(Method::GET, "/v1/messages/..%2f..%2fetc%2fpasswd"),
            404,
            "not_found",
        ),
        (
            "an unknown message",
            client.request(Method::GET, "/v1/messages/msg_00000000000000000000000000"),
            404,
            "not_found",
        ),
        ("a wrong method", client.request(Method::DELETE, MESSAGES), 405, "method_not_allowed"),
        ("a bad query", client.request(Method::GET, "/v1/messages?limit=-1"), 400, "invalid_query"),
        (
            "an unknown parameter",
            client.request(Method::GET, "/v1/messages?drop=table"),
            400,
            "invalid_query",
        ),
        (
            "a long idempotency key",
            message(&good).header("idempotency-key", "k".repeat(4000)),
            400,
            "invalid_idempotency_key",
        ),
    ]
}

fn check_problem(problem: &Value) {
    for field in ["type", "title", "detail", "code", "request_id"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "`{field}` of {problem}");
    }
    assert!(problem["status"].is_u64() && problem["retryable"].is_boolean(), "{problem}");
    let shown = problem.to_string();
    for secret in ["shop-key", "ops-key", "shop-kez", env!("CARGO_MANIFEST_DIR"), "panicked"] {
        assert!(!shown.contains(secret), "{problem}");
    }
}

/// Lines that are not HTTP, or never end, are closed or answered with an error, and hold up nobody.
async fn no_http_at_all(base: &str) {
    let address = base.trim_start_matches("http://");
    for bytes in [
        b"\x00\x00\x00\x10\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00\x01".as_slice(),
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ] {
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(bytes).await.unwrap();
        let mut answer = [0; 12];
        let read = timeout(LIMIT, line.read(&mut answer)).await.expect("the line is answered or closed");
        let read = read.unwrap_or_default();
        assert!(read == 0 || answer.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&answer));
    }
}

/// Each begins in another way and goes no further.
#[tokio::test]
async fn connections_that_ask_nothing_are_cut_and_keep_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let address = gateway.client.base().trim_start_matches("http://");
    let mut lines = Vec::new();
    for beginning in
        ["", "PRI * HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /v1/messages HTTP/1.1\r\nho"]
    {
        for _ in 0..50 {
            let mut line = TcpStream::connect(address).await.unwrap();
            line.write_all(beginning.as_bytes()).await.unwrap();
            lines.push((beginning, line));
        }
    }
    still_well(&mut gateway).await;
    for (beginning, mut line) in lines {
        let mut rest = Vec::new();
        let end = timeout(LIMIT, line.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "{beginning:?} is not cut");
    }
    still_well(&mut gateway).await;
}

async fn still_well(gateway: &mut Gateway) {
    assert!(gateway.process.ended().is_none());
    for path in ["/healthz", "/readyz"] {
        let answer = client::answer(gateway.client.bare(Method::GET, path)).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
    let id = gateway.client.send("+447700900100", "still here").await;
    gateway.client.settled(&id, &["delivered"]).await;
    assert!(!gateway.process.log().contains("panicked"), "{}", gateway.process.log());
}
