//! What a store that cannot write costs: refusals, and nothing that a vendor said.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::attempt::Verdict;
use domain::record::Answer;
use domain::{MessageId, Status};
use pipeline::{NotWritten, Refused};

use crate::bench::{Bench, CONNECTIONS, Fault, Reply, Scripted, path, request};

fn taken(id: MessageId) -> Answer {
    Answer::Accepted { vendor_id: Some(Scripted::vendor_id(id, 1, 0).into()) }
}

#[tokio::test]
async fn what_vendors_said_is_kept_in_order_and_written_when_the_disk_has_room_again() {
    let bench = Bench::new().await;
    bench.connection("acme").script([Reply::Silence, Reply::Silence]);
    let (first, second) = (bench.send().await, bench.send().await);
    bench.until_true("both are at the vendor", || bench.connection("acme").submissions() == 2).await;
    bench.set_fault(Some(Fault::DiskFull));
    bench.connection("acme").answer((first, 1), taken(first));
    bench.until_true("the failure is noticed", || !bench.pipeline.snapshot().is_writing).await;
    bench.connection("acme").answer((second, 1), taken(second));
    let refused = bench.accept(request()).await.unwrap_err();
    assert_eq!(refused, Refused::NotWritten(NotWritten::Unavailable));
    let stored = bench.connection("acme").receipt((first, 1), Some(Verdict::Delivered));
    bench.set_fault(None);
    bench.until_status(first, Status::Submitted).await;
    bench.until_status(second, Status::Submitted).await;
    assert!(!stored.load(Ordering::SeqCst), "the vendor has to send the receipt again");
    bench.connection("acme").receipt((first, 1), Some(Verdict::Delivered));
    bench.until_status(first, Status::Delivered).await;
    bench.send().await;
}

#[tokio::test]
async fn a_dispatch_that_could_not_be_written_gives_its_slot_back_and_is_made_again() {
    let bench = Bench::new().await;
    for name in CONNECTIONS {
        bench.connection(name).set_down(true);
    }
    let id = bench.send().await;
    bench.set_fault(Some(Fault::DiskFull));
    bench.connection("acme").set_down(false);
    bench.until_true("the failure is noticed", || !bench.pipeline.snapshot().is_writing).await;
    assert_eq!(bench.connection("acme").submissions(), 0);
    bench.set_fault(None);
    let record = bench.until_status(id, Status::Submitted).await;
    assert_eq!(path(&record), [("acme".to_owned(), "submitted")]);
    bench.until_true("the slots are back", || bench.connection("acme").slots_taken() == 0).await;
    assert_eq!(bench.connection("acme").submissions(), 1);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_sent_or_acknowledged_and_it_is_told() {
    let bench = Bench::new().await;
    let id = bench.send().await;
    bench.until_status(id, Status::Submitted).await;
    bench.set_fault(Some(Fault::SyncFailed));
    let refused = bench.accept(request()).await.unwrap_err();
    assert_eq!(refused, Refused::NotWritten(NotWritten::Broken));
    bench.pipeline.broken().await;
    bench.set_fault(None);
    let stored = bench.connection("acme").receipt((id, 1), Some(Verdict::Delivered));
    assert_eq!(bench.accept(request()).await.unwrap_err(), Refused::NotWritten(NotWritten::Broken));
    assert!(!stored.load(Ordering::SeqCst));
    assert_eq!(bench.connection("acme").submissions(), 1);
    bench.until_true("the slots are back", || bench.connection("acme").slots_taken() == 0).await;
}

#[tokio::test]
async fn what_can_never_be_written_is_counted_and_holds_up_nothing_else() {
    let bench = Bench::new().await;
    bench.connection("acme").script([Reply::Silence, Reply::Silence]);
    let (first, second) = (bench.send().await, bench.send().await);
    bench.until_true("both are at the vendor", || bench.connection("acme").submissions() == 2).await;
    bench.set_fault(Some(Fault::Unwritable));
    bench.connection("acme").answer((first, 1), taken(first));
    bench.until_true("it is put aside", || bench.pipeline.snapshot().put_aside == 1).await;
    bench.until_true("the store is writable", || bench.pipeline.snapshot().is_writing).await;
    bench.accept(request()).await.unwrap();
    bench.set_fault(None);
    bench.connection("acme").answer((second, 1), taken(second));
    bench.until_status(second, Status::Submitted).await;
}

#[tokio::test]
async fn a_store_that_cannot_write_says_why_until_it_can_though_nobody_asks_it_to() {
    let bench = Bench::new().await;
    bench.set_fault(Some(Fault::DiskFull));
    let refused = bench.accept(request()).await.unwrap_err();
    assert_eq!(refused, Refused::NotWritten(NotWritten::Unavailable));
    let snapshot = bench.pipeline.snapshot();
    assert!(!snapshot.is_writing && snapshot.commits_failed > 0);
    assert!(snapshot.failure.unwrap().contains("scripted"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!bench.pipeline.snapshot().is_writing, "no probe has succeeded");
    bench.set_fault(None);
    bench.until_true("it writes again", || bench.pipeline.snapshot().is_writing).await;
    assert_eq!(bench.pipeline.snapshot().failure, None);
}

#[tokio::test]
async fn a_full_disk_does_not_hold_up_the_end_for_ever() {
    let bench = Bench::new().await;
    bench.connection("acme").script([Reply::Silence]);
    let id = bench.send().await;
    bench.until_true("it is at the vendor", || bench.connection("acme").submissions() == 1).await;
    bench.set_fault(Some(Fault::DiskFull));
    bench.connection("acme").answer((id, 1), taken(id));
    let ended = tokio::time::timeout(Duration::from_secs(20), bench.pipeline.shut_down()).await;
    assert!(ended.is_ok());
    let late = bench.pipeline.cancel(id).await;
    assert_eq!(late.unwrap_err(), NotWritten::Stopping);
}
