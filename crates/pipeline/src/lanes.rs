//! Messages that wait for a slot, in lanes that are served in turn.
//!
//! A lane holds messages of one class and app whose plan names the same routes in the same order: when the first of a
//! lane finds no slot, none of it does, so a dead vendor blocks only those who have nobody else. Lanes are served by
//! deficit round robin: each gets a quantum by its class, so no class starves and no app crowds out another.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use domain::{AppId, Class, MessageId, Record, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

/// How many messages wait in memory; the rest waits in the store and is claimed when there is room.
const MAX_WAITING: usize = 50_000;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct LaneKey {
    class: Class,
    app: AppId,
    /// A hash of the plan's routes in their order.
    plan: u64,
}

impl LaneKey {
    fn of(record: &Record) -> Self {
        let mut hasher = FxHasher::default();
        if let Some(plan) = &record.plan {
            plan.rule.hash(&mut hasher);
            for planned in &plan.routes {
                planned.route.hash(&mut hasher);
            }
        }
        // Routes that were tried are out of the running, so such messages wait for others.
        for attempt in &record.attempts {
            attempt.route.hash(&mut hasher);
        }
        Self { class: record.message.class, app: record.message.app.clone(), plan: hasher.finish() }
    }
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Box<Record>>,
    deficit: u32,
}

pub(crate) struct Lanes {
    /// How many may wait here.
    room: usize,
    lanes: FxHashMap<LaneKey, Lane>,
    turn: VecDeque<LaneKey>,
    known: FxHashSet<MessageId>,
    /// Some messages wait in the store only.
    spilled: bool,
}

/// What a message's turn came to.
pub(crate) enum Turn {
    /// It has a slot and leaves the lane.
    Taken,
    /// It has to wait, and with it its lane.
    Wait(Box<Record>),
}

impl Default for Lanes {
    fn default() -> Self {
        Self::with_room(MAX_WAITING)
    }
}

impl Lanes {
    fn with_room(room: usize) -> Self {
        Self {
            room,
            lanes: FxHashMap::default(),
            turn: VecDeque::new(),
            known: FxHashSet::default(),
            spilled: false,
        }
    }

    /// Adds a message unless it waits already. When there is no room the longest lane makes some, so that those who
    /// wait for a dead vendor do not keep everyone else out. False when that is the message's own: it then waits in
    /// the store.
    pub(crate) fn push(&mut self, record: Box<Record>) -> bool {
        if self.known.contains(&record.message.id) {
            return true;
        }
        let key = LaneKey::of(&record);
        if self.known.len() >= self.room {
            self.spilled = true;
            if !self.make_room(&key) {
                return false;
            }
        }
        self.known.insert(record.message.id);
        let lane = self.lanes.entry(key.clone()).or_default();
        if lane.waiting.is_empty() {
            self.turn.push_back(key);
        }
        lane.waiting.push_back(record);
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Sends the last of the longest lane back to the store, if that is longer than the lane of `key` will be.
    fn make_room(&mut self, key: &LaneKey) -> bool {
        let own = self.lanes.get(key).map_or(0, |lane| lane.waiting.len());
        let longest = self.lanes.values_mut().max_by_key(|lane| lane.waiting.len());
        let Some(longest) = longest.filter(|lane| lane.waiting.len() > own + 1) else { return false };
        if let Some(record) = longest.waiting.pop_back() {
            self.known.remove(&record.message.id);
        }
        true
    }

    /// Whether messages wait in the store that have to be brought back; asked once per spill.
    pub(crate) fn take_spilled(&mut self) -> bool {
        std::mem::take(&mut self.spilled)
    }

    /// Messages wait in the store that were not brought back.
    pub(crate) fn spill(&mut self) {
        self.spilled = true;
    }

    pub(crate) fn is_roomy(&self) -> bool {
        self.known.len() < self.room / 2
    }

    /// Forgets those whose validity has ended: nothing dispatches them any more, and a lane that nobody serves would
    /// keep them for ever.
    pub(crate) fn forget_overdue(&mut self, now: Timestamp) {
        let Self { lanes, turn, known, .. } = self;
        lanes.retain(|_, lane| {
            lane.waiting.retain(|record| {
                let waits = now < record.message.expires_at;
                if !waits {
                    known.remove(&record.message.id);
                }
                waits
            });
            !lane.waiting.is_empty()
        });
        turn.retain(|key| lanes.contains_key(key));
    }

    /// The number waiting, and since when the longest, of each class that has any.
    pub(crate) fn depth(&self) -> Vec<(Class, usize, Option<Timestamp>)> {
        Class::ALL
            .into_iter()
            .map(|class| {
                let lanes = self.lanes.iter().filter(|(key, _)| key.class == class);
                let (mut count, mut oldest) = (0, None);
                for (_, lane) in lanes {
                    count += lane.waiting.len();
                    let first = lane.waiting.front().and_then(|record| record.attempts.last());
                    oldest = [oldest, first.map(|attempt| attempt.queued_at)].into_iter().flatten().min();
                }
                (class, count, oldest)
            })
            .collect()
    }

    /// Gives every lane its turn, until each has waited or is empty. `serve` says what becomes of a message.
    pub(crate) fn serve(&mut self, mut serve: impl FnMut(Box<Record>) -> Turn) {
        let mut unserved = self.turn.len();
        let mut blocked: Vec<LaneKey> = Vec::new();
        while unserved > 0 {
            let Some(key) = self.turn.pop_front() else { break };
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            lane.deficit = lane.deficit.saturating_add(quantum(key.class));
            let mut is_blocked = false;
            while lane.deficit > 0 {
                let Some(record) = lane.waiting.pop_front() else { break };
                let id = record.message.id;
                match serve(record) {
                    Turn::Taken => {
                        self.known.remove(&id);
                        lane.deficit -= 1;
                    }
                    Turn::Wait(record) => {
                        // To the back: no order is promised, and what blocks the first need not block the next
                        // once the routing table has changed.
                        lane.waiting.push_back(record);
                        is_blocked = true;
                        break;
                    }
                }
            }
            if lane.waiting.is_empty() {
                self.lanes.remove(&key);
                unserved -= 1;
            } else if is_blocked {
                lane.deficit = 0;
                blocked.push(key);
                unserved -= 1;
            } else {
                self.turn.push_back(key);
            }
        }
        self.turn.extend(blocked);
    }
}

/// Messages that a lane may send in one turn.
fn quantum(class: Class) -> u32 {
    match class {
        Class::Otp => 16,
        Class::Transactional => 8,
        Class::Marketing => 2,
    }
}

#[cfg(test)]
mod tests;
