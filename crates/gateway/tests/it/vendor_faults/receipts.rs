//! Receipts that come at the wrong time, too often, for nobody or on another bind.

use domain::Timestamp;
use reqwest::Method;
use simulator::Behaviour;
use simulator::vendor::{IdFormat, ReceiptForm, ReceiptId};

use super::stand::Stand;
use crate::client::Client;
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const TO: &str = "+447700900123";

#[tokio::test]
async fn receipts_that_come_first_or_twice_or_for_nobody() {
    let mut stand = Stand::start().await;
    stand.survives(Behaviour::ReceiptBeforeResponse).await;
    stand.survives(Behaviour::DuplicateReceipts).await;
    stand.survives(Behaviour::StrayReceipts).await;
    // All are answered, those of nobody too: none is refused, none comes again, and they are counted.
    let stats = stand.acme.until(|stats| stats.receipts_acknowledged == stats.receipts_sent).await;
    assert_eq!((stats.receipts_refused, stats.receipts_lost), (0, 0));
    assert!(receipts_held(&stand.gateway.client).await > 0);
    stand.has_its_whole_window().await;
}

async fn receipts_held(client: &Client) -> u64 {
    let answer = client.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let sample = "strowger_receipts_held_total{connection=\"acme-main\"} ";
    let line = answer.lines().find_map(|line| line.strip_prefix(sample));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn receipts_come_on_any_bind_of_their_account() {
    for lines in ["binds = 3", r#"bind = "transmitter_receiver""#] {
        let folder = tempfile::tempdir().unwrap();
        let vendor = lab::vendor().await;
        let setup = Setup::default().vendor("acme", vendor.addr().port(), lines);
        let gateway = Gateway::start(folder.path(), &setup).await;
        let sessions = if lines.starts_with("binds") { 3 } else { 2 };
        vendor.until(|stats| stats.sessions == sessions).await;
        // Receipts take turns over the binds that receive, so most of these come on another one than their submit.
        for number in 0..6 {
            let id = gateway.client.send(TO, &format!("message {number}")).await;
            gateway.client.settled(&id, &["delivered"]).await;
        }
        assert_eq!(vendor.stats().receipts_acknowledged, 6);
    }
}

#[tokio::test]
async fn an_id_in_another_case_or_with_zeros_is_the_same_id() {
    let hex = r#"message_id = { response = "hex", receipt = "hex" }"#;
    for (id_format, receipt_id, lines) in [
        (IdFormat::Hex, ReceiptId::Recased, hex),
        (IdFormat::Hex, ReceiptId::ZeroPadded(32), hex),
        (IdFormat::Uuid, ReceiptId::Recased, ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let vendor = lab::vendor_with(|settings| {
            (settings.id_format, settings.receipt_id) = (id_format, receipt_id);
            settings.receipt_form = ReceiptForm::TextOnly;
            // An id of this time has letters in hexadecimal.
            settings.started_at = Timestamp::from_millis(1_767_225_601_000);
        })
        .await;
        let setup = Setup::default().vendor("acme", vendor.addr().port(), lines);
        let gateway = Gateway::start(folder.path(), &setup).await;
        let id = gateway.client.send(TO, "hello").await;
        gateway.client.settled(&id, &["delivered"]).await;
    }
}

/// Late by more than the response timeout: the message is uncertain until the vendor speaks, and was sent once.
#[tokio::test]
async fn a_late_answer_settles_what_was_held_and_nothing_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::answering_after(std::time::Duration::from_secs(3)).await;
    let borealis = lab::vendor().await;
    let setup = Setup::default()
        .vendor("acme", acme.addr().port(), r#"response_timeout = "1s""#)
        .vendor("borealis", borealis.addr().port(), "")
        .rule(r#"on_unknown = "hold""#);
    let gateway = Gateway::start(folder.path(), &setup).await;
    acme.until(|stats| stats.sessions > 0).await;
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["uncertain"]).await;
    let trace = until("the late answer and its receipt are here", async || {
        let trace = gateway.client.trace(&id).await;
        (trace["message"]["status"] == "delivered").then_some(trace)
    })
    .await;
    assert_eq!(trace["attempts"].as_array().unwrap().len(), 1, "{trace}");
    assert_eq!(trace["message"]["possible_duplicate"], false);
    assert_eq!((acme.stats().submissions, borealis.stats().submissions), (1, 0));
}
