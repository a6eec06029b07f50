//! Open records as the writer last wrote them, so that the steps of one message need no reading.
//!
//! Two generations instead of a list in order of use: when the young one is full it becomes the old one, and what was
//! old is forgotten. Nothing here is ever newer than the file: a record is taken out to be stepped and comes back once
//! that is durable.

use rustc_hash::FxHashMap;

use super::records::Stored;

#[derive(Default)]
pub(super) struct Cache {
    young: FxHashMap<i64, Stored>,
    old: FxHashMap<i64, Stored>,
}

/// Of records in one generation. A record takes one to two kilobytes.
const GENERATION: usize = 10_000;

impl Cache {
    pub(super) fn take(&mut self, key: i64) -> Option<Stored> {
        self.young.remove(&key).or_else(|| self.old.remove(&key))
    }

    pub(super) fn put(&mut self, stored: Stored) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stored.record.message.id.key(), stored);
    }
}
