//! A small application: it binds over a line in memory, submits, and takes receipts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use simulator::Vendor;
use smpp_wire::connection::{self, Commands, Handle, Handler};
use smpp_wire::pdu::{
    Address, Bind, EsmClass, MessageResp, Outgoing, Pdu, Received, RegisteredDelivery, ShortMessage,
};
use smpp_wire::receipt::Receipt;
use smpp_wire::session::{self, BindKind, CloseReason, Event};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::MessageState;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Outlives every delay of the vendors.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) struct Client {
    handle: Handle<u32>,
    heard: mpsc::Receiver<Heard>,
    /// What was heard while something else was waited for.
    aside: VecDeque<Heard>,
    /// What deliveries are answered with.
    answer: Arc<AtomicU32>,
    submitted: u32,
    tasks: JoinSet<CloseReason>,
}

#[derive(Debug)]
pub(crate) enum Heard {
    Bound(Received),
    Response(Answered),
    Delivery(Delivered),
    TimedOut,
    Closed(CloseReason),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: CommandStatus,
    pub(crate) id: String,
    pub(crate) number: u32,
    pub(crate) at: Instant,
}

#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) received: Received,
    pub(crate) at: Instant,
}

/// What a receipt says, in its text and in its TLVs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) text_id: Option<String>,
    pub(crate) tlv_id: Option<String>,
    pub(crate) text_state: Option<MessageState>,
    pub(crate) tlv_state: Option<MessageState>,
    pub(crate) err: Option<String>,
    pub(crate) from: String,
    pub(crate) to: String,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Credentials {
    pub(crate) system_id: &'static str,
    pub(crate) password: &'static str,
}

struct Ears {
    heard: mpsc::Sender<Heard>,
    answer: Arc<AtomicU32>,
}

impl Client {
    pub(crate) async fn bound(vendor: &Vendor, kind: BindKind) -> Self {
        Self::bound_as(Credentials::default(), vendor, kind).await
    }

    pub(crate) async fn bound_as(credentials: Credentials, vendor: &Vendor, kind: BindKind) -> Self {
        let mut client = Self::open(credentials, vendor, kind, 0x34);
        assert!(matches!(client.next().await, Heard::Bound(_)));
        client
    }

    /// Binds without waiting for the answer.
    pub(crate) fn open(credentials: Credentials, vendor: &Vendor, kind: BindKind, version: u8) -> Self {
        let bind = Bind {
            system_id: credentials.system_id.as_bytes(),
            password: credentials.password.as_bytes(),
            interface_version: version,
            ..Bind::default()
        };
        let bind = match kind {
            BindKind::Transmitter => Pdu::BindTransmitter(bind),
            BindKind::Receiver => Pdu::BindReceiver(bind),
            BindKind::Transceiver => Pdu::BindTransceiver(bind),
        };
        let settings = connection::Settings {
            session: session::Settings {
                window: 100,
                response_timeout: RESPONSE_TIMEOUT,
                ..session::Settings::default()
            },
            ..connection::Settings::default()
        };
        let bind = Outgoing::request(&bind).unwrap();
        let (connection, handle) = connection::client(vendor.connect(), Some(bind), settings);
        let (sender, heard) = mpsc::channel(10_000);
        let answer = Arc::new(AtomicU32::new(CommandStatus::ROK.0));
        let mut ears = Ears { heard: sender, answer: Arc::clone(&answer) };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { connection.run(&mut ears).await });
        Self { handle, heard, aside: VecDeque::new(), answer, submitted: 0, tasks }
    }

    pub(crate) fn answer_deliveries_with(&self, status: CommandStatus) {
        self.answer.store(status.0, Ordering::Relaxed);
    }

    /// Whatever comes next.
    pub(crate) async fn next(&mut self) -> Heard {
        match self.aside.pop_front() {
            Some(heard) => heard,
            None => self.heard.recv().await.unwrap(),
        }
    }

    /// Submits and returns the number by which the answer will say what it answers.
    pub(crate) fn submit(&mut self, to: &str, text: &[u8]) -> u32 {
        self.submit_message(&message(to, text))
    }

    pub(crate) fn submit_message(&mut self, message: &ShortMessage<'_>) -> u32 {
        self.request(&Pdu::SubmitSm(*message))
    }

    pub(crate) fn request(&mut self, pdu: &Pdu<'_>) -> u32 {
        self.submitted += 1;
        self.handle.try_request(self.submitted, Outgoing::request(pdu).unwrap()).unwrap();
        self.submitted
    }

    /// Submits and waits for the answer.
    pub(crate) async fn send(&mut self, to: &str, text: &[u8]) -> Answered {
        self.submit(to, text);
        self.response().await
    }

    pub(crate) async fn response(&mut self) -> Answered {
        let found = self.wait(|heard| matches!(heard, Heard::Response(_))).await;
        let Heard::Response(answered) = found else { unreachable!() };
        answered
    }

    pub(crate) async fn delivery(&mut self) -> Delivered {
        let found = self.wait(|heard| matches!(heard, Heard::Delivery(_))).await;
        let Heard::Delivery(delivered) = found else { unreachable!() };
        delivered
    }

    pub(crate) async fn receipt(&mut self) -> Said {
        self.delivery().await.said()
    }

    pub(crate) async fn closed(&mut self) -> CloseReason {
        let found = self.wait(|heard| matches!(heard, Heard::Closed(_))).await;
        let Heard::Closed(reason) = found else { unreachable!() };
        reason
    }

    /// Whether nothing is delivered for this long.
    pub(crate) async fn hears_no_delivery_for(&mut self, duration: Duration) -> bool {
        tokio::time::timeout(duration, self.delivery()).await.is_err()
    }

    pub(crate) async fn unbind(mut self) {
        self.handle.close();
        while self.tasks.join_next().await.is_some() {}
    }

    async fn wait(&mut self, is_wanted: impl Fn(&Heard) -> bool) -> Heard {
        if let Some(position) = self.aside.iter().position(&is_wanted) {
            return self.aside.remove(position).unwrap();
        }
        loop {
            let heard = self.heard.recv().await.unwrap();
            if is_wanted(&heard) {
                return heard;
            }
            self.aside.push_back(heard);
        }
    }
}

impl Default for Credentials {
    fn default() -> Self {
        Self { system_id: "gateway", password: "secret" }
    }
}

impl Handler<u32> for Ears {
    fn events(&mut self, events: &mut Vec<Event<u32>>, commands: &mut Commands<u32>) {
        for event in events.drain(..) {
            let heard = match event.clone() {
                Event::Bound { received } => Heard::Bound(received),
                Event::Request { received } => {
                    commands
                        .respond(received.sequence_number(), delivered(self.answer.load(Ordering::Relaxed)));
                    Heard::Delivery(Delivered { received, at: Instant::now() })
                }
                Event::Response { token, received } => Heard::Response(answered(token, &received)),
                Event::TimedOut { .. } => Heard::TimedOut,
                Event::Closed { reason, .. } => Heard::Closed(reason),
                Event::BindRequested { .. }
                | Event::Notice { .. }
                | Event::LateResponse { .. }
                | Event::NotSent { .. }
                | Event::Refused(_)
                | Event::Unmatched { .. } => panic!("{event:?}"),
            };
            self.heard.try_send(heard).unwrap();
        }
    }
}

impl Delivered {
    pub(crate) fn message(&self) -> ShortMessage<'_> {
        let Pdu::DeliverSm(message) = self.received.pdu() else { panic!("{:?}", self.received) };
        message
    }

    pub(crate) fn said(&self) -> Said {
        let message = self.message();
        assert_eq!(message.esm_class, EsmClass::RECEIPT);
        let text = std::str::from_utf8(message.short_message).unwrap();
        let receipt = Receipt::parse(text);
        let owned = |text: &str| text.to_owned();
        let digits = |address: Address<'_>| String::from_utf8(address.digits.to_vec()).unwrap();
        Said {
            text_id: receipt.as_ref().and_then(|receipt| receipt.text_id).map(owned),
            tlv_id: message.tlvs.receipted_message_id().map(|id| String::from_utf8(id.to_vec()).unwrap()),
            text_state: receipt.as_ref().and_then(|receipt| receipt.state),
            tlv_state: message.tlvs.message_state(),
            err: receipt.as_ref().and_then(|receipt| receipt.err).map(owned),
            from: digits(message.source),
            to: digits(message.destination),
        }
    }
}

impl Said {
    /// The id and the state, of which text and TLVs must say the same.
    pub(crate) fn agreed(&self) -> (&str, MessageState) {
        assert_eq!((&self.text_id, self.text_state), (&self.tlv_id, self.tlv_state));
        (self.tlv_id.as_deref().unwrap(), self.tlv_state.unwrap())
    }
}

/// A message that asks for a receipt.
pub(crate) fn message<'a>(to: &'a str, text: &'a [u8]) -> ShortMessage<'a> {
    ShortMessage {
        source: Address { digits: b"SHOP", ton: 5.into(), ..Address::default() },
        destination: Address { digits: to.as_bytes(), ton: 1.into(), npi: 1.into() },
        registered_delivery: RegisteredDelivery::FINAL,
        short_message: text,
        ..ShortMessage::default()
    }
}

fn answered(number: u32, received: &Received) -> Answered {
    let mut id = Vec::new();
    if let Pdu::SubmitSmResp(body) | Pdu::DataSmResp(body) = received.pdu() {
        id.extend_from_slice(body.message_id.unwrap_or_default());
    }
    let id = String::from_utf8(id).unwrap();
    Answered { status: received.command_status(), id, number, at: Instant::now() }
}

fn delivered(status: u32) -> Outgoing {
    let body = MessageResp { message_id: Some(b""), ..MessageResp::default() };
    Outgoing::response(&Pdu::DeliverSmResp(body), CommandStatus(status)).unwrap()
}
