//! What an application may ask for, and what it is refused.

use std::time::Duration;

use domain::record::{NewText, Replacement};
use domain::{AppId, Channel, Encoding, Status};
use pipeline::{Conversion, Refused, Request, Stepped};
use store::Query;
use store::write::Idempotency;

use crate::bench::{Bench, CONNECTIONS, request};

fn keyed(key: &str, fingerprint: u8) -> Request {
    let idempotency = Idempotency { key: key.into(), fingerprint: [fingerprint; 32] };
    Request { idempotency: Some(idempotency), ..request() }
}

#[tokio::test]
async fn a_key_used_again_gives_the_first_message_and_sends_nothing() {
    let bench = Bench::new().await;
    let first = bench.accept(keyed("k1", 1)).await.unwrap();
    let again = bench.accept(keyed("k1", 1)).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(first.record.message.id, again.record.message.id);
    assert_eq!(bench.accept(keyed("k1", 2)).await.unwrap_err(), Refused::KeyReused);
    let other_app = Request { app: AppId::new("bank").unwrap(), ..keyed("k1", 2) };
    assert!(!bench.accept(other_app).await.unwrap().replayed);
    bench.until_status(first.record.message.id, Status::Submitted).await;
    bench.until_true("one text of each app", || bench.connection("acme").submissions() == 2).await;
}

#[tokio::test]
async fn a_key_whose_request_is_under_way_is_in_flight() {
    let bench = Bench::new().await;
    let first = bench.pipeline.send(keyed("k1", 1));
    let second = bench.pipeline.send(keyed("k1", 1));
    let (first, second) = tokio::join!(first.accepted(), second.accepted());
    let first = first.unwrap();
    match second {
        Err(Refused::KeyInFlight) => {}
        // The first commit may have ended between the two calls.
        Ok(second) => assert!(second.replayed && second.record.message.id == first.record.message.id),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn impossible_requests_are_refused_and_kept_where_there_is_something_to_find() {
    let bench = Bench::new().await;
    let refused = |request| async { bench.accept(request).await.unwrap_err() };
    let number = Request { to: "12".to_owned(), ..request() };
    assert!(matches!(refused(number).await, Refused::BadNumber(_)));
    let channel = Request { channel: Channel::Email, ..request() };
    assert_eq!(refused(channel).await, Refused::ChannelNotServed(Channel::Email));
    assert_eq!(refused(Request { text: String::new(), ..request() }).await, Refused::EmptyText);
    let long = Request { text: "x".repeat(153 * 21), ..request() };
    assert_eq!(refused(long).await, Refused::TextTooLong { segments: 21 });
    let brief = Request { validity: Some(Duration::ZERO), ..request() };
    assert_eq!(refused(brief).await, Refused::BadValidity);
    let far = pipeline::Clock::now(&*bench.clock).plus(Duration::from_secs(400 * 86_400));
    assert_eq!(refused(Request { send_at: Some(far), ..request() }).await, Refused::BadSchedule);

    let query = Query { status: Some(Status::Rejected), limit: 10, ..Query::default() };
    bench
        .until_true("the refused number can be found", || {
            let page = bench.pipeline.reader().search(&query).unwrap();
            page.records.iter().any(|record| record.message.to.as_str() == "12")
        })
        .await;
}

#[tokio::test]
async fn a_waiting_message_can_be_taken_back_and_a_sent_one_not() {
    let bench = Bench::new().await;
    let sent = bench.send().await;
    bench.until_status(sent, Status::Submitted).await;
    assert!(matches!(bench.pipeline.cancel(sent).await.unwrap(), Stepped::TooLate(_)));
    for name in CONNECTIONS {
        bench.connection(name).set_down(true);
    }
    let waiting = bench.send().await;
    assert!(matches!(bench.pipeline.cancel(waiting).await.unwrap(), Stepped::Done(_)));
    bench.connection("acme").set_down(false);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(bench.record(waiting).status, Status::Canceled);
    assert_eq!(bench.connection("acme").submissions(), 1);
    bench.until_true("the slot is back", || bench.connection("acme").slots_taken() == 0).await;
}

#[tokio::test]
async fn what_replaces_a_waiting_text_is_what_leaves_also_after_its_first_end() {
    let bench = Bench::new().await;
    for name in CONNECTIONS {
        bench.connection(name).set_down(true);
    }
    let waiting = bench.send().await;
    let text = NewText { text: "another code".into(), encoding: Encoding::Gsm7, segments: 1 };
    // A rule's messages end after ten minutes here.
    let end = pipeline::Clock::now(&*bench.clock).plus(Duration::from_secs(3600));
    let with = Replacement { text: Some(text), expires_at: Some(end), ..Replacement::default() };
    assert!(matches!(bench.pipeline.replace(waiting, with.clone()).await.unwrap(), Stepped::Done(_)));
    bench.advance(Duration::from_secs(1800));
    // Longer than it takes until the lanes are rid of those that are over.
    tokio::time::sleep(Duration::from_secs(3)).await;
    bench.connection("acme").set_down(false);
    bench.until_status(waiting, Status::Submitted).await;
    assert_eq!(bench.connection("acme").texts.lock().concat(), ["another code".into()]);
    assert!(matches!(bench.pipeline.replace(waiting, with).await.unwrap(), Stepped::TooLate(_)));
}

#[tokio::test]
async fn a_conversion_is_kept_with_its_message() {
    let bench = Bench::new().await;
    let id = bench.send().await;
    let at = pipeline::Clock::now(&*bench.clock);
    let stepped = bench.pipeline.convert(id, Conversion { converted: true, at }).await.unwrap();
    assert!(matches!(stepped, Stepped::Done(_)));
    assert!(bench.record(id).converted.is_some_and(|converted| converted.converted));
}
