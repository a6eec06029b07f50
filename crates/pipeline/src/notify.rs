//! Stage five: the application is told of each status change, until it has heard or the schedule ends.
//!
//! A change waits in the store from the commit that caused it. Here each endpoint has a queue and places of its own,
//! so one that is dead or slow delays nobody else; what does not fit is claimed from the store later.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::{AppId, Record, Timestamp};
use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};
use store::write::NoticeLimit;
use store::{Notice, NoticeOutcome, Write};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::core::Core;
use crate::workplace;
use crate::writer::Urgency;

/// Tells an application of a change: a webhook, or a receipt on its own bind.
pub trait Teller: Send + Sync {
    /// Ends within the caller's deadline of its own accord (15 s for a webhook).
    fn tell(&self, notice: Notice, record: Arc<Record>) -> Pin<Box<dyn Future<Output = Told> + Send>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Yes,
    No {
        /// The endpoint asked to be left alone for this long.
        retry_after: Option<Duration>,
    },
    /// The endpoint is gone and is not to be asked again: this notice is given up, and when it went to the app's own
    /// webhook all that wait for that.
    Gone,
    /// Nothing is configured to tell.
    Nobody,
    /// Nobody is there to be told, or who is there does not answer: it is told again after this, or as soon as it comes
    /// back, however often that has been.
    Later(Duration),
}

/// Standard Webhooks' example schedule, as the contract fixes it: the waits after each try in vain.
const RETRY_AFTER: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(10 * 3600),
];

/// Notices waiting in memory for one endpoint; more wait in the store.
const MAX_QUEUED: usize = 20_000;
/// As many of them bring their record; that of the others is read when their turn comes.
const MAX_WITH_RECORD: usize = 2000;
/// Requests under way to an endpoint: it begins with the few, each that is heard doubles them, each that is not halves
/// them. So an endpoint that hangs holds only a few of the places that all share, from its first request on.
const MIN_IN_FLIGHT: usize = 2;
const MAX_IN_FLIGHT: usize = 64;
const MAX_IN_FLIGHT_IN_ALL: usize = 1024;
const CLAIM_EVERY: Duration = Duration::from_secs(1);
const CLAIM: NoticeLimit = NoticeLimit { total: 4000, per_target: 1000 };

#[derive(Clone, PartialEq, Eq, Hash)]
enum Target {
    App(AppId),
    /// Scheme and authority of a message's own callback: all callbacks of one host share its fate.
    Host(Box<str>),
}

impl Target {
    fn of(notice: &Notice) -> Self {
        match &notice.callback_url {
            None => Self::App(notice.app.clone()),
            Some(url) => Self::Host(url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/").into()),
        }
    }
}

/// A notice, and its record if that is at hand.
type Queued = (Notice, Option<Arc<Record>>);

struct Endpoint {
    queued: VecDeque<Queued>,
    in_flight: usize,
    /// How many may be in flight now.
    places: usize,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self { queued: VecDeque::new(), in_flight: 0, places: MIN_IN_FLIGHT }
    }
}

impl Endpoint {
    fn learn(&mut self, told: Told) {
        self.places = match told {
            Told::Yes => (self.places * 2).min(MAX_IN_FLIGHT),
            Told::No { .. } | Told::Later(_) => (self.places / 2).max(MIN_IN_FLIGHT),
            Told::Gone | Told::Nobody => self.places,
        };
    }
}

/// Who has to be told of what, in memory.
#[derive(Default)]
pub(crate) struct Notices {
    endpoints: Mutex<Endpoints>,
    wake: Notify,
}

#[derive(Default)]
struct Endpoints {
    by_target: FxHashMap<Target, Endpoint>,
    in_flight: usize,
    /// Ids that are queued or under way, so that a claim never tells twice at once.
    held: FxHashSet<i64>,
    gone: FxHashSet<Target>,
}

/// Queues a notice; the record is read from the store when it is not at hand.
pub(crate) fn queue(core: &Core, notice: Notice, record: Option<Arc<Record>>) {
    let target = Target::of(&notice);
    let mut endpoints = core.notices.endpoints.lock();
    if endpoints.gone.contains(&target) {
        drop(endpoints);
        finish(core, notice.id, NoticeOutcome::GivenUp);
        return;
    }
    if endpoints.held.contains(&notice.id) {
        return;
    }
    let id = notice.id;
    let endpoint = endpoints.by_target.entry(target).or_default();
    if endpoint.queued.len() >= MAX_QUEUED {
        return;
    }
    let record = record.filter(|_| endpoint.queued.len() < MAX_WITH_RECORD);
    endpoint.queued.push_back((notice, record));
    // Where all places are taken, whoever comes free goes on with it.
    let has_place = endpoint.in_flight < endpoint.places;
    endpoints.held.insert(id);
    drop(endpoints);
    if has_place {
        core.notices.wake.notify_one();
    }
}

/// Forgets which endpoints said that they are gone: the configuration may have changed.
pub(crate) fn forget_gone(core: &Core) {
    core.notices.endpoints.lock().gone.clear();
}

/// Tells, until it is dropped. Requests under way are then cut; their notices come due again after their lease.
pub(crate) async fn run(core: Arc<Core>, teller: Arc<dyn Teller>) {
    let mut under_way: JoinSet<()> = JoinSet::new();
    let mut claim_tick = tokio::time::interval(CLAIM_EVERY);
    claim_tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        // Every branch is cancel-safe: nothing is taken before its branch is chosen. In this order: the tick is rare and
        // must not be starved by those who end, and what was queued is started in any case.
        tokio::select! {
            biased;
            _ = claim_tick.tick() => claim(&core),
            Some(_) = under_way.join_next() => while under_way.try_join_next().is_some() {},
            () = core.notices.wake.notified() => {}
        }
        start(&core, &teller, &mut under_way);
    }
}

fn start(core: &Arc<Core>, teller: &Arc<dyn Teller>, under_way: &mut JoinSet<()>) {
    let mut endpoints = core.notices.endpoints.lock();
    let Endpoints { by_target, in_flight, .. } = &mut *endpoints;
    for (target, endpoint) in by_target {
        while endpoint.in_flight < endpoint.places && *in_flight < MAX_IN_FLIGHT_IN_ALL {
            let Some(first) = endpoint.queued.pop_front() else { break };
            endpoint.in_flight += 1;
            *in_flight += 1;
            under_way.spawn(keep_telling(Arc::clone(core), Arc::clone(teller), target.clone(), first));
        }
    }
}

/// One place of an endpoint: tells one notice after another while it has any, and others do not wait for the place.
async fn keep_telling(core: Arc<Core>, teller: Arc<dyn Teller>, target: Target, first: Queued) {
    let _place = Place { core: Arc::clone(&core), target: target.clone() };
    let mut next = Some(first);
    while let Some((notice, record)) = next {
        let told = tell(&core, &teller, &notice, record).await;
        next = settle(&core, &target, &notice, told);
    }
}

/// Comes back however the task that holds it ends.
struct Place {
    core: Arc<Core>,
    target: Target,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut endpoints = self.core.notices.endpoints.lock();
        endpoints.in_flight = endpoints.in_flight.saturating_sub(1);
        let Some(endpoint) = endpoints.by_target.get_mut(&self.target) else { return };
        endpoint.in_flight = endpoint.in_flight.saturating_sub(1);
        if endpoint.queued.is_empty() && endpoint.in_flight == 0 {
            endpoints.by_target.remove(&self.target);
        }
    }
}

async fn tell(core: &Core, teller: &Arc<dyn Teller>, notice: &Notice, record: Option<Arc<Record>>) -> Told {
    let record = match record {
        Some(record) => Ok(Some(record)),
        None => read(core, notice).await,
    };
    match record {
        Ok(Some(record)) => teller.tell(notice.clone(), record).await,
        // Deleted by age: nothing is left to tell.
        Ok(None) => Told::Nobody,
        Err(Unreadable) => Told::No { retry_after: None },
    }
}

/// The record is there, as far as anyone knows, and cannot be read now.
struct Unreadable;

async fn read(core: &Core, notice: &Notice) -> Result<Option<Arc<Record>>, Unreadable> {
    let id = notice.message;
    match workplace::read(core, move |reader| reader.message(id)).await {
        Ok(Ok(record)) => Ok(record.map(Arc::new)),
        Ok(Err(error)) => {
            tracing::error!(%error, message_id = %id, "a record could not be read");
            Err(Unreadable)
        }
        Err(_) => Err(Unreadable),
    }
}

/// Notes what became of a notice, and gives the next one for the place that it had, or gives the place back.
fn settle(core: &Core, target: &Target, notice: &Notice, told: Told) -> Option<Queued> {
    let outcome = match told {
        Told::Yes => NoticeOutcome::Told,
        Told::Nobody | Told::Gone => NoticeOutcome::GivenUp,
        Told::No { retry_after } => retry(notice.tries, retry_after, core.clock.now(), notice.id),
        Told::Later(after) => NoticeOutcome::WaitUntil(core.clock.now().plus(after)),
    };
    core.observer.notice_told(told == Told::Yes);
    finish(core, notice.id, outcome);
    let mut given_up = Vec::new();
    let mut next = None;
    {
        let mut endpoints = core.notices.endpoints.lock();
        let endpoints = &mut *endpoints;
        let somebody_waits_for_a_place = endpoints.in_flight >= MAX_IN_FLIGHT_IN_ALL;
        endpoints.held.remove(&notice.id);
        // A callback that is gone says nothing of the others at its host.
        let is_gone = told == Told::Gone && matches!(target, Target::App(_));
        if is_gone {
            tracing::warn!(app = %notice.app, "an endpoint answered 410 and is not told any more");
            endpoints.gone.insert(target.clone());
        }
        if let Some(endpoint) = endpoints.by_target.get_mut(target) {
            endpoint.learn(told);
            if is_gone {
                given_up.extend(endpoint.queued.drain(..).map(|(notice, _)| notice.id));
            }
            let keeps_its_place = endpoint.in_flight <= endpoint.places && !somebody_waits_for_a_place;
            next = endpoint.queued.pop_front_if(|_| keeps_its_place);
            // One that was heard may have made room for more.
            if !endpoint.queued.is_empty() && endpoint.in_flight < endpoint.places {
                core.notices.wake.notify_one();
            }
        }
        for id in &given_up {
            endpoints.held.remove(id);
        }
    }
    for id in given_up {
        finish(core, id, NoticeOutcome::GivenUp);
    }
    next
}

/// When to try again: the schedule's wait, spread by a tenth either way so that failed notices do not come back as
/// one crowd; longer when the endpoint asked for it.
fn retry(tries: u16, retry_after: Option<Duration>, now: Timestamp, id: i64) -> NoticeOutcome {
    let Some(wait) = RETRY_AFTER.get(usize::from(tries)) else { return NoticeOutcome::GivenUp };
    let spread = u32::try_from(id.rem_euclid(201)).unwrap_or(100) + 900;
    let wait = (*wait * spread / 1000).max(retry_after.unwrap_or(Duration::ZERO));
    NoticeOutcome::RetryAt(now.plus(wait))
}

fn finish(core: &Core, id: i64, outcome: NoticeOutcome) {
    // Should the write fail, the lease runs out and the notice is told again: at least once.
    core.writer.write(Urgency::Offer, Write::Notice { id, outcome }, Box::new(|_| {}));
}

/// Has what waits for a callback told now.
pub(crate) fn came_back(core: &Arc<Core>, callback: &str) {
    let after = Arc::clone(core);
    let callback = callback.to_owned();
    core.writer.errand(Box::new(move |store| {
        if let Err(error) = store.wake_notices(&callback, after.clock.now()) {
            tracing::error!(%error, callback, "what waits to be told waits on");
        }
    }));
    claim(core);
}

fn claim(core: &Arc<Core>) {
    let after = Arc::clone(core);
    // The time of when it is done: one from before would take what was committed meanwhile for something of the future,
    // which is nobody's, and it would be told twice.
    core.writer.errand(Box::new(move |store| match store.claim_notices(after.clock.now(), CLAIM) {
        Ok(notices) => {
            for notice in notices {
                queue(&after, notice, None);
            }
        }
        Err(error) => tracing::error!(%error, "notices could not be claimed"),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_that_of_the_contract_and_ends() {
        let now = Timestamp::from_millis(0);
        let waits: Vec<u64> = (0..7)
            .map(|tries| match retry(tries, None, now, 100) {
                NoticeOutcome::RetryAt(at) => at.since(now).as_secs(),
                NoticeOutcome::Told | NoticeOutcome::GivenUp | NoticeOutcome::WaitUntil(_) => 0,
            })
            .collect();
        assert_eq!(waits, [5, 300, 1800, 7200, 18_000, 36_000, 36_000]);
        assert_eq!(retry(7, None, now, 100), NoticeOutcome::GivenUp);
    }

    #[test]
    fn an_endpoint_that_asks_for_more_time_gets_it() {
        let now = Timestamp::from_millis(0);
        let asked = Some(Duration::from_secs(60));
        assert_eq!(retry(0, asked, now, 0), NoticeOutcome::RetryAt(Timestamp::from_millis(60_000)));
    }
}
