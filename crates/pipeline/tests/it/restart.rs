//! What a process leaves, the next takes up.

use domain::Status;
use domain::attempt::Verdict;

use crate::bench::{Bench, CONNECTIONS, Reply, path, request};

#[tokio::test]
async fn what_was_at_a_vendor_without_an_answer_is_unknown_and_what_waited_goes_out_unflagged() {
    let bench = Bench::new().await;
    bench.connection("acme").script([Reply::Silence]);
    let dispatched = bench.send().await;
    bench.until_true("it is at the vendor", || bench.connection("acme").submissions() == 1).await;
    for name in CONNECTIONS {
        bench.connection(name).set_down(true);
    }
    let waiting = bench.send().await;
    let bench = bench.restart().await;
    let record = bench.until_status(dispatched, Status::Submitted).await;
    assert_eq!(path(&record), [("acme".to_owned(), "unknown"), ("borealis".to_owned(), "submitted")]);
    assert!(record.possible_duplicate());
    let record = bench.until_status(waiting, Status::Submitted).await;
    assert!(!record.possible_duplicate());
}

#[tokio::test]
async fn every_attempt_of_the_last_run_is_settled_before_a_connection_can_open() {
    let bench = Bench::new().await;
    // More than fit into one commit.
    let count = 1500;
    bench.connection("acme").script((0..count).map(|_| Reply::Silence));
    let sending: Vec<_> = (0..count).map(|_| bench.pipeline.send(request())).collect();
    let mut ids = Vec::new();
    for sending in sending {
        ids.push(sending.accepted().await.unwrap().record.message.id);
    }
    bench.until_true("all are at the vendor", || bench.connection("acme").submissions() == count).await;
    let bench = bench.restart().await;
    for id in ids {
        assert_eq!(bench.record(id).attempts[0].status(), "unknown");
    }
}

#[tokio::test]
async fn a_receipt_finds_its_message_after_a_restart() {
    let bench = Bench::new().await;
    let id = bench.send().await;
    bench.until_status(id, Status::Submitted).await;
    let bench = bench.restart().await;
    bench.connection("acme").receipt((id, 1), Some(Verdict::Delivered));
    bench.until_status(id, Status::Delivered).await;
    bench
        .until_true("it is told", || {
            bench.listener.heard.lock().iter().any(|(_, _, status, _)| *status == Status::Delivered)
        })
        .await;
}
