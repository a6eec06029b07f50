//! What a vendor can be told to do differently while it runs.

use std::time::Duration;

use simulator::vendor::Settings;
use simulator::{Behaviour, Handsets, Vendor, handset};
use smpp_wire::encoding::Gsm7;
use smpp_wire::pdu::{EsmClass, ShortMessage};
use smpp_wire::session::{BindKind, CloseReason};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::MessageState;
use smpp_wire::udh::{self, ReferenceWidth};
use tokio::time::{Instant, timeout};

use crate::client::{Client, Credentials, Heard, message};

const TO: &str = "447700900010";

/// A vendor with handsets behind it.
async fn start() -> (Vendor, Handsets) {
    let (handsets, _) = Handsets::new(handset::Settings::default());
    let settings = Settings { handsets: Some(handsets.clone()), ..Settings::default() };
    (Vendor::start(settings).await.unwrap(), handsets)
}

#[tokio::test(start_paused = true)]
async fn errors_begin_and_end_at_once() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    for (behaviour, status) in [
        (Behaviour::Usual, CommandStatus::ROK),
        (Behaviour::THROTTLE, CommandStatus::RTHROTTLED),
        (Behaviour::QUEUE_FULL, CommandStatus::RMSGQFUL),
        (Behaviour::Refuse(CommandStatus(0x412)), CommandStatus(0x412)),
        (Behaviour::Usual, CommandStatus::ROK),
    ] {
        vendor.set(behaviour);
        assert_eq!(client.send(TO, b"hello").await.status, status, "{behaviour:?}");
    }
    assert_eq!(vendor.received().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_behaviour_can_hold_for_some_numbers_only() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::THROTTLE);
    vendor.set_for("+4477009001", Behaviour::Refuse(CommandStatus::RSUBMITFAIL));
    let mut status_of = async |to| client.send(to, b"hello").await.status;
    assert_eq!(status_of("447700900110").await, CommandStatus::RSUBMITFAIL);
    assert_eq!(status_of("447700900210").await, CommandStatus::RTHROTTLED);
    vendor.set(Behaviour::Usual);
    assert_eq!(status_of("447700900110").await, CommandStatus::RSUBMITFAIL);
    assert_eq!(status_of("447700900210").await, CommandStatus::ROK);
    vendor.set_for("4477009001", Behaviour::Usual);
    assert_eq!(status_of("447700900110").await, CommandStatus::ROK);
}

#[tokio::test(start_paused = true)]
async fn a_mute_vendor_never_answers() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::Mute);
    client.submit(TO, b"hello");
    assert!(matches!(client.next().await, Heard::TimedOut));
    vendor.set(Behaviour::Usual);
    assert_eq!(client.send(TO, b"hello").await.status, CommandStatus::ROK);
    assert_eq!((vendor.stats().unanswered, vendor.received().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_line_cut_before_the_response_leaves_a_message_that_was_taken() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::CutBeforeResponse);
    client.submit(TO, b"taken");
    client.submit(TO, b"lost in the same moment");
    let Heard::Closed(reason) = client.next().await else { panic!("something was answered") };
    assert!(matches!(reason, CloseReason::PeerClosed | CloseReason::Broken(_)), "{reason}");
    let received = vendor.received();
    assert_eq!((received.len(), received[0].text.as_str()), (1, "taken"));

    vendor.set(Behaviour::Usual);
    let mut next = Client::bound(&vendor, BindKind::Transceiver).await;
    assert_eq!(next.receipt().await.agreed().0, received[0].ids[0]);
}

#[tokio::test(start_paused = true)]
async fn a_line_cut_after_the_response_has_answered() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::CutAfterResponse);
    assert_eq!(client.send(TO, b"hello").await.status, CommandStatus::ROK);
    assert!(matches!(client.closed().await, CloseReason::PeerClosed | CloseReason::Broken(_)));
}

#[tokio::test(start_paused = true)]
async fn a_receipt_can_come_before_the_response_and_twice() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::ReceiptBeforeResponse);
    client.submit(TO, b"hello");
    let Heard::Delivery(delivered) = client.next().await else { panic!("the response came first") };
    assert_eq!(delivered.said().agreed().0, client.response().await.id);

    vendor.set(Behaviour::DuplicateReceipts);
    let id = client.send(TO, b"hello").await.id;
    assert_eq!(client.receipt().await.agreed(), (id.as_str(), MessageState::Delivered));
    assert_eq!(client.receipt().await.agreed(), (id.as_str(), MessageState::Delivered));
    assert!(client.hears_no_delivery_for(Duration::from_secs(60)).await);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_can_bring_one_of_nobodys_with_it() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::StrayReceipts);
    let id = client.send(TO, b"hello").await.id;
    assert_eq!(client.receipt().await.agreed().0, id);
    assert_ne!(client.receipt().await.agreed().0, id);
    assert!(client.hears_no_delivery_for(Duration::from_secs(60)).await);
}

#[tokio::test(start_paused = true)]
async fn answers_can_be_slow() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::SlowResponses(Duration::from_secs(100)));
    let begun = Instant::now();
    assert_eq!(client.send(TO, b"hello").await.status, CommandStatus::ROK);
    assert_eq!(begun.elapsed().as_secs(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_long_message_can_fail_at_one_of_its_parts() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::RefusePart(2, CommandStatus::RSYSERR));
    assert_eq!(client.send(TO, b"short").await.status, CommandStatus::ROK);
    for (number, status) in [(1, CommandStatus::ROK), (2, CommandStatus::RSYSERR), (3, CommandStatus::ROK)] {
        client.submit_message(&part(number));
        assert_eq!(client.response().await.status, status);
    }
    vendor.set(Behaviour::CutAtPart(3));
    client.submit_message(&part(2));
    assert_eq!(client.response().await.status, CommandStatus::ROK);
    client.submit_message(&part(3));
    client.closed().await;
    assert_eq!((vendor.received().len(), vendor.stats().accepted), (2, 4));
}

/// One part of three.
fn part(number: u8) -> ShortMessage<'static> {
    let text: &[u8] = match number {
        1 => &[5, 0, 3, 7, 3, 1, b'a'],
        2 => &[5, 0, 3, 7, 3, 2, b'b'],
        _ => &[5, 0, 3, 7, 3, 3, b'c'],
    };
    ShortMessage { esm_class: EsmClass::UDH, ..message(TO, text) }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_vendor_says_nothing_and_goes_on_where_it_stood() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::Stall);
    client.submit(TO, b"hello");
    assert!(timeout(Duration::from_secs(20), client.next()).await.is_err());
    let mut late = Client::open(Credentials::default(), &vendor, BindKind::Transceiver, 0x34);
    assert!(timeout(Duration::from_secs(5), late.next()).await.is_err());
    assert_eq!(vendor.stats().submissions, 0);
    vendor.set(Behaviour::Usual);
    assert_eq!(client.response().await.status, CommandStatus::ROK);
    assert!(matches!(late.next().await, Heard::Bound(_)));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_half_open_never_says_anything_again() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::HalfOpen);
    client.submit(TO, b"hello");
    let mut next = Client::open(Credentials::default(), &vendor, BindKind::Transceiver, 0x34);
    assert!(timeout(Duration::from_secs(5), next.next()).await.is_err());
    vendor.set(Behaviour::Usual);
    assert!(matches!(next.next().await, Heard::Bound(_)));
    assert_eq!(next.send(TO, b"hello").await.status, CommandStatus::ROK);
    assert!(timeout(Duration::from_secs(20), client.next()).await.is_err());
    assert_eq!(vendor.until(|stats| stats.sessions == 1).await.submissions, 1);
}

#[tokio::test(start_paused = true)]
async fn a_flapping_vendor_cuts_each_session_soon_after_its_bind() {
    let (vendor, _) = start().await;
    let mut early = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::Flap(Duration::from_secs(2)));
    early.closed().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let bound = Instant::now();
    assert_eq!(client.send(TO, b"hello").await.status, CommandStatus::ROK);
    client.closed().await;
    assert_eq!(bound.elapsed().as_secs(), 2);
    let mut last = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::Usual);
    assert!(last.hears_no_delivery_for(Duration::from_secs(20)).await);
    assert_eq!(last.send(TO, b"hello").await.status, CommandStatus::ROK);
}

#[tokio::test(start_paused = true)]
async fn delivery_and_report_can_part_ways() {
    let (vendor, handsets) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let minute = Duration::from_secs(60);
    let delivered = Some(MessageState::Delivered);
    for (behaviour, arrives, state, seconds) in [
        (Behaviour::NoReceipts, true, None, 0),
        (Behaviour::SilentDrop, false, None, 0),
        (Behaviour::FakeReceipts, false, delivered, 1),
        (Behaviour::SlowReceipts(minute), true, delivered, 61),
        (Behaviour::SlowDelivery(minute), true, delivered, 61),
        (Behaviour::Undeliverable, false, Some(MessageState::Undeliverable), 1),
    ] {
        vendor.set(behaviour);
        let arrived = handsets.arrivals().len();
        let answered = client.send(TO, b"hello").await;
        match state {
            Some(state) => {
                let receipt = client.delivery().await;
                assert_eq!(receipt.said().agreed(), (answered.id.as_str(), state), "{behaviour:?}");
                assert_eq!((receipt.at - answered.at).as_secs(), seconds, "{behaviour:?}");
            }
            None => assert!(client.hears_no_delivery_for(2 * minute).await, "{behaviour:?}"),
        }
        let arrivals = handsets.arrivals();
        assert_eq!(arrivals.len() - arrived, usize::from(arrives), "{behaviour:?}");
    }
    let delays: Vec<u64> = handsets.arrivals().iter().map(|arrival| arrival.after.as_secs()).collect();
    assert_eq!(delays, [1, 1, 61]);
}

#[tokio::test(start_paused = true)]
async fn a_brown_out_loses_a_part() {
    // What is lost is drawn from the seed of the settings, so that it is the same each time.
    let (vendor, handsets) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::BrownOut(50));
    for _ in 0..100 {
        client.send(TO, b"hello").await;
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let arrived = handsets.arrivals().len();
    assert!((40..=60).contains(&arrived), "{arrived}");
}

#[tokio::test(start_paused = true)]
async fn a_brown_out_loses_a_long_message_with_all_its_parts_or_none() {
    let (vendor, handsets) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::BrownOut(50));
    for reference in 0..40 {
        let texts = [b"one ".to_vec(), b"two ".to_vec()];
        let parts = udh::with_concatenation(&texts, reference, ReferenceWidth::Octet, Gsm7::DEFAULT);
        for part in parts.unwrap() {
            let esm_class = EsmClass::DEFAULT.with_udh();
            client.submit_message(&ShortMessage { esm_class, ..message(TO, &part) });
            client.response().await;
        }
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let arrived = handsets.arrivals().len();
    assert!((10..=30).contains(&arrived), "{arrived}");
    for _ in 0..2 * arrived {
        client.receipt().await;
    }
    assert!(client.hears_no_delivery_for(Duration::from_secs(60)).await, "of a lost part");
}

#[tokio::test(start_paused = true)]
async fn the_vendor_can_unbind_and_cut_lines_at_will() {
    let (vendor, _) = start().await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.unbind();
    assert_eq!(client.closed().await, CloseReason::PeerUnbound);
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.cut();
    assert!(matches!(client.closed().await, CloseReason::PeerClosed | CloseReason::Broken(_)));
}
