//! Steering by the API: who may, what it does to plans, and what is refused.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::stand::{ADMIN, DISPATCHER, READER, Response, SHOP, Stand, request};

fn flip(from: &str, to: &str) -> Value {
    json!({ "from": from, "to": to, "reason": "receipts drop" })
}

async fn make(stand: &Stand, body: &Value) -> Response {
    stand.post(DISPATCHER, "/v1/overrides", body).await
}

async fn revert(stand: &Stand, key: &str, id: &str) -> Response {
    stand
        .send(request(Method::DELETE, key, &format!("/v1/overrides/{id}")).body(Body::empty()).unwrap())
        .await
}

/// What differs from run to run made the same.
fn steady(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("effect");
    }
    for field in ["id", "created_at", "starts_at", "expires_at", "remaining_seconds", "reverted_at"] {
        if value.get(field).is_some_and(|found| !found.is_null()) {
            value[field] = json!("…");
        }
    }
    value
}

async fn explained(stand: &Stand, to: &str) -> Value {
    stand.post(SHOP, "/v1/routing/explain", &json!({ "to": to })).await.fits("Explanation")
}

#[tokio::test]
async fn an_override_of_another_kind_than_was_meant_is_left_as_it_is() {
    let stand = Stand::start().await;
    let made = make(&stand, &flip("acme-de", "borealis-de")).await.fits("Override");
    let id = made["id"].as_str().unwrap();
    let other = revert(&stand, DISPATCHER, &format!("{id}?kind=suspend")).await.problem("override_conflict");
    assert_eq!(other["detail"], format!("{id} is a flip, and no suspend: it is left as it is"));
    revert(&stand, DISPATCHER, &format!("{id}?kind=anything")).await.problem("invalid_query");
    let over = revert(&stand, DISPATCHER, &format!("{id}?kind=flip")).await.fits("Override");
    assert_eq!(over["state"], "reverted");
}

#[tokio::test]
async fn an_override_holds_at_once_and_until_it_is_reverted() {
    let stand = Stand::start().await;
    let before = explained(&stand, "+4915112345678").await;
    let made = make(&stand, &flip("acme-de", "borealis-de")).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.fits("Override");
    assert!(made["remaining_seconds"].as_u64().is_some_and(|left| (1790..=1800).contains(&left)), "{made}");
    insta::assert_json_snapshot!("override", steady(made.clone()));
    let id = made["id"].as_str().unwrap();

    let after = explained(&stand, "+4915112345678").await;
    assert_ne!(after["table"], before["table"]);
    assert_eq!(
        (&after["plan"][0]["route"], &after["plan"][0]["reason"]),
        (&json!("borealis-de"), &json!("flipped"))
    );
    assert_eq!(
        (&after["plan"][1]["route"], &after["plan"][1]["included"]),
        (&json!("acme-de"), &json!(false))
    );
    let sentence = after["plan"][1]["explanation"].as_str().unwrap();
    assert!(sentence.starts_with("left out: flipped to borealis-de until "), "{sentence}");
    assert!(sentence.ends_with(" UTC by night-shift: receipts drop"), "{sentence}");

    let routes = stand.get(SHOP, "/v1/routes").await.fits("RouteList");
    assert_eq!((&routes["data"][0]["flip"]["id"], &routes["data"][1]["flip"]), (&made["id"], &Value::Null));
    let metrics = stand.get("", "/metrics").await.text;
    assert!(metrics.lines().any(|line| line == "strowger_overrides_active 1"), "{metrics}");

    let over = revert(&stand, ADMIN, id).await;
    assert_eq!(over.status, StatusCode::OK);
    let over = over.fits("Override");
    insta::assert_json_snapshot!("override_reverted", steady(over.clone()));
    assert_eq!(revert(&stand, DISPATCHER, id).await.json(), over, "a second time is no mistake");
    assert_eq!(explained(&stand, "+4915112345678").await, before);
    let listed = stand.get(READER, "/v1/overrides").await.fits("OverrideList");
    assert_eq!(listed["data"], json!([over]));
    let active = stand.get(READER, "/v1/overrides?state=active").await.fits("OverrideList");
    assert_eq!(active["data"], json!([]));
}

#[tokio::test]
async fn the_trace_of_a_message_says_that_it_was_flipped() {
    let stand = Stand::start().await;
    make(&stand, &flip("acme-de", "borealis-de")).await.fits("Override");
    let id = stand.accepted(SHOP, "+4915112345678").await;
    let trace = stand.get(SHOP, &format!("/v1/messages/{id}/trace")).await.fits("Trace");
    let sentence = trace["plan"][0]["explanation"].as_str().unwrap();
    assert!(sentence.starts_with("stands in for acme-de, flipped to it until "), "{sentence}");
}

#[tokio::test]
async fn what_the_stand_in_cannot_carry_is_refused_with_both_reasons() {
    let stand = Stand::start().await;
    make(&stand, &flip("acme-de", "cumulus-fr")).await.fits("Override");
    let body = json!({ "to": "+447700900100", "text": "x" });
    let problem = stand.post(SHOP, "/v1/messages", &body).await.problem("no_route");
    assert_eq!(
        problem["detail"],
        "no route can carry this message (acme-de: the route is flipped to another; \
         cumulus-fr: the route does not go to the recipient's country; \
         borealis-de: the route does not go to the recipient's country)"
    );
}

#[tokio::test]
async fn who_may_steer_and_who_may_look() {
    let stand = Stand::start().await;
    let body = flip("acme-de", "borealis-de");
    for key in [SHOP, READER] {
        stand.post(key, "/v1/overrides", &body).await.problem("forbidden");
    }
    let made = make(&stand, &body).await.fits("Override");
    let id = made["id"].as_str().unwrap();
    for key in [SHOP, READER] {
        revert(&stand, key, id).await.problem("forbidden");
    }
    for key in [SHOP, DISPATCHER] {
        stand.get(key, "/v1/overrides").await.problem("forbidden");
    }
    assert_eq!(stand.get(READER, "/v1/overrides").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_made_says_why() {
    let stand = Stand::start().await;
    let with = |field: &str, value: Value| {
        let mut body = flip("acme-de", "borealis-de");
        body[field] = value;
        body
    };
    let told = [
        (json!({}), "invalid_request"),
        (with("reason", json!("  ")), "invalid_request"),
        (with("reason", json!("a\nb")), "invalid_request"),
        (with("reason", json!("x".repeat(201))), "invalid_request"),
        (with("kind", json!("suspend")), "invalid_request"),
        (with("form", json!("acme-de")), "invalid_request"),
        (with("to", json!("acme-de")), "same_route"),
        (with("to", json!("borealis-ed")), "unknown_route"),
        (with("from", json!("acme-ed")), "unknown_route"),
        (with("expires_in", json!("soon")), "invalid_expiry"),
        (with("expires_in", json!(0)), "invalid_expiry"),
        (with("expires_in", json!("31d")), "invalid_expiry"),
        (with("expires_at", json!("2020-01-01T00:00:00Z")), "invalid_expiry"),
    ];
    for (body, code) in told {
        make(&stand, &body).await.problem(code);
    }
    let mut both = with("expires_in", json!("30m"));
    both["expires_at"] = json!("2999-01-01T00:00:00Z");
    make(&stand, &both).await.problem("invalid_expiry");
    let mut unknown = make(&stand, &flip("acme-de", "borealis-ed")).await.problem("unknown_route");
    unknown["request_id"] = json!("req_…");
    insta::assert_json_snapshot!("unknown_route", unknown);

    make(&stand, &with("expires_in", json!(60))).await.fits("Override");
    let conflict = make(&stand, &flip("acme-de", "cumulus-fr")).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    conflict.problem("override_conflict");
    make(&stand, &flip("cumulus-fr", "acme-de")).await.problem("override_conflict");
    for id in ["x", "ovr_00000000000000000000000000"] {
        revert(&stand, ADMIN, id).await.problem("override_not_found");
    }
    for query in ["state=over", "status=active"] {
        stand.get(READER, &format!("/v1/overrides?{query}")).await.problem("invalid_query");
    }
}

fn suspend(what: &Value) -> Value {
    let mut body = json!({ "kind": "suspend", "reason": "receipts drop" });
    body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn each_kind_is_made_shown_and_reverted() {
    let stand = Stand::start().await;
    let kinds = [
        json!({ "kind": "suspend", "route": "acme-de" }),
        json!({ "kind": "suspend", "connection": "borealis-main" }),
        json!({ "kind": "suspend", "vendor": "acme" }),
        json!({ "kind": "maintenance", "vendor": "borealis", "connections": ["borealis-main"],
                "otherwise": "wait", "starts_at": "2999-01-01T00:00:00Z" }),
    ];
    for (at, mut kind) in kinds.into_iter().enumerate() {
        kind["reason"] = json!("works");
        if at == 3 {
            make(&stand, &kind).await.problem("invalid_expiry");
            let soon = stand.now().plus(std::time::Duration::from_secs(3600));
            kind["starts_at"] = json!(soon.to_string());
        }
        let made = make(&stand, &kind).await.fits("Override");
        for (field, value) in kind.as_object().unwrap() {
            assert_eq!(&made[field], value, "{made}");
        }
        let state = if at == 3 { "planned" } else { "active" };
        assert_eq!((&made["state"], &made["has_effect"]), (&json!(state), &json!(at != 3)), "{made}");
        make(&stand, &kind).await.problem("override_conflict");
        let id = made["id"].as_str().unwrap();
        let listed = stand.get(READER, &format!("/v1/overrides?state={state}")).await.fits("OverrideList");
        assert_eq!(listed["data"][0]["id"], made["id"]);
        let over = revert(&stand, ADMIN, id).await.fits("Override");
        assert_eq!(over["state"], "reverted");
    }
}

#[tokio::test]
async fn what_only_suspended_routes_could_carry_is_accepted_and_says_why_it_waits() {
    let stand = Stand::start().await;
    for route in ["acme-de", "borealis-de"] {
        make(&stand, &suspend(&json!({ "route": route }))).await.fits("Override");
    }
    let told = explained(&stand, "+4915112345678").await;
    assert_eq!(told["plan"][0]["reason"], "suspended");
    let sentence = told["plan"][0]["explanation"].as_str().unwrap();
    assert!(sentence.starts_with("left out: suspended until "), "{sentence}");
    assert!(sentence.ends_with(" by night-shift: receipts drop"), "{sentence}");
    let id = stand.accepted(SHOP, "+4915112345678").await;
    let trace = stand.get(SHOP, &format!("/v1/messages/{id}/trace")).await.fits("Trace");
    assert_eq!(trace["message"]["status"], "accepted");
    let routes = stand.get(SHOP, "/v1/routes").await.fits("RouteList");
    assert_eq!(routes["data"][0]["overrides"][0]["kind"], "suspend");
}

#[tokio::test]
async fn a_scope_is_read_and_says_what_is_wrong_with_it() {
    let stand = Stand::start().await;
    let with = |scope: Value| {
        let mut body = flip("acme-de", "borealis-de");
        body["scope"] = scope;
        body
    };
    let wrong = [
        json!([]),
        json!({ "klass": "otp" }),
        json!({ "class": "opt" }),
        json!({ "class": [] }),
        json!({ "country": ["Germany"] }),
        json!({ "operator": ["1"] }),
        json!({ "app": ["nobody"] }),
        json!({ "recipient_prefix": ["+49 151"] }),
    ];
    for scope in wrong {
        let problem = make(&stand, &with(scope)).await.problem("invalid_request");
        assert!(problem["errors"][0]["pointer"].as_str().unwrap().starts_with("#/scope"), "{problem}");
    }
    let scope = json!({ "class": ["otp"], "operator": "26201", "recipient_prefix": ["+4915"] });
    let made = make(&stand, &with(scope)).await.fits("Override");
    assert_eq!(
        made["scope"],
        json!({ "class": ["otp"], "operator": ["262-01"], "recipient_prefix": ["+4915"] })
    );
    let problem =
        make(&stand, &with(json!({ "class": ["otp", "marketing"] }))).await.problem("override_conflict");
    assert!(
        problem["detail"].as_str().unwrap().contains("for class otp on 262-01 to numbers with +4915"),
        "{problem}"
    );
    make(&stand, &with(json!({ "class": ["marketing"] }))).await.fits("Override");
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let stand = Stand::start().await;
    let mut body = flip("acme-de", "cumulus-fr");
    body["dry_run"] = json!(true);
    let answer = make(&stand, &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let told = answer.fits("OverrideDryRun");
    assert_eq!(told["effect"]["routes"], json!(["acme-de"]));
    assert!(told["effect"]["flip"]["connection"]["id"].is_string(), "{told}");
    let listed = stand.get(READER, "/v1/overrides").await.fits("OverrideList");
    assert_eq!(listed["data"], json!([]));
    body["to"] = json!("acme-de");
    make(&stand, &body).await.problem("same_route");
}

#[tokio::test]
async fn fields_of_another_kind_are_refused() {
    let stand = Stand::start().await;
    let wrong = [
        suspend(&json!({})),
        suspend(&json!({ "route": "acme-de", "vendor": "acme" })),
        suspend(&json!({ "route": "acme-de", "weight": 1 })),
        suspend(&json!({ "connection": "nobody" })),
        suspend(&json!({ "vendor": "nobody" })),
        json!({ "kind": "weight", "route": "acme-de", "reason": "x" }),
        json!({ "kind": "weight", "route": "acme-de", "weight": -1, "reason": "x" }),
        json!({ "kind": "weight", "route": "acme-de", "weight": 5, "reason": "x" }),
        json!({ "kind": "maintenance", "vendor": "acme", "scope": { "class": "otp" }, "reason": "x" }),
        json!({ "kind": "maintenance", "vendor": "acme", "otherwise": "drop", "reason": "x" }),
        json!({ "kind": "maintenance", "vendor": "acme", "connections": ["borealis-main"], "reason": "x" }),
        json!({ "kind": "stop", "reason": "x" }),
    ];
    for body in wrong {
        make(&stand, &body).await.problem("invalid_request");
    }
}
