//! A session, either side of it, as a state machine: frames, commands and the time go in, bytes and events come out.
//!
//! It does no I/O and reads no clock: `now` is any monotonic time, the same one in every call. It answers enquire_link,
//! unbind, unknown commands and unreadable bodies by itself, and everything else through its user.

mod event;
mod incoming;
mod link;
mod permit;
mod settings;
#[cfg(test)]
mod tests;
mod unanswered;
mod window;

use std::time::Duration;

use bytes::BytesMut;

use self::link::{Link, Need};
use self::unanswered::Unanswered;
use self::window::{Waiting, Window};
use crate::frame::{BadLength, Frame};
use crate::pdu::{CommandId, Outgoing, Received};
use crate::status::CommandStatus;

pub use self::event::{CloseReason, Event, Outstanding, Refusal, RefusalCause};
pub use self::settings::Settings;

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The ESME: it binds and submits.
    Client,
    /// The SMSC: it is bound to and delivers.
    Server,
}

/// What a bind is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BindKind {
    Transmitter,
    Receiver,
    Transceiver,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    /// An outbind was sent or received, and the bind it asks for has not come.
    Outbound,
    Bound(BindKind),
    Unbinding(BindKind),
    Closed,
}

/// What a session wants done.
#[derive(Debug)]
pub struct Output<T> {
    /// To be written to the other side, in this order.
    pub bytes: BytesMut,
    /// To be told to the user, in this order.
    pub events: Vec<Event<T>>,
}

/// One side of one connection, from its opening to its end.
pub struct Session<T> {
    side: Side,
    settings: Settings,
    state: State,
    link: Link,
    window: Window<T>,
    unanswered: Unanswered,
    /// The bind that waits for an answer: ours if we are the client, theirs if we are the server.
    binding: Option<Binding>,
    /// We want to end: unbind is sent once nothing waits for an answer. Of theirs a server waits until then at most.
    ending: Option<Duration>,
    our_unbind: Option<Pending>,
    their_unbind: Option<Pending>,
    closing: Option<CloseReason>,
    queued: u64,
}

struct Binding {
    kind: BindKind,
    pending: Pending,
}

#[derive(Clone, Copy)]
struct Pending {
    sequence_number: u32,
    deadline: Duration,
}

impl<T: Clone> Session<T> {
    pub fn new(side: Side, settings: Settings, now: Duration) -> Self {
        Self {
            side,
            state: State::Open,
            link: Link::new(now),
            window: Window::new(settings.window, settings.late_memory),
            settings,
            unanswered: Unanswered::default(),
            binding: None,
            ending: None,
            our_unbind: None,
            their_unbind: None,
            closing: None,
            queued: 0,
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// How many more requests can be sent now: none unless the session is bound.
    pub fn free_slots(&self) -> usize {
        if !self.is_sending() {
            return 0;
        }
        self.window.free()
    }

    /// How many of our requests wait for an answer.
    pub fn outstanding(&self) -> usize {
        self.window.len()
    }

    /// How many requests of the other side wait for our answer.
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// A smaller window takes effect as slots come back.
    pub fn set_window(&mut self, window: usize) {
        self.window.set_limit(window);
    }

    /// How many bytes the session has put out since it began.
    pub fn queued(&self) -> u64 {
        self.queued
    }

    /// Why the connection is to be closed, once what was put out has been written.
    pub fn closing(&self) -> Option<&CloseReason> {
        self.closing.as_ref()
    }

    /// Client: binds. Says whether it could: the session must be open, and no bind under way.
    pub fn bind(&mut self, bind: &Outgoing, now: Duration, out: &mut Output<T>) -> bool {
        let Some(kind) = BindKind::of_request(bind.command_id()) else { return false };
        let unbound = matches!(self.state, State::Open | State::Outbound);
        if self.side != Side::Client || !unbound || self.binding.is_some() || self.closing.is_some() {
            return false;
        }
        let sequence_number = self.window.next_number().sequence;
        let deadline = now.saturating_add(self.settings.response_timeout);
        self.put(bind, sequence_number, out);
        self.binding = Some(Binding { kind, pending: Pending { sequence_number, deadline } });
        true
    }

    /// Sends a request, or says `NotSent` where this bind does not carry it or no slot is free.
    pub fn request(&mut self, token: T, request: &Outgoing, now: Duration, out: &mut Output<T>) {
        let command_id = request.command_id();
        let answered = command_id.response().is_some();
        if !answered || !self.may_send(command_id) || self.free_slots() == 0 {
            out.events.push(Event::NotSent { token });
            return;
        }
        let number = self.window.next_number();
        let deadline = now.saturating_add(self.settings.response_timeout);
        let starts_at = self.queued;
        self.put(request, number.sequence, out);
        self.window.add(Waiting { number, command_id, token, deadline, starts_at });
        self.link.asked(now);
    }

    /// Sends what nothing answers: an outbind or an alert_notification. Says whether it could be sent.
    pub fn notice(&mut self, notice: &Outgoing, out: &mut Output<T>) -> bool {
        let outbind = notice.command_id() == CommandId::OUTBIND;
        let allowed = if outbind {
            self.side == Side::Server && self.state == State::Open && self.closing.is_none()
        } else {
            notice.command_id() == CommandId::ALERT_NOTIFICATION && self.may_send(notice.command_id())
        };
        if !allowed {
            return false;
        }
        let number = self.window.next_number();
        self.put(notice, number.sequence, out);
        if outbind {
            self.state = State::Outbound;
        }
        true
    }

    /// Answers a request. Says whether there was such a request to answer.
    pub fn respond(&mut self, sequence_number: u32, response: &Outgoing, out: &mut Output<T>) -> bool {
        if self.closing.is_some() {
            return false;
        }
        if self.answers_their_bind(sequence_number, response) {
            self.put(response, sequence_number, out);
            if let Some(binding) = self.binding.take().filter(|_| response.command_status().is_ok()) {
                self.state = State::Bound(binding.kind);
            }
            return true;
        }
        if !self.unanswered.remove(sequence_number) {
            return false;
        }
        self.put(response, sequence_number, out);
        self.settle_their_unbind(out);
        true
    }

    /// Ends the session: no further requests, then unbind once nothing waits for an answer. A server refuses what still
    /// comes, and waits for our answers to what it took `unbind_grace` at most.
    pub fn unbind(&mut self, now: Duration, out: &mut Output<T>) {
        match self.state {
            State::Open | State::Outbound => self.close_for(CloseReason::Unbound),
            State::Bound(_) => {
                let until = now.saturating_add(self.settings.unbind_grace);
                self.ending.get_or_insert(until);
                self.send_unbind_when_idle(now, out);
            }
            State::Unbinding(_) | State::Closed => {}
        }
    }

    /// Takes one frame that came.
    pub fn receive(&mut self, frame: Frame, now: Duration, out: &mut Output<T>) {
        if self.closing.is_some() {
            return;
        }
        self.link.heard(now);
        if frame.header().command_id.is_response() {
            self.receive_response(Received::unchecked(frame), out);
            self.send_unbind_when_idle(now, out);
        } else {
            match Received::check(frame) {
                Ok(received) => self.receive_request(received, now, out),
                Err(error) => {
                    let refusal = Refusal {
                        command_id: error.command_id,
                        sequence_number: error.sequence_number,
                        status: error.status_to_answer,
                        cause: RefusalCause::Body(error.reason),
                    };
                    self.refuse(refusal, out);
                }
            }
        }
        if !self.window.is_empty() {
            self.link.asked(now);
        }
    }

    /// Takes the end of everything that can be read: a length that cannot be right.
    pub fn receive_bad_length(&mut self, error: BadLength, out: &mut Output<T>) {
        if self.closing.is_some() {
            return;
        }
        let nack = Outgoing::refusal(CommandId::GENERIC_NACK, CommandStatus::RINVCMDLEN);
        self.put(&nack, error.sequence_number, out);
        self.close_for(CloseReason::BadLength(error));
    }

    /// Does what is due. To be called when `next_deadline` has come; calling it more often is harmless.
    pub fn tick(&mut self, now: Duration, out: &mut Output<T>) {
        if self.closing.is_some() {
            return;
        }
        while let Some(token) = self.window.time_out(now) {
            out.events.push(Event::TimedOut { token });
        }
        self.send_unbind_when_idle(now, out);
        let is_due = |pending: Pending| now >= pending.deadline;
        if self.side == Side::Client && self.binding.as_ref().is_some_and(|bind| is_due(bind.pending)) {
            self.close_for(CloseReason::BindTimedOut);
        } else if self.our_unbind.is_some_and(is_due) {
            self.close_for(CloseReason::UnbindTimedOut);
        } else if self.their_unbind.is_some_and(is_due) {
            self.answer_their_unbind(out);
        } else {
            self.tend_link(now, out);
        }
    }

    /// When `tick` is to be called next.
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.closing.is_some() {
            return None;
        }
        let binding = self.binding.as_ref().filter(|_| self.side == Side::Client).map(|bind| bind.pending);
        let pending = [binding, self.our_unbind, self.their_unbind];
        let pending = pending.into_iter().flatten().map(|pending| pending.deadline).min();
        let link = self.link.next_deadline(&self.settings, self.is_bound());
        [pending, link, self.window.next_deadline(), self.unbind_due()].into_iter().flatten().min()
    }

    /// Why the session ends when the connection is lost: a side that hangs up instead of answering our unbind has done
    /// what it was asked to.
    pub fn reason_of_loss(&self, loss: CloseReason) -> CloseReason {
        if self.our_unbind.is_some() { CloseReason::Unbound } else { loss }
    }

    /// The connection is gone. `written` is how many of the queued bytes were handed to it.
    pub fn closed(&mut self, reason: CloseReason, written: u64, out: &mut Output<T>) {
        self.state = State::Closed;
        self.closing.get_or_insert_with(|| reason.clone());
        let outstanding = self
            .window
            .drain()
            .map(|waiting| Outstanding { token: waiting.token, bytes_out: written > waiting.starts_at })
            .collect();
        out.events.push(Event::Closed { reason, outstanding });
    }

    fn answers_their_bind(&self, sequence_number: u32, response: &Outgoing) -> bool {
        self.side == Side::Server
            && self.binding.as_ref().is_some_and(|binding| {
                binding.pending.sequence_number == sequence_number
                    && [binding.kind.response(), CommandId::GENERIC_NACK].contains(&response.command_id())
            })
    }

    fn send_unbind_when_idle(&mut self, now: Duration, out: &mut Output<T>) {
        let State::Bound(kind) = self.state else { return };
        if self.unbind_due().is_none_or(|due| now < due) || self.closing.is_some() {
            return;
        }
        let sequence_number = self.window.next_number().sequence;
        self.put(&Outgoing::bare(CommandId::UNBIND), sequence_number, out);
        let deadline = now.saturating_add(self.settings.response_timeout);
        self.our_unbind = Some(Pending { sequence_number, deadline });
        self.state = State::Unbinding(kind);
    }

    /// When our unbind is to be sent: at once, when nothing waits for an answer any more.
    fn unbind_due(&self) -> Option<Duration> {
        let until =
            self.ending.filter(|_| matches!(self.state, State::Bound(_)) && self.window.is_empty())?;
        let owes_answers = self.side == Side::Server && !self.unanswered.is_empty();
        Some(if owes_answers { until } else { Duration::ZERO })
    }

    fn tend_link(&mut self, now: Duration, out: &mut Output<T>) {
        match self.link.need(&self.settings, self.is_bound(), now) {
            Need::Nothing => {}
            Need::EnquireLink => {
                let sequence_number = self.window.next_number().sequence;
                self.put(&Outgoing::bare(CommandId::ENQUIRE_LINK), sequence_number, out);
                self.link.enquired(&self.settings, now);
            }
            Need::CloseDead => self.close_for(CloseReason::LinkDead),
            Need::CloseInactive => self.close_for(CloseReason::Inactive),
            Need::CloseUnbound => self.close_for(CloseReason::BindTimedOut),
        }
    }

    fn put(&mut self, outgoing: &Outgoing, sequence_number: u32, out: &mut Output<T>) {
        outgoing.put(sequence_number, &mut out.bytes);
        let length = u64::try_from(outgoing.wire_length()).unwrap_or(u64::MAX);
        self.queued = self.queued.saturating_add(length);
    }

    fn close_for(&mut self, reason: CloseReason) {
        self.closing.get_or_insert(reason);
    }

    fn is_bound(&self) -> bool {
        matches!(self.state, State::Bound(_) | State::Unbinding(_))
    }

    fn is_sending(&self) -> bool {
        matches!(self.state, State::Bound(_)) && self.ending.is_none() && self.closing.is_none()
    }

    fn may_send(&self, command_id: CommandId) -> bool {
        let State::Bound(kind) = self.state else { return false };
        self.is_sending() && permit::may_send(self.side, kind, command_id)
    }
}

impl<T> Default for Output<T> {
    fn default() -> Self {
        Self { bytes: BytesMut::new(), events: Vec::new() }
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl BindKind {
    /// What a bind request asks for; `None` for any other command.
    pub fn of_request(command_id: CommandId) -> Option<Self> {
        match command_id {
            CommandId::BIND_TRANSMITTER => Some(Self::Transmitter),
            CommandId::BIND_RECEIVER => Some(Self::Receiver),
            CommandId::BIND_TRANSCEIVER => Some(Self::Transceiver),
            _ => None,
        }
    }

    /// Whether the client may submit on it.
    pub fn transmits(self) -> bool {
        self != Self::Receiver
    }

    /// Whether the server may deliver on it.
    pub fn receives(self) -> bool {
        self != Self::Transmitter
    }

    fn response(self) -> CommandId {
        match self {
            Self::Transmitter => CommandId::BIND_TRANSMITTER_RESP,
            Self::Receiver => CommandId::BIND_RECEIVER_RESP,
            Self::Transceiver => CommandId::BIND_TRANSCEIVER_RESP,
        }
    }
}
