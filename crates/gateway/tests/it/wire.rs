//! One end of an SMPP connection, PDU by PDU: an application at the door, or a vendor.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::BytesMut;
use smpp_wire::frame;
use smpp_wire::pdu::{Address, Bind, CommandId, MessageResp, Pdu, Received, ShortMessage, TypeOfNumber};
use smpp_wire::status::CommandStatus;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::deadline::LIMIT;
use crate::setup::APP_SYSTEM_ID;

pub(crate) struct Wire<S = TcpStream> {
    pub(crate) socket: S,
    inbox: BytesMut,
    sequence_number: u32,
    /// Heard while something else was waited for.
    aside: VecDeque<Received>,
}

impl Wire {
    pub(crate) async fn dial(port: u16) -> Self {
        Self::dial_from(1, port).await
    }

    /// From 127.0.0.x, so that the other end sees another address.
    pub(crate) async fn dial_from(last_octet: u8, port: u16) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last_octet), 0))).unwrap();
        Self::over(socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn over(socket: S) -> Self {
        Self { socket, inbox: BytesMut::new(), sequence_number: 0, aside: VecDeque::new() }
    }

    /// Binds as a transceiver.
    pub(crate) async fn bind(&mut self, password: &str) -> CommandStatus {
        let (system_id, password) = (APP_SYSTEM_ID.as_bytes(), password.as_bytes());
        let bind = Bind { system_id, password, interface_version: 0x34, ..Bind::default() };
        self.ask(&Pdu::BindTransceiver(bind)).await.command_status()
    }

    /// Sends a request, and returns its sequence number.
    pub(crate) async fn send(&mut self, pdu: &Pdu<'_>) -> u32 {
        self.sequence_number += 1;
        self.write(pdu, CommandStatus::ROK, self.sequence_number).await;
        self.sequence_number
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&mut self, pdu: &Pdu<'_>) -> Received {
        let sequence_number = self.send(pdu).await;
        self.hear(|heard| heard.command_id().is_response() && heard.sequence_number() == sequence_number)
            .await
    }

    pub(crate) async fn answer(&mut self, request: &Received, pdu: &Pdu<'_>) {
        self.write(pdu, CommandStatus::ROK, request.sequence_number()).await;
    }

    /// The next deliver_sm, answered.
    pub(crate) async fn receipt(&mut self) -> Received {
        let receipt = self.hear(|heard| heard.command_id() == CommandId::DELIVER_SM).await;
        let body = MessageResp { message_id: Some(b""), ..MessageResp::default() };
        self.answer(&receipt, &Pdu::DeliverSmResp(body)).await;
        receipt
    }

    /// The next of these, whatever came before it.
    pub(crate) async fn hear(&mut self, is_wanted: impl Fn(&Received) -> bool) -> Received {
        if let Some(place) = self.aside.iter().position(&is_wanted) {
            return self.aside.remove(place).unwrap();
        }
        loop {
            let heard = self.next().await.expect("the line has ended");
            if is_wanted(&heard) {
                return heard;
            }
            self.aside.push_back(heard);
        }
    }

    /// How many PDUs came that nobody waited for.
    pub(crate) fn heard_aside(&self) -> usize {
        self.aside.len()
    }

    /// What comes next; None when the other side has closed.
    pub(crate) async fn next(&mut self) -> Option<Received> {
        loop {
            if let Some(frame) = frame::cut(&mut self.inbox, frame::DEFAULT_MAX_LENGTH).unwrap() {
                return Some(Received::check(frame).unwrap());
            }
            let read = timeout(LIMIT, self.socket.read_buf(&mut self.inbox)).await.expect("nothing comes");
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Waits until the other side closes.
    pub(crate) async fn closed(&mut self) {
        while self.next().await.is_some() {}
    }

    async fn write(&mut self, pdu: &Pdu<'_>, status: CommandStatus, sequence_number: u32) {
        let mut out = BytesMut::new();
        pdu.encode(status, sequence_number, &mut out).unwrap();
        self.socket.write_all(&out).await.unwrap();
        self.socket.flush().await.unwrap();
    }
}

/// A number that our own vendors deliver to.
pub(crate) fn international(digits: &str) -> Address<'_> {
    Address { ton: TypeOfNumber::International, digits: digits.as_bytes(), ..Address::default() }
}

pub(crate) fn submission<'a>(to: &'a str, text: &'a str) -> ShortMessage<'a> {
    ShortMessage { destination: international(to), short_message: text.as_bytes(), ..ShortMessage::default() }
}

/// The id that a submission was answered with.
pub(crate) fn id_of(answer: &Received) -> String {
    assert_eq!(answer.command_status(), CommandStatus::ROK);
    let Pdu::SubmitSmResp(MessageResp { message_id: Some(id), .. }) = answer.pdu() else {
        panic!("no answer to a submission: {answer:?}")
    };
    String::from_utf8(id.to_vec()).unwrap()
}
