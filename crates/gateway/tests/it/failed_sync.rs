//! A sync fails: nothing is acknowledged after it, the process ends and says why, and the next one has all that was.

use faulty_disk::Disk;
use tokio::time::sleep;

use crate::trial::{self, Trial};

const CYCLES: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_the_process_ends_and_nothing_is_lost() {
    let seed = trial::seed();
    let mut disk = Disk::mount(seed).unwrap();
    let mut trial = Trial::new(seed, &format!("path = \"{}/data\"", disk.path().display())).await;
    for _ in 0..CYCLES {
        let mut gateway = trial.live().await;
        sleep(trial.moment()).await;
        disk.fail_syncs(1);
        let status = gateway.process.end().await;
        trial.died();
        let log = gateway.process.log();
        assert_eq!(status.code(), Some(1), "{log}");
        let last = log.lines().last().unwrap_or_default();
        assert!(last.contains("the store is broken: ") && last.contains("start again"), "{log}");
        drop(gateway);
        // Whoever looks at the disk may have to restart the machine.
        disk.cut().unwrap();
    }
    trial.judge().await;
}
