//! The requests of ours that wait for an answer, and the sequence numbers they go under.
//!
//! Requests are kept in the order they were sent. They all wait equally long, so that is also the order of their
//! deadlines, and as answers mostly keep it too, a search from the front ends at once.

use std::collections::VecDeque;
use std::time::Duration;

use crate::pdu::CommandId;

/// Sequence numbers run from 1 to this, and begin again.
const LAST_SEQUENCE_NUMBER: u64 = 0x7FFF_FFFF;

pub(super) struct Window<T> {
    limit: usize,
    late_limit: usize,
    waiting: VecDeque<Waiting<T>>,
    late: VecDeque<Late<T>>,
    next_ordinal: u64,
}

/// The number of a request: the ordinal counts on where the sequence number wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    ordinal: u64,
    pub(super) sequence: u32,
}

/// A request that was sent.
pub(super) struct Waiting<T> {
    pub(super) number: Number,
    pub(super) command_id: CommandId,
    pub(super) token: T,
    pub(super) deadline: Duration,
    /// Where in the session's output its bytes begin.
    pub(super) starts_at: u64,
}

/// A request that timed out, remembered for the answer that may come yet.
struct Late<T> {
    number: Number,
    command_id: CommandId,
    token: T,
}

/// What a response answers.
pub(super) enum Answered<T> {
    InTime(T),
    Late(T),
    Nothing,
}

impl<T: Clone> Window<T> {
    pub(super) fn new(limit: usize, late_limit: usize) -> Self {
        Self { limit, late_limit, waiting: VecDeque::new(), late: VecDeque::new(), next_ordinal: 0 }
    }

    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn free(&self) -> usize {
        self.limit.saturating_sub(self.waiting.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The next sequence number that no living request goes under.
    pub(super) fn next_number(&mut self) -> Number {
        loop {
            let number = Number::from_ordinal(self.next_ordinal);
            self.next_ordinal = self.next_ordinal.wrapping_add(1);
            if !self.is_taken(number) {
                return number;
            }
        }
    }

    pub(super) fn add(&mut self, request: Waiting<T>) {
        self.waiting.push_back(request);
    }

    /// Takes out the request that a response answers. A response of another kind than was asked for answers nothing.
    pub(super) fn answer(&mut self, sequence_number: u32, command_id: CommandId) -> Answered<T> {
        let fits =
            |asked: CommandId| command_id == CommandId::GENERIC_NACK || asked.response() == Some(command_id);
        let waiting = self
            .waiting
            .iter()
            .position(|waiting| waiting.number.sequence == sequence_number && fits(waiting.command_id));
        if let Some(found) = waiting.and_then(|at| self.waiting.remove(at)) {
            return Answered::InTime(found.token);
        }
        let late = self
            .late
            .iter()
            .position(|late| late.number.sequence == sequence_number && fits(late.command_id));
        match late.and_then(|at| self.late.remove(at)) {
            Some(found) => Answered::Late(found.token),
            None => Answered::Nothing,
        }
    }

    /// Takes out one request whose time is over, and remembers it as late.
    pub(super) fn time_out(&mut self, now: Duration) -> Option<T> {
        let overdue = self.waiting.pop_front_if(|oldest| oldest.deadline <= now)?;
        if self.late.len() >= self.late_limit {
            self.late.pop_front();
        }
        if self.late_limit > 0 {
            let Waiting { number, command_id, .. } = overdue;
            self.late.push_back(Late { number, command_id, token: overdue.token.clone() });
        }
        Some(overdue.token)
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.waiting.front().map(|oldest| oldest.deadline)
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waiting<T>> {
        self.waiting.drain(..)
    }

    /// Numbers are given in turn, so one can be taken only once the count has gone all the way round.
    fn is_taken(&self, number: Number) -> bool {
        let waiting = self.waiting.front().map(|oldest| oldest.number.ordinal);
        let late = self.late.front().map(|oldest| oldest.number.ordinal);
        let oldest = [waiting, late].into_iter().flatten().min().unwrap_or(number.ordinal);
        if number.ordinal.wrapping_sub(oldest) < LAST_SEQUENCE_NUMBER {
            return false;
        }
        self.waiting.iter().any(|waiting| waiting.number.sequence == number.sequence)
            || self.late.iter().any(|late| late.number.sequence == number.sequence)
    }
}

impl Number {
    fn from_ordinal(ordinal: u64) -> Self {
        let sequence = ordinal.checked_rem(LAST_SEQUENCE_NUMBER).unwrap_or(0).saturating_add(1);
        Self { ordinal, sequence: u32::try_from(sequence).unwrap_or(1) }
    }
}

#[cfg(test)]
mod tests;
