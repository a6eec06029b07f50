//! A vendor that does what a test tells it: one session of the wire's own server side.

use std::time::Duration;

use smpp_wire::connection::{self, Commands, Handle, Handler};
use smpp_wire::pdu::{BindResp, CommandId, MessageResp, Outgoing, Pdu, Received};
use smpp_wire::session::{BindKind, CloseReason, Event};
use smpp_wire::status::CommandStatus;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub(crate) struct Vendor {
    handle: Handle<u32>,
    events: mpsc::Receiver<Event<u32>>,
    session: JoinSet<CloseReason>,
}

/// Hands every event to the test.
struct Forward(mpsc::Sender<Event<u32>>);

impl Handler<u32> for Forward {
    fn events(&mut self, events: &mut Vec<Event<u32>>, _: &mut Commands<u32>) {
        for event in events.drain(..) {
            // A test that is over listens no more.
            drop(self.0.try_send(event));
        }
    }
}

impl Vendor {
    /// Takes a line, on which a bind will come.
    pub(crate) fn on<S>(socket: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (connection, handle) = connection::server(socket, connection::Settings::default());
        let (sender, events) = mpsc::channel(10_000);
        let mut session = JoinSet::new();
        session.spawn(async move { connection.run(&mut Forward(sender)).await });
        Self { handle, events, session }
    }

    pub(crate) async fn event(&mut self) -> Event<u32> {
        self.events.recv().await.expect("the session is over")
    }

    /// What has come already.
    pub(crate) fn heard(&mut self) -> Option<Event<u32>> {
        self.events.try_recv().ok()
    }

    /// Waits for the bind, and answers it.
    pub(crate) async fn bind(&mut self, status: CommandStatus) -> BindKind {
        let Event::BindRequested { received } = self.event().await else { panic!("no bind came") };
        let kind = BindKind::of_request(received.command_id()).expect("a bind");
        let body = BindResp { system_id: Some(b"vendor"), ..BindResp::default() };
        let response = match kind {
            BindKind::Transmitter => Pdu::BindTransmitterResp(body),
            BindKind::Receiver => Pdu::BindReceiverResp(body),
            BindKind::Transceiver => Pdu::BindTransceiverResp(body),
        };
        self.answer(received.sequence_number(), Outgoing::response(&response, status).unwrap());
        kind
    }

    /// The next submit.
    pub(crate) async fn submit(&mut self) -> Received {
        let Event::Request { received } = self.event().await else { panic!("no request came") };
        assert_eq!(received.command_id(), CommandId::SUBMIT_SM);
        received
    }

    pub(crate) fn accept(&self, submit: &Received, message_id: &str) {
        let body = MessageResp { message_id: Some(message_id.as_bytes()), ..MessageResp::default() };
        let response = Outgoing::response(&Pdu::SubmitSmResp(body), CommandStatus::ROK).unwrap();
        self.answer(submit.sequence_number(), response);
    }

    pub(crate) fn refuse(&self, submit: &Received, status: CommandStatus) {
        self.answer(submit.sequence_number(), Outgoing::refusal(CommandId::SUBMIT_SM, status));
    }

    /// How many deliveries it sends without an answer to any.
    pub(crate) fn has_window(&self, window: usize) {
        self.handle.set_window(window);
    }

    /// Sends a deliver_sm or data_sm; its answer comes as an event with this token.
    pub(crate) fn deliver(&self, token: u32, pdu: &Pdu<'_>) {
        self.handle.try_request(token, Outgoing::request(pdu).unwrap()).unwrap();
    }

    /// The answer to a delivery.
    pub(crate) async fn delivery_answer(&mut self) -> (u32, CommandStatus) {
        let Event::Response { token, received } = self.event().await else { panic!("no answer came") };
        (token, received.command_status())
    }

    /// Asserts that nothing comes for so long.
    pub(crate) async fn hears_nothing_for(&mut self, span: Duration) {
        let heard = timeout(span, self.events.recv()).await;
        assert!(heard.is_err(), "{heard:?}");
    }

    /// Cuts the line without a word.
    pub(crate) fn cut(mut self) {
        self.end();
    }

    /// As `cut`, for whoever keeps it.
    pub(crate) fn end(&mut self) {
        self.session.abort_all();
    }

    /// Waits until the client has ended the session.
    pub(crate) async fn ended(mut self) -> CloseReason {
        self.session.join_next().await.expect("one session").expect("which does not panic")
    }

    fn answer(&self, sequence_number: u32, outgoing: Outgoing) {
        self.handle.respond(sequence_number, outgoing).unwrap();
    }
}
