//! Each demo number does what the table says, with any personality.

use std::time::Duration;

use simulator::demo_number::{Outcome, TABLE};
use simulator::vendor::Settings;
use simulator::{AskedFirst, Handsets, Personality, Vendor, handset};
use smpp_wire::session::BindKind;
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::MessageState;

use crate::client::{Client, Heard};

/// What is seen of one message.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    state: Option<(MessageState, &'static str)>,
    /// From the response to the receipt.
    seconds: u64,
    receipts: usize,
    arrives: bool,
}

fn expected(outcome: Outcome) -> Seen {
    let delivered =
        Seen { state: Some((MessageState::Delivered, "000")), seconds: 1, receipts: 1, arrives: true };
    let failed = |state, err| Seen { state: Some((state, err)), seconds: 1, receipts: 1, arrives: false };
    match outcome {
        Outcome::Slow => Seen { seconds: 45, ..delivered },
        Outcome::NoReceipt => Seen { state: None, seconds: 0, receipts: 0, arrives: false },
        Outcome::Unreachable => failed(MessageState::Undeliverable, "027"),
        Outcome::UnknownSubscriber => failed(MessageState::Undeliverable, "001"),
        Outcome::SpamFiltered => failed(MessageState::Rejected, "088"),
        Outcome::FakeReceipt => Seen { arrives: false, ..delivered },
        Outcome::DuplicateReceipt => Seen { receipts: 2, ..delivered },
        Outcome::Delivered
        | Outcome::ThrottledThenDelivered
        | Outcome::VendorError
        | Outcome::VendorTimeout
        | Outcome::ReceiptBeforeResponse
        | Outcome::Random => delivered,
    }
}

/// Collects what follows an accepted message.
async fn see(client: &mut Client, handsets: &Handsets, text: &str, id: &str) -> Seen {
    let mut seen = Seen { state: None, seconds: 0, receipts: 0, arrives: false };
    let start = tokio::time::Instant::now();
    while let Ok(delivered) = tokio::time::timeout(Duration::from_secs(100), client.delivery()).await {
        let said = delivered.said();
        let (receipted, state) = said.agreed();
        assert_eq!(receipted, id);
        let err = ["000", "001", "027", "088"].into_iter().find(|err| said.err.as_deref() == Some(*err));
        seen.state = Some((state, err.unwrap()));
        seen.receipts += 1;
        if seen.receipts == 1 {
            seen.seconds = (delivered.at - start).as_secs();
        }
    }
    seen.arrives = handsets.arrivals().iter().any(|arrival| arrival.text == text);
    seen
}

async fn start(personality: Personality, asked_first: &AskedFirst) -> (Vendor, Handsets) {
    let (handsets, _) = Handsets::new(handset::Settings::default());
    let settings = Settings {
        handsets: Some(handsets.clone()),
        asked_first: asked_first.clone(),
        ..Settings::of(personality)
    };
    (Vendor::start(settings).await.unwrap(), handsets)
}

#[tokio::test(start_paused = true)]
async fn outcomes_that_need_one_vendor() {
    for personality in Personality::ALL {
        let (vendor, handsets) = start(personality, &AskedFirst::default()).await;
        let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
        for line in TABLE {
            let is_alone = !matches!(
                line.outcome,
                Outcome::ThrottledThenDelivered
                    | Outcome::VendorError
                    | Outcome::VendorTimeout
                    | Outcome::ReceiptBeforeResponse
                    | Outcome::Random
            );
            if !is_alone {
                continue;
            }
            for to in [format!("120255501{:02}", line.ending), format!("4477009005{:02}", line.ending)] {
                let text = format!("{personality:?} {to}");
                let answered = client.send(&to, text.as_bytes()).await;
                assert_eq!(answered.status, CommandStatus::ROK, "{text}");
                let seen = see(&mut client, &handsets, &text, &answered.id).await;
                assert_eq!(seen, expected(line.outcome), "{text}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_then_delivered() {
    let (vendor, handsets) = start(Personality::Premium, &AskedFirst::default()).await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let to = "12025550129";
    assert_eq!(client.send(to, b"hello").await.status, CommandStatus::RTHROTTLED);
    let answered = client.send(to, b"hello").await;
    assert_eq!(answered.status, CommandStatus::ROK);
    let seen = see(&mut client, &handsets, "hello", &answered.id).await;
    assert_eq!(seen, expected(Outcome::ThrottledThenDelivered));
}

#[tokio::test(start_paused = true)]
async fn the_receipt_comes_before_the_response() {
    let (vendor, _) = start(Personality::Premium, &AskedFirst::default()).await;
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    client.submit("447700900991", b"hello");
    let Heard::Delivery(delivered) = client.next().await else { panic!("the response came first") };
    let Heard::Response(answered) = client.next().await else { panic!("no response came") };
    assert_eq!(delivered.said().agreed(), (answered.id.as_str(), MessageState::Delivered));
    assert!(client.hears_no_delivery_for(Duration::from_secs(60)).await);
}

#[tokio::test(start_paused = true)]
async fn the_vendor_asked_first_fails_and_the_next_one_delivers_in_either_order() {
    let asked_first = AskedFirst::default();
    let (premium, handsets) = start(Personality::Premium, &asked_first).await;
    let (cheap, cheap_handsets) = start(Personality::Cheap, &asked_first).await;
    let mut one = Client::bound(&premium, BindKind::Transceiver).await;
    let mut other = Client::bound(&cheap, BindKind::Transceiver).await;

    assert_eq!(one.send("447700900050", b"first").await.status, CommandStatus::RSYSERR);
    assert_eq!(one.send("447700900050", b"first").await.status, CommandStatus::RSYSERR);
    let answered = other.send("447700900050", b"first").await;
    let seen = see(&mut other, &cheap_handsets, "first", &answered.id).await;
    assert_eq!(seen, expected(Outcome::VendorError));

    other.submit("447700900051", b"second");
    cheap.until(|stats| stats.unanswered == 1).await;
    let answered = one.send("447700900051", b"second").await;
    let seen = see(&mut one, &handsets, "second", &answered.id).await;
    assert_eq!(seen, expected(Outcome::VendorTimeout));
    assert!(matches!(other.next().await, Heard::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn chance_follows_the_seed() {
    async fn outcomes(seed: u64) -> Vec<Option<MessageState>> {
        let vendor = Vendor::start(Settings { seed, ..Settings::default() }).await.unwrap();
        let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
        let mut states = Vec::new();
        for _ in 0..60 {
            assert_eq!(client.send("447700900099", b"hello").await.status, CommandStatus::ROK);
            let receipt = tokio::time::timeout(Duration::from_secs(100), client.receipt()).await;
            states.push(receipt.ok().map(|receipt| receipt.agreed().1));
        }
        states
    }
    let (one, again, other) = (outcomes(7).await, outcomes(7).await, outcomes(8).await);
    assert_eq!(one, again);
    assert_ne!(one, other);
    let delivered = one.iter().filter(|state| **state == Some(MessageState::Delivered)).count();
    assert!((40..60).contains(&delivered), "{delivered}");
}

#[tokio::test(start_paused = true)]
async fn demo_numbers_can_be_switched_off() {
    let settings = Settings { obeys_demo_numbers: false, ..Settings::default() };
    let vendor = Vendor::start(settings).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    assert_eq!(client.send("447700900050", b"hello").await.status, CommandStatus::ROK);
    assert_eq!(client.receipt().await.agreed().1, MessageState::Delivered);
}
