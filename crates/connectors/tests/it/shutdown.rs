//! An orderly end: nothing new, the answers on the wire, unbind.

use connectors::{Connector, NoSlot};
use domain::record::Answer;
use smpp_wire::session::CloseReason;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::lab::{Lab, accepted, seconds, submission};

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_answers_and_unbinds() {
    let (Lab { client, running, mut told, .. }, mut vendor) = Lab::bound("window = 5").await;
    client.submit(client.reserve().unwrap(), submission(1, &["one", "two"]));
    let reserved = client.reserve().unwrap();
    let first = vendor.submit().await;
    let mut tasks = JoinSet::new();
    tasks.spawn(running.shutdown());
    vendor.hears_nothing_for(seconds(1)).await;
    assert_eq!(client.reserve().unwrap_err(), NoSlot::Down);
    client.submit(reserved, submission(2, &["hello"]));
    assert_eq!(told.answers.recv().await.unwrap().answer, Answer::NotSent);

    vendor.accept(&first, "one");
    let second = vendor.submit().await;
    vendor.accept(&second, "two");
    assert_eq!(told.answers.recv().await.unwrap().answer, accepted("one"));
    assert_eq!(told.answers.recv().await.unwrap().answer, accepted("two"));
    assert_eq!(vendor.ended().await, CloseReason::PeerUnbound);
    tasks.join_next().await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_text_whose_slot_was_reserved_before_the_shutdown_hears_that_it_was_not_sent() {
    let (Lab { client, running, mut told, .. }, mut vendor) = Lab::bound("window = 5").await;
    let reserved = client.reserve().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(running.shutdown());
    vendor.hears_nothing_for(seconds(1)).await;
    client.submit(reserved, submission(1, &["hello"]));
    assert_eq!(told.answers.recv().await.unwrap().answer, Answer::NotSent);
    assert_eq!(vendor.ended().await, CloseReason::PeerUnbound);
    tasks.join_next().await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_answers_that_never_come() {
    let (Lab { client, running, mut told, .. }, mut vendor) = Lab::bound("response_timeout = \"3s\"").await;
    client.submit(client.reserve().unwrap(), submission(1, &["hello"]));
    vendor.submit().await;
    let begun = Instant::now();
    running.shutdown().await;
    assert!(begun.elapsed() <= seconds(4), "{:?}", begun.elapsed());
    assert_eq!(told.answers.recv().await.unwrap().answer, Answer::Unknown { line_lost: false });
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_a_connection_that_is_not_bound() {
    let lab = Lab::new("");
    let begun = Instant::now();
    lab.running.shutdown().await;
    assert!(begun.elapsed() <= seconds(1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_makes_place_for_another_keeps_its_keeper_until_every_slot_is_back() {
    let (Lab { client, running, mut told, .. }, vendor) = Lab::bound("response_timeout = \"3s\"").await;
    let reserved = client.reserve().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(running.retire(std::future::pending()));
    assert_eq!(vendor.ended().await, CloseReason::PeerUnbound);
    // Its dispatch is still being written, however long the store takes.
    assert!(timeout(seconds(3600), tasks.join_next()).await.is_err());
    client.submit(reserved, submission(1, &["hello"]));
    assert_eq!(told.answers.recv().await.unwrap().answer, Answer::NotSent);
    tasks.join_next().await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_makes_place_gives_up_a_slot_when_it_is_told_to() {
    let (Lab { client, running, .. }, _vendor) = Lab::bound("response_timeout = \"3s\"").await;
    let _reserved = client.reserve().unwrap();
    running.retire(tokio::time::sleep(seconds(60))).await;
}
