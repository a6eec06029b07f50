//! The personalities differ in what a gateway can see, and in what it cannot.

use std::time::Duration;

use simulator::vendor::Settings;
use simulator::{Handsets, Personality, Vendor, handset};
use smpp_wire::session::BindKind;
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::MessageState;
use tokio::time::Instant;

use crate::client::{Client, Heard};

/// What became of some messages, in percent of those submitted.
#[derive(Debug, Default)]
struct Quality {
    accepted: usize,
    reported_delivered: usize,
    arrived: usize,
    converted: usize,
    /// The mean time from submission to response, and the longest from submission to receipt.
    latency: Duration,
    slowest_receipt: Duration,
    cuts: usize,
}

const MESSAGES: usize = 1_000;

async fn measure(personality: Personality, prefix: &str) -> Quality {
    let (handsets, mut conversions) = Handsets::new(handset::Settings::default());
    let settings = Settings { handsets: Some(handsets.clone()), ..Settings::of(personality) };
    let vendor = Vendor::start(settings).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let mut quality = Quality::default();
    for number in 0..MESSAGES {
        let start = Instant::now();
        client.submit(&format!("{prefix}{}", 10 + number % 10), format!("Code {number:06}").as_bytes());
        let answered = loop {
            match client.next().await {
                Heard::Response(answered) => break Some(answered),
                Heard::Closed(_) => break None,
                Heard::Delivery(delivered) => note(&mut quality, delivered.said().agreed().1),
                heard @ (Heard::Bound(_) | Heard::TimedOut) => panic!("{heard:?}"),
            }
        };
        let Some(answered) = answered else {
            quality.cuts += 1;
            client = Client::bound(&vendor, BindKind::Transceiver).await;
            continue;
        };
        quality.accepted += usize::from(answered.status == CommandStatus::ROK);
        quality.latency += answered.at - start;
    }
    let end = Instant::now();
    while let Ok(delivered) = tokio::time::timeout(Duration::from_secs(200), client.delivery()).await {
        note(&mut quality, delivered.said().agreed().1);
        quality.slowest_receipt = delivered.at - end;
    }
    quality.arrived = handsets.arrivals().len();
    while tokio::time::timeout(Duration::from_secs(200), conversions.next()).await.is_ok() {
        quality.converted += 1;
    }
    quality.latency /= u32::try_from(MESSAGES).unwrap();
    for count in
        [&mut quality.accepted, &mut quality.reported_delivered, &mut quality.arrived, &mut quality.converted]
    {
        *count = *count * 100 / MESSAGES;
    }
    quality
}

fn note(quality: &mut Quality, state: MessageState) {
    quality.reported_delivered += usize::from(state == MessageState::Delivered);
}

#[tokio::test(start_paused = true)]
async fn premium_is_good_at_everything() {
    let premium = measure(Personality::Premium, "120255501").await;
    assert!(premium.accepted >= 99 && premium.arrived >= 97, "{premium:?}");
    assert!(premium.reported_delivered.abs_diff(premium.arrived) <= 1, "{premium:?}");
    assert!((80..=95).contains(&premium.converted), "{premium:?}");
    assert!(premium.latency < Duration::from_millis(60), "{premium:?}");
}

#[tokio::test(start_paused = true)]
async fn cheap_reports_more_than_it_delivers() {
    let cheap = measure(Personality::Cheap, "120255501").await;
    assert!(cheap.reported_delivered >= 99, "{cheap:?}");
    assert!((65..=80).contains(&cheap.arrived), "{cheap:?}");
    assert!(cheap.converted < cheap.arrived, "{cheap:?}");
}

#[tokio::test(start_paused = true)]
async fn slow_is_late_but_delivers() {
    let slow = measure(Personality::Slow, "120255501").await;
    assert!(slow.latency >= Duration::from_millis(380), "{slow:?}");
    assert!(slow.slowest_receipt >= Duration::from_secs(20), "{slow:?}");
    assert!(slow.arrived >= 95, "{slow:?}");
}

#[tokio::test(start_paused = true)]
async fn flaky_refuses_some_and_breaks_the_line_now_and_then() {
    let flaky = measure(Personality::Flaky, "120255501").await;
    assert!((85..=95).contains(&flaky.accepted), "{flaky:?}");
    assert!((1..=8).contains(&flaky.cuts), "{flaky:?}");
    assert!(flaky.reported_delivered < flaky.arrived, "{flaky:?}");
}

#[tokio::test(start_paused = true)]
async fn regional_is_good_at_home_only() {
    let home = measure(Personality::Regional, "4477009005").await;
    let abroad = measure(Personality::Regional, "120255501").await;
    assert!(home.accepted >= 99 && home.arrived >= 97, "{home:?}");
    assert!(abroad.accepted <= 90 && abroad.arrived <= 60, "{abroad:?}");
}
