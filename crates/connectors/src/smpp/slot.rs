//! The slots of the binds' windows, as counts that outlive any session.
//!
//! The counts are atomic, so that a slot can be dropped anywhere, also under a lock of the client. They are raised only
//! under the lock of the gate, which makes "free, so take it" one step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::Slot;

pub(super) struct Slots {
    window: usize,
    /// For each bind, how many of its slots are out, those of earlier sessions included: a new session has only what
    /// the old one's outcomes have given back.
    held: Vec<AtomicUsize>,
    /// Throughput that went with slots which came back without a submit.
    unused_tokens: AtomicUsize,
    /// How many slots are out, those that were reserved for a text which is still to come included.
    out: AtomicUsize,
    /// Somebody was told that there is no slot, and wants to know when there is one.
    refused: AtomicBool,
    /// Wakes the keeper.
    wake: Notify,
    /// Tells that no slot is out any more.
    idle: Notify,
}

/// Gives the slot back on drop.
struct Hold {
    slots: Arc<Slots>,
    bind: u16,
    purpose: Purpose,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Reserved,
    UnderWay,
}

impl Slots {
    pub(super) fn new(binds: u16, window: u16) -> Self {
        Self {
            window: usize::from(window),
            held: (0..binds).map(|_| AtomicUsize::new(0)).collect(),
            unused_tokens: AtomicUsize::new(0),
            out: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
            wake: Notify::new(),
            idle: Notify::new(),
        }
    }

    pub(super) fn free(&self, bind: u16) -> usize {
        let held = self.held.get(usize::from(bind)).map_or(self.window, |held| held.load(Ordering::SeqCst));
        self.window.saturating_sub(held)
    }

    /// A slot that was found free, with the token it costs. Only under the lock of the gate.
    pub(super) fn reserve(self: &Arc<Self>, bind: u16, epoch: u64) -> Slot {
        self.slot(bind, epoch, Purpose::Reserved)
    }

    /// The same slot, from now on for a text under way: its token does not come back. Only under the lock of the gate.
    pub(super) fn occupy(self: &Arc<Self>, slot: Slot) -> Slot {
        let occupied = self.slot(slot.bind, slot.epoch, Purpose::UnderWay);
        drop(slot);
        // The old hold has just given its token back, and nobody looks at the count without the lock.
        let less = |tokens: usize| tokens.checked_sub(1);
        let taken = self.unused_tokens.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        debug_assert!(taken.is_ok(), "a slot was not one of this connection");
        occupied
    }

    fn slot(self: &Arc<Self>, bind: u16, epoch: u64, purpose: Purpose) -> Slot {
        if let Some(held) = self.held.get(usize::from(bind)) {
            held.fetch_add(1, Ordering::SeqCst);
        }
        self.out.fetch_add(1, Ordering::SeqCst);
        Slot { bind, epoch, hold: Box::new(Hold { slots: Arc::clone(self), bind, purpose }) }
    }

    /// The tokens to be credited. Only under the lock of the gate.
    pub(super) fn unused_tokens(&self) -> usize {
        self.unused_tokens.swap(0, Ordering::SeqCst)
    }

    /// Notes that somebody was refused; the keeper has to find out when to tell that there is a slot again.
    pub(super) fn refuse(&self) {
        if !self.refused.swap(true, Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }

    pub(super) fn was_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }

    /// Whoever was refused is told now.
    pub(super) fn tell(&self) {
        self.refused.store(false, Ordering::SeqCst);
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Waits until no slot is out: a text whose dispatch is being made durable has to hear that it was not sent.
    pub(super) async fn idle(&self) {
        while self.out.load(Ordering::SeqCst) > 0 {
            self.idle.notified().await;
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(held) = self.slots.held.get(usize::from(self.bind)) {
            held.fetch_sub(1, Ordering::SeqCst);
        }
        match self.purpose {
            Purpose::Reserved => {
                self.slots.unused_tokens.fetch_add(1, Ordering::SeqCst);
            }
            Purpose::UnderWay => {}
        }
        if self.slots.out.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.slots.idle.notify_one();
        }
        if self.slots.was_refused() {
            self.slots.wake();
        }
    }
}
