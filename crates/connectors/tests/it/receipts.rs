//! Receipts are answered when they are stored, and their ids are those of the submits.

use connectors::ReceiptReport;
use domain::ErrorClass;
use domain::attempt::Verdict;
use domain::record::ReceiptNews;
use smpp_wire::pdu::{DataSm, EsmClass, Pdu, ShortMessage};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{MessageState, Tag, TlvBuffer, Tlvs};
use tokio::time::timeout;

use crate::lab::{Lab, accepted, seconds};
use crate::vendor::Vendor;

const DELIVERED: &str = "id:0123456789 sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:DELIVRD err:000 text:hello";

fn receipt(vendor: &Vendor, token: u32, text: &str) {
    receipt_with(vendor, token, text, Tlvs::default());
}

fn receipt_with(vendor: &Vendor, token: u32, text: &str, tlvs: Tlvs<'_>) {
    let esm_class = EsmClass::RECEIPT;
    let short_message = text.as_bytes();
    vendor.deliver(
        token,
        &Pdu::DeliverSm(ShortMessage { esm_class, short_message, tlvs, ..ShortMessage::default() }),
    );
}

async fn next(lab: &mut Lab) -> ReceiptReport {
    lab.told.receipts.recv().await.unwrap()
}

fn news(verdict: Option<Verdict>, word: &str) -> ReceiptNews {
    ReceiptNews { verdict, word: word.into(), class: None }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_is_answered_only_when_it_is_stored() {
    let (mut lab, mut vendor) = Lab::bound("").await;
    receipt(&vendor, 1, DELIVERED);
    let report = next(&mut lab).await;
    assert_eq!(&*report.vendor_id, "0123456789");
    assert_eq!(report.news, news(Some(Verdict::Delivered), "DELIVRD"));
    assert_eq!(report.done_at.unwrap().to_string(), "2026-01-01T00:01:00.000Z");
    vendor.hears_nothing_for(seconds(20)).await;
    report.reply.stored();
    assert_eq!(vendor.delivery_answer().await, (1, CommandStatus::ROK));
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_cannot_be_stored_is_asked_for_again() {
    let (mut lab, mut vendor) = Lab::bound("").await;
    receipt(&vendor, 1, DELIVERED);
    drop(next(&mut lab).await);
    assert_eq!(vendor.delivery_answer().await, (1, CommandStatus::RX_T_APPN));
}

/// More than a session lets wait: what the store cannot take now is refused at once, and no answer waits behind it.
#[tokio::test(start_paused = true)]
async fn receipts_that_nobody_stores_do_not_keep_submits_from_being_answered() {
    const RECEIPTS: u32 = 1500;
    let (mut lab, mut vendor) = Lab::bound("").await;
    vendor.has_window(2000);
    for token in 0..RECEIPTS {
        receipt(&vendor, token, DELIVERED);
        // The queue of the line holds fewer.
        tokio::task::yield_now().await;
    }
    let mut refused = 0;
    while let Ok(answer) = timeout(seconds(1), vendor.delivery_answer()).await {
        assert_eq!(answer.1, CommandStatus::RMSGQFUL);
        refused += 1;
    }
    assert_eq!(refused, 500);
    lab.submit(1);
    let submit = vendor.submit().await;
    vendor.accept(&submit, "id");
    assert_eq!(lab.answer().await, accepted("id"));
}

#[tokio::test(start_paused = true)]
async fn every_state_is_what_it_says_and_no_more() {
    let (mut lab, vendor) = Lab::bound("").await;
    let cases = [
        ("stat:DELIVRD err:000", Some(Verdict::Delivered), "DELIVRD", None),
        ("stat:UNDELIV err:001", Some(Verdict::Undelivered), "UNDELIV err:001", None),
        ("stat:REJECTD err:EC_X", Some(Verdict::Undelivered), "REJECTD err:EC_X", None),
        ("stat:DELETED err:0", Some(Verdict::Undelivered), "DELETED", Some(ErrorClass::FailOver)),
        ("stat:EXPIRED err:254", Some(Verdict::Expired), "EXPIRED err:254", None),
        ("stat:ENROUTE err:000", None, "ENROUTE", None),
        ("stat:ACCEPTD err:000", None, "ACCEPTD", None),
        ("stat:UNKNOWN err:000", None, "UNKNOWN", Some(ErrorClass::UnknownOutcome)),
        ("stat:WHATEVER err:000", None, "WHATEVER", None),
    ];
    for (text, verdict, word, class) in cases {
        receipt(&vendor, 1, &format!("id:1 {text}"));
        let report = next(&mut lab).await;
        assert_eq!(report.news, ReceiptNews { class, ..news(verdict, word) }, "{text}");
        assert_eq!(report.is_error, !["DELIVRD", "ENROUTE", "ACCEPTD"].contains(&word), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_tlvs_say_wins_over_the_text() {
    let (mut lab, vendor) = Lab::bound("").await;
    let mut tlvs = TlvBuffer::new();
    tlvs.push_c_string(Tag::RECEIPTED_MESSAGE_ID, b"of-the-tlv").unwrap();
    tlvs.push_octet(Tag::MESSAGE_STATE, MessageState::Undeliverable.into());
    receipt_with(&vendor, 1, DELIVERED, tlvs.as_tlvs());
    let report = next(&mut lab).await;
    assert_eq!(&*report.vendor_id, "of-the-tlv");
    assert_eq!((report.news.verdict, &*report.news.word), (Some(Verdict::Undelivered), "UNDELIV"));
    assert_eq!(report.news.class, Some(ErrorClass::FailOver));
}

#[tokio::test(start_paused = true)]
async fn a_receipt_may_come_in_a_data_sm_without_a_text() {
    let (mut lab, mut vendor) = Lab::bound("").await;
    let mut tlvs = TlvBuffer::new();
    tlvs.push_c_string(Tag::RECEIPTED_MESSAGE_ID, b"abc").unwrap();
    tlvs.push_octet(Tag::MESSAGE_STATE, MessageState::Expired.into());
    let esm_class = EsmClass::RECEIPT;
    vendor.deliver(7, &Pdu::DataSm(DataSm { esm_class, tlvs: tlvs.as_tlvs(), ..DataSm::default() }));
    let report = next(&mut lab).await;
    assert_eq!(
        (&*report.vendor_id, report.news.clone()),
        ("abc", ReceiptNews { class: Some(ErrorClass::FailOver), ..news(Some(Verdict::Expired), "EXPIRED") })
    );
    report.reply.stored();
    assert_eq!(vendor.delivery_answer().await, (7, CommandStatus::ROK));
}

#[tokio::test(start_paused = true)]
async fn ids_of_different_bases_are_the_same_id() {
    // Where one side is a name and the other a number, the name is the number as we write it: hexadecimal, in lower
    // case, without zeros in front.
    let cases = [
        ("hex", "hex", "00FF", "ff"),
        ("hex", "hex", "ff", "0x00FF"),
        ("hex", "decimal", "7B", "0000000123"),
        ("hex", "as_is", "0x007B", "7b"),
        ("decimal", "hex", "123", "0x7b"),
        ("decimal", "hex", "0000000123", "0000007B"),
        ("decimal", "decimal", "0000123", "123"),
        ("decimal", "decimal", "12345678901234567890123", "0012345678901234567890123"),
        ("decimal", "as_is", "123", "7b"),
        ("as_is", "hex", "7b", "0x0000007B"),
        ("as_is", "decimal", "7b", "0000000123"),
        ("as_is", "as_is", "0118Z-0122I", "0118Z-0122I"),
        ("as_is", "as_is", "0DA3E5C1-1F2B-4C3D-8E4F-00112233AABB", "0da3e5c1-1f2b-4c3d-8e4f-00112233aabb"),
    ];
    for (response, in_receipt, responded, receipted) in cases {
        let bases = format!("message_id = {{ response = \"{response}\", receipt = \"{in_receipt}\" }}");
        let (mut lab, mut vendor) = Lab::bound(&bases).await;
        lab.submit(1);
        let submit = vendor.submit().await;
        vendor.accept(&submit, responded);
        let answer = lab.answer().await;
        receipt(&vendor, 1, &format!("id:{receipted} stat:DELIVRD err:000"));
        assert_eq!(answer, accepted(&next(&mut lab).await.vendor_id), "{bases}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_inbound_message_is_refused_even_if_it_reads_like_a_receipt() {
    let (mut lab, mut vendor) = Lab::bound("").await;
    let short_message = DELIVERED.as_bytes();
    vendor.deliver(1, &Pdu::DeliverSm(ShortMessage { short_message, ..ShortMessage::default() }));
    assert_eq!(vendor.delivery_answer().await, (1, CommandStatus::RX_R_APPN));
    assert!(lab.told.receipts.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_vendor_may_be_known_to_send_receipts_as_messages() {
    let (mut lab, mut vendor) = Lab::bound("receipts = { without_esm_class = true }").await;
    let short_message = DELIVERED.as_bytes();
    vendor.deliver(1, &Pdu::DeliverSm(ShortMessage { short_message, ..ShortMessage::default() }));
    assert_eq!(next(&mut lab).await.news.verdict, Some(Verdict::Delivered));
    vendor.delivery_answer().await;
    let short_message = b"id: what is that?";
    vendor.deliver(2, &Pdu::DeliverSm(ShortMessage { short_message, ..ShortMessage::default() }));
    assert_eq!(vendor.delivery_answer().await, (2, CommandStatus::RX_R_APPN));
}

#[tokio::test(start_paused = true)]
async fn a_receipt_without_an_id_is_taken_and_told_to_nobody() {
    let (mut lab, mut vendor) = Lab::bound("").await;
    receipt(&vendor, 1, "something in a form of its own");
    receipt(&vendor, 2, "id: stat:DELIVRD err:000");
    assert_eq!(vendor.delivery_answer().await, (1, CommandStatus::ROK));
    assert_eq!(vendor.delivery_answer().await, (2, CommandStatus::ROK));
    assert!(lab.told.receipts.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_intermediate_notification_settles_nothing() {
    let (mut lab, vendor) = Lab::bound("").await;
    let (esm_class, short_message) = (EsmClass(0x20), DELIVERED.as_bytes());
    let notification = ShortMessage { esm_class, short_message, ..ShortMessage::default() };
    vendor.deliver(1, &Pdu::DeliverSm(notification));
    assert_eq!(next(&mut lab).await.news.verdict, None);
}

#[tokio::test(start_paused = true)]
async fn the_vendors_clock_may_be_ahead_of_utc() {
    let (mut lab, vendor) = Lab::bound("receipts = { utc_offset_minutes = 120 }").await;
    receipt(&vendor, 1, DELIVERED);
    assert_eq!(next(&mut lab).await.done_at.unwrap().to_string(), "2025-12-31T22:01:00.000Z");
}

#[tokio::test(start_paused = true)]
async fn the_recipients_network_is_read_where_the_settings_say() {
    let (mut lab, vendor) = Lab::bound("receipts = { operator = { tlv = 0x1403 } }").await;
    let written = |text: &[u8]| {
        let mut tlvs = TlvBuffer::new();
        tlvs.push(Tag(0x1403), text).unwrap();
        tlvs
    };
    for (text, read) in [(&b"26202\0"[..], Some("26202")), (b"310-026", Some("310-026")), (b"1", None)] {
        receipt_with(&vendor, 1, DELIVERED, written(text).as_tlvs());
        assert_eq!(next(&mut lab).await.operator.as_deref(), read);
    }
    receipt(&vendor, 1, DELIVERED);
    assert_eq!(next(&mut lab).await.operator, None);
    let (mut lab, vendor) = Lab::bound("receipts = { operator = { keys = [\"mcc\", \"mnc\"] } }").await;
    receipt(&vendor, 1, "id:7 stat:DELIVRD MCC:262 mnc:02 err:000");
    assert_eq!(next(&mut lab).await.operator.as_deref(), Some("26202"));
    // What the sender of the message wrote is not the vendor's word.
    receipt(&vendor, 1, "id:7 stat:DELIVRD err:000 text:mcc:262 mnc:02");
    assert_eq!(next(&mut lab).await.operator, None);
}
