//! One process after another: each opens the store, takes up what the last one left, and ends well or badly.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use connectors::Events;
use domain::status::StatusSet;
use domain::{AppId, ConnectionId, MessageId, Record, Status, Timestamp};
use parking_lot::Mutex;
use pipeline::{App, Clock, Pipeline, Settings, Silent, Teller, Told, Workplace};
use store::sqlite::{self, OpenError, Options, Synchronous};
use store::{Notice, Reader};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::binds::{Binds, Lender};
use crate::disk::{Disk, Steps};
use crate::policy::APPS;
use crate::world::World;

pub(crate) struct Process {
    pub(crate) pipeline: Pipeline,
    pub(crate) binds: Vec<Arc<Binds>>,
    pub(crate) reader: Arc<dyn Reader>,
    /// Requests that wait for the pipeline, and end with it.
    requests: Mutex<JoinSet<()>>,
}

impl Process {
    /// Asks the pipeline something. No answer comes when the process ends before.
    pub(crate) fn ask<T, F>(&self, question: impl FnOnce(Pipeline) -> F) -> oneshot::Receiver<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let asking = question(self.pipeline.clone());
        self.requests.lock().spawn(async move {
            // Whoever asked may have lost patience.
            answer.send(asking.await).ok();
        });
        answered
    }

    fn kill(&self) {
        for binds in &self.binds {
            binds.kill();
        }
        *self.requests.lock() = JoinSet::new();
    }
    /// Where a vendor sends receipts, while a bind to it is up.
    pub(crate) fn events_of(&self, connection: &ConnectionId) -> Option<Arc<dyn Events>> {
        let binds = self.binds.iter().find(|binds| binds.id() == connection)?;
        binds.events().filter(|_| binds.is_up())
    }

    pub(crate) fn record(&self, message: MessageId) -> Option<Record> {
        self.reader.message(message).ok().flatten()
    }
}

/// Why a process ended.
enum End {
    Crash,
    /// The store could not be read, or broke.
    Store,
    Stop,
}

/// Runs one process after another.
pub(crate) async fn run(world: Arc<World>) {
    loop {
        let end = live(&world).await;
        let why = match end {
            End::Crash => "crash",
            End::Store => "store",
            End::Stop => "stop",
        };
        world.note(|| format!("the process ended: {why}"));
        world.judge.process_ended();
        if world.misfortune(100) {
            world.jump(-i64::try_from(world.between(1, 120_000)).unwrap());
        }
        tokio::time::sleep(world.millis(50, 2000)).await;
    }
}

async fn live(world: &Arc<World>) -> End {
    let (writer, reader) = open(world).await;
    let reader: Arc<dyn Reader> = Arc::new(reader);
    check_what_was_left(world, &*reader);
    let blocked = block_day(world);
    let settings = Settings {
        writer: Box::new(Disk::new(writer, Arc::clone(world))),
        reader: Arc::clone(&reader),
        clock: Arc::new(SteadyClock::new(Arc::clone(world))),
        observer: Arc::new(Silent),
        operators: Arc::new(pipeline::NumberingPlan),
        teller: Arc::new(Listener { world: Arc::clone(world), reader: Arc::clone(&reader) }),
        tables: Arc::new(world.policy.table()).into(),
        apps: apps(),
        retention: store::Retention::default(),
        resume: None,
        random: world.new_random(),
        workplace: Workplace::Runtime(Box::new(Steps::new(Arc::clone(world)))),
    };
    let started = tokio::select! {
        biased;
        () = world.crash.notified() => None,
        started = Pipeline::start(settings) => Some(started),
    };
    let pipeline = match started {
        None => return End::Crash,
        Some(Err(error)) => {
            world.note(|| format!("the pipeline does not start: {error}"));
            return End::Store;
        }
        Some(Ok(pipeline)) => pipeline,
    };
    let events = pipeline.events();
    let binds: Vec<Arc<Binds>> = world
        .vendors
        .iter()
        .map(|vendor| {
            let binds = Binds::open(vendor, world, &reader, Arc::clone(&events));
            pipeline.connect(Arc::new(Lender(Arc::clone(&binds))));
            binds
        })
        .collect();
    drop(events);
    let process =
        Arc::new(Process { pipeline: pipeline.clone(), binds, reader, requests: Mutex::new(JoinSet::new()) });
    world.put_process(Some(Arc::clone(&process)));
    let end = until_the_end(world, &process, blocked).await;
    world.put_process(None);
    process.kill();
    end
}

async fn until_the_end(world: &Arc<World>, process: &Process, blocked: Option<Blocked>) -> End {
    let stops_at = Instant::now() + world.millis(1000, 40_000);
    let unblocks_at = Instant::now() + world.millis(500, 10_000);
    let is_clean = world.chance(400);
    let mut blocked = blocked;
    let mut look = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            biased;
            () = world.crash.notified() => return End::Crash,
            () = process.pipeline.broken() => return End::Store,
            _ = look.tick() => {}
        }
        if Instant::now() >= unblocks_at || world.is_calm() {
            drop(blocked.take());
        }
        if world.misfortune(3) {
            world.jump(i64::try_from(world.between(1, 100_000)).unwrap());
        }
        if world.is_calm() || Instant::now() < stops_at {
            continue;
        }
        drop(blocked.take());
        if !is_clean {
            return End::Crash;
        }
        for binds in &process.binds {
            binds.drain().await;
        }
        tokio::select! {
            biased;
            () = world.crash.notified() => return End::Crash,
            () = process.pipeline.shut_down() => return End::Stop,
        }
    }
}

/// The process before this one is gone, but its last task may still have to be told.
async fn open(world: &World) -> (sqlite::SqliteWriter, sqlite::SqliteReader) {
    let since = Instant::now();
    let options = Options { synchronous: Synchronous::Off, ..Options::default() };
    loop {
        match sqlite::open(&world.folder, &options) {
            Ok(opened) => return opened,
            Err(OpenError::InUse { .. }) => {
                assert!(since.elapsed() < Duration::from_secs(1), "a process that ended goes on");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(error) => panic!("the store does not open: {error:?}"),
        }
    }
}

/// What was durable is there, as it was.
fn check_what_was_left(world: &World, reader: &dyn Reader) {
    let expected = world.judge.seen(|seen| seen.records.clone());
    for (id, expected) in expected {
        match reader.message(id) {
            Ok(Some(found)) if found == expected => {}
            Ok(found) => world.complain(format!("a new process finds {found:#?} in place of {expected:#?}")),
            Err(error) => world.complain(format!("a new process cannot read {id}: {error}")),
        }
    }
}

/// Now and then the sealed file of today cannot be made for a while.
fn block_day(world: &World) -> Option<Blocked> {
    let day: String = world.wall().to_string().chars().take(10).collect();
    let path = world.folder.join("days").join(format!("{day}.db"));
    (world.misfortune(300) && !path.exists()).then(|| {
        std::fs::create_dir(&path).unwrap();
        world.note(|| format!("{day} cannot be sealed"));
        Blocked(path)
    })
}

/// Something that is no file stands in the place of one.
struct Blocked(PathBuf);

impl Drop for Blocked {
    fn drop(&mut self) {
        std::fs::remove_dir(&self.0).unwrap();
    }
}

fn apps() -> rustc_hash::FxHashMap<AppId, App> {
    let wanted = |app: &str| {
        // One that wants to hear only of ends.
        if app == "news" {
            StatusSet::NONE.with(Status::Delivered).with(Status::Undelivered).with(Status::Failed)
        } else {
            StatusSet::all()
        }
    };
    APPS.iter()
        .map(|app| {
            let mut settings = App::new(wanted(app));
            settings.has_webhook = true;
            (AppId::new(app).unwrap(), settings)
        })
        .collect()
}

/// The wall clock as a process sees it: followed when it runs ahead, never going back.
struct SteadyClock {
    world: Arc<World>,
    last: Mutex<(Timestamp, Instant)>,
}

impl SteadyClock {
    fn new(world: Arc<World>) -> Self {
        let last = Mutex::new((world.wall(), Instant::now()));
        Self { world, last }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let mut last = self.last.lock();
        let steady = last.0.plus(last.1.elapsed());
        let now = steady.max(self.world.wall());
        *last = (now, Instant::now());
        now
    }
}

/// The applications' endpoints.
struct Listener {
    world: Arc<World>,
    reader: Arc<dyn Reader>,
}

impl Teller for Listener {
    fn tell(&self, notice: Notice, _: Arc<Record>) -> std::pin::Pin<Box<dyn Future<Output = Told> + Send>> {
        let world = Arc::clone(&self.world);
        let stored = self.reader.message(notice.message).ok().flatten();
        let is_there = stored.is_some_and(|record| {
            crate::verdict::changes(&record).contains(&(notice.sequence, notice.status))
        });
        Box::pin(async move {
            if !is_there {
                world.complain(format!("{notice:?} is told and is not in the store"));
            }
            tokio::time::sleep(world.millis(1, 50)).await;
            if world.is_calm() {
                world.judge.notice_heard(notice.id);
            }
            if notice.callback_url.as_deref().is_some_and(crate::verdict::is_gone) {
                return Told::Gone;
            }
            if world.misfortune(100) || (!world.is_quiet() && world.chance(50)) {
                return Told::No { retry_after: world.chance(300).then(|| Duration::from_secs(20)) };
            }
            if world.misfortune(20) {
                tokio::time::sleep(Duration::from_secs(15)).await;
                return Told::No { retry_after: None };
            }
            world.note(|| {
                format!("{} is told {} {} {}", notice.app, notice.message, notice.sequence, notice.status)
            });
            let earlier = world.judge.seen(|seen| {
                seen.told.entry(notice.message).or_default().insert(notice.sequence, notice.status)
            });
            if earlier.is_some_and(|earlier| earlier != notice.status) {
                world.complain(format!("{notice:?} has the number of another change"));
            }
            Told::Yes
        })
    }
}
