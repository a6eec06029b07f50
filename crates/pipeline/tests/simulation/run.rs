//! One seed: a time of faults, then calm until all is quiet, then the verdict.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Once};
use std::time::Duration;

use domain::AppId;
use tempfile::TempDir;

use crate::policy::APPS;
use crate::world::World;
use crate::{application, process, verdict};

pub(crate) struct Found {
    pub(crate) complaints: Vec<String>,
    pub(crate) log: Vec<String>,
}

/// How long things go wrong.
const FAULTS: Duration = Duration::from_secs(30);
/// Longer than the longest delay of a vendor.
const CALM: Duration = Duration::from_secs(45);
/// Jumps of the wall clock, in seconds, that bring every deadline about: validity, the waits of the notices, the
/// receipt horizon.
const JUMPS: [i64; 6] = [400, 2000, 8000, 20_000, 40_000, 8 * 86_400];

pub(crate) fn run(seed: u64) -> Found {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let folder = folder();
    notice_panics();
    let live = AssertUnwindSafe(|| runtime.block_on(live(seed, folder.path())));
    let found = catch_unwind(live).ok();
    let mut found = found.unwrap_or(Found { complaints: Vec::new(), log: Vec::new() });
    found.complaints.extend(PANIC.take());
    found
}

thread_local! {
    /// What panicked on this thread, in whichever task.
    static PANIC: Cell<Option<String>> = const { Cell::new(None) };
}

/// A runtime keeps the panics of its tasks to itself.
fn notice_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANIC.set(Some(info.to_string()));
            before(info);
        }));
    });
}

async fn live(seed: u64, folder: &Path) -> Found {
    let world = World::new(seed, folder.join("store"));
    // A task that never ends, so that it is left to itself.
    let living = process::run(Arc::clone(&world));
    let watching = watch(Arc::clone(&world));
    tokio::select! {
        biased;
        () = watching => {}
        () = living => {}
    }
    world.put_process(None);
    world.end();
    let (complaints, log) = world.judge.take();
    Found { complaints, log }
}

/// In memory where there is a place for it: a run commits some thousand times.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

async fn watch(world: Arc<World>) {
    for app in APPS {
        let count = world.between(5, 20);
        let app = AppId::new(app).unwrap();
        world.spawn(application::run(Arc::clone(&world), app, count, FAULTS - Duration::from_secs(5)));
    }
    tokio::time::sleep(FAULTS).await;
    world.note(|| "calm".to_owned());
    world.calm_down();
    tokio::time::sleep(CALM).await;
    verdict::nothing_is_late(&world);
    world.quieten();
    // What was scheduled, and waited because the clock had gone back, goes out after the first jump.
    let mut pause = CALM;
    for seconds in JUMPS {
        if world.judge.has_complaints() {
            return;
        }
        world.jump(seconds * 1000);
        tokio::time::sleep(pause).await;
        pause = Duration::from_secs(4);
    }
    verdict::at_the_end(&world);
}
