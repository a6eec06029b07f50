//! Two ends of a connection, and a handler that keeps what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use smpp_wire::connection::{Commands, Handler};
use smpp_wire::pdu::{Address, Bind, CommandId, MessageResp, Outgoing, Pdu, ShortMessage};
use smpp_wire::session::Event;
use smpp_wire::status::CommandStatus;
use tokio::sync::Notify;

/// Collects events for a test to wait for.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    events: Arc<Mutex<VecDeque<Event<u32>>>>,
    arrived: Arc<Notify>,
}

impl Journal {
    /// The next event, as soon as there is one.
    pub(crate) async fn next(&self) -> Event<u32> {
        loop {
            let arrived = self.arrived.notified();
            if let Some(event) = self.events.lock().unwrap().pop_front() {
                return event;
            }
            arrived.await;
        }
    }
}

impl Handler<u32> for Journal {
    fn events(&mut self, events: &mut Vec<Event<u32>>, _commands: &mut Commands<u32>) {
        self.events.lock().unwrap().extend(events.drain(..));
        self.arrived.notify_one();
    }
}

/// A server's handler that accepts every bind and keeps the rest.
#[derive(Clone, Default)]
pub(crate) struct Welcoming(pub(crate) Journal);

impl Handler<u32> for Welcoming {
    fn events(&mut self, events: &mut Vec<Event<u32>>, commands: &mut Commands<u32>) {
        events.retain(|event| {
            let Event::BindRequested { received } = event else { return true };
            commands.respond(received.sequence_number(), bind_accepted(received.command_id()));
            false
        });
        self.0.events(events, commands);
    }
}

pub(crate) fn bind() -> Outgoing {
    let bind = Bind { system_id: b"shop", password: b"secret", interface_version: 0x34, ..Bind::default() };
    Outgoing::request(&Pdu::BindTransceiver(bind)).unwrap()
}

pub(crate) fn bind_accepted(bind: CommandId) -> Outgoing {
    let pdu = Pdu::from_body(bind.response().unwrap(), b"vendor\0").unwrap();
    Outgoing::response(&pdu, CommandStatus::ROK).unwrap()
}

pub(crate) fn short_message(text: &[u8]) -> ShortMessage<'_> {
    ShortMessage {
        source: Address { digits: b"Shop", ..Address::default() },
        destination: Address { digits: b"4915112345678", ..Address::default() },
        short_message: text,
        ..ShortMessage::default()
    }
}

pub(crate) fn submit(text: &[u8]) -> Outgoing {
    Outgoing::request(&Pdu::SubmitSm(short_message(text))).unwrap()
}

pub(crate) fn deliver(text: &[u8]) -> Outgoing {
    Outgoing::request(&Pdu::DeliverSm(short_message(text))).unwrap()
}

pub(crate) fn submitted(message_id: &[u8]) -> Outgoing {
    let resp = MessageResp { message_id: Some(message_id), ..MessageResp::default() };
    Outgoing::response(&Pdu::SubmitSmResp(resp), CommandStatus::ROK).unwrap()
}

pub(crate) fn delivered() -> Outgoing {
    let resp = MessageResp { message_id: Some(b""), ..MessageResp::default() };
    Outgoing::response(&Pdu::DeliverSmResp(resp), CommandStatus::ROK).unwrap()
}
