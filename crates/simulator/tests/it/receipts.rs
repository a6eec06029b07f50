//! Receipts: their ids, their forms, their timing, and that none is lost on the way.

use std::time::Duration;

use domain::Timestamp;
use simulator::Vendor;
use simulator::personality::{Conduct, Spread};
use simulator::vendor::{IdFormat, ReceiptForm, ReceiptId, Settings};
use smpp_wire::pdu::{RegisteredDelivery, ShortMessage};
use smpp_wire::receipt::{IdBase, IdBases, Receipt};
use smpp_wire::session::BindKind;
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{MessageState, Tlvs};
use tokio::time::Instant;

use crate::client::{Client, message};

const TO: &str = "447700900010";

#[tokio::test(start_paused = true)]
async fn each_format_of_ids_comes_back_in_the_receipt() {
    for id_format in IdFormat::ALL {
        let vendor = Vendor::start(Settings { id_format, ..Settings::default() }).await.unwrap();
        let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
        let (first, second) = (client.send(TO, b"one").await.id, client.send(TO, b"two").await.id);
        assert_ne!(first, second);
        let is_written = |digit: char| match id_format {
            IdFormat::Decimal => digit.is_ascii_digit(),
            IdFormat::Hex => digit.is_ascii_digit() || ('A'..='F').contains(&digit),
            IdFormat::Uuid => digit.is_ascii_hexdigit() || digit == '-',
        };
        assert!(first.chars().all(is_written), "{first}");
        if id_format == IdFormat::Uuid {
            assert_eq!((first.len(), &first[14..15]), (36, "4"));
            assert!(matches!(&first[19..20], "8" | "9" | "a" | "b"), "{first}");
        }
        for id in [first, second] {
            let receipt = client.receipt().await;
            assert_eq!(receipt.agreed(), (id.as_str(), MessageState::Delivered));
            assert_eq!((receipt.from.as_str(), receipt.to.as_str()), (TO, "SHOP"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_can_write_the_id_in_another_base() {
    let hex_then_decimal = IdBases { response: IdBase::Hex, receipt: IdBase::Decimal };
    let decimal_then_hex = IdBases { response: IdBase::Decimal, receipt: IdBase::Hex };
    let decimals = IdBases { response: IdBase::Decimal, receipt: IdBase::Decimal };
    let hexes = IdBases { response: IdBase::Hex, receipt: IdBase::Hex };
    for (id_format, receipt_id, bases) in [
        (IdFormat::Hex, ReceiptId::Decimal, hex_then_decimal),
        (IdFormat::Decimal, ReceiptId::Hex, decimal_then_hex),
        (IdFormat::Decimal, ReceiptId::ZeroPadded(24), decimals),
        (IdFormat::Hex, ReceiptId::Recased, hexes),
        (IdFormat::Uuid, ReceiptId::Recased, IdBases::default()),
    ] {
        let receipt_form = ReceiptForm::TextOnly;
        // An id of this time has letters in hexadecimal.
        let started_at = Timestamp::from_millis(1_767_225_601_000);
        let settings = Settings { id_format, receipt_id, receipt_form, started_at, ..Settings::default() };
        let vendor = Vendor::start(settings).await.unwrap();
        let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
        let id = client.send(TO, b"one").await.id;
        let said = client.receipt().await;
        assert_eq!((&said.tlv_id, said.tlv_state), (&None, None));
        let written = said.text_id.unwrap();
        assert_ne!(written, id);
        let text = format!("id:{written} stat:DELIVRD");
        let receipt = Receipt::with_tlvs(Receipt::parse(&text), Tlvs::default()).unwrap();
        assert_eq!(bases.receipt_key(&receipt), bases.response_key(&id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_can_be_tlvs_alone() {
    let settings = Settings { receipt_form: ReceiptForm::TlvsOnly, ..Settings::default() };
    let vendor = Vendor::start(settings).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let id = client.send(TO, b"one").await.id;
    let said = client.receipt().await;
    assert_eq!((said.text_id, said.tlv_id, said.tlv_state), (None, Some(id), Some(MessageState::Delivered)));
}

#[tokio::test(start_paused = true)]
async fn response_and_receipt_take_their_time_and_keep_their_order() {
    let conduct = Conduct {
        latency: Spread::millis(100, 900),
        receipt_delay: Spread::millis(5_000, 5_000),
        ..Conduct::default()
    };
    let vendor = Vendor::start(Settings { conduct, ..Settings::default() }).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let start = Instant::now();
    let asked: Vec<u32> = (0..20).map(|_| client.submit(TO, b"hello")).collect();
    let mut answered = Vec::new();
    for _ in 0..20 {
        answered.push(client.response().await);
    }
    assert_eq!(answered.iter().map(|answered| answered.number).collect::<Vec<_>>(), asked);
    let last = answered.last().unwrap().at - start;
    assert!((100..=910).contains(&last.as_millis()), "{last:?}");
    let delivered = client.delivery().await;
    assert_eq!((delivered.at - answered[0].at).as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_comes_only_where_it_was_asked_for() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let unreachable = "447700900003";
    for (wanted, to, comes) in [
        (RegisteredDelivery::NONE, TO, false),
        (RegisteredDelivery::ON_FAILURE, TO, false),
        (RegisteredDelivery::ON_FAILURE, unreachable, true),
        (RegisteredDelivery(3), TO, true),
        (RegisteredDelivery(3), unreachable, false),
    ] {
        client.submit_message(&ShortMessage { registered_delivery: wanted, ..message(to, b"hello") });
        let id = client.response().await.id;
        if comes {
            assert_eq!(client.receipt().await.agreed().0, id);
        } else {
            assert!(client.hears_no_delivery_for(Duration::from_secs(60)).await, "{wanted:?} {to}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn receipts_are_kept_for_the_next_bind_that_receives() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let mut transmitter = Client::bound(&vendor, BindKind::Transmitter).await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(transmitter.send(TO, b"hello").await.id);
    }
    transmitter.unbind().await;
    vendor.until(|stats| stats.receipts_kept == 30).await;
    let mut receiver = Client::bound(&vendor, BindKind::Receiver).await;
    for id in &ids {
        assert_eq!(receiver.receipt().await.agreed().0, id);
    }
    let stats = vendor.until(|stats| stats.receipts_acknowledged == 30).await;
    assert_eq!((stats.receipts_kept, stats.receipts_lost), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn receipts_take_turns_over_the_binds_of_their_account() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let mut one = Client::bound(&vendor, BindKind::Transceiver).await;
    let mut other = Client::bound(&vendor, BindKind::Transceiver).await;
    for _ in 0..4 {
        one.send(TO, b"hello").await;
    }
    for client in [&mut one, &mut other] {
        client.receipt().await;
        client.receipt().await;
        assert!(client.hears_no_delivery_for(Duration::from_secs(10)).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_is_refused_comes_again() {
    let vendor = Vendor::start(Settings { max_resends: 2, ..Settings::default() }).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    client.answer_deliveries_with(CommandStatus::RX_T_APPN);
    let id = client.send(TO, b"hello").await.id;
    let first = client.delivery().await;
    client.answer_deliveries_with(CommandStatus::ROK);
    let second = client.delivery().await;
    assert_eq!((first.said().agreed().0, second.said().agreed().0), (id.as_str(), id.as_str()));
    assert_eq!((second.at - first.at).as_secs(), 5);
    assert!(client.hears_no_delivery_for(Duration::from_secs(60)).await);

    client.answer_deliveries_with(CommandStatus::RX_T_APPN);
    client.send(TO, b"hello").await;
    let stats = vendor.until(|stats| stats.receipts_lost == 1).await;
    assert_eq!((stats.receipts_refused, stats.receipts_acknowledged), (4, 1));
}
