//! What is there whether the process runs or not: chance, time, the disk, the vendors, the applications, the judge.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use domain::{ErrorClass, Timestamp};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::judge::Judge;
use crate::policy::Policy;
use crate::process::Process;
use crate::vendor::Vendor;

pub(crate) struct World {
    random: Mutex<StdRng>,
    pub(crate) folder: PathBuf,
    pub(crate) judge: Judge,
    pub(crate) policy: Policy,
    pub(crate) vendors: Vec<Arc<Vendor>>,
    /// The process of now.
    process: Mutex<Option<Arc<Process>>>,
    /// Tells that the process is to end at once.
    pub(crate) crash: Notify,
    /// Nothing goes wrong any more.
    calm: AtomicBool,
    quiet: AtomicBool,
    /// Until when the disk takes nothing.
    pub(crate) full_until: Mutex<Option<Instant>>,
    /// Until when the disk is slow.
    pub(crate) slow_until: Mutex<Option<Instant>>,
    began: Instant,
    /// What the wall clock shows, less the time since the beginning.
    wall: AtomicI64,
    went_back: AtomicBool,
    /// What goes on outside the process.
    tasks: Mutex<JoinSet<()>>,
}

impl World {
    pub(crate) fn new(seed: u64, folder: PathBuf) -> Arc<Self> {
        let mut random = StdRng::seed_from_u64(seed);
        // Noon, or so short before midnight that the run sees two days.
        let midnight = 1_790_035_200_000;
        let wall = if random.random_bool(0.5) {
            midnight - random.random_range(0..40_000)
        } else {
            midnight - 43_200_000
        };
        let policy = Policy::draw(&mut random);
        let vendors = policy.vendors.iter().map(|terms| Arc::new(Vendor::new(terms.clone()))).collect();
        Arc::new(Self {
            random: Mutex::new(random),
            folder,
            judge: Judge::new(),
            policy,
            vendors,
            process: Mutex::new(None),
            crash: Notify::new(),
            calm: AtomicBool::new(false),
            quiet: AtomicBool::new(false),
            full_until: Mutex::new(None),
            slow_until: Mutex::new(None),
            began: Instant::now(),
            wall: AtomicI64::new(wall),
            went_back: AtomicBool::new(false),
            tasks: Mutex::new(JoinSet::new()),
        })
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    /// Not even an endpoint fails.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::SeqCst)
    }

    pub(crate) fn quieten(&self) {
        self.quiet.store(true, Ordering::SeqCst);
    }

    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::SeqCst);
        *self.full_until.lock() = None;
        *self.slow_until.lock() = None;
    }

    /// Whether something happens that does so `per_mille` times of a thousand; never when all is calm.
    pub(crate) fn misfortune(&self, per_mille: u32) -> bool {
        !self.is_calm() && self.chance(per_mille)
    }

    pub(crate) fn chance(&self, per_mille: u32) -> bool {
        self.random.lock().random_range(0..1000) < per_mille
    }

    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        self.random.lock().random_range(from..=to)
    }

    pub(crate) fn millis(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.between(from, to))
    }

    /// What an error means, if anybody knows.
    pub(crate) fn error_class(&self) -> Option<ErrorClass> {
        let classes = ErrorClass::ALL.into_iter().filter(|class| !class.is_of_pace());
        classes.map(Some).chain([None; 4]).nth(self.between(0, 11) as usize).flatten()
    }

    pub(crate) fn new_random(&self) -> StdRng {
        StdRng::seed_from_u64(self.between(0, u64::MAX - 1))
    }

    pub(crate) fn process(&self) -> Option<Arc<Process>> {
        self.process.lock().clone()
    }

    pub(crate) fn put_process(&self, process: Option<Arc<Process>>) {
        let before = std::mem::replace(&mut *self.process.lock(), process);
        drop(before);
    }

    pub(crate) fn wall(&self) -> Timestamp {
        Timestamp::from_millis(self.wall.load(Ordering::SeqCst)).plus(self.began.elapsed())
    }

    pub(crate) fn jump(&self, millis: i64) {
        self.went_back.fetch_or(millis < 0, Ordering::SeqCst);
        self.wall.fetch_add(millis, Ordering::SeqCst);
        self.note(|| format!("the wall clock jumps by {millis} ms"));
    }

    pub(crate) fn went_back(&self) -> bool {
        self.went_back.load(Ordering::SeqCst)
    }

    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        self.judge.note(self.began.elapsed(), line);
    }

    pub(crate) fn complain(&self, complaint: String) {
        self.note(|| format!("COMPLAINT: {complaint}"));
        self.judge.complain(complaint);
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().spawn(task);
    }

    /// Ends what goes on outside the process.
    pub(crate) fn end(&self) {
        *self.tasks.lock() = JoinSet::new();
    }
}
