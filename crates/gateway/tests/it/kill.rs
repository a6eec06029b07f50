//! `kill -9` in the middle of traffic: nothing that was acknowledged is lost, and what came twice says so.

use crate::trial::{self, Trial};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_process_is_killed_at_any_moment() {
    run(trial::cycles()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a quarter of an hour"]
async fn nothing_is_lost_when_the_process_is_killed_two_hundred_times() {
    run(200).await;
}

async fn run(cycles: usize) {
    let mut trial = Trial::new(trial::seed(), "path = \"data\"").await;
    for _ in 0..cycles {
        trial.live_and_die().await;
    }
    trial.judge().await;
}
