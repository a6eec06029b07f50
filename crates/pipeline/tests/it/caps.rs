//! Caps: a route that has carried as much as it may is passed over, what has no other waits, and nothing is forgotten.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::plan::Exclusion;
use domain::record::Answer;
use domain::{MessageId, Status, Timestamp};
use pipeline::Request;

use crate::bench::{Bench, CONNECTIONS, Reply, path, request};

/// The clock stands twenty seconds into a minute.
const NEXT_MINUTE: Duration = Duration::from_secs(40);

/// The route of the next message, which leaves.
async fn next_route(bench: &Bench) -> String {
    let id = bench.send().await;
    path(&bench.until_status(id, Status::Submitted).await)[0].0.clone()
}

async fn sent(bench: &Bench, from: &str) -> MessageId {
    let request = Request { from: Some(from.parse().unwrap()), ..request() };
    bench.accept(request).await.unwrap().record.message.id
}

/// A cap of each connection.
fn on_each(terms: &str) -> String {
    let cap = |name| format!(r#"{{ "id": "{name}-cap", "connection": "{name}", {terms} }}"#);
    format!(r#"{{ "caps": [{}] }}"#, CONNECTIONS.map(cap).join(", "))
}

#[tokio::test]
async fn a_route_at_its_cap_is_passed_over_until_the_next_period() {
    let caps = r#"{ "caps": [{ "id": "acme-minute", "route": "acme", "limit": 2, "per": "minute" }] }"#;
    let bench = Bench::with_rule(caps).await;
    assert_eq!(next_route(&bench).await, "acme");
    assert_eq!(next_route(&bench).await, "acme");
    let id = bench.send().await;
    let record = bench.until_status(id, Status::Submitted).await;
    assert_eq!(path(&record), [("borealis".to_owned(), "submitted")]);
    let plan = record.plan.unwrap();
    assert_eq!(plan.left_out[0].because, Exclusion::Capped);
    let capped = plan.left_out[0].capped.clone().unwrap();
    assert_eq!((capped.cap.as_str(), capped.count, capped.limit), ("acme-minute", 2, 2));
    assert_eq!(capped.until, Timestamp::from_millis(1_790_000_040_000));
    bench.advance(NEXT_MINUTE);
    assert_eq!(next_route(&bench).await, "acme");
}

#[tokio::test]
async fn what_no_route_may_carry_waits_and_leaves_with_the_next_period() {
    let bench = Bench::with_rule(&on_each(r#""limit": 2, "per": "minute""#)).await;
    // Two segments each.
    let long = Request { text: "x".repeat(200), ..request() };
    for connection in CONNECTIONS {
        let id = bench.accept(long.clone()).await.unwrap().record.message.id;
        let record = bench.until_status(id, Status::Submitted).await;
        assert_eq!(path(&record)[0].0, connection);
    }
    let waits = bench.send().await;
    let record = bench.record(waits);
    assert_eq!((record.status, path(&record)), (Status::Accepted, vec![("acme".to_owned(), "queued")]));
    assert_eq!(record.plan.unwrap().left_out.len(), 3);
    bench.advance(NEXT_MINUTE);
    let record = bench.until_status(waits, Status::Submitted).await;
    assert_eq!(path(&record), [("acme".to_owned(), "submitted")]);
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let bench = Bench::with_rule(&on_each(r#""limit": 1, "per": "day", "class": ["otp"]"#)).await;
    assert_eq!(next_route(&bench).await, "acme");
    // Within a second of its own, so that a process that is killed forgets no more than that.
    let reader = bench.pipeline.reader();
    let count = || reader.counted().unwrap().iter().map(|counted| counted.count).sum::<u32>();
    bench.until_true("it is written", || count() == 1).await;
    assert_eq!(next_route(&bench).await, "borealis");
    let bench = bench.restart().await;
    assert_eq!(next_route(&bench).await, "cumulus");
}

#[tokio::test]
async fn who_waits_for_a_cap_of_its_kind_of_sender_holds_up_no_other() {
    let bench =
        Bench::with_rule(&on_each(r#""limit": 1, "per": "minute", "sender_kind": ["alphanumeric"]"#)).await;
    let full = |is_full| {
        CONNECTIONS.iter().for_each(|name| bench.connection(name).full.store(is_full, Ordering::SeqCst));
    };
    full(true);
    let mut named = Vec::new();
    for _ in 0..5 {
        named.push(sent(&bench, "SHOP").await);
    }
    let numbered = sent(&bench, "+4915110000000").await;
    full(false);
    bench.until_status(numbered, Status::Submitted).await;
    let left = || named.iter().filter(|id| bench.record(**id).status == Status::Submitted).count();
    bench.until_true("one left by each route", || left() == 3).await;
    bench.advance(NEXT_MINUTE);
    bench.until_true("the others left", || left() == 5).await;
}

#[tokio::test]
async fn a_cap_by_the_second_spreads_what_leaves() {
    let caps = r#"{ "failover": { "on": ["rejected"] },
        "caps": [{ "id": "acme-second", "connection": "acme", "limit": 10, "per": "second" }] }"#;
    let bench = Bench::with_rule(caps).await;
    for _ in 0..3 {
        bench.send().await;
    }
    for count in 1..=3 {
        bench.until_true("the next leaves", || bench.connection("acme").submissions() == count).await;
        // Longer than the dispatcher takes to look again.
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert_eq!(bench.connection("acme").submissions(), count, "the clock stands");
        bench.advance(Duration::from_millis(100));
    }
    assert_eq!(bench.connection("borealis").submissions(), 0);
}

#[tokio::test]
async fn what_a_connection_did_not_send_does_not_count() {
    let caps = r#"{ "caps": [{ "id": "acme-minute", "route": "acme", "limit": 1, "per": "minute" }] }"#;
    let bench = Bench::with_rule(caps).await;
    let acme = bench.connection("acme");
    acme.script([Reply::Silence]);
    let id = bench.send().await;
    bench.until_true("it is on its way", || acme.submissions() == 1).await;
    acme.answer((id, 1), Answer::NotSent);
    // There is room for it again at once, and for nothing else then.
    let record = bench.until_status(id, Status::Submitted).await;
    assert_eq!((path(&record), acme.submissions()), (vec![("acme".to_owned(), "submitted")], 2));
    assert_eq!(next_route(&bench).await, "borealis");
}
