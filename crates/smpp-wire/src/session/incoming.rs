//! What a session does with each PDU that comes.

use std::time::Duration;

use super::window::Answered;
use super::{
    BindKind, Binding, CloseReason, Event, Output, Pending, Refusal, RefusalCause, Session, Side, State,
    permit,
};
use crate::pdu::{CommandId, Outgoing, Received};
use crate::status::CommandStatus;

impl<T: Clone> Session<T> {
    pub(super) fn receive_request(&mut self, received: Received, now: Duration, out: &mut Output<T>) {
        let command_id = received.command_id();
        match command_id {
            CommandId::ENQUIRE_LINK => {
                self.put(&Outgoing::bare(CommandId::ENQUIRE_LINK_RESP), received.sequence_number(), out);
            }
            CommandId::UNBIND => self.receive_unbind(&received, now, out),
            CommandId::BIND_TRANSMITTER | CommandId::BIND_RECEIVER | CommandId::BIND_TRANSCEIVER => {
                self.receive_bind(received, now, out);
            }
            CommandId::OUTBIND if self.side == Side::Client && self.state == State::Open => {
                self.state = State::Outbound;
                out.events.push(Event::Notice { received });
            }
            _ if command_id.name().is_none() => {
                let cause = RefusalCause::UnknownCommand;
                self.refuse(Refusal::of(&received, CommandStatus::RINVCMDID, cause), out);
            }
            _ if !self.may_receive(command_id) => {
                self.refuse(Refusal::of(&received, CommandStatus::RINVBNDSTS, RefusalCause::State), out);
            }
            CommandId::ALERT_NOTIFICATION => out.events.push(Event::Notice { received }),
            // Whoever sends it again elsewhere loses nothing.
            _ if self.side == Side::Server && self.ending.is_some() => {
                self.refuse(Refusal::of(&received, CommandStatus::RMSGQFUL, RefusalCause::State), out);
            }
            _ if self.unanswered.len() >= self.settings.max_unanswered => {
                self.refuse(Refusal::of(&received, self.settings.busy_status, RefusalCause::Busy), out);
            }
            _ => {
                self.unanswered.add(received.sequence_number());
                out.events.push(Event::Request { received });
            }
        }
    }

    fn receive_bind(&mut self, received: Received, now: Duration, out: &mut Output<T>) {
        let unbound = matches!(self.state, State::Open | State::Outbound);
        let kind = BindKind::of_request(received.command_id());
        let (Some(kind), Side::Server, true, None) = (kind, self.side, unbound, &self.binding) else {
            let status = if unbound && self.side == Side::Client {
                CommandStatus::RINVBNDSTS
            } else {
                CommandStatus::RALYBND
            };
            self.refuse(Refusal::of(&received, status, RefusalCause::State), out);
            return;
        };
        let pending = Pending { sequence_number: received.sequence_number(), deadline: now };
        self.binding = Some(Binding { kind, pending });
        out.events.push(Event::BindRequested { received });
    }

    fn receive_unbind(&mut self, received: &Received, now: Duration, out: &mut Output<T>) {
        if let State::Bound(kind) = self.state {
            self.state = State::Unbinding(kind);
        }
        let deadline = now.saturating_add(self.settings.unbind_grace);
        self.their_unbind = Some(Pending { sequence_number: received.sequence_number(), deadline });
        self.settle_their_unbind(out);
    }

    pub(super) fn receive_response(&mut self, received: Received, out: &mut Output<T>) {
        if self.answers_our_bind(&received) {
            self.finish_our_bind(received, out);
            return;
        }
        if received.command_id() == CommandId::ENQUIRE_LINK_RESP {
            return;
        }
        let sequence_number = received.sequence_number();
        if self.our_unbind.is_some_and(|unbind| unbind.sequence_number == sequence_number) {
            self.close_for(CloseReason::Unbound);
            return;
        }
        out.events.push(match self.window.answer(sequence_number, received.command_id()) {
            Answered::InTime(token) => Event::Response { token, received },
            Answered::Late(token) => Event::LateResponse { token, received },
            Answered::Nothing => Event::Unmatched { received },
        });
    }

    /// One bind is under way at most, so its response is known by its kind even under a wrong sequence number.
    fn answers_our_bind(&self, received: &Received) -> bool {
        let Some(binding) = self.binding.as_ref().filter(|_| self.side == Side::Client) else { return false };
        let nack = received.command_id() == CommandId::GENERIC_NACK
            && received.sequence_number() == binding.pending.sequence_number;
        nack || received.command_id() == binding.kind.response()
    }

    fn finish_our_bind(&mut self, received: Received, out: &mut Output<T>) {
        let Some(binding) = self.binding.take() else { return };
        if received.command_id() == CommandId::GENERIC_NACK || !received.command_status().is_ok() {
            self.close_for(CloseReason::BindRefused(received.command_status()));
            return;
        }
        self.state = State::Bound(binding.kind);
        out.events.push(Event::Bound { received });
    }

    pub(super) fn refuse(&mut self, refusal: Refusal, out: &mut Output<T>) {
        let answer = Outgoing::refusal(refusal.command_id, refusal.status);
        self.put(&answer, refusal.sequence_number, out);
        out.events.push(Event::Refused(refusal));
    }

    pub(super) fn settle_their_unbind(&mut self, out: &mut Output<T>) {
        if self.their_unbind.is_some() && self.unanswered.is_empty() {
            self.answer_their_unbind(out);
        }
    }

    pub(super) fn answer_their_unbind(&mut self, out: &mut Output<T>) {
        let Some(unbind) = self.their_unbind.take() else { return };
        self.put(&Outgoing::bare(CommandId::UNBIND_RESP), unbind.sequence_number, out);
        self.close_for(CloseReason::PeerUnbound);
    }

    /// While a session unbinds a client still takes receipts, which would only come again; a server takes nothing new.
    /// What comes before it has heard of our own unbind is not its mistake, and is refused in other words.
    fn may_receive(&self, command_id: CommandId) -> bool {
        match self.state {
            State::Bound(kind) => permit::is_allowed(self.side.other(), kind, command_id),
            State::Unbinding(kind) => {
                let is_ours = self.side == Side::Client || self.ending.is_some();
                is_ours && permit::is_allowed(self.side.other(), kind, command_id)
            }
            State::Open | State::Outbound | State::Closed => false,
        }
    }
}

impl Refusal {
    fn of(received: &Received, status: CommandStatus, cause: RefusalCause) -> Self {
        let (command_id, sequence_number) = (received.command_id(), received.sequence_number());
        Self { command_id, sequence_number, status, cause }
    }
}
