//! What a vendor counts.

use tokio::sync::watch;

/// Counters since the start, but for `sessions` and `receipts_kept`, which say how many there are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Bound ones.
    pub sessions: u64,
    pub binds: u64,
    pub binds_refused: u64,
    pub submissions: u64,
    pub accepted: u64,
    pub throttled: u64,
    /// Answered with any other error.
    pub refused: u64,
    pub unanswered: u64,
    /// Receipts and inbound messages that were handed to a session, each time they were.
    pub receipts_sent: u64,
    pub receipts_acknowledged: u64,
    /// Answered with an error or not at all.
    pub receipts_refused: u64,
    /// Given up, after too many tries or for want of room.
    pub receipts_lost: u64,
    /// Waiting for a bind that can take them.
    pub receipts_kept: u64,
}

/// The counters as the vendor's tasks share them.
pub(super) struct Tally(watch::Sender<Stats>);

impl Tally {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Stats::default()))
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Stats)) {
        self.0.send_modify(change);
    }

    pub(super) fn read(&self) -> Stats {
        *self.0.borrow()
    }

    pub(super) async fn until(&self, condition: impl FnMut(&Stats) -> bool) -> Stats {
        let mut watched = self.0.subscribe();
        // The sender is borrowed for as long as this waits, so it cannot be gone.
        watched.wait_for(condition).await.map_or_else(|_| self.read(), |stats| *stats)
    }
}
