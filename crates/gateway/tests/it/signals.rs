//! What SIGTERM and SIGHUP do: the first ends the program without a loss, the second reloads its configuration.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::Client;
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const TO: &str = "+447700900123";

#[tokio::test]
async fn a_terminated_gateway_awaits_what_is_on_the_wire_and_leaves_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::answering_after(Duration::from_millis(500)).await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "window = 1");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    vendor.until(|stats| stats.sessions > 0).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(gateway.client.send(TO, &format!("message {number}")).await);
    }
    vendor.until(|stats| stats.submissions > 0).await;
    gateway.process.signal("TERM");
    assert_eq!(gateway.process.end().await.code(), Some(0), "{}", gateway.process.log());
    let stats = vendor.until(|stats| stats.sessions == 0).await;
    assert_eq!(stats.submissions, stats.accepted, "the line was left before the answer came");
    assert!(stats.submissions < 3, "nothing was left in the queue");

    let gateway = Gateway::start(folder.path(), &setup).await;
    for id in &ids {
        let trace = gateway.client.settled(id, &["delivered"]).await;
        assert_eq!(trace["message"]["possible_duplicate"], false);
    }
    assert_eq!(vendor.stats().submissions, 3, "nothing was sent twice");
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), r#"response_timeout = "1s""#);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let address = gateway.client.base().trim_start_matches("http://").to_owned();
    let mut lines = Vec::new();
    for half in [
        "",
        "POST /v1/messages HTTP/1.1\r\nho",
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let mut line = TcpStream::connect(&address).await.unwrap();
        line.write_all(half.as_bytes()).await.unwrap();
        lines.push(line);
    }
    // Asked after them, so that they are being served when the answer is here.
    gateway.client.send(TO, "hello").await;
    gateway.process.signal("TERM");
    assert_eq!(gateway.process.end().await.code(), Some(0), "{}", gateway.process.log());
}

#[tokio::test]
async fn a_reload_puts_another_plan_in_place_and_a_bad_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let setup = Setup::default().vendor("acme", acme.addr().port(), "").vendor(
        "borealis",
        borealis.addr().port(),
        "",
    );
    let gateway = Gateway::start(folder.path(), &setup).await;
    for vendor in [&acme, &borealis] {
        vendor.until(|stats| stats.sessions > 0).await;
    }
    assert_eq!(first_route(&gateway.client).await, "acme-sms");
    let file = folder.path().join("strowger.toml");
    let swapped = setup.file().replace(r#"["acme-sms", "borealis-sms"]"#, r#"["borealis-sms", "acme-sms"]"#);
    std::fs::write(&file, &swapped).unwrap();
    gateway.process.signal("HUP");
    until("the other plan holds", async || {
        (first_route(&gateway.client).await == "borealis-sms").then_some(())
    })
    .await;
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
    assert_eq!(borealis.stats().accepted, 1);

    std::fs::write(&file, swapped.replace("[policy]", "[polcy]")).unwrap();
    gateway.process.signal("HUP");
    gateway.process.logs("polcy").await;
    assert_eq!(first_route(&gateway.client).await, "borealis-sms");
}

async fn first_route(client: &Client) -> Value {
    let mut explained = client.post("/v1/routing/explain", &json!({ "to": TO, "text": "hello" })).await.body;
    explained["plan"][0]["route"].take()
}
