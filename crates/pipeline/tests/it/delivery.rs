//! A message on its straight way: accepted, submitted, delivered, told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::attempt::Verdict;
use domain::event::Kind;
use domain::{AppId, Status};

use crate::bench::{Bench, Reply, Scripted, path, request};

#[tokio::test]
async fn a_message_is_dispatched_in_its_acceptance_and_delivered() {
    let bench = Bench::new().await;
    let accepted = bench.accept(request()).await.unwrap();
    let id = accepted.record.message.id;
    // The slot was free, so the first durable write of the message holds its dispatch.
    assert!(accepted.record.events.iter().any(|event| matches!(event.kind, Kind::Dispatched { attempt: 1 })));
    bench.until_status(id, Status::Submitted).await;
    let stored = bench.connection("acme").receipt((id, 1), Some(Verdict::Delivered));
    let record = bench.until_status(id, Status::Delivered).await;
    assert_eq!(path(&record), [("acme".to_owned(), "delivered")]);
    bench.until_true("the receipt is answered", || stored.load(Ordering::SeqCst)).await;
    bench.until_true("three changes are told", || bench.listener.heard.lock().len() == 3).await;
    let shop = AppId::new("shop").unwrap();
    let mut heard = bench.listener.heard.lock().clone();
    heard.sort_by_key(|(_, _, _, sequence)| *sequence);
    assert_eq!(
        heard,
        [
            (shop.clone(), id, Status::Accepted, 1),
            (shop.clone(), id, Status::Submitted, 2),
            (shop, id, Status::Delivered, 3),
        ]
    );
    bench.until_true("the slot is back", || bench.connection("acme").slots_taken() == 0).await;
}

#[tokio::test]
async fn the_parts_of_a_long_text_go_together_and_add_up_to_the_text() {
    let bench = Bench::new().await;
    let text = "A long text that needs more than one segment, €. ".repeat(8);
    let id =
        bench.accept(pipeline::Request { text: text.clone(), ..request() }).await.unwrap().record.message.id;
    bench.until_status(id, Status::Submitted).await;
    let parts = bench.connection("acme").texts.lock()[0].clone();
    assert!(parts.len() == 3 && parts.concat() == text);
    for part in 0..3 {
        bench.connection("acme").receipt_for(&Scripted::vendor_id(id, 1, part), Some(Verdict::Delivered));
    }
    bench.until_status(id, Status::Delivered).await;
}

#[tokio::test]
async fn a_receipt_that_comes_before_its_response_is_held_for_it() {
    let bench = Bench::new().await;
    bench.connection("acme").script([Reply::Silence]);
    let id = bench.send().await;
    bench.until_true("it is submitted", || bench.connection("acme").submissions() == 1).await;
    let stored = bench.connection("acme").receipt((id, 1), Some(Verdict::Delivered));
    bench.until_true("the early receipt is stored", || stored.load(Ordering::SeqCst)).await;
    assert_eq!(bench.record(id).status, Status::Accepted);
    let vendor_id = Some(Scripted::vendor_id(id, 1, 0).into());
    bench.connection("acme").answer((id, 1), domain::record::Answer::Accepted { vendor_id });
    let record = bench.until_status(id, Status::Delivered).await;
    assert_eq!(record.sequence, 3);
}

#[tokio::test]
async fn another_connections_receipt_of_the_same_id_changes_nothing() {
    let bench = Bench::new().await;
    let id = bench.send().await;
    bench.until_status(id, Status::Submitted).await;
    let stored = bench.connection("borealis").receipt((id, 1), Some(Verdict::Undelivered));
    bench.until_true("it is stored all the same", || stored.load(Ordering::SeqCst)).await;
    assert_eq!(bench.record(id).status, Status::Submitted);
}

#[tokio::test]
async fn a_scheduled_message_leaves_when_it_is_due() {
    let bench = Bench::new().await;
    let due = pipeline::Clock::now(&*bench.clock).plus(Duration::from_secs(60));
    let request = pipeline::Request { send_at: Some(due), ..request() };
    let record = bench.accept(request).await.unwrap().record;
    assert_eq!(record.status, Status::Scheduled);
    assert_eq!(bench.connection("acme").submissions(), 0);
    bench.advance(Duration::from_secs(61));
    bench.until_status(record.message.id, Status::Submitted).await;
}

#[tokio::test]
async fn a_waiting_message_is_dispatched_when_a_slot_comes_free() {
    let bench = Bench::with_rule(r#"{ "failover": { "on": ["rejected"] } }"#).await;
    bench.connection("acme").full.store(true, Ordering::SeqCst);
    let id = bench.send().await;
    assert!(bench.record(id).work().queued);
    bench.connection("acme").full.store(false, Ordering::SeqCst);
    bench.until_status(id, Status::Submitted).await;
}

#[tokio::test]
async fn a_repeated_one_time_password_avoids_the_last_route_also_when_it_has_to_wait() {
    let terms = r#"{ "strategy": "weighted", "routes": [
        { "id": "acme", "weight": 50 }, { "id": "borealis", "weight": 50 }, { "id": "cumulus", "weight": 50 } ] }"#;
    let bench = Bench::with_rule(terms).await;
    let first = bench.send().await;
    let record = bench.until_status(first, Status::Submitted).await;
    let last = record.attempts[0].route.to_string();
    for connection in bench.connections.values() {
        connection.full.store(true, Ordering::SeqCst);
    }
    bench.advance(Duration::from_secs(30));
    let second = bench.send().await;
    bench.connection(&last).full.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(bench.record(second).work().queued, "the last route is not the first choice");
    for connection in bench.connections.values() {
        connection.full.store(false, Ordering::SeqCst);
    }
    let record = bench.until_status(second, Status::Submitted).await;
    assert_ne!(record.attempts[0].route.to_string(), last);
}
