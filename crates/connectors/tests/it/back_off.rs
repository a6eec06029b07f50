//! How soon a vendor is tried again.

use std::time::Duration;

use smpp_wire::status::CommandStatus;
use tokio::time::Instant;

use crate::lab::{Lab, seconds};

/// Refuses one bind after another, and checks how long each next one takes to come.
async fn assert_waits(status: CommandStatus, seconds_at_least: &[u64]) {
    let mut lab = Lab::new("");
    let mut vendor = lab.line().await;
    for least in seconds_at_least {
        vendor.bind(status).await;
        let refused = Instant::now();
        vendor = lab.line().await;
        let waited = refused.elapsed();
        let most = seconds(*least).mul_f64(1.3);
        assert!(waited >= seconds(*least) && waited <= most, "{status}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_does_not_know_the_account_is_not_hammered() {
    for status in [CommandStatus::RINVPASWD, CommandStatus::RINVSYSID] {
        assert_waits(status, &[5, 10, 20, 40, 80, 160, 300, 300]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_may_pass_is_tried_again_within_seconds() {
    for status in
        [CommandStatus::RALYBND, CommandStatus::RSYSERR, CommandStatus::RTHROTTLED, CommandStatus(0x400)]
    {
        assert_waits(status, &[1, 2, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_bind_that_goes_on_failing_without_a_reason_is_suspected_to_be_a_wrong_password() {
    assert_waits(CommandStatus::RBINDFAIL, &[1, 2, 4, 5, 5, 5, 5, 5, 5, 5, 5, 10, 20, 40, 80, 160, 300])
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_breaks_is_opened_again_within_moments() {
    let mut lab = Lab::new("");
    for _ in 0..20 {
        let vendor = lab.vendor().await;
        tokio::time::sleep(seconds(60)).await;
        let cut = Instant::now();
        vendor.cut();
        lab.line().await.cut();
        assert!(cut.elapsed() <= Duration::from_millis(110), "{:?}", cut.elapsed());
        lab.vendor().await.cut();
        // The failures so far are forgotten after a session that lived.
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_breaks_at_once_is_opened_ever_more_slowly() {
    let mut lab = Lab::new("");
    let begun = Instant::now();
    for _ in 0..100 {
        lab.line().await.cut();
    }
    // Without patience this takes no time; with full jitter 2.5 s each on average.
    assert!(begun.elapsed() > seconds(200), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_bind_that_is_never_answered_is_given_up() {
    let mut lab = Lab::new("response_timeout = \"3s\"");
    let _silent = lab.line().await;
    let begun = Instant::now();
    lab.opens_no_line_for(Duration::from_millis(2900)).await;
    let _next = lab.line().await;
    assert!(begun.elapsed() <= Duration::from_millis(4200), "{:?}", begun.elapsed());
}
