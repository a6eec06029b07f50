//! A line that breaks: what left is unknown, what did not leave was not sent.

use connectors::{Connector, NoSlot};
use domain::record::Answer;

use crate::lab::{Lab, submission};

#[tokio::test(start_paused = true)]
async fn what_was_written_is_unknown_and_what_was_not_is_not_sent() {
    let (mut lab, mut vendor) = Lab::bound("window = 3").await;
    lab.submit(1);
    lab.submit(2);
    let reserved = lab.reserve();
    vendor.submit().await;
    vendor.submit().await;
    vendor.cut();
    for _ in 0..2 {
        assert_eq!(lab.answer().await, Answer::Unknown { line_lost: true });
    }
    assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Down);

    lab.client.submit(reserved, submission(3, &["one", "two"]));
    for part in 0..2 {
        let answered = lab.answered().await;
        assert_eq!((answered.part, answered.answer), (part, Answer::NotSent));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_of_an_earlier_session_sends_nothing_on_the_next() {
    let (mut lab, vendor) = Lab::bound("window = 3").await;
    let reserved = lab.reserve();
    vendor.cut();
    let mut vendor = lab.vendor().await;
    lab.client.submit(reserved, submission(1, &["hello"]));
    assert_eq!(lab.answer().await, Answer::NotSent);
    lab.submit(2);
    vendor.submit().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_was_refused_while_it_was_down_is_told_when_it_is_up() {
    let (mut lab, vendor) = Lab::bound("").await;
    vendor.cut();
    while lab.client.reserve().is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Down);
    let _vendor = lab.vendor().await;
    lab.told.slots_free.recv().await.unwrap();
    drop(lab.reserve());
}
