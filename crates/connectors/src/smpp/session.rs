//! What the client does with the events of a session: answers are reported, receipts handed on, the gate told.

use std::sync::Arc;
use std::time::Duration;

use domain::record::Answer;
use smpp_wire::connection::{self, Commands, Handle};
use smpp_wire::pdu::Received;
use smpp_wire::receipt::IdBases;
use smpp_wire::session::{CloseReason, Event};
use smpp_wire::status::CommandStatus;
use tokio::time::Instant;

use super::bind::Role;
use super::client::Shared;
use super::receipt::{self, Delivery, DeliveryReply};
use super::response::{self, Response};
use super::text::{AfterBusy, Onward, Part};
use crate::{Answered, ReceiptReport};

pub(super) struct Handler {
    shared: Arc<Shared>,
    bind: u16,
    role: Role,
    line: Handle<Part>,
    bases: IdBases,
    bound_at: Option<Instant>,
    /// What one wake-up brought, to be handed on together.
    answers: Vec<Answered>,
    receipts: Vec<ReceiptReport>,
    onward: Vec<(Part, Then)>,
    /// The latest submit that was accepted.
    accepted: Option<Instant>,
    /// Some submit was answered, whatever the answer.
    heard: bool,
    refused: Seldom,
    refused_messages: Seldom,
    nameless_receipts: Seldom,
}

/// What a text waits for.
#[derive(Clone, Copy)]
enum Then {
    Send(u8),
    TryAgain,
}

/// Something that is logged once a minute at most, with how often it happened.
#[derive(Default)]
struct Seldom {
    count: u64,
    logged_at: Option<Instant>,
}

const A_MINUTE: Duration = Duration::from_secs(60);

impl Handler {
    pub(super) fn new(shared: Arc<Shared>, bind: u16, role: Role, line: Handle<Part>) -> Self {
        Self {
            bases: receipt::bases(&shared.settings),
            shared,
            bind,
            role,
            line,
            bound_at: None,
            answers: Vec::new(),
            receipts: Vec::new(),
            onward: Vec::new(),
            accepted: None,
            heard: false,
            refused: Seldom::default(),
            refused_messages: Seldom::default(),
            nameless_receipts: Seldom::default(),
        }
    }

    pub(super) fn line(&self) -> Handle<Part> {
        self.line.clone()
    }

    /// When the vendor accepted the bind, if it did.
    pub(super) fn bound_at(&self) -> Option<Instant> {
        self.bound_at
    }

    fn event(&mut self, event: Event<Part>, commands: &mut Commands<Part>, now: Instant) {
        match event {
            Event::Bound { .. } => self.bound(now),
            Event::Request { received } => self.delivered(&received, commands, now),
            Event::Response { token, received } => self.answered(&token, &received, now),
            Event::LateResponse { token, received } => {
                self.heard = true;
                let answer = match response::read(&received, self.bases, &self.shared.errors.now()) {
                    Response::Taken { vendor_id } => Answer::Accepted { vendor_id },
                    // What was given up cannot be queued again, and the vendor does not have it.
                    Response::Busy { code, complaint } => {
                        Answer::Rejected { code, class: Some(complaint.class()) }
                    }
                    Response::Refused { code, class } => Answer::Rejected { code, class },
                    Response::Unclear { code } => Answer::Unclear { code },
                };
                token.answered_late(answer, now.duration_since(token.sent), &mut self.answers);
            }
            Event::TimedOut { token } => {
                // Before its slot comes back, or the next text would have it at once.
                self.shared.gate.lock().unanswered(self.bind, token.sent, now);
                self.shared.slots.wake();
                self.settle(&token, Answer::Unknown { line_lost: false }, None);
            }
            Event::NotSent { token } => self.settle(&token, Answer::NotSent, None),
            Event::Closed { reason, outstanding } => {
                self.closed(&reason, now);
                for request in outstanding {
                    let answer =
                        if request.bytes_out { Answer::Unknown { line_lost: true } } else { Answer::NotSent };
                    self.settle(&request.token, answer, None);
                }
            }
            Event::Refused(refusal) => {
                if let Some(count) = self.refused.happened(now) {
                    tracing::warn!(
                        connection = %self.shared.id, bind = self.bind, command = %refusal.command_id,
                        status = %refusal.status, cause = ?refusal.cause, count, "refused what the vendor sent",
                    );
                }
            }
            Event::Unmatched { received } => {
                tracing::debug!(
                    connection = %self.shared.id, bind = self.bind, command = %received.command_id(),
                    sequence_number = received.sequence_number(), "an answer to nothing we asked",
                );
            }
            Event::Notice { received } | Event::BindRequested { received } => {
                tracing::debug!(
                    connection = %self.shared.id, bind = self.bind, command = %received.command_id(),
                    "a notice of the vendor, not looked at",
                );
            }
        }
    }

    fn bound(&mut self, now: Instant) {
        self.bound_at = Some(now);
        let mut epoch = 0;
        if self.role.submits() {
            epoch = self.shared.gate.lock().opened(self.bind, self.line.clone());
            self.shared.slots.wake();
        }
        tracing::info!(
            connection = %self.shared.id, bind = self.bind, role = self.role.as_str(), epoch,
            "bind is up",
        );
    }

    fn closed(&mut self, reason: &CloseReason, now: Instant) {
        if self.role.submits() {
            self.shared.gate.lock().lost(self.bind, reason.to_string().into(), now);
            self.shared.slots.wake();
        }
    }

    fn answered(&mut self, part: &Part, received: &Received, now: Instant) {
        let took = Some(now.duration_since(part.sent));
        self.heard = true;
        match response::read(received, self.bases, &self.shared.errors.now()) {
            Response::Taken { vendor_id } => {
                self.accepted = self.accepted.max(Some(part.sent));
                self.settle(part, Answer::Accepted { vendor_id }, took);
            }
            Response::Refused { code, class } => self.settle(part, Answer::Rejected { code, class }, took),
            Response::Unclear { code } => self.settle(part, Answer::Unclear { code }, took),
            Response::Busy { complaint, code } => {
                self.shared.gate.lock().complained(self.bind, complaint, part.sent, now);
                self.shared.slots.wake();
                match part.busy(complaint, code, now, &mut self.answers) {
                    AfterBusy::Again => self.onward.push((part.clone(), Then::TryAgain)),
                    AfterBusy::Nothing => {}
                }
            }
        }
    }

    fn settle(&mut self, part: &Part, answer: Answer, took: Option<Duration>) {
        match part.answered(answer, took, &mut self.answers) {
            Onward::Next(next) => self.onward.push((part.clone(), Then::Send(next))),
            Onward::Nothing => {}
        }
    }

    fn delivered(&mut self, received: &Received, commands: &mut Commands<Part>, now: Instant) {
        let (request, sequence_number) = (received.command_id(), received.sequence_number());
        let status = match receipt::read(&received.pdu(), &self.shared.settings, &self.shared.errors.now()) {
            Some(Delivery::Receipt(said)) => {
                let reply = DeliveryReply::to(received, self.line.clone());
                self.receipts.push(ReceiptReport {
                    vendor_id: said.vendor_id,
                    news: said.news,
                    is_error: said.is_error,
                    done_at: said.done_at,
                    operator: said.operator,
                    reply: Box::new(reply),
                });
                return;
            }
            // Sent again it would say no more.
            Some(Delivery::NamelessReceipt) => {
                if let Some(count) = self.nameless_receipts.happened(now) {
                    tracing::warn!(connection = %self.shared.id, bind = self.bind, count, "receipts without an id");
                }
                CommandStatus::ROK
            }
            // Nobody is there to take it. To accept it would lose it without a trace; to ask for it later would have
            // some vendors hold back the receipts behind it. Refused for good, the vendor knows what it has.
            Some(Delivery::Message) => {
                if let Some(count) = self.refused_messages.happened(now) {
                    tracing::warn!(connection = %self.shared.id, bind = self.bind, count, "refused inbound messages");
                }
                CommandStatus::RX_R_APPN
            }
            None => CommandStatus::RINVCMDID,
        };
        commands.respond(sequence_number, receipt::answer(request, status));
    }

    /// Reports first, and only then lets further parts out: what is reported is on its way to the store by then.
    fn hand_on(&mut self, now: Instant) {
        let Shared { id, events, gate, slots, .. } = &*self.shared;
        if !self.answers.is_empty() {
            events.answered(id, &mut self.answers);
            self.answers.clear();
        }
        if !self.receipts.is_empty() {
            events.receipts(id, &mut self.receipts);
            self.receipts.clear();
        }
        let (accepted, heard) = (self.accepted.take(), std::mem::take(&mut self.heard));
        if !heard && self.onward.is_empty() {
            return;
        }
        let mut gate = gate.lock();
        if heard && gate.heard(self.bind, now) {
            slots.wake();
        }
        if let Some(sent) = accepted {
            gate.accepted(self.bind, sent);
        }
        if self.onward.is_empty() {
            return;
        }
        for (part, then) in self.onward.drain(..) {
            match then {
                Then::Send(next) => gate.go_on(part.text, next, now),
                Then::TryAgain => gate.try_again(part.text, part.number, now),
            }
        }
        gate.pump(now);
        // For what could not leave yet.
        slots.wake();
    }
}

impl connection::Handler<Part> for Handler {
    fn events(&mut self, events: &mut Vec<Event<Part>>, commands: &mut Commands<Part>) {
        let now = Instant::now();
        for event in events.drain(..) {
            self.event(event, commands, now);
        }
        self.hand_on(now);
    }
}

impl Seldom {
    /// Counts it, and says how often it happened when that should be logged now.
    fn happened(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        if self.logged_at.is_some_and(|at| now.duration_since(at) < A_MINUTE) {
            return None;
        }
        self.logged_at = Some(now);
        Some(self.count)
    }
}
