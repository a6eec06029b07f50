//! Applications are told, each at its own pace.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{AppId, Status};
use pipeline::{Request, Told};

use crate::bench::{Bench, request};

fn app(name: &str) -> AppId {
    AppId::new(name).unwrap()
}

#[tokio::test]
async fn endpoints_that_never_answer_delay_nobody_else() {
    let bench = Bench::new().await;
    bench.listener.hanging.lock().push(app("shop"));
    for _ in 0..200 {
        bench.send().await;
    }
    // More places than there are in all, were each of a hundred hosts given what it asks for.
    for host in 0..100 {
        for _ in 0..6 {
            let callback_url = Some(format!("https://host{host}.example/hook").into());
            bench.accept(Request { callback_url, ..request() }).await.unwrap();
        }
    }
    let id = bench.accept(Request { app: app("bank"), ..request() }).await.unwrap().record.message.id;
    bench
        .until_true("the other app hears of its message", || {
            bench
                .listener
                .heard
                .lock()
                .iter()
                .any(|(_, message, status, _)| *message == id && *status == Status::Submitted)
        })
        .await;
    assert!(bench.listener.heard.lock().iter().all(|(heard, ..)| *heard == app("bank")));
}

#[tokio::test]
async fn a_change_that_was_refused_is_told_again_by_the_schedule() {
    let bench = Bench::new().await;
    bench.listener.deaf.lock().insert(app("shop"), Told::No { retry_after: None });
    let id = bench.send().await;
    bench.until_true("both changes are refused", || bench.listener.refused.load(Ordering::SeqCst) == 2).await;
    bench.listener.deaf.lock().clear();
    assert!(bench.listener.heard.lock().is_empty());
    bench.advance(Duration::from_secs(6));
    bench.until_true("both are told", || bench.listener.heard.lock().len() == 2).await;
    let heard = bench.listener.heard.lock().clone();
    assert!(heard.iter().all(|(_, message, ..)| *message == id));
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_not_asked_again() {
    let bench = Bench::new().await;
    bench.listener.deaf.lock().insert(app("shop"), Told::Gone);
    bench.send().await;
    bench.until_true("it says so", || bench.listener.refused.load(Ordering::SeqCst) >= 1).await;
    bench.until_true("nothing waits", || bench.pipeline.reader().notices_pending().unwrap() == 0).await;
    let asked = bench.listener.refused.load(Ordering::SeqCst);
    bench.send().await;
    bench.until_true("nothing waits", || bench.pipeline.reader().notices_pending().unwrap() == 0).await;
    assert_eq!(bench.listener.refused.load(Ordering::SeqCst), asked);
}

#[tokio::test]
async fn a_change_whose_message_cannot_be_read_for_the_moment_is_told_later() {
    let bench = Bench::new().await;
    bench.listener.deaf.lock().insert(app("shop"), Told::No { retry_after: None });
    let id = bench.send().await;
    bench.until_true("both changes are refused", || bench.listener.refused.load(Ordering::SeqCst) == 2).await;
    bench.listener.deaf.lock().clear();
    bench.unreadable.store(true, Ordering::SeqCst);
    bench.advance(Duration::from_secs(6));
    // Long enough for a claim, which comes once a second.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(bench.pipeline.reader().notices_pending().unwrap(), 2);
    bench.unreadable.store(false, Ordering::SeqCst);
    bench.advance(Duration::from_secs(400));
    bench.until_true("both are told", || bench.listener.heard.lock().len() == 2).await;
    assert!(bench.listener.heard.lock().iter().all(|(_, message, ..)| *message == id));
}
