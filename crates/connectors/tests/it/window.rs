//! No more submits are unanswered than the window allows, and places come back in the right order.

use std::collections::HashSet;

use connectors::{Connector, NoSlot};
use domain::record::Answer;

use crate::lab::{Lab, accepted, seconds, submission};

#[tokio::test(start_paused = true)]
async fn no_more_submits_are_unanswered_than_the_window_has_slots() {
    let (mut lab, mut vendor) = Lab::bound("window = 2").await;
    lab.submit(1);
    lab.submit(2);
    assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Busy);
    let first = vendor.submit().await;
    vendor.submit().await;
    vendor.accept(&first, "a1");

    let answered = lab.answered().await;
    assert_eq!(answered.answer, accepted("a1"));
    assert!(answered.took.is_some());
    assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Busy, "the outcome is not yet queued");
    drop(answered.slot);
    lab.told.slots_free.recv().await.unwrap();
    lab.submit(3);
    assert_eq!(vendor.submit().await.sequence_number(), first.sequence_number() + 2);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_was_not_used_gives_its_place_and_its_throughput_back() {
    let (lab, _vendor) = Lab::bound("window = 1\nthroughput = \"1/s\"").await;
    for _ in 0..100 {
        drop(lab.reserve());
    }
    lab.submit(1);
}

#[tokio::test(start_paused = true)]
async fn slots_are_taken_where_most_are_free() {
    let mut lab = Lab::new("window = 3\nbinds = 2");
    let _vendors = (lab.vendor().await, lab.vendor().await);
    let slots: Vec<_> = (0..4).map(|_| lab.reserve()).collect();
    let of_first = slots.iter().filter(|slot| slot.bind == 0).count();
    assert_eq!(of_first, 2);
    let binds: HashSet<_> = slots.iter().map(|slot| slot.bind).collect();
    assert_eq!(binds, HashSet::from([0, 1]));
}

#[tokio::test(start_paused = true)]
async fn a_new_session_has_only_the_slots_that_the_old_one_gave_back() {
    let (mut lab, mut vendor) = Lab::bound("window = 2").await;
    lab.submit(1);
    vendor.submit().await;
    vendor.cut();
    let lost = lab.answered().await;
    assert_eq!(lost.answer, Answer::Unknown { line_lost: true });

    let _vendor = lab.vendor().await;
    let slot = lab.reserve();
    assert_eq!(slot.epoch, 2);
    assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Busy);
    drop(lost);
    lab.told.slots_free.recv().await.unwrap();
    drop(lab.reserve());
}

#[tokio::test(start_paused = true)]
async fn throughput_is_counted_over_all_binds() {
    let mut lab = Lab::new("window = 100\nbinds = 2\nthroughput = \"10/s\"");
    let _vendors = (lab.vendor().await, lab.vendor().await);
    let mut sent = 0;
    let second = tokio::time::Instant::now() + seconds(1);
    while tokio::time::Instant::now() < second {
        let slot = lab.slot().await;
        sent += 1;
        lab.client.submit(slot, submission(sent, &["hello"]));
    }
    assert!((10..=11).contains(&sent), "{sent}");
}
