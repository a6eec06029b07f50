//! One session with an application: binds are checked, submissions answered, deliveries followed up.

use std::sync::Arc;

use smpp_wire::connection::{Commands, Handle, Handler};
use smpp_wire::pdu::{Bind, BindResp, Outgoing, Pdu, Received, interface_version};
use smpp_wire::session::{BindKind, Event};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{Tag, TlvBuffer};
use tokio::time::Instant;

use super::core::{Core, Due, Followed, Reply, Token};
use crate::fate::Line;

pub(super) struct Session {
    core: Arc<Core>,
    handle: Handle<Token>,
    number: u64,
    /// Of the bind; set once it is accepted.
    system_id: Option<Arc<str>>,
    /// No answer is due before this.
    last_answer: Instant,
    /// The line was cut from our side: what came in the same moment is lost.
    is_cut: bool,
}

/// The longest name that an answer to a bind holds.
const LONGEST_NAME: usize = 15;

impl Session {
    pub(super) fn open(core: Arc<Core>, handle: Handle<Token>) -> Self {
        let number = core.session_opened(handle.clone());
        Self { core, handle, number, system_id: None, last_answer: Instant::now(), is_cut: false }
    }

    fn bind(&mut self, received: &Received, commands: &mut Commands<Token>) {
        let sequence_number = received.sequence_number();
        let (bind, kind) = match (received.pdu(), BindKind::of_request(received.command_id())) {
            (
                Pdu::BindTransmitter(bind) | Pdu::BindReceiver(bind) | Pdu::BindTransceiver(bind),
                Some(kind),
            ) => (bind, kind),
            _ => return,
        };
        let accepted = self
            .core
            .check(&bind)
            .and_then(|()| accepted(kind, &bind, self.core.name()).ok_or(CommandStatus::RBINDFAIL));
        match accepted {
            Ok(response) => {
                let system_id: Arc<str> = String::from_utf8_lossy(bind.system_id).into();
                self.system_id = Some(Arc::clone(&system_id));
                commands.respond(sequence_number, response);
                self.core.bound(self.number, kind, &system_id);
                self.core.flap(&self.handle);
            }
            Err(status) => {
                commands.respond(sequence_number, Outgoing::refusal(received.command_id(), status));
                commands.close();
            }
        }
    }

    fn request(&mut self, received: &Received, commands: &mut Commands<Token>) {
        let Some(system_id) = &self.system_id else { return };
        let Reply { response, at, line } = self.core.submit(&received.pdu(), system_id, self.last_answer);
        self.last_answer = at;
        let sequence_number = received.sequence_number();
        if line == Line::BreaksBeforeResponse {
            self.is_cut = true;
            commands.abort();
            return;
        }
        if let Some(response) = response {
            self.respond(sequence_number, response, at, commands);
        }
        if line == Line::BreaksAfterResponse {
            self.core.cut_soon(self.handle.clone(), at);
        }
    }

    fn respond(&self, sequence_number: u32, response: Outgoing, at: Instant, commands: &mut Commands<Token>) {
        if at <= Instant::now() {
            commands.respond(sequence_number, response);
            return;
        }
        let due = Due::Respond { handle: self.handle.clone(), sequence_number, response };
        if let Err(Due::Respond { response, .. }) = self.core.put(at, due) {
            commands.respond(sequence_number, response);
        }
    }
}

impl Handler<Token> for Session {
    fn events(&mut self, events: &mut Vec<Event<Token>>, commands: &mut Commands<Token>) {
        for event in events.drain(..) {
            match event {
                Event::BindRequested { received } => self.bind(&received, commands),
                Event::Request { received } if !self.is_cut => self.request(&received, commands),
                Event::Response { token, received } => {
                    let status = received.command_status();
                    self.core.follow(token, if status.is_ok() { Followed::Taken } else { Followed::Refused });
                }
                Event::TimedOut { token } => self.core.follow(token, Followed::Refused),
                Event::NotSent { token } => {
                    self.core.session_ending(self.number);
                    self.core.follow(token, Followed::NotSent);
                }
                Event::Closed { outstanding, .. } => {
                    self.core.session_closed(self.number, self.system_id.is_some());
                    for outstanding in outstanding {
                        self.core.follow(outstanding.token, Followed::NotSent);
                    }
                }
                Event::Request { .. }
                | Event::Bound { .. }
                | Event::Notice { .. }
                | Event::LateResponse { .. }
                | Event::Refused(_)
                | Event::Unmatched { .. } => {}
            }
        }
    }
}

fn accepted(kind: BindKind, bind: &Bind<'_>, name: &str) -> Option<Outgoing> {
    let mut tlvs = TlvBuffer::new();
    match bind.interface_version {
        interface_version::V5_0.. => tlvs.push_octet(Tag::SC_INTERFACE_VERSION, interface_version::V5_0),
        interface_version::V3_4.. => tlvs.push_octet(Tag::SC_INTERFACE_VERSION, interface_version::V3_4),
        // Version 3.3 has no optional parameters.
        _ => {}
    }
    let name = name.as_bytes();
    let system_id = Some(name.get(..LONGEST_NAME).unwrap_or(name));
    let body = BindResp { system_id, tlvs: tlvs.as_tlvs() };
    let pdu = match kind {
        BindKind::Transmitter => Pdu::BindTransmitterResp(body),
        BindKind::Receiver => Pdu::BindReceiverResp(body),
        BindKind::Transceiver => Pdu::BindTransceiverResp(body),
    };
    Outgoing::response(&pdu, CommandStatus::ROK).ok()
}
