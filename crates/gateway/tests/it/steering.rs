//! A flip moves what waits and what comes, survives the process and its reloads, and ends when it is told to or by
//! itself.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Behaviour, Vendor};
use smpp_wire::status::CommandStatus;

use crate::client::{self, ADMIN_KEY, Answer, Client};
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const TO: &str = "+447700900123";
const WAITING: u64 = 200;
/// More than are kept in memory of one lane at a time.
const BACKLOG: u64 = 3000;

async fn ask(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    let request = client.bare(method, path).bearer_auth(ADMIN_KEY).header("content-type", "application/json");
    client::answer(request.body(body.to_string())).await.unwrap()
}

async fn flip(client: &Client, expires_in: &str) -> String {
    let body =
        json!({ "from": "acme-sms", "to": "borealis-sms", "reason": "no binds", "expires_in": expires_in });
    let answer = ask(client, Method::POST, "/v1/overrides", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn overrides(client: &Client) -> Value {
    let mut answer = ask(client, Method::GET, "/v1/overrides", &Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["data"].take()
}

/// The route by which the next message is delivered.
async fn next_route(client: &Client) -> String {
    let id = client.send(TO, "next").await;
    let trace = client.settled(&id, &["delivered"]).await;
    trace["attempts"][0]["route"].as_str().unwrap().to_owned()
}

/// Nobody leaves the first route because it is down or busy.
fn setup(acme: &Vendor, borealis: &Vendor) -> Setup {
    Setup::default()
        .vendor("acme", acme.addr().port(), "")
        .vendor("borealis", borealis.addr().port(), "")
        .rule(r#"failover = { on = ["rejected"] }"#)
}

#[tokio::test]
async fn what_waits_for_a_dead_route_goes_by_the_other_and_comes_back_after_the_revert() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::RefuseBinds(CommandStatus::RBINDFAIL)).await;
    let borealis = lab::vendor().await;
    let setup = setup(&acme, &borealis);
    let gateway = Gateway::start(folder.path(), &setup).await;
    let mut waiting = Vec::new();
    for number in 0..WAITING {
        waiting.push(gateway.client.send(TO, &format!("message {number}")).await);
    }
    assert_eq!(borealis.stats().submissions, 0);
    let id = flip(&gateway.client, "10m").await;
    let started = tokio::time::Instant::now();
    borealis.until(|stats| stats.accepted == WAITING).await;
    println!("{WAITING} waiting messages went by the other route in {:?}", started.elapsed());
    for id in &waiting {
        let trace = gateway.client.settled(id, &["delivered"]).await;
        assert_eq!(trace["message"]["possible_duplicate"], false);
        let why = trace["steered"][0]["explanation"].as_str().unwrap();
        assert!(why.starts_with("acme-sms was flipped to borealis-sms from "), "{why}");
        assert!(why.ends_with(" by ops: no binds"), "{why}");
    }
    gateway.process.logs("an override begins").await;

    gateway.kill();
    acme.set(Behaviour::Usual);
    let gateway = Gateway::start(folder.path(), &setup).await;
    acme.until(|stats| stats.sessions > 0).await;
    assert_eq!(overrides(&gateway.client).await[0]["state"], "active");
    assert_eq!(next_route(&gateway.client).await, "borealis-sms");

    let over = ask(&gateway.client, Method::DELETE, &format!("/v1/overrides/{id}"), &Value::Null).await;
    assert_eq!((over.status, &over.body["state"]), (200, &json!("reverted")));
    let id = gateway.client.send(TO, "back").await;
    let trace = gateway.client.settled(&id, &["delivered"]).await;
    assert_eq!((&trace["attempts"][0]["route"], &trace["steered"]), (&json!("acme-sms"), &json!([])));
    gateway.process.logs("an override is reverted").await;

    gateway.kill();
    let gateway = Gateway::start(folder.path(), &setup).await;
    assert_eq!(overrides(&gateway.client).await[0]["state"], "reverted");
    assert_eq!(next_route(&gateway.client).await, "acme-sms");
}

#[tokio::test]
async fn it_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let gateway = Gateway::start(folder.path(), &setup(&acme, &borealis)).await;
    flip(&gateway.client, "1s").await;
    until("it has expired", async || {
        (overrides(&gateway.client).await[0]["state"] == "expired").then_some(())
    })
    .await;
    gateway.process.logs("an override has expired").await;
    assert_eq!(next_route(&gateway.client).await, "acme-sms");
}

#[tokio::test]
async fn a_reload_keeps_it_also_when_a_route_of_it_is_gone_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let setup = setup(&acme, &borealis);
    let gateway = Gateway::start(folder.path(), &setup).await;
    for vendor in [&acme, &borealis] {
        vendor.until(|stats| stats.sessions > 0).await;
    }
    flip(&gateway.client, "10m").await;
    let file = folder.path().join("strowger.toml");
    let has_effect = async |wanted: bool| {
        until(&format!("it has effect: {wanted}"), async || {
            (overrides(&gateway.client).await[0]["has_effect"] == wanted).then_some(())
        })
        .await;
    };
    std::fs::write(&file, setup.file().replace("borealis-sms", "renamed-sms")).unwrap();
    gateway.process.signal("HUP");
    has_effect(false).await;
    gateway.process.logs("an override is kept and has no effect").await;
    assert_eq!(next_route(&gateway.client).await, "acme-sms");
    std::fs::write(&file, setup.file()).unwrap();
    gateway.process.signal("HUP");
    has_effect(true).await;
    assert_eq!(next_route(&gateway.client).await, "borealis-sms");
}

async fn make(client: &Client, body: &Value) -> String {
    let answer = ask(client, Method::POST, "/v1/overrides", body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn revert(client: &Client, id: &str) {
    let over = ask(client, Method::DELETE, &format!("/v1/overrides/{id}"), &Value::Null).await;
    assert_eq!((over.status, &over.body["state"]), (200, &json!("reverted")));
}

/// Over several requests at once, so that thousands do not take minutes.
async fn send_many(client: &Client, count: u64) {
    let mut left = count;
    while left > 0 {
        let batch = left.min(100);
        let messages: Vec<Value> =
            (0..batch).map(|number| json!({ "to": TO, "text": format!("message {number}") })).collect();
        let request = client.request(Method::POST, "/v1/messages/batch");
        let answer = client::answer(request.body(json!({ "messages": messages }).to_string())).await.unwrap();
        assert_eq!(answer.status, 202, "{}", answer.body);
        left -= batch;
    }
}

#[tokio::test]
async fn a_suspension_moves_a_backlog_of_thousands_and_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::RefuseBinds(CommandStatus::RBINDFAIL)).await;
    let borealis = lab::vendor().await;
    let setup = setup(&acme, &borealis);
    let gateway = Gateway::start(folder.path(), &setup).await;
    borealis.until(|stats| stats.sessions > 0).await;
    let waiting = gateway.client.send(TO, "waits").await;
    send_many(&gateway.client, BACKLOG).await;
    assert_eq!(borealis.stats().submissions, 0);
    let body = json!({ "kind": "suspend", "vendor": "acme", "reason": "no binds", "expires_in": "10m" });
    let id = make(&gateway.client, &body).await;
    let started = tokio::time::Instant::now();
    borealis.until(|stats| stats.accepted == BACKLOG + 1).await;
    println!("{BACKLOG} waiting messages went by the other route in {:?}", started.elapsed());
    let trace = gateway.client.settled(&waiting, &["delivered"]).await;
    let why = trace["steered"][0]["explanation"].as_str().unwrap();
    assert!(why.starts_with("the vendor acme was suspended from "), "{why}");

    gateway.kill();
    acme.set(Behaviour::Usual);
    let gateway = Gateway::start(folder.path(), &setup).await;
    acme.until(|stats| stats.sessions > 0).await;
    assert_eq!(next_route(&gateway.client).await, "borealis-sms");
    revert(&gateway.client, &id).await;
    assert_eq!(next_route(&gateway.client).await, "acme-sms");
}

#[tokio::test]
async fn what_has_no_other_route_waits_through_a_kill_and_goes_when_it_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let setup = setup(&acme, &borealis);
    let gateway = Gateway::start(folder.path(), &setup).await;
    let mut ids = Vec::new();
    for vendor in ["acme", "borealis"] {
        let body = json!({ "kind": "suspend", "vendor": vendor, "reason": "both", "expires_in": "10m" });
        ids.push(make(&gateway.client, &body).await);
    }
    send_many(&gateway.client, BACKLOG).await;
    gateway.kill();
    let gateway = Gateway::start(folder.path(), &setup).await;
    for vendor in [&acme, &borealis] {
        vendor.until(|stats| stats.sessions > 0).await;
    }
    assert_eq!((acme.stats().submissions, borealis.stats().submissions), (0, 0));
    revert(&gateway.client, &ids[1]).await;
    let started = tokio::time::Instant::now();
    borealis.until(|stats| stats.accepted == BACKLOG).await;
    println!("{BACKLOG} held messages left in {:?} after the resume", started.elapsed());
    assert_eq!(acme.stats().submissions, 0);
}
