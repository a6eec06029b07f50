//! A message whose vendor fails goes where its rule says, and the trace tells it in plain words.

use std::path::Path;

use serde_json::{Value, json};
use simulator::Behaviour;
use smpp_wire::status::CommandStatus;

use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const TO: &str = "+447700900123";

/// Sends one message and returns its trace once it is delivered.
async fn delivered(folder: &Path, setup: &Setup) -> Value {
    let gateway = Gateway::start(folder, setup).await;
    let id = gateway.client.send(TO, "Your code is 123456").await;
    gateway.client.settled(&id, &["delivered"]).await
}

/// The attempts' routes and outcomes, in order.
fn attempts(trace: &Value) -> Vec<(&str, &str)> {
    let attempts = trace["attempts"].as_array().unwrap().iter();
    attempts
        .map(|attempt| (attempt["route"].as_str().unwrap(), attempt["outcome"].as_str().unwrap_or("none")))
        .collect()
}

fn plan(trace: &Value) -> Vec<&str> {
    trace["plan"].as_array().unwrap().iter().map(|route| route["route"].as_str().unwrap()).collect()
}

fn summary(trace: &Value) -> &str {
    trace["summary"].as_str().unwrap()
}

fn assert_in_order(text: &str, clauses: &[&str]) {
    let mut rest = text;
    for clause in clauses {
        let Some((_, after)) = rest.split_once(clause) else { panic!("`{clause}` is not next in: {text}") };
        rest = after;
    }
}

#[tokio::test]
async fn a_refusal_goes_to_the_next_route_and_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::Refuse(CommandStatus::RSUBMITFAIL)).await;
    let borealis = lab::vendor_that(Behaviour::Refuse(CommandStatus::RINVSRCADR)).await;
    let cumulus = lab::vendor().await;
    let setup = Setup::default()
        .vendor("acme", acme.addr().port(), "")
        .vendor("borealis", borealis.addr().port(), "")
        .vendor("cumulus", cumulus.addr().port(), "");
    let trace = delivered(folder.path(), &setup).await;
    assert_eq!(plan(&trace), ["acme-sms", "borealis-sms", "cumulus-sms"]);
    assert_eq!(
        attempts(&trace),
        [("acme-sms", "rejected"), ("borealis-sms", "rejected"), ("cumulus-sms", "accepted")]
    );
    assert_in_order(
        summary(&trace),
        &[
            "Sent through acme-sms, refused with",
            "Sent again through borealis-sms, refused with",
            "Sent again through cumulus-sms, accepted in",
            "delivered",
        ],
    );
    assert_eq!(trace["message"]["possible_duplicate"], false);
    let taken = [&acme, &borealis, &cumulus].map(|vendor| vendor.stats().submissions);
    assert_eq!(taken, [1, 1, 1]);
}

#[tokio::test]
async fn a_message_that_all_refuse_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::Refuse(CommandStatus::RSYSERR)).await;
    let borealis = lab::vendor_that(Behaviour::Refuse(CommandStatus::RSYSERR)).await;
    let setup = Setup::default().vendor("acme", acme.addr().port(), "").vendor(
        "borealis",
        borealis.addr().port(),
        "",
    );
    let gateway = Gateway::start(folder.path(), &setup).await;
    let id = gateway.client.send(TO, "hello").await;
    let trace = gateway.client.settled(&id, &["failed"]).await;
    assert_eq!(attempts(&trace), [("acme-sms", "rejected"), ("borealis-sms", "rejected")]);
    assert_in_order(summary(&trace), &["No vendor took it, and no route is left to try."]);
}

#[tokio::test]
async fn a_vendor_that_throttles_for_ever_is_left_after_the_wait() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::THROTTLE).await;
    let borealis = lab::vendor().await;
    let setup = Setup::default()
        .vendor("acme", acme.addr().port(), "")
        .vendor("borealis", borealis.addr().port(), "")
        .rule(r#"failover = { on = ["busy"], wait_at_most = "500ms", max_attempts = 1 }"#);
    let gateway = Gateway::start(folder.path(), &setup).await;
    // Its first message is planned for a bound vendor, so that the throttling is met and not foreseen.
    acme.until(|stats| stats.sessions > 0).await;
    let id = gateway.client.send(TO, "hello").await;
    let trace = gateway.client.settled(&id, &["delivered"]).await;
    let taken =
        attempts(&trace).into_iter().filter(|(_, outcome)| *outcome == "accepted").collect::<Vec<_>>();
    assert_eq!(taken, [("borealis-sms", "accepted")]);
    assert_eq!(plan(&trace), ["acme-sms", "borealis-sms"]);
    let events = trace["events"].to_string();
    assert_in_order(
        &events,
        &["on acme-sms: the vendor asks to slow down", "on borealis-sms: the vendor accepted"],
    );
    assert_in_order(
        summary(&trace),
        &[
            "acme-sms asked",
            "to slow down, so it went elsewhere. Sent through borealis-sms, accepted in",
            "delivered",
        ],
    );
    assert!(acme.stats().throttled >= 1);
    assert_eq!(acme.stats().accepted, 0);
}

#[tokio::test]
async fn a_closed_port_and_a_vendor_that_refuses_binds_are_passed() {
    let folder = tempfile::tempdir().unwrap();
    let borealis = lab::vendor_that(Behaviour::RefuseBinds(CommandStatus::RBINDFAIL)).await;
    let cumulus = lab::vendor().await;
    let setup = Setup::default()
        .vendor("acme", lab::closed_port(), "")
        .vendor("borealis", borealis.addr().port(), "")
        .vendor("cumulus", cumulus.addr().port(), "");
    let gateway = Gateway::start(folder.path(), &setup).await;
    let client = &gateway.client;
    // Nobody knows yet that they are down: the message finds out.
    let first = client.send(TO, "first").await;
    let trace = client.settled(&first, &["delivered"]).await;
    assert_eq!(attempts(&trace), [("cumulus-sms", "accepted")]);
    assert_eq!(plan(&trace), ["acme-sms", "borealis-sms", "cumulus-sms"]);
    assert_in_order(
        summary(&trace),
        &["acme-sms could not take it then. Sent through cumulus-sms, accepted in", "delivered"],
    );
    let down = until("it is known that both are down", async || {
        let explained = client.post("/v1/routing/explain", &json!({ "to": TO, "text": "second" })).await.body;
        (plan(&explained)[0] == "cumulus-sms").then_some(explained)
    })
    .await;
    assert_eq!(plan(&down), ["cumulus-sms", "acme-sms", "borealis-sms"]);
    let second = client.send(TO, "second").await;
    let trace = client.settled(&second, &["delivered"]).await;
    assert_eq!(attempts(&trace), [("cumulus-sms", "accepted")]);
    let reasons: Vec<&str> = trace["plan"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| route["explanation"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        [
            "the rule lists it in place 3",
            "its connection is down, so the others go first",
            "its connection is down, so the others go first",
        ]
    );
    assert_eq!(borealis.stats().submissions, 0);
}

#[tokio::test]
async fn a_vendor_that_never_answers_is_unknown_and_the_next_one_is_a_possible_duplicate() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::Mute).await;
    let borealis = lab::vendor().await;
    let setup = Setup::default()
        .vendor("acme", acme.addr().port(), r#"response_timeout = "1s""#)
        .vendor("borealis", borealis.addr().port(), "")
        .rule(r#"on_unknown = "next_route""#);
    let gateway = Gateway::start(folder.path(), &setup).await;
    acme.until(|stats| stats.sessions > 0).await;
    let id = gateway.client.send(TO, "hello").await;
    let trace = gateway.client.settled(&id, &["delivered"]).await;
    assert_eq!(attempts(&trace), [("acme-sms", "unknown"), ("borealis-sms", "accepted")]);
    assert_in_order(
        summary(&trace),
        &[
            "acme-sms did not answer within ",
            "so the text may have arrived there.",
            "Sent again through borealis-sms (possible duplicate), accepted in",
            "delivered",
        ],
    );
    assert_eq!(trace["message"]["possible_duplicate"], true);
    assert_eq!(trace["attempts"][1]["possible_duplicate"], true);
}

#[tokio::test]
async fn hold_sends_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::Mute).await;
    let borealis = lab::vendor().await;
    let setup = Setup::default()
        .vendor("acme", acme.addr().port(), r#"response_timeout = "1s""#)
        .vendor("borealis", borealis.addr().port(), "")
        .rule(r#"on_unknown = "hold""#);
    let gateway = Gateway::start(folder.path(), &setup).await;
    acme.until(|stats| stats.sessions > 0).await;
    let id = gateway.client.send(TO, "first").await;
    let trace = gateway.client.settled(&id, &["uncertain"]).await;
    assert_eq!(attempts(&trace), [("acme-sms", "unknown")]);
    assert_in_order(
        summary(&trace),
        &[
            "acme-sms did not answer within",
            "It is not sent again: a late answer or a receipt may still settle it.",
        ],
    );
    // A message accepted later goes all its way: what was to be sent again would have been sent by then.
    acme.set(Behaviour::Usual);
    let later = gateway.client.send(TO, "second").await;
    gateway.client.settled(&later, &["delivered"]).await;
    assert_eq!(acme.stats().submissions + borealis.stats().submissions, 2);
    assert_eq!(gateway.client.message(&id).await["status"], "uncertain");
}

#[tokio::test]
async fn a_line_that_breaks_before_the_answer_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::CutBeforeResponse).await;
    let borealis = lab::vendor().await;
    let setup = Setup::default().vendor("acme", acme.addr().port(), "").vendor(
        "borealis",
        borealis.addr().port(),
        "",
    );
    let gateway = Gateway::start(folder.path(), &setup).await;
    acme.until(|stats| stats.sessions > 0).await;
    let id = gateway.client.send(TO, "hello").await;
    let trace = gateway.client.settled(&id, &["delivered"]).await;
    assert_eq!(attempts(&trace), [("acme-sms", "unknown"), ("borealis-sms", "accepted")]);
    assert_in_order(summary(&trace), &["acme-sms", "may have arrived", "borealis-sms (possible duplicate)"]);
}

#[tokio::test]
async fn a_missing_receipt_and_a_bad_one_go_on_where_the_rule_says() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::SilentDrop).await;
    let borealis = lab::vendor_that(Behaviour::Undeliverable).await;
    let cumulus = lab::vendor().await;
    let setup = Setup::default()
        .vendor("acme", acme.addr().port(), "")
        .vendor("borealis", borealis.addr().port(), "")
        .vendor("cumulus", cumulus.addr().port(), "")
        .rule(r#"failover = { on = ["undelivered", "no_receipt"], no_receipt_after = "1s" }"#);
    let gateway = Gateway::start(folder.path(), &setup).await;
    for vendor in [&acme, &borealis, &cumulus] {
        vendor.until(|stats| stats.sessions > 0).await;
    }
    let id = gateway.client.send(TO, "hello").await;
    let trace = gateway.client.settled(&id, &["delivered"]).await;
    assert_eq!(
        attempts(&trace),
        [("acme-sms", "accepted"), ("borealis-sms", "accepted"), ("cumulus-sms", "accepted")]
    );
    assert_in_order(
        summary(&trace),
        &[
            "Sent through acme-sms",
            "no receipt came within",
            "borealis-sms",
            "undelivered",
            "cumulus-sms",
            "delivered",
        ],
    );
}

#[tokio::test]
async fn a_message_that_nobody_can_take_waits_for_its_vendor() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::RefuseBinds(CommandStatus::RBINDFAIL)).await;
    let setup = Setup::default().vendor("acme", acme.addr().port(), "");
    let gateway = Gateway::start(folder.path(), &setup).await;
    acme.until(|stats| stats.binds_refused > 0).await;
    let id = gateway.client.send(TO, "hello").await;
    assert_eq!(gateway.client.message(&id).await["status"], "accepted");
    assert_in_order(summary(&gateway.client.trace(&id).await), &["Waits for a free slot of acme-main"]);
    acme.set(Behaviour::Usual);
    gateway.client.settled(&id, &["delivered"]).await;
}

#[tokio::test]
async fn a_message_that_nobody_takes_in_its_time_is_expired() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::default().vendor("acme", lab::closed_port(), "");
    let gateway = Gateway::start(folder.path(), &setup).await;
    let body = json!({ "to": TO, "text": "hello", "validity": 1 });
    let accepted = gateway.client.post("/v1/messages", &body).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let id = accepted.body["id"].as_str().unwrap();
    let trace = gateway.client.settled(id, &["expired"]).await;
    assert_in_order(summary(&trace), &["Its validity ended at", "before a vendor took it."]);
}
