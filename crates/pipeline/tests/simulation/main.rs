//! The real pipeline over the real store, on a virtual clock, in a world in which a seed decides everything.
//!
//! One seed is one run: applications that send, vendors that misbehave, a disk that is slow, full or broken, a process
//! that ends between any two writes and starts anew over what it left. A judge looks on, and at the end. `docs/simulation.md`
//! says how to run it and what it is known to see.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod application;
mod binds;
mod disk;
mod judge;
mod policy;
mod process;
mod run;
mod vendor;
mod verdict;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds of a usual run.
const SEEDS: u64 = 150;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn every_seed_keeps_what_was_promised() {
    if let Some(seed) = from_environment("STROWGER_SEED") {
        let found = run::run(seed);
        for line in &found.log {
            println!("{line}");
        }
        assert!(found.complaints.is_empty(), "seed {seed}: {:#?}", found.complaints);
        return;
    }
    let seeds = from_environment("STROWGER_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let work = || {
        let mut failed = None;
        while failed.is_none() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            let found = run::run(seed);
            if !found.complaints.is_empty() {
                // Nobody begins another one; those under way are of smaller seeds as often as not.
                next.store(seeds, Ordering::Relaxed);
                failed = Some((seed, found.complaints));
            }
        }
        failed
    };
    let failed = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).min_by_key(|(seed, _)| *seed)
    });
    if let Some((seed, complaints)) = failed {
        panic!(
            "seed {seed}: {complaints:#?}\nto see it again: STROWGER_SEED={seed} cargo test -p pipeline --test simulation -- every_seed --nocapture"
        );
    }
}

#[test]
fn one_seed_is_one_run() {
    for seed in 1_000_000..1_000_003 {
        let (first, again) = (run::run(seed), run::run(seed));
        let differs = first.log.iter().zip(&again.log).find(|(first, again)| first != again);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.log.len(), again.log.len(), "seed {seed}");
    }
}
