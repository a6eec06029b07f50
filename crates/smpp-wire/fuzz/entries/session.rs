//! A session of either side under any order of frames, commands and time: no token is lost or told twice, what goes
//! out is whole frames, and a session that has been ticked has nothing left that is due.

use std::{collections::HashMap, time::Duration};

use bytes::{Bytes, BytesMut};
use smpp_wire::{
    frame::{BadLength, Frame, cut},
    pdu::{Bind, CommandId, Outgoing, Pdu, ShortMessage},
    session::{CloseReason, Event, Output, Session, Settings, Side, State},
    status::CommandStatus,
};

const COMMANDS: [CommandId; 24] = [
    CommandId::BIND_TRANSMITTER,
    CommandId::BIND_RECEIVER,
    CommandId::BIND_TRANSCEIVER,
    CommandId::BIND_TRANSMITTER_RESP,
    CommandId::BIND_RECEIVER_RESP,
    CommandId::BIND_TRANSCEIVER_RESP,
    CommandId::OUTBIND,
    CommandId::UNBIND,
    CommandId::UNBIND_RESP,
    CommandId::ENQUIRE_LINK,
    CommandId::ENQUIRE_LINK_RESP,
    CommandId::GENERIC_NACK,
    CommandId::SUBMIT_SM,
    CommandId::SUBMIT_SM_RESP,
    CommandId::DELIVER_SM,
    CommandId::DELIVER_SM_RESP,
    CommandId::DATA_SM,
    CommandId::DATA_SM_RESP,
    CommandId::QUERY_SM,
    CommandId::QUERY_SM_RESP,
    CommandId::ALERT_NOTIFICATION,
    CommandId(0x0000_7777),
    CommandId(0x8000_7777),
    CommandId(0),
];

/// Where a token of ours stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waiting,
    Answered,
    TimedOut,
    NotSent,
    AnsweredLate,
}

struct Run<'a> {
    input: &'a [u8],
    side: Side,
    session: Session<u32>,
    now: Duration,
    sent: u32,
    fates: HashMap<u32, Fate>,
    /// Sequence numbers of the other side that we have been asked to answer.
    asked: Vec<u32>,
    /// Sequence numbers that we have used, so that answers meet them.
    used: Vec<u32>,
    closed: bool,
}

/// The first octet is the side, the rest one step after the other.
pub(crate) fn run(data: &[u8]) {
    let Some((side, input)) = data.split_first() else { return };
    let side = if side % 2 == 0 { Side::Client } else { Side::Server };
    let settings = Settings {
        window: 3,
        late_memory: 2,
        max_unanswered: 3,
        inactivity_timeout: Some(Duration::from_secs(300)),
        ..Settings::default()
    };
    let mut run = Run {
        input,
        side,
        session: Session::new(side, settings, Duration::ZERO),
        now: Duration::ZERO,
        sent: 0,
        fates: HashMap::new(),
        asked: Vec::new(),
        used: Vec::new(),
        closed: false,
    };
    while let Some(step) = run.octet() {
        run.step(step);
        if run.session.closing().is_some() {
            break;
        }
    }
    run.close();
}

impl Run<'_> {
    fn step(&mut self, step: u8) {
        let mut out = Output { bytes: BytesMut::new(), events: Vec::new() };
        let argument = self.octet().unwrap_or(0);
        match step % 12 {
            0..=3 => {
                let frame = self.frame(argument);
                self.session.receive(frame, self.now, &mut out);
            }
            4 | 5 => {
                self.fates.insert(self.sent, Fate::Waiting);
                let token = self.sent;
                self.sent += 1;
                self.session.request(token, &outgoing(argument), self.now, &mut out);
            }
            6 => {
                let at = usize::from(argument) % self.asked.len().max(1);
                let sequence = self.asked.get(at).copied().unwrap_or_else(|| argument.into());
                let command = COMMANDS[usize::from(argument) % COMMANDS.len()];
                let status = CommandStatus(u32::from(argument & 1));
                self.session.respond(sequence, &Outgoing::refusal(command, status), &mut out);
            }
            7 => {
                self.session.bind(&bind(argument), self.now, &mut out);
            }
            8 => {
                let notices = [CommandId::OUTBIND, CommandId::ALERT_NOTIFICATION, CommandId::SUBMIT_SM];
                self.session
                    .notice(&Outgoing::bare(notices[usize::from(argument) % notices.len()]), &mut out);
            }
            9 => self.session.set_window(usize::from(argument % 6)),
            10 if argument > 200 => self.session.unbind(self.now, &mut out),
            11 if argument > 250 => {
                let error = BadLength { length: 3, max: 4096, sequence_number: u32::from(argument) };
                self.session.receive_bad_length(error, &mut out);
            }
            _ => self.pass(argument, &mut out),
        }
        self.check(out);
    }

    /// Time passes, to the next deadline or by some seconds.
    fn pass(&mut self, argument: u8, out: &mut Output<u32>) {
        let due = self.session.next_deadline().filter(|_| argument.is_multiple_of(2));
        self.now = due.unwrap_or_else(|| self.now + Duration::from_secs(argument.into())).max(self.now);
        self.session.tick(self.now, out);
        assert!(self.session.next_deadline().is_none_or(|next| next > self.now), "still due after a tick");
    }

    fn frame(&mut self, argument: u8) -> Frame {
        let command = COMMANDS[usize::from(argument) % COMMANDS.len()];
        let status = u32::from(self.octet().unwrap_or(0) / 200);
        let number = self.octet().unwrap_or(0);
        let sequence = match self.used.get(usize::from(number) % self.used.len().max(1)) {
            Some(used) if command.is_response() => *used,
            Some(_) | None => u32::from(number),
        };
        let length = usize::from(self.octet().unwrap_or(0) % 64);
        let (body, rest) = self.input.split_at_checked(length).unwrap_or((self.input, &[]));
        self.input = rest;
        let mut bytes = Vec::new();
        for field in [u32::try_from(16 + body.len()).unwrap(), command.0, status, sequence] {
            bytes.extend(field.to_be_bytes());
        }
        bytes.extend_from_slice(body);
        Frame::whole(Bytes::from(bytes)).unwrap()
    }

    fn check(&mut self, mut out: Output<u32>) {
        while let Some(frame) = cut(&mut out.bytes, 4096).unwrap() {
            let header = frame.header();
            if !header.command_id.is_response() {
                assert!((1..=0x7FFF_FFFF).contains(&header.sequence_number));
                self.used.push(header.sequence_number);
            }
        }
        assert!(out.bytes.is_empty(), "half a frame went out");
        for event in out.events {
            self.event(event);
        }
        let waiting = self.fates.values().filter(|fate| **fate == Fate::Waiting).count();
        assert_eq!(waiting, self.session.outstanding());
        assert!(self.session.unanswered() <= 3 && self.session.free_slots() <= 5);
    }

    fn event(&mut self, event: Event<u32>) {
        match event {
            Event::Response { token, received } => {
                assert!(received.command_id().is_response());
                self.turn(token, Fate::Waiting, Fate::Answered);
            }
            Event::TimedOut { token } => self.turn(token, Fate::Waiting, Fate::TimedOut),
            Event::LateResponse { token, .. } => self.turn(token, Fate::TimedOut, Fate::AnsweredLate),
            Event::NotSent { token } => self.turn(token, Fate::Waiting, Fate::NotSent),
            Event::BindRequested { received } => {
                assert_eq!(self.side, Side::Server);
                self.asked.push(received.sequence_number());
            }
            Event::Request { received } => self.asked.push(received.sequence_number()),
            Event::Bound { received } => {
                assert_eq!(self.side, Side::Client);
                assert!(received.command_status().is_ok());
            }
            Event::Notice { received } | Event::Unmatched { received } => {
                assert!(!format!("{:?}", received.pdu()).is_empty());
            }
            Event::Refused(refusal) => assert!(!refusal.status.is_ok()),
            Event::Closed { outstanding, .. } => {
                assert!(!self.closed, "closed twice");
                self.closed = true;
                for request in outstanding {
                    self.turn(request.token, Fate::Waiting, Fate::NotSent);
                }
            }
        }
    }

    fn turn(&mut self, token: u32, from: Fate, to: Fate) {
        let fate = self.fates.insert(token, to);
        assert_eq!(fate, Some(from), "token {token} becomes {to:?}");
    }

    fn close(&mut self) {
        let mut out = Output { bytes: BytesMut::new(), events: Vec::new() };
        self.session.closed(CloseReason::PeerClosed, self.session.queued(), &mut out);
        self.check(out);
        assert!(self.closed && self.session.state() == State::Closed);
        assert!(!self.fates.values().any(|fate| *fate == Fate::Waiting), "a token was lost");
        let mut out = Output { bytes: BytesMut::new(), events: Vec::new() };
        self.session.request(self.sent, &outgoing(0), self.now, &mut out);
        assert!(matches!(out.events.as_slice(), [Event::NotSent { .. }]));
    }

    fn octet(&mut self) -> Option<u8> {
        let (octet, rest) = self.input.split_first()?;
        self.input = rest;
        Some(*octet)
    }
}

fn outgoing(argument: u8) -> Outgoing {
    let message = ShortMessage { short_message: b"text", ..ShortMessage::default() };
    match argument % 4 {
        0 | 1 => Outgoing::request(&Pdu::SubmitSm(message)).unwrap(),
        2 => Outgoing::request(&Pdu::DeliverSm(message)).unwrap(),
        _ => Outgoing::bare(COMMANDS[usize::from(argument / 4) % COMMANDS.len()]),
    }
}

fn bind(argument: u8) -> Outgoing {
    let bind = Bind::default();
    let pdu = match argument % 3 {
        0 => Pdu::BindTransmitter(bind),
        1 => Pdu::BindReceiver(bind),
        _ => Pdu::BindTransceiver(bind),
    };
    Outgoing::request(&pdu).unwrap()
}
