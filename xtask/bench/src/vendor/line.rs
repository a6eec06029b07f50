//! One bind of a vendor: each turn reads what there is, does what is due, and writes it all at once.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use smpp_wire::frame;
use smpp_wire::pdu::{BindResp, CommandId, MessageResp, Outgoing, Pdu, Received, ShortMessage};
use smpp_wire::session::{self, CloseReason, Event, Output, Session, Side};
use smpp_wire::status::CommandStatus;
use smpp_wire::udh;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::{Receipt, State};
use crate::ledger::Verdict;
use crate::profile;

pub(super) struct Line {
    state: Rc<State>,
    session: Session<Receipt>,
    out: Output<Receipt>,
    inbox: BytesMut,
    opened: Instant,
    answers: VecDeque<Answer>,
    receipts: VecDeque<Receipt>,
    is_bound: bool,
}

struct Answer {
    due: Instant,
    sequence_number: u32,
    response: Outgoing,
    /// The receipt that follows, unless this is a refusal.
    receipt: Option<Receipt>,
}

const READ_AT_ONCE: usize = 64 * 1024;
/// How many receipts may wait for their acknowledgement.
const RECEIPT_WINDOW: usize = 500;
const MAX_UNANSWERED: usize = 2000;
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Nothing is due.
const FAR: Duration = Duration::from_secs(3600);

impl Line {
    pub(super) fn new(state: Rc<State>) -> Self {
        let settings = session::Settings {
            window: RECEIPT_WINDOW,
            max_unanswered: MAX_UNANSWERED,
            ..session::Settings::default()
        };
        Self {
            state,
            session: Session::new(Side::Server, settings, Duration::ZERO),
            out: Output::default(),
            inbox: BytesMut::with_capacity(READ_AT_ONCE),
            opened: Instant::now(),
            answers: VecDeque::new(),
            receipts: VecDeque::new(),
            is_bound: false,
        }
    }

    pub(super) async fn run(mut self, mut socket: TcpStream) {
        let mut timer = Box::pin(sleep_until(self.opened));
        loop {
            let due = self.due();
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            self.inbox.reserve(READ_AT_ONCE / 4);
            // Both branches are cancel-safe: what was read is in the inbox.
            tokio::select! {
                read = socket.read_buf(&mut self.inbox) => match read {
                    Ok(0) | Err(_) => break,
                    Ok(_) => self.take_in(),
                },
                () = &mut timer => {}
            }
            self.act();
            if !self.out.bytes.is_empty() {
                if socket.write_all(&self.out.bytes).await.is_err() {
                    break;
                }
                self.out.bytes.clear();
            }
            if self.session.closing().is_some() {
                break;
            }
        }
        self.close();
    }

    fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    fn due(&self) -> Instant {
        let answer = self.answers.front().map(|answer| answer.due);
        let receipt = self.receipts.front().filter(|_| self.session.free_slots() > 0);
        let receipt = receipt.map(|receipt| receipt.due);
        let link = self.session.next_deadline().map(|deadline| self.opened + deadline);
        [answer, receipt, link].into_iter().flatten().min().unwrap_or_else(|| Instant::now() + FAR)
    }

    fn take_in(&mut self) {
        let now = self.now();
        loop {
            match frame::cut(&mut self.inbox, frame::DEFAULT_MAX_LENGTH) {
                Ok(Some(frame)) => self.session.receive(frame, now, &mut self.out),
                Ok(None) => break,
                Err(error) => {
                    self.session.receive_bad_length(error, &mut self.out);
                    break;
                }
            }
        }
        let at = Instant::now();
        let mut events = std::mem::take(&mut self.out.events);
        for event in events.drain(..) {
            self.event(event, at);
        }
        self.out.events = events;
    }

    fn event(&mut self, event: Event<Receipt>, at: Instant) {
        match event {
            Event::BindRequested { received } => self.bind(&received),
            Event::Request { received } => self.request(&received, at),
            Event::Response { token, received } if !received.command_status().is_ok() => self.again(token),
            Event::TimedOut { token } | Event::NotSent { token } => self.again(token),
            Event::Response { .. }
            | Event::LateResponse { .. }
            | Event::Bound { .. }
            | Event::Notice { .. }
            | Event::Refused(_)
            | Event::Unmatched { .. }
            | Event::Closed { .. } => {}
        }
    }

    fn again(&mut self, receipt: Receipt) {
        self.receipts.push_back(Receipt { due: Instant::now() + AGAIN_AFTER, ..receipt });
    }

    fn bind(&mut self, received: &Received) {
        let body = BindResp { system_id: Some(b"bench"), ..BindResp::default() };
        let response = match received.command_id() {
            CommandId::BIND_TRANSMITTER => Pdu::BindTransmitterResp(body),
            CommandId::BIND_RECEIVER => Pdu::BindReceiverResp(body),
            _ => Pdu::BindTransceiverResp(body),
        };
        let Ok(response) = Outgoing::response(&response, CommandStatus::ROK) else { return };
        self.session.respond(received.sequence_number(), &response, &mut self.out);
        self.is_bound = true;
        self.state.binds.set(self.state.binds.get() + 1);
        self.receipts.extend(self.state.orphans.borrow_mut().drain(..));
    }

    fn request(&mut self, received: &Received, at: Instant) {
        let Pdu::SubmitSm(message) = received.pdu() else {
            let refusal = Outgoing::refusal(received.command_id(), CommandStatus::RINVCMDID);
            self.session.respond(received.sequence_number(), &refusal, &mut self.out);
            return;
        };
        if self.state.first.get().is_none() {
            self.state.first.set(Some(at));
        }
        self.state.last.set(Some(at));
        let conduct = self.state.conduct;
        let due = at + conduct.latency;
        let (response, receipt) = self.treat(&message, at, due + conduct.receipt_after);
        self.answers.push_back(Answer {
            due,
            sequence_number: received.sequence_number(),
            response,
            receipt,
        });
    }

    fn treat(
        &self,
        message: &ShortMessage<'_>,
        at: Instant,
        report_at: Instant,
    ) -> (Outgoing, Option<Receipt>) {
        let refusal = || Outgoing::refusal(CommandId::SUBMIT_SM, CommandStatus::RINVDSTADR);
        let Some(number) = tagged(message) else {
            self.state.ledger.stray();
            return (refusal(), None);
        };
        if self.state.ledger.submitted(number, self.state.number, at) == Verdict::Refuse {
            return (refusal(), None);
        }
        self.state.taken.set(self.state.taken.get() + 1);
        let id = self.state.taken.get().to_string();
        let body = MessageResp { message_id: Some(id.as_bytes()), ..MessageResp::default() };
        let Ok(response) = Outgoing::response(&Pdu::SubmitSmResp(body), CommandStatus::ROK) else {
            return (refusal(), None);
        };
        let outgoing = self.state.receipt(&id, message);
        (response, outgoing.map(|outgoing| Receipt { due: report_at, number, outgoing }))
    }

    fn act(&mut self) {
        let at = Instant::now();
        let now = self.now();
        while let Some(answer) = self.answers.pop_front_if(|answer| answer.due <= at) {
            self.session.respond(answer.sequence_number, &answer.response, &mut self.out);
            if let Some(receipt) = answer.receipt {
                self.state.ledger.answered(receipt.number);
                self.receipts.push_back(receipt);
            }
        }
        while self.session.free_slots() > 0
            && let Some(receipt) = self.receipts.pop_front_if(|receipt| receipt.due <= at)
        {
            self.state.ledger.reported(receipt.number);
            let outgoing = receipt.outgoing.clone();
            self.session.request(receipt, &outgoing, now, &mut self.out);
        }
        self.session.tick(now, &mut self.out);
    }

    /// What was taken is still reported, by the next line.
    fn close(&mut self) {
        self.session.closed(CloseReason::PeerClosed, u64::MAX, &mut self.out);
        let mut orphans = self.state.orphans.borrow_mut();
        for event in self.out.events.drain(..) {
            if let Event::Closed { outstanding, .. } = event {
                orphans.extend(outstanding.into_iter().map(|outstanding| outstanding.token));
            }
        }
        orphans.extend(self.receipts.drain(..));
        orphans.extend(self.answers.drain(..).filter_map(|answer| answer.receipt));
        if self.is_bound {
            self.state.binds.set(self.state.binds.get().saturating_sub(1));
        }
    }
}

/// The number of the message, which stands at the beginning of each part.
fn tagged(message: &ShortMessage<'_>) -> Option<u32> {
    let text = message.text();
    if !message.esm_class.has_udh() {
        return profile::tagged(text);
    }
    let (_, rest) = udh::split(text).ok()?;
    profile::tagged(rest)
}
