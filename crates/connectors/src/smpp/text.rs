//! A text under way: which of its parts is on the wire, and what follows from each answer.

use std::sync::Arc;
use std::time::Duration;

use domain::MessageId;
use domain::record::Answer;
use parking_lot::Mutex;
use smpp_wire::pdu::Outgoing;
use tokio::time::Instant;

use super::gate::Complaint;
use crate::{Answered, Slot};

/// A vendor that goes on refusing the rest of a text, part of which it has, is given up after this.
const BUSY_AT_MOST: Duration = Duration::from_secs(60);

pub(super) struct Text {
    pub(super) message: MessageId,
    pub(super) attempt: u16,
    pub(super) bind: u16,
    pub(super) epoch: u64,
    parts: u8,
    /// The parts, in order, ready to be sent; none of a text that cannot be.
    pdus: Vec<Outgoing>,
    /// When its validity ends.
    expires: Instant,
    course: Mutex<Course>,
}

/// Its lock is held for moments, by the task of the bind and under the lock of the gate; nothing is called under it.
struct Course {
    /// Goes out with the last report.
    slot: Option<Slot>,
    /// A part was refused late: what was not sent by then stays unsent.
    stopped: bool,
    /// Since when the part that is on its way has been answered with busy.
    busy_since: Option<Instant>,
}

/// One part of a text, from when it was sent: what a session gives back with the answer.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) text: Arc<Text>,
    pub(super) number: u8,
    pub(super) sent: Instant,
}

/// What an answer leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Onward {
    /// The next part goes out.
    Next(u8),
    /// The text is done.
    Nothing,
}

/// What becomes of a part that was answered with busy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AfterBusy {
    /// It is sent again by us: the vendor has some of the text already.
    Again,
    /// The text is done.
    Nothing,
}

impl Text {
    pub(super) fn new(of: TextOf, slot: Slot) -> Arc<Self> {
        Arc::new(Self {
            message: of.message,
            attempt: of.attempt,
            bind: slot.bind,
            epoch: slot.epoch,
            parts: of.parts,
            pdus: of.pdus,
            expires: of.expires,
            course: Mutex::new(Course { slot: Some(slot), stopped: false, busy_since: None }),
        })
    }

    pub(super) fn part(self: &Arc<Self>, number: u8, sent: Instant) -> Part {
        Part { text: Arc::clone(self), number, sent }
    }
}

/// What a text is made of.
pub(super) struct TextOf {
    pub(super) message: MessageId,
    pub(super) attempt: u16,
    pub(super) parts: u8,
    pub(super) pdus: Vec<Outgoing>,
    pub(super) expires: Instant,
}

impl Part {
    /// What goes over the wire.
    pub(super) fn pdu(&self) -> Option<Outgoing> {
        self.text.pdus.get(usize::from(self.number)).cloned()
    }

    /// Reports the answer. Unless the vendor took the part, or may have while the session lives, the rest of the text
    /// stays unsent.
    pub(super) fn answered(
        &self,
        answer: Answer,
        took: Option<Duration>,
        batch: &mut Vec<Answered>,
    ) -> Onward {
        let goes_on = matches!(
            answer,
            Answer::Accepted { .. } | Answer::Unknown { line_lost: false } | Answer::Unclear { .. }
        );
        let next = self.number.saturating_add(1);
        let mut course = self.text.course.lock();
        course.busy_since = None;
        batch.push(self.text.report(self.number, answer, took));
        if goes_on && next < self.text.parts && !course.stopped {
            return Onward::Next(next);
        }
        batch.extend((next..self.text.parts).map(|rest| self.text.report(rest, Answer::NotSent, None)));
        if let Some(last) = batch.last_mut() {
            last.slot = course.slot.take();
        }
        Onward::Nothing
    }

    /// Reports what a vendor answered after it had been given up.
    pub(super) fn answered_late(&self, answer: Answer, took: Duration, batch: &mut Vec<Answered>) {
        if matches!(answer, Answer::Rejected { .. }) {
            self.text.course.lock().stopped = true;
        }
        batch.push(self.text.report(self.number, answer, Some(took)));
    }

    /// The vendor cannot take it now. Of a text that it has nothing of yet that is the outcome; else we try again.
    pub(super) fn busy(
        &self,
        complaint: Complaint,
        code: Box<str>,
        now: Instant,
        batch: &mut Vec<Answered>,
    ) -> AfterBusy {
        let took = Some(now.duration_since(self.sent));
        if self.number == 0 {
            self.answered(Answer::Busy { code, class: complaint.class() }, took, batch);
            return AfterBusy::Nothing;
        }
        let since = *self.text.course.lock().busy_since.get_or_insert(now);
        if now < self.text.expires.min(since + BUSY_AT_MOST) {
            return AfterBusy::Again;
        }
        self.answered(Answer::Rejected { code, class: Some(complaint.class()) }, took, batch);
        AfterBusy::Nothing
    }
}

impl Text {
    fn report(&self, part: u8, answer: Answer, took: Option<Duration>) -> Answered {
        Answered { message: self.message, attempt: self.attempt, part, answer, took, slot: None }
    }
}
