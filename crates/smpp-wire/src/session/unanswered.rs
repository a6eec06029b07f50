//! The requests of the other side that we have not answered yet.

use std::collections::HashMap;

/// Counted by sequence number, as the other side may use one twice. The other side chooses the numbers, so the map's
/// hasher is the keyed one.
#[derive(Default)]
pub(super) struct Unanswered {
    counts: HashMap<u32, u32>,
    total: usize,
}

impl Unanswered {
    pub(super) fn len(&self) -> usize {
        self.total
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn add(&mut self, sequence_number: u32) {
        let count = self.counts.entry(sequence_number).or_default();
        *count = count.saturating_add(1);
        self.total = self.total.saturating_add(1);
    }

    /// Whether there was such a request, which now counts as answered.
    pub(super) fn remove(&mut self, sequence_number: u32) -> bool {
        let Some(count) = self.counts.get_mut(&sequence_number) else { return false };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.counts.remove(&sequence_number);
        }
        self.total = self.total.saturating_sub(1);
        true
    }
}
