//! Receipts as vendors send them: too early, twice, late, under another name, or while nobody is there.

use std::collections::BTreeMap;

use serde_json::Value;
use simulator::personality::Spread;
use simulator::vendor::{IdFormat, ReceiptForm, ReceiptId, Settings};
use simulator::{Behaviour, Vendor};

use crate::gateway::Gateway;
use crate::lab;
use crate::peer::Peer;
use crate::setup::Setup;

const TO: &str = "+447700900123";

/// Long enough for three parts.
fn long_text() -> String {
    "Please read this to its end. ".repeat(15)
}

/// Hears all that the application is told of a message until its delivery, and checks that it ends with that.
///
/// Two events that were stored together may come in any order: it is their numbers that order them.
async fn told(webhook: &mut Peer, id: &str) {
    let mut types = BTreeMap::new();
    let whole = |types: &BTreeMap<u64, String>| {
        let (&last, kind) = types.last_key_value()?;
        (kind == "message.delivered" && last == types.len() as u64).then_some(())
    };
    while whole(&types).is_none() {
        let event = webhook.hear("verified").await["event"].take();
        assert_eq!(event["data"]["id"], id);
        let number = event["data"]["sequence"].as_u64().unwrap();
        let before = types.insert(number, event["type"].as_str().unwrap().to_owned());
        assert_eq!(before, None, "told twice: {event}");
    }
    assert_eq!(types[&1], "message.accepted");
    assert_eq!(types.values().filter(|kind| *kind == "message.delivered").count(), 1, "{types:?}");
}

#[tokio::test]
async fn early_and_double_receipts_deliver_once() {
    for behaviour in [Behaviour::ReceiptBeforeResponse, Behaviour::DuplicateReceipts] {
        let folder = tempfile::tempdir().unwrap();
        let vendor = lab::vendor_that(behaviour).await;
        let mut webhook = Peer::webhook(folder.path()).await;
        let setup = Setup::default().vendor("acme", vendor.addr().port(), "").webhook(webhook.port);
        let gateway = Gateway::start(folder.path(), &setup).await;
        let id = gateway.client.send(TO, &long_text()).await;
        gateway.client.settled(&id, &["delivered"]).await;
        told(&mut webhook, &id).await;
        // Each of three parts has its receipts, and the vendor repeats those that are not answered.
        vendor.until(|stats| stats.receipts_acknowledged == stats.receipts_sent).await;
        // Had anything more been told of the first message, it would have come before the second one's delivery.
        vendor.set(Behaviour::Usual);
        let later = gateway.client.send(TO, "later").await;
        told(&mut webhook, &later).await;
    }
}

#[tokio::test]
async fn the_id_is_found_in_whichever_base_the_vendor_writes_it() {
    let quirk = |id_format, receipt_id| {
        move |settings: &mut Settings| {
            settings.id_format = id_format;
            settings.receipt_id = receipt_id;
            settings.receipt_form = ReceiptForm::TextOnly;
        }
    };
    let hex_then_decimal = lab::vendor_with(quirk(IdFormat::Hex, ReceiptId::Decimal)).await;
    let decimal_then_hex = lab::vendor_with(quirk(IdFormat::Decimal, ReceiptId::Hex)).await;
    let padded = lab::vendor_with(quirk(IdFormat::Decimal, ReceiptId::ZeroPadded(22))).await;
    let uuid = lab::vendor_with(quirk(IdFormat::Uuid, ReceiptId::AsAnswered)).await;
    for (vendor, bases) in [
        (hex_then_decimal, r#"message_id = { response = "hex", receipt = "decimal" }"#),
        (decimal_then_hex, r#"message_id = { response = "decimal", receipt = "hex" }"#),
        (padded, r#"message_id = { response = "decimal", receipt = "decimal" }"#),
        (uuid, ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup::default().vendor("acme", vendor.addr().port(), bases);
        let gateway = Gateway::start(folder.path(), &setup).await;
        let id = gateway.client.send(TO, &long_text()).await;
        gateway.client.settled(&id, &["delivered"]).await;
    }
}

#[tokio::test]
async fn a_receipt_that_waited_for_the_gateway_is_taken_after_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let vendor =
        lab::vendor_with(|settings| settings.conduct.receipt_delay = Spread::millis(1500, 1500)).await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["submitted"]).await;
    gateway.process.signal("TERM");
    gateway.process.end().await;
    vendor.until(|stats| stats.receipts_kept == 1).await;
    let gateway = Gateway::start(folder.path(), &setup).await;
    gateway.client.settled(&id, &["delivered"]).await;
    acknowledged_once(&vendor).await;
}

#[tokio::test]
async fn a_delivery_corrects_what_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_with(|settings| settings.conduct.receipt_delay = Spread::millis(3000, 3000)).await;
    let borealis = lab::vendor_that(Behaviour::Undeliverable).await;
    let setup = Setup::default()
        .vendor("acme", acme.addr().port(), "")
        .vendor("borealis", borealis.addr().port(), "")
        .rule(r#"failover = { on = ["no_receipt"], no_receipt_after = "1s" }"#);
    let gateway = Gateway::start(folder.path(), &setup).await;
    for vendor in [&acme, &borealis] {
        vendor.until(|stats| stats.sessions > 0).await;
    }
    let id = gateway.client.send(TO, "hello").await;
    let trace = gateway.client.settled(&id, &["delivered"]).await;
    let attempts = trace["attempts"].as_array().unwrap();
    let states: Vec<&Value> = attempts.iter().map(|attempt| &attempt["status"]).collect();
    assert_eq!(states, ["delivered", "undelivered"], "{}", trace["summary"]);
    assert_eq!(attempts[0]["given_up"], true);
    assert_eq!(attempts[1]["possible_duplicate"], true);
}

async fn acknowledged_once(vendor: &Vendor) {
    let stats = vendor.until(|stats| stats.receipts_kept == 0 && stats.receipts_acknowledged > 0).await;
    assert_eq!(stats.receipts_acknowledged, 1);
}
