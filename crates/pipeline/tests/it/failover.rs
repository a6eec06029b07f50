//! Each way in which a route can fail, and where the message goes then.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::attempt::Verdict;
use domain::record::Answer;
use domain::{ConnectionId, Record, Status};

use crate::bench::{Bench, CONNECTIONS, Reply, path};

fn routes(record: &Record) -> Vec<String> {
    record.attempts.iter().map(|attempt| attempt.route.to_string()).collect()
}

#[tokio::test]
async fn a_refusal_goes_on_in_the_order_of_the_plan_and_is_no_duplicate() {
    let bench = Bench::new().await;
    bench.connection("acme").script([Reply::Reject]);
    bench.connection("borealis").script([Reply::Reject]);
    let id = bench.send().await;
    let record = bench.until_status(id, Status::Submitted).await;
    assert_eq!(
        path(&record),
        [
            ("acme".to_owned(), "rejected"),
            ("borealis".to_owned(), "rejected"),
            ("cumulus".to_owned(), "submitted")
        ]
    );
    assert!(!record.possible_duplicate());
}

#[tokio::test]
async fn a_message_that_every_vendor_refuses_fails() {
    let bench = Bench::new().await;
    for name in CONNECTIONS {
        bench.connection(name).script([Reply::Reject]);
    }
    let id = bench.send().await;
    let record = bench.until_status(id, Status::Failed).await;
    assert_eq!(record.attempts.len(), 3);
}

#[tokio::test]
async fn max_attempts_counts_refusals_and_not_throttles() {
    let bench =
        Bench::with_rule(r#"{ "failover": { "on": ["rejected", "busy"], "max_attempts": 2 } }"#).await;
    bench.connection("acme").script([Reply::Throttle, Reply::Throttle, Reply::Throttle, Reply::Reject]);
    bench.connection("borealis").script([Reply::Reject]);
    let id = bench.send().await;
    let record = bench.until_status(id, Status::Failed).await;
    assert_eq!(routes(&record), ["acme", "borealis"]);
    assert_eq!(record.attempts[0].throttled, 3);
}

#[tokio::test]
async fn a_full_window_is_waited_for_and_then_passed() {
    let bench = Bench::with_rule(r#"{ "failover": { "on": ["busy"], "wait_at_most": "3s" } }"#).await;
    bench.connection("acme").full.store(true, Ordering::SeqCst);
    let id = bench.send().await;
    bench.advance(Duration::from_millis(2900));
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(bench.record(id).work().queued, "its wait is not over");
    bench.advance(Duration::from_millis(200));
    let record = bench.until_status(id, Status::Submitted).await;
    assert_eq!(routes(&record), ["borealis"]);
}

#[tokio::test]
async fn a_connection_that_is_down_is_passed_at_once() {
    let bench = Bench::new().await;
    bench.connection("acme").set_down(true);
    let id = bench.send().await;
    let record = bench.until_status(id, Status::Submitted).await;
    assert_eq!(routes(&record), ["borealis"]);
}

#[tokio::test]
async fn what_waits_for_a_connection_that_is_taken_out_goes_another_way() {
    let bench = Bench::new().await;
    bench.connection("acme").full.store(true, Ordering::SeqCst);
    let id = bench.send().await;
    assert!(bench.record(id).work().queued);
    bench.pipeline.disconnect(&ConnectionId::new("acme").unwrap());
    let record = bench.until_status(id, Status::Submitted).await;
    assert_eq!(routes(&record), ["borealis"]);
    assert!(!record.possible_duplicate());
}

#[tokio::test]
async fn a_message_that_no_route_can_take_waits_and_expires_when_its_validity_ends() {
    let bench = Bench::new().await;
    for name in CONNECTIONS {
        bench.connection(name).set_down(true);
    }
    let id = bench.send().await;
    bench.advance(Duration::from_secs(300));
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(bench.record(id).status, Status::Accepted);
    bench.advance(Duration::from_secs(301));
    let record = bench.until_status(id, Status::Expired).await;
    assert!(record.attempts.iter().all(|attempt| attempt.dispatched_at.is_none()));
}

#[tokio::test]
async fn the_backlog_of_a_dead_connection_moves_when_another_comes_up() {
    let bench = Bench::new().await;
    for name in CONNECTIONS {
        bench.connection(name).set_down(true);
    }
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(bench.send().await);
    }
    bench.connection("cumulus").set_down(false);
    for id in ids {
        let record = bench.until_status(id, Status::Submitted).await;
        assert_eq!(routes(&record), ["cumulus"]);
    }
}

#[tokio::test]
async fn next_route_sends_again_elsewhere_marked_as_a_possible_duplicate() {
    let bench = Bench::with_rule(r#"{ "on_unknown": "next_route" }"#).await;
    bench.connection("acme").script([Reply::Unknown { line_lost: false }]);
    let id = bench.send().await;
    let record = bench.until_status(id, Status::Submitted).await;
    assert_eq!(path(&record), [("acme".to_owned(), "unknown"), ("borealis".to_owned(), "submitted")]);
    assert!(record.attempts[1].possible_duplicate);
}

#[tokio::test]
async fn resend_tries_the_same_route_once_more_and_then_the_next() {
    let bench = Bench::with_rule(r#"{ "on_unknown": "resend" }"#).await;
    bench.connection("acme").script([Reply::Unknown { line_lost: true }, Reply::Unknown { line_lost: true }]);
    let id = bench.send().await;
    let record = bench.until_status(id, Status::Submitted).await;
    assert_eq!(routes(&record), ["acme", "acme", "borealis"]);
}

#[tokio::test]
async fn hold_sends_nothing_again_until_a_late_answer_settles_it() {
    let bench = Bench::with_rule(r#"{ "on_unknown": "hold" }"#).await;
    bench.connection("acme").script([Reply::Unknown { line_lost: false }]);
    let id = bench.send().await;
    bench.until_status(id, Status::Uncertain).await;
    bench.advance(Duration::from_secs(120));
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(bench.record(id).attempts.len(), 1);
    bench.connection("acme").answer((id, 1), Answer::Accepted { vendor_id: Some("late".into()) });
    bench.until_status(id, Status::Submitted).await;
    bench.connection("acme").receipt_for("late", Some(Verdict::Delivered));
    bench.until_status(id, Status::Delivered).await;
}

#[tokio::test]
async fn an_undelivered_receipt_goes_on_and_the_last_one_is_final() {
    let bench = Bench::with_rule(r#"{ "failover": { "on": ["undelivered"], "max_attempts": 2 } }"#).await;
    let id = bench.send().await;
    bench.until_status(id, Status::Submitted).await;
    bench.connection("acme").receipt((id, 1), Some(Verdict::Undelivered));
    bench.until(id, |record| path(record).last() == Some(&("borealis".to_owned(), "submitted"))).await;
    bench.connection("borealis").receipt((id, 2), Some(Verdict::Undelivered));
    bench.until_status(id, Status::Undelivered).await;
    bench.connection("acme").receipt((id, 1), Some(Verdict::Delivered));
    bench.until_status(id, Status::Delivered).await;
}

#[tokio::test]
async fn a_missing_receipt_goes_on_after_its_time_and_the_first_vendor_may_still_win() {
    let terms = r#"{ "failover": { "on": ["no_receipt"], "no_receipt_after": "45s" } }"#;
    let bench = Bench::with_rule(terms).await;
    let id = bench.send().await;
    bench.until_status(id, Status::Submitted).await;
    bench.advance(Duration::from_secs(46));
    let record = bench.until(id, |record| record.attempts.len() == 2).await;
    assert!(record.attempts[0].given_up);
    bench.until_true("the second is at its vendor", || bench.connection("borealis").submissions() == 1).await;
    bench.connection("acme").receipt((id, 1), Some(Verdict::Delivered));
    bench.until_status(id, Status::Delivered).await;
}
