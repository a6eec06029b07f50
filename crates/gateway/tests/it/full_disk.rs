//! The disk is full: new messages are refused, nothing that was accepted is lost, and it passes by itself.

use std::time::Duration;

use faulty_disk::Disk;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const TO: &str = "+447700900123";
const WAITING: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_loses_nothing_and_recovers_by_itself() {
    let disk = Disk::mount(1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Answers come while the disk is full.
    let vendor = lab::answering_after(Duration::from_millis(500)).await;
    let setup = Setup::default()
        .vendor("acme", vendor.addr().port(), "window = 50")
        .store(&format!("path = \"{}/data\"", disk.path().display()));
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let client = gateway.client.clone();
    vendor.until(|stats| stats.sessions > 0).await;
    let mut accepted = Vec::new();
    for number in 0..WAITING {
        accepted.push(client.send(TO, &format!("message {number}")).await);
    }
    vendor.until(|stats| stats.submissions == WAITING as u64).await;
    disk.set_capacity(Some(disk.used()));

    let refused = until("a message is refused", async || {
        let body = json!({ "to": TO, "text": "more" });
        let answer = client.posting("/v1/messages", &body).send().await.unwrap();
        if answer.status() == 202 {
            let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            accepted.push(body["id"].as_str().unwrap().to_owned());
            return None;
        }
        Some(answer)
    })
    .await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"), "{:?}", refused.headers());
    let problem: Value = serde_json::from_slice(&refused.bytes().await.unwrap()).unwrap();
    assert_eq!(problem["code"], "store_unavailable", "{problem}");
    let (status, ready) = readiness(&client).await;
    assert_eq!(status, 503);
    assert!(ready["checks"][0]["detail"].as_str().unwrap().contains("full"), "{ready}");
    let metrics = metrics(&client).await;
    assert!(metrics.contains("\nstrowger_store_writable 0\n"), "{metrics}");
    // It stays so without anybody asking, and what is stored can be read.
    vendor.until(|stats| stats.accepted >= WAITING as u64).await;
    assert_eq!(readiness(&client).await.0, 503);
    client.message(&accepted[0]).await;

    disk.set_capacity(None);
    until("it is ready again", async || (readiness(&client).await.0 == 200).then_some(())).await;
    accepted.push(client.send(TO, "after").await);
    for id in &accepted {
        client.settled(id, &["delivered"]).await;
    }
    assert_eq!(vendor.received().len(), accepted.len(), "nothing was sent twice");
    assert!(gateway.process.ended().is_none());
    let metrics = self::metrics(&client).await;
    assert!(metrics.contains("\nstrowger_store_writable 1\n"), "{metrics}");
    assert!(metrics.contains("\nstrowger_store_put_aside_total 0\n"), "{metrics}");
    assert!(!metrics.contains("\nstrowger_store_commits_failed_total 0\n"), "{metrics}");
}

async fn readiness(client: &Client) -> (u16, Value) {
    let answer = client.bare(Method::GET, "/readyz").send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

async fn metrics(client: &Client) -> String {
    client.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap()
}
