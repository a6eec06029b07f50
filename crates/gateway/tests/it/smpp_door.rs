//! Applications that bind: other people's clients submit, and get their receipts.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::lab;
use crate::peer::{Bind, Library, Peer};
use crate::setup::{APP_PASSWORD, Setup};

const DELIVERED: u64 = 2;
const BIND_FAILED: u64 = 13;
const ALREADY_BOUND: u64 = 5;
const THROTTLED: u64 = 88;

fn transceiver(port: u16) -> Bind<'static> {
    Bind { port, kind: "transceiver", password: APP_PASSWORD }
}

fn submit(to: &str, text: &str) -> Value {
    json!({
        "source_addr_ton": 5, "source_addr": "Node", "dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": to,
        "short_message": text, "registered_delivery": 1,
    })
}

/// What became of each message, by its number: status and id.
async fn submitted(application: &mut Peer, count: usize) -> BTreeMap<u64, (u64, String)> {
    let mut all = BTreeMap::new();
    while all.len() < count {
        let one = application.hear("submitted").await;
        let id = one["id"].as_str().unwrap_or_default().to_owned();
        all.insert(one["number"].as_u64().unwrap(), (one["status"].as_u64().unwrap(), id));
    }
    all
}

/// Each id gets the receipt of a delivery, once, from its recipient.
async fn hears_of_all(application: &mut Peer, mut to_of: BTreeMap<String, String>, sender: &str) {
    while !to_of.is_empty() {
        let receipt = application.hear("receipt").await;
        let id = receipt["id"].as_str().unwrap();
        let to = to_of.remove(id).unwrap_or_else(|| panic!("told twice, or of nothing: {receipt}"));
        assert_eq!((&receipt["from"], &receipt["to"]), (&json!(to), &json!(sender)), "{receipt}");
        assert_eq!(receipt["state"], DELIVERED);
        let text = receipt["text"].as_str().unwrap();
        assert!(text.starts_with(&format!("id:{id} sub:001 dlvrd:001 ")), "{text}");
        assert!(text.contains(" stat:DELIVRD err:000 "), "{text}");
    }
}

/// Bound by another password, a client without messages.
async fn bound(folder: &Path, bind: &Bind<'_>) -> (u64, Peer) {
    let mut application = Peer::application(Library::NodeSmpp, folder, bind, &json!([]));
    (application.hear("bound").await.as_u64().unwrap(), application)
}

#[tokio::test]
async fn a_bind_takes_the_right_password_and_no_more_binds_than_agreed() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(", max_binds = 1");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;
    let wrong = Bind { password: "wrong", ..transceiver(port) };
    let (status, mut refused) = bound(folder.path(), &wrong).await;
    assert_eq!(status, BIND_FAILED);
    assert_eq!(refused.hear("closed").await, true);
    let (status, first) = bound(folder.path(), &transceiver(port)).await;
    assert_eq!(status, 0);
    assert_eq!(bound(folder.path(), &transceiver(port)).await.0, ALREADY_BOUND);
    drop(first);
    crate::deadline::until("its place is free again", async || {
        (bound(folder.path(), &transceiver(port)).await.0 == 0).then_some(())
    })
    .await;
}

/// The vendor's own code may be any vendor's: the application is told what it means.
#[tokio::test]
async fn a_receipt_says_by_its_err_what_the_vendors_code_means() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor_with(|settings| settings.obeys_demo_numbers = true).await;
    let meaning = "[[vendors.errors]]\nstage = \"receipt\"\ncode = \"*err:1\"\nclass = \"permanent_number\"";
    let setup = Setup::default().vendor("acme", vendor.addr().port(), meaning).door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let bind = transceiver(gateway.smpp_port().await);
    let err_of = BTreeMap::from([("447700900103", "001"), ("447700900104", "010"), ("447700900100", "000")]);
    let messages: Vec<Value> = err_of.keys().map(|to| submit(to, "hello")).collect();
    let mut application = Peer::application(Library::NodeSmpp, folder.path(), &bind, &json!(messages));
    submitted(&mut application, messages.len()).await;
    for _ in &err_of {
        let receipt = application.hear("receipt").await;
        let err = err_of[receipt["from"].as_str().unwrap()];
        assert!(receipt["text"].as_str().unwrap().contains(&format!(" err:{err} ")), "{receipt}");
    }
}

#[tokio::test]
async fn whoever_submits_too_fast_is_told_so_and_the_rest_goes_out() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(r#", throughput = "5/s""#);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let bind = transceiver(gateway.smpp_port().await);
    let messages: Vec<Value> = (0..50).map(|_| submit("447700900201", "hello")).collect();
    let mut application = Peer::application(Library::NodeSmpp, folder.path(), &bind, &json!(messages));
    let answers = submitted(&mut application, messages.len()).await;
    let taken = answers.values().filter(|(status, _)| *status == 0).count();
    assert!(answers.values().all(|(status, _)| [0, THROTTLED].contains(status)), "{answers:?}");
    // Five at once, and a few more when it took its time to ask.
    assert!((5..40).contains(&taken), "{taken}");
    vendor.until(|stats| stats.accepted == taken as u64).await;
}

#[tokio::test]
async fn what_is_refused_is_not_told_of_by_a_receipt_too() {
    const INVALID_DESTINATION: u64 = 11;
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let bind = transceiver(gateway.smpp_port().await);
    let messages = json!([submit("4477", "to nobody"), submit("447700900201", "hello")]);
    let mut application = Peer::application(Library::NodeSmpp, folder.path(), &bind, &messages);
    let answers = submitted(&mut application, 2).await;
    assert_eq!(answers[&0].0, INVALID_DESTINATION, "{answers:?}");
    // Its receipt would have come before this one.
    hears_of_all(
        &mut application,
        BTreeMap::from([(answers[&1].1.clone(), "447700900201".to_owned())]),
        "Node",
    )
    .await;
    let kept = gateway.client.get("/v1/messages?status=rejected").await.body;
    assert_eq!(kept["data"].as_array().unwrap().len(), 1, "{kept}");
}

#[tokio::test]
async fn receipts_wait_for_a_bind_through_the_end_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let transmitter = Bind { kind: "transmitter", ..transceiver(gateway.smpp_port().await) };
    let messages: Vec<Value> = (0..20).map(|_| submit("447700900201", "hello")).collect();
    let mut application = Peer::application(Library::NodeSmpp, folder.path(), &transmitter, &json!(messages));
    let answers = submitted(&mut application, messages.len()).await;
    let mut open: BTreeMap<String, String> = BTreeMap::new();
    for (status, id) in answers.into_values() {
        assert_eq!(status, 0);
        open.insert(id, "447700900201".to_owned());
    }
    vendor.until(|stats| stats.receipts_acknowledged == 20).await;
    gateway.kill();
    drop(application);

    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let receiver = Bind { kind: "receiver", ..transceiver(gateway.smpp_port().await) };
    let (status, mut application) = bound(folder.path(), &receiver).await;
    assert_eq!(status, 0);
    hears_of_all(&mut application, open, "Node").await;
    assert_eq!(vendor.stats().accepted, 20, "nothing was sent twice");
}

#[tokio::test]
async fn a_message_can_be_asked_after_by_the_id_that_the_answer_gave() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let bind = transceiver(gateway.smpp_port().await);
    let messages = json!([submit("447700900201", "hello")]);
    let mut application = Peer::application(Library::NodeSmpp, folder.path(), &bind, &messages);
    let queried = application.hear("queried").await;
    assert_eq!(queried["status"], 0, "{queried}");
    let id = application.hear("submitted").await["id"].take();
    assert_eq!(queried["id"], id);
    // It may have come anywhere by now, from accepted to delivered.
    assert!([1, 2, 6].contains(&queried["state"].as_u64().unwrap()), "{queried}");
}

#[tokio::test]
async fn a_terminated_gateway_answers_what_it_took_and_unbinds() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let (status, mut application) = bound(folder.path(), &transceiver(gateway.smpp_port().await)).await;
    assert_eq!(status, 0);
    gateway.process.signal("TERM");
    assert_eq!(application.hear("closed").await, true);
    assert_eq!(gateway.process.end().await.code(), Some(0), "{}", gateway.process.log());
}

/// One part of a text, by an element with 16 bits of reference.
fn part(number: u8, total: u8, text: &str) -> Value {
    let mut submission = submit("447700900201", "");
    submission["short_message"] = json!({ "udh": [6, 8, 4, 0x12, 0x34, total, number], "message": text });
    submission["esm_class"] = json!(0x40);
    submission
}

/// The ids of the parts, which are in the order of their numbers; all of one message.
fn whole(answers: &BTreeMap<u64, (u64, String)>, numbers: &[u8]) -> String {
    let mut whole = Vec::new();
    for ((status, id), number) in answers.values().zip(numbers) {
        assert_eq!(*status, 0, "{answers:?}");
        whole
            .push(id.strip_suffix(&format!("-{number}")).unwrap_or_else(|| panic!("{answers:?}")).to_owned());
    }
    whole.dedup();
    assert_eq!(whole.len(), 1, "{answers:?}");
    whole.remove(0)
}

#[tokio::test]
async fn parts_wait_for_others_through_the_end_of_the_process_in_any_order_and_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let bind = transceiver(gateway.smpp_port().await);
    let messages = json!([part(3, 3, "three"), part(1, 3, "one, "), part(1, 3, "one, ")]);
    let mut application = Peer::application(Library::NodeSmpp, folder.path(), &bind, &messages);
    let id = whole(&submitted(&mut application, 3).await, &[3, 1, 1]);
    gateway.kill();
    drop(application);

    let mut gateway = Gateway::start(folder.path(), &setup).await;
    assert_eq!(vendor.stats().submissions, 0);
    let bind = transceiver(gateway.smpp_port().await);
    let messages = json!([part(2, 3, "two, ")]);
    let mut application = Peer::application(Library::NodeSmpp, folder.path(), &bind, &messages);
    assert_eq!(whole(&submitted(&mut application, 1).await, &[2]), id);
    let parts = (1..=3).map(|part| (format!("{id}-{part}"), "447700900201".to_owned()));
    hears_of_all(&mut application, parts.collect(), "Node").await;
    assert_eq!(vendor.received()[0].text, "one, two, three");
    // It is one message, and its parts are used up.
    gateway.kill();
    let gateway = Gateway::start(folder.path(), &setup).await;
    let all = gateway.client.get("/v1/messages").await.body;
    assert_eq!(all["data"].as_array().unwrap().len(), 1, "{all}");
}

#[tokio::test]
async fn parts_by_sar_parameters_become_one_text() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let bind = transceiver(gateway.smpp_port().await);
    let by_sar = |number: u8, text: &str| {
        let mut submission = submit("447700900201", text);
        submission["sar_msg_ref_num"] = json!(7);
        submission["sar_total_segments"] = json!(2);
        submission["sar_segment_seqnum"] = json!(number);
        submission
    };
    let messages = json!([by_sar(1, "hello, "), by_sar(2, "world")]);
    let mut application = Peer::application(Library::NodeSmpp, folder.path(), &bind, &messages);
    whole(&submitted(&mut application, 2).await, &[1, 2]);
    vendor.until(|stats| stats.accepted == 1).await;
    assert_eq!(vendor.received()[0].text, "hello, world");
}

#[tokio::test]
async fn a_text_that_is_never_whole_is_given_up_and_told_of() {
    const REJECTED: u64 = 8;
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default()
        .vendor("acme", vendor.addr().port(), "")
        .door("")
        .door_with(r#"parts_within = "1s""#);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let bind = transceiver(gateway.smpp_port().await);
    let messages = json!([part(2, 2, "two")]);
    let mut application = Peer::application(Library::NodeSmpp, folder.path(), &bind, &messages);
    let id = whole(&submitted(&mut application, 1).await, &[2]);
    let receipt = application.hear("receipt").await;
    assert_eq!((&receipt["id"], &receipt["state"]), (&json!(format!("{id}-2")), &json!(REJECTED)));
    assert_eq!(vendor.stats().submissions, 0);
}

#[tokio::test]
async fn a_line_ends_with_its_password_however_often_the_file_was_read_before() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;
    let (status, mut application) = bound(folder.path(), &transceiver(port)).await;
    assert_eq!(status, 0);
    gateway.process.signal("HUP");
    gateway.process.logs("reloaded").await;
    let file = folder.path().join("strowger.toml");
    std::fs::write(&file, setup.file().replace(APP_PASSWORD, "another")).unwrap();
    gateway.process.signal("HUP");
    assert_eq!(application.hear("closed").await, true);
    assert_eq!(bound(folder.path(), &transceiver(port)).await.0, BIND_FAILED);
}
