//! The open sessions, and the deliveries that wait for one that receives.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use smpp_wire::connection::Handle;
use smpp_wire::session::BindKind;

use super::core::{Ending, Token};

/// Deliveries take turns over the receiving binds of their account, so that a receipt often comes on another bind than
/// the one that submitted.
pub(super) struct Sessions {
    open: BTreeMap<u64, Open>,
    next: u64,
    turn: u64,
    /// By the account that they are for, at most `memory` each.
    kept: BTreeMap<Option<Arc<str>>, VecDeque<Token>>,
    memory: usize,
}

struct Open {
    handle: Handle<Token>,
    /// Set while deliveries may go to it.
    receives_for: Option<Arc<str>>,
}

/// Where a delivery went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    ToSession,
    /// It waits for a session that has room.
    Nowhere,
    /// It waits, and the oldest that waited was given up.
    Crowding,
}

impl Sessions {
    pub(super) fn new(memory: usize) -> Self {
        Self { open: BTreeMap::new(), next: 0, turn: 0, kept: BTreeMap::new(), memory }
    }

    pub(super) fn open(&mut self, handle: Handle<Token>) -> u64 {
        self.next = self.next.wrapping_add(1);
        self.open.insert(self.next, Open { handle, receives_for: None });
        self.next
    }

    pub(super) fn bound(&mut self, session: u64, kind: BindKind, system_id: &Arc<str>) {
        if let Some(open) = self.open.get_mut(&session).filter(|_| kind.receives()) {
            open.receives_for = Some(Arc::clone(system_id));
        }
    }

    /// The session takes no more deliveries, as it is about to end.
    pub(super) fn ending(&mut self, session: u64) {
        if let Some(open) = self.open.get_mut(&session) {
            open.receives_for = None;
        }
    }

    pub(super) fn closed(&mut self, session: u64) {
        self.open.remove(&session);
    }

    pub(super) fn deliver(&mut self, token: Token) -> Went {
        let Some(token) = self.hand_over(token) else { return Went::ToSession };
        let kept = self.kept.entry(token.system_id.clone()).or_default();
        let is_crowded = kept.len() >= self.memory;
        if is_crowded {
            kept.pop_front();
        }
        kept.push_back(token);
        if is_crowded { Went::Crowding } else { Went::Nowhere }
    }

    /// Hands over what waits, as far as sessions take it; says how many went.
    pub(super) fn flush(&mut self) -> u64 {
        let mut went = 0;
        let mut kept = std::mem::take(&mut self.kept);
        for waiting in kept.values_mut() {
            while let Some(token) = waiting.pop_front() {
                if let Some(token) = self.hand_over(token) {
                    waiting.push_front(token);
                    break;
                }
                went += 1;
            }
        }
        kept.retain(|_, waiting| !waiting.is_empty());
        self.kept = kept;
        went
    }

    pub(super) fn end(&self, ending: Ending) {
        for open in self.open.values() {
            match ending {
                Ending::Unbind => open.handle.close(),
                Ending::Cut => open.handle.abort(),
            }
        }
    }

    /// Gives the delivery back if no session takes it.
    fn hand_over(&mut self, mut token: Token) -> Option<Token> {
        let after_turn = self.open.range(self.turn.wrapping_add(1)..);
        for (session, open) in after_turn.chain(self.open.range(..=self.turn)) {
            let Some(account) = &open.receives_for else { continue };
            if token.system_id.as_ref().is_some_and(|wanted| wanted != account) {
                continue;
            }
            let outgoing = token.outgoing.clone();
            match open.handle.try_request(token, outgoing) {
                Ok(()) => {
                    self.turn = *session;
                    return None;
                }
                Err(not_taken) => token = not_taken.token,
            }
        }
        Some(token)
    }
}
