//! A vendor that stops answering submits while its session lives is asked now and then, and trusted again at once.

use connectors::connector::HealthState;
use connectors::{Connector, NoSlot};
use domain::record::Answer;
use tokio::time::Instant;

use crate::lab::{Lab, accepted, seconds};

const GIVEN_UP: Answer = Answer::Unknown { line_lost: false };

#[tokio::test(start_paused = true)]
async fn a_mute_vendor_is_sent_one_text_a_second_until_it_answers() {
    let (mut lab, mut vendor) = Lab::bound("window = 5\nresponse_timeout = \"4s\"").await;
    let begun = Instant::now();
    for number in 0..5 {
        lab.submit(number);
        vendor.submit().await;
    }
    for _ in 0..5 {
        assert_eq!(lab.answer().await, GIVEN_UP);
    }
    // Not the whole window once more.
    for number in 5..8 {
        let slot = lab.slot().await;
        lab.client.submit(slot, crate::lab::submission(number, &["hello"]));
        assert_eq!(begun.elapsed().as_secs(), 4 + u64::try_from(number).unwrap() - 5);
        assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Busy);
        assert_eq!(lab.client.health().state, HealthState::Throttled);
    }
    let submit = vendor.submit().await;
    vendor.accept(&submit, "awake");
    assert_eq!(lab.answer().await, accepted("awake"));
    assert_eq!(lab.client.health().state, HealthState::Up);
    // Two of five are still waited for.
    let slots: Vec<_> = (0..3).map(|_| lab.reserve()).collect();
    assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Busy);
    drop(slots);
    for _ in 0..2 {
        assert_eq!(lab.answer().await, GIVEN_UP);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_vendor_is_not_taken_for_a_mute_one() {
    let (mut lab, mut vendor) = Lab::bound("window = 2\nresponse_timeout = \"2s\"").await;
    lab.submit(1);
    let first = vendor.submit().await;
    tokio::time::sleep(seconds(1)).await;
    lab.submit(2);
    let _never_answered = vendor.submit().await;
    assert_eq!(lab.answer().await, GIVEN_UP);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    vendor.accept(&first, "late");
    assert_eq!(lab.answer().await, accepted("late"));
    assert_eq!(lab.answer().await, GIVEN_UP);
    drop([lab.reserve(), lab.reserve()]);
}

#[tokio::test(start_paused = true)]
async fn a_new_session_has_its_whole_window_although_the_old_one_was_mute() {
    let (mut lab, mut vendor) = Lab::bound("window = 3\nresponse_timeout = \"1s\"").await;
    lab.submit(1);
    vendor.submit().await;
    assert_eq!(lab.answer().await, GIVEN_UP);
    vendor.cut();
    let _vendor = lab.vendor().await;
    drop([lab.reserve(), lab.reserve(), lab.reserve()]);
}
