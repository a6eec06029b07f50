//! Messages that wait for a slot, in lanes that are served in fair turn: by class, in it by app, in it by lane.
//!
//! Each class, app and lane counts what it was given, a class by its weight; whoever has been given least is next. That
//! shares slots like a deficit round robin does, and also when they come one at a time, where a round that is cut short
//! would always begin with the same lane. In memory stands the head of each lane; the rest waits in the store, from
//! where it is claimed lane by lane, so that a million messages for a dead vendor cost neither memory nor reading.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::{AppId, Class, ConnectionId, Lane, MessageId, Record, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

mod round;

/// How many messages wait in memory, all lanes together. A record takes one to two kilobytes.
const ROOM: usize = 50_000;
/// A lane may hold this many, however many lanes there are.
const LEAST_ROOM: usize = 16;
/// A lane with fewer in memory than this gets the next page from the store.
const LOW: usize = 256;
/// As long as a commit takes to read, since none can happen meanwhile.
const PAGE: usize = 512;
/// Pages on their way at once, for the same reason.
const MAX_CLAIMED: usize = 4;

#[derive(Default)]
pub(crate) struct Lanes {
    classes: [OfClass; Class::ALL.len()],
    /// Those in memory, and those whose dispatch is being written.
    known: FxHashSet<MessageId>,
    lanes: usize,
    /// In memory.
    records: usize,
    /// Pages on their way.
    claimed: usize,
    /// Connections that had no slot when a lane wanted one.
    wanted: FxHashSet<ConnectionId>,
    /// Some lane was not served since it got its first message or a page.
    fresh: bool,
}

#[derive(Default)]
struct OfClass {
    given: u64,
    apps: FxHashMap<AppId, OfApp>,
}

#[derive(Default)]
struct OfApp {
    given: u64,
    lanes: FxHashMap<Lane, Queue>,
}

#[derive(Default)]
struct Queue {
    given: u64,
    records: VecDeque<Arc<Record>>,
    /// Where to go on in the store, when some of the lane wait only there.
    behind: Option<Behind>,
    /// What its first message found no slot of; None while it may be served.
    waits_for: Option<Vec<Wanted>>,
    /// Of a lane whose messages no longer want the same: looks at those in memory since one of them could be sent.
    looks_in_vain: usize,
}

#[derive(Clone, Copy, Default)]
struct Behind {
    after: i64,
    /// Somebody was left to the store since the pass over the lane began.
    missed: bool,
    /// A page is on its way.
    claimed: bool,
}

/// A connection that had no slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) connection: ConnectionId,
    /// Bound, so that a slot will come free.
    pub(crate) is_up: bool,
}

/// Which lanes that found no slot are worth another look.
#[derive(Debug, Default)]
pub(crate) enum Wake {
    /// A slot of one of these came free.
    Connections(FxHashSet<ConnectionId>),
    /// The table, the health or the time has changed.
    #[default]
    All,
}

/// What a message's turn came to.
pub(crate) enum Turn {
    /// It has a slot and leaves the lane.
    Taken,
    Wait(Waits),
}

/// A message that has to wait, and with it its lane.
pub(crate) struct Waits {
    pub(crate) record: Arc<Record>,
    pub(crate) wanted: Vec<Wanted>,
    /// The next in its lane may want something else: the table is another one than when the lane was made, routes are
    /// drawn, or a cap tells senders apart.
    pub(crate) is_mixed: bool,
}

/// A page of a lane that has to be claimed.
pub(crate) struct Refill {
    pub(crate) lane: Lane,
    pub(crate) after: i64,
    pub(crate) limit: usize,
}

impl Lanes {
    /// Adds a message unless it waits already. Where its lane is full or others of it wait in the store, it waits there,
    /// too.
    pub(crate) fn push(&mut self, record: Arc<Record>) {
        let Some(lane) = Lane::of(&record) else { return };
        if self.known.contains(&record.message.id) {
            return;
        }
        let room = if self.records < ROOM { self.room_of_each() } else { LEAST_ROOM };
        // While an attempt that was given up still holds a slot, the store does not list the record under its lane.
        let must_stay = record.work().dispatched;
        let queue = self.queue(lane);
        let is_left_to_the_store = queue.behind.is_some() || queue.records.len() >= room;
        if is_left_to_the_store && !must_stay {
            queue.behind.get_or_insert_default().missed = true;
            return;
        }
        let may_be_served = queue.waits_for.is_none();
        let id = record.message.id;
        queue.records.push_back(record);
        self.records += 1;
        self.known.insert(id);
        self.fresh |= may_be_served;
    }

    /// Somebody of the lane waits in the store.
    pub(crate) fn wait_in_the_store(&mut self, lane: Lane) {
        self.queue(lane).behind.get_or_insert_default();
        self.fresh = true;
    }

    /// A message is another one than it was, in its text or its times. One that waits in the store is so already.
    pub(crate) fn renew(&mut self, record: &Arc<Record>) {
        let Some(lane) = Lane::of(record) else { return };
        let queue = self.queues().find(|(of, _)| **of == lane).map(|(_, queue)| queue);
        let mut waiting = queue.into_iter().flat_map(|queue| queue.records.iter_mut());
        if let Some(waiting) = waiting.find(|waiting| waiting.message.id == record.message.id) {
            *waiting = Arc::clone(record);
        }
    }

    /// The dispatch of a message that had its turn is written, or will not be.
    pub(crate) fn left(&mut self, message: MessageId) {
        self.known.remove(&message);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes == 0
    }

    /// Whether a free slot of the connection belongs to somebody here.
    pub(crate) fn want(&self, connection: &ConnectionId) -> bool {
        self.fresh || self.wanted.contains(connection)
    }

    /// Pages to claim now: of lanes that run low and may send soon, and of mixed ones that hold nobody who can.
    pub(crate) fn refills(&mut self) -> Vec<Refill> {
        let limit = self.room_of_each().min(PAGE);
        let mut room = MAX_CLAIMED.saturating_sub(self.claimed);
        let mut refills = Vec::new();
        let mut forgotten = Vec::new();
        for (lane, queue) in self.queues() {
            let Some(behind) = queue.behind.as_mut().filter(|behind| room > 0 && !behind.claimed) else {
                continue;
            };
            let may_send =
                queue.waits_for.as_ref().is_none_or(|waits| waits.iter().any(|wanted| wanted.is_up));
            let runs_low = queue.records.is_empty() || (may_send && queue.records.len() < LOW.min(limit));
            let holds_nobody_who_can = queue.looks_in_vain > queue.records.len();
            if !runs_low && !holds_nobody_who_can {
                continue;
            }
            if holds_nobody_who_can {
                behind.missed = true;
                queue.records.retain(|record| {
                    let stays = record.work().dispatched;
                    if !stays {
                        forgotten.push(record.message.id);
                    }
                    stays
                });
            }
            queue.looks_in_vain = 0;
            behind.claimed = true;
            room -= 1;
            refills.push(Refill { lane: lane.clone(), after: behind.after, limit });
        }
        self.claimed += refills.len();
        self.records -= forgotten.len();
        for id in forgotten {
            self.known.remove(&id);
        }
        refills
    }

    /// Takes a page of a lane. Only an empty one is its last: a damaged record leaves a page short.
    pub(crate) fn refilled(&mut self, refill: Refill, page: Vec<Record>) {
        self.claimed -= 1;
        let last = page.last().map(|record| record.message.id.key());
        let unknown = page.into_iter().filter(|record| self.known.insert(record.message.id));
        let new: Vec<Arc<Record>> = unknown.map(Arc::new).collect();
        self.records += new.len();
        self.fresh = true;
        let queue = self.queue(refill.lane);
        queue.records.extend(new);
        queue.waits_for = None;
        let missed = queue.behind.is_some_and(|behind| behind.missed);
        queue.behind = match last {
            Some(after) => Some(Behind { after, missed, claimed: false }),
            None if missed => Some(Behind::default()),
            None => None,
        };
    }

    /// The page could not be had; it is asked for again.
    pub(crate) fn not_refilled(&mut self, refill: Refill) {
        self.claimed -= 1;
        if let Some(behind) = &mut self.queue(refill.lane).behind {
            behind.claimed = false;
        }
    }

    /// Forgets those whose validity has ended: nothing dispatches them any more, and a lane that nobody serves would
    /// keep them for ever.
    pub(crate) fn forget_overdue(&mut self, now: Timestamp) {
        let mut overdue = Vec::new();
        for (_, queue) in self.queues() {
            queue.records.retain(|record| {
                let waits = now < record.message.expires_at;
                if !waits {
                    overdue.push(record.message.id);
                }
                waits
            });
        }
        self.records -= overdue.len();
        for id in overdue {
            self.known.remove(&id);
        }
        self.drop_empty();
    }

    /// Gives slots to whoever is next, until each lane has to wait or is empty. `serve` says what becomes of a message.
    pub(crate) fn serve(&mut self, wake: &Wake, serve: impl FnMut(Arc<Record>) -> Turn) {
        self.records -= round::run(&mut self.classes, wake, serve);
        self.drop_empty();
        self.fresh = false;
        let waits = self.queues().flat_map(|(_, queue)| queue.waits_for.iter().flatten());
        let wanted = waits.filter(|wanted| wanted.is_up).map(|wanted| wanted.connection.clone()).collect();
        self.wanted = wanted;
    }

    fn room_of_each(&self) -> usize {
        (ROOM / (self.lanes + 1)).max(LEAST_ROOM)
    }

    fn queue(&mut self, lane: Lane) -> &mut Queue {
        let Self { classes, lanes, .. } = self;
        let [otp, transactional, marketing] = classes;
        let of_class = match lane.class {
            Class::Otp => otp,
            Class::Transactional => transactional,
            Class::Marketing => marketing,
        };
        of_class.apps.entry(lane.app.clone()).or_default().lanes.entry(lane).or_insert_with(|| {
            *lanes += 1;
            Queue::default()
        })
    }

    fn queues(&mut self) -> impl Iterator<Item = (&Lane, &mut Queue)> {
        let apps = self.classes.iter_mut().flat_map(|of_class| of_class.apps.values_mut());
        apps.flat_map(|of_app| of_app.lanes.iter_mut())
    }

    /// Apps are kept, with what they were given; there are as many as the configuration names.
    fn drop_empty(&mut self) {
        let Self { classes, lanes, .. } = self;
        for of_app in classes.iter_mut().flat_map(|of_class| of_class.apps.values_mut()) {
            let before = of_app.lanes.len();
            of_app.lanes.retain(|_, queue| !queue.records.is_empty() || queue.behind.is_some());
            *lanes -= before - of_app.lanes.len();
        }
    }
}

#[cfg(test)]
mod tests;
