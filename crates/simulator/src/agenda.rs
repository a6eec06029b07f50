//! Things that are due at a time, handed out one by one as their time comes.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Holds at most `capacity` things. Any task may put, one task takes.
pub(crate) struct Agenda<T> {
    capacity: usize,
    entries: Mutex<Entries<T>>,
    changed: Notify,
}

/// What is due at the same instant comes in the order in which it was put.
struct Entries<T> {
    by_time: BTreeMap<(Instant, u64), T>,
    next: u64,
}

enum First<T> {
    Due(T),
    Later(Instant),
    Nothing,
}

impl<T> Agenda<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let entries = Entries { by_time: BTreeMap::new(), next: 0 };
        Self { capacity, entries: Mutex::new(entries), changed: Notify::new() }
    }

    /// Gives the thing back when the agenda is full.
    pub(crate) fn put(&self, at: Instant, thing: T) -> Result<(), T> {
        let mut entries = self.entries.lock();
        if entries.by_time.len() >= self.capacity {
            return Err(thing);
        }
        let number = entries.next;
        entries.next = number.wrapping_add(1);
        let is_first = entries.by_time.first_key_value().is_none_or(|((first, _), _)| at < *first);
        entries.by_time.insert((at, number), thing);
        if is_first {
            self.changed.notify_one();
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.lock().by_time.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// Waits for the next thing that is due. It may be dropped at any point without losing anything.
    pub(crate) async fn next(&self) -> T {
        loop {
            match self.first(Instant::now()) {
                First::Due(thing) => return thing,
                First::Later(at) => {
                    tokio::select! {
                        () = sleep_until(at) => {}
                        () = self.changed.notified() => {}
                    }
                }
                First::Nothing => self.changed.notified().await,
            }
        }
    }

    fn first(&self, now: Instant) -> First<T> {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.by_time.first_entry() else { return First::Nothing };
        let (at, _) = *entry.key();
        if at > now { First::Later(at) } else { First::Due(entry.remove()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn things_come_at_their_time_and_in_order() {
        let agenda = Agenda::new(3);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(agenda.put(at(9), "late"), Ok(()));
        assert_eq!(agenda.put(at(2), "first"), Ok(()));
        assert_eq!(agenda.put(at(2), "second"), Ok(()));
        assert_eq!(agenda.put(at(1), "too many"), Err("too many"));
        for (thing, seconds) in [("first", 2), ("second", 2), ("late", 9)] {
            assert_eq!((agenda.next().await, start.elapsed()), (thing, Duration::from_secs(seconds)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_earlier_wakes_who_waits_for_something_later() {
        let agenda = Agenda::new(3);
        let start = Instant::now();
        assert_eq!(agenda.put(start + Duration::from_secs(60), 60), Ok(()));
        let (thing, ()) = tokio::join!(agenda.next(), async {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(agenda.put(start + Duration::from_secs(5), 5), Ok(()));
        });
        assert_eq!((thing, start.elapsed()), (5, Duration::from_secs(5)));
    }
}
