//! The power fails in the middle of traffic: what was not synced is gone or torn, and nothing that was acknowledged is
//! lost.

use faulty_disk::{Disk, Syncs};

use crate::trial::{self, Trial};

/// A cut may happen to tear nothing.
const CUTS_UNTIL_A_LOSS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_power_is_cut_at_any_moment() {
    run(trial::cycles()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a quarter of an hour"]
async fn nothing_is_lost_when_the_power_is_cut_two_hundred_times() {
    run(200).await;
}

/// Else the tests above could not fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_syncs_a_power_cut_is_seen_to_lose() {
    assert!(loses(Syncs::Honest, "\nsynchronous = \"off\"").await);
}

/// Nothing on earth helps against a disk that only says that it synced. The judge sees it all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_disk_that_lies_a_power_cut_is_seen_to_lose() {
    assert!(loses(Syncs::Lying, "").await);
}

async fn run(cycles: usize) {
    let seed = trial::seed();
    let mut disk = Disk::mount(seed).unwrap();
    let mut trial = Trial::new(seed, &store(&disk, "")).await;
    for _ in 0..cycles {
        trial.live_and_die().await;
        for loss in disk.cut().unwrap() {
            println!("{loss}");
        }
    }
    trial.judge().await;
    // It ends before the disk does.
}

/// Each cut is that of a new disk: what an earlier one has torn need not let it start.
async fn loses(syncs: Syncs, settings: &str) -> bool {
    for _ in 0..CUTS_UNTIL_A_LOSS {
        let seed = trial::seed();
        let mut disk = Disk::mount(seed).unwrap();
        disk.set_syncs(syncs);
        let mut trial = Trial::new(seed, &store(&disk, settings)).await;
        trial.live_and_die().await;
        disk.cut().unwrap();
        let missing = trial.missing().await;
        println!("{missing} acknowledged messages are lost");
        if missing > 0 {
            return true;
        }
    }
    false
}

fn store(disk: &Disk, more: &str) -> String {
    format!("path = \"{}/data\"{more}", disk.path().display())
}
