//! Which route carried a recipient's last one-time password in the replay, at the time that the replay has come to.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use domain::{Recipient, RouteId, Timestamp};

use crate::recent::RecentRoutes;

/// A message is replayed to its end at once: what it does later is not known to the next one yet.
#[derive(Default)]
pub(super) struct Memory {
    recent: RecentRoutes,
    ahead: BinaryHeap<Reverse<Dispatched>>,
    count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dispatched {
    at: Timestamp,
    /// Those of one instant in the order in which they came.
    count: u64,
    to: Box<str>,
    route: RouteId,
}

/// More than that in five minutes the gateway forgets as well.
const MAX_AHEAD: usize = 200_000;

impl Memory {
    /// Time goes on: what was dispatched before is remembered.
    pub(super) fn pass(&mut self, now: Timestamp) {
        while self.ahead.peek().is_some_and(|Reverse(next)| next.at < now) {
            let Some(Reverse(Dispatched { at, to, route, .. })) = self.ahead.pop() else { return };
            if let Some(to) = Recipient::from_e164(&to) {
                self.recent.remember(&to, &route, at);
            }
        }
    }

    pub(super) fn used(&self, to: &Recipient, accepted_at: Timestamp) -> Option<RouteId> {
        self.recent.used(to, accepted_at)
    }

    pub(super) fn dispatched(&mut self, to: &Recipient, route: &RouteId, at: Timestamp) {
        if self.ahead.len() < MAX_AHEAD {
            self.count += 1;
            let one = Dispatched { at, count: self.count, to: to.as_str().into(), route: route.clone() };
            self.ahead.push(Reverse(one));
        }
    }
}
