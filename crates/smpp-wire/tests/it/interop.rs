//! The client and the server of smpp34, an independent implementation, over loopback.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smpp_wire::connection::{self, Settings};
use smpp_wire::pdu::{CommandId, EsmClass, Outgoing, Pdu, ShortMessage};
use smpp_wire::receipt::{Kind, kind_of};
use smpp_wire::session::{CloseReason, Event};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{MessageState, Tag, TlvBuffer};
use smpp34::client::{BIND_TYPE, SMSC, SmppClient, SmppClientListener};
use smpp34::server::{ESME, SmppServer};
use smpp34::{SmppConnectionInformation, SmppServerListener, Tlv, TlvTag};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::pair::{Journal, Welcoming, bind, deliver, delivered, short_message, submit, submitted};

/// Real sockets run on real time; this only keeps a failing test from hanging.
const PATIENCE: Duration = Duration::from_secs(30);

/// smpp34's client: hands over its session, and what is delivered to it.
struct TheirClient {
    bound: mpsc::Sender<SMSC>,
    delivered: mpsc::Sender<smpp34::deliver_sm>,
}

#[async_trait]
impl SmppClientListener for TheirClient {
    async fn on_deliver_sm(
        &self,
        deliver_sm: smpp34::deliver_sm,
        _connection: &SmppConnectionInformation,
        _session: &String,
    ) -> smpp34::deliver_sm_resp {
        self.delivered.send(deliver_sm.clone()).await.unwrap();
        deliver_sm.accept()
    }

    async fn on_smsc_bound(&self, smsc: SMSC, _session: &String) {
        self.bound.send(smsc).await.unwrap();
    }
}

/// smpp34's server: accepts our bind, answers submissions, and hands over its session.
struct TheirServer {
    bound: mpsc::Sender<ESME>,
}

#[async_trait]
impl SmppServerListener for TheirServer {
    async fn on_bind_transceiver(
        &self,
        bind: smpp34::bind_transceiver,
        _connection: &SmppConnectionInformation,
        _session: &String,
    ) -> smpp34::bind_transceiver_resp {
        if bind.system_id == "shop" && bind.password == "secret" {
            return bind.accept("vendor".to_owned(), Some(0x34));
        }
        bind.reject(smpp34::SmppError::ESME_RINVPASWD)
    }

    async fn on_submit_sm(
        &self,
        submit_sm: smpp34::submit_sm,
        _connection: &SmppConnectionInformation,
        _session: &String,
    ) -> smpp34::submit_sm_resp {
        if submit_sm.short_message == b"refuse" {
            return submit_sm.reject(smpp34::SmppError::ESME_RTHROTTLED);
        }
        let message_id = format!("id-{}", submit_sm.destination_addr);
        submit_sm.accept(message_id)
    }

    async fn on_esme_bound(&self, esme: ESME, _session: &String) {
        self.bound.send(esme).await.unwrap();
    }
}

/// A port that was free a moment ago: smpp34's server cannot be asked which one it took.
async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn our_client_works_with_the_server_of_smpp34() {
    let port = free_port().await;
    let (bound, mut esmes) = mpsc::channel(1);
    let mut server = SmppServer::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port, Arc::new(TheirServer { bound }));
    server.start().await;

    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let (connection, client) = connection::client(socket, Some(bind()), Settings::default());
    let journal = Journal::default();
    let mut handler = journal.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { connection.run(&mut handler).await });
    let Event::Bound { received } = timeout(PATIENCE, journal.next()).await.unwrap() else { panic!() };
    let Pdu::BindTransceiverResp(resp) = received.pdu() else { panic!() };
    assert_eq!((resp.system_id, resp.tlvs.sc_interface_version()), (Some(&b"vendor"[..]), Some(0x34)));

    client.try_request(1, submit(b"hello")).unwrap();
    let Event::Response { token: 1, received } = timeout(PATIENCE, journal.next()).await.unwrap() else {
        panic!()
    };
    let Pdu::SubmitSmResp(resp) = received.pdu() else { panic!() };
    assert_eq!(resp.message_id, Some(&b"id-4915112345678"[..]));
    client.try_request(2, submit(b"refuse")).unwrap();
    let Event::Response { token: 2, received } = timeout(PATIENCE, journal.next()).await.unwrap() else {
        panic!()
    };
    assert_eq!(received.command_status(), CommandStatus::RTHROTTLED);

    let esme = esmes.recv().await.unwrap();
    let receipt = esme
        .deliver_sm()
        .source_addr("4915112345678")
        .destination_addr("Shop")
        .esm_class(0x04)
        .short_message(b"id:1 stat:DELIVRD".to_vec())
        .tlv(TlvTag::ReceiptedMessageId, b"id-4915112345678\0".to_vec());
    let answer = async { receipt.send().await };
    let ours = async {
        let Event::Request { received } = journal.next().await else { panic!() };
        let Pdu::DeliverSm(message) = received.pdu() else { panic!() };
        assert_eq!(kind_of(message.esm_class), Kind::Receipt);
        assert_eq!(message.tlvs.receipted_message_id(), Some(&b"id-4915112345678"[..]));
        client.respond(received.sequence_number(), delivered()).unwrap();
    };
    let (answer, ()) = timeout(PATIENCE, async { tokio::join!(answer, ours) }).await.unwrap();
    assert!(answer.unwrap().is_success());

    client.close();
    let end = timeout(PATIENCE, tasks.join_next()).await.unwrap();
    assert_eq!(end.unwrap().unwrap(), CloseReason::Unbound);
    server.stop().await;
}

#[tokio::test]
async fn a_refused_bind_at_the_server_of_smpp34_is_told_with_its_status() {
    let port = free_port().await;
    let (bound, _esmes) = mpsc::channel(1);
    let mut server = SmppServer::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port, Arc::new(TheirServer { bound }));
    server.start().await;
    let wrong = smpp_wire::pdu::Bind { system_id: b"shop", interface_version: 0x34, ..Default::default() };
    let wrong = Outgoing::request(&Pdu::BindTransceiver(wrong)).unwrap();
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let (connection, _client) = connection::client::<_, u32>(socket, Some(wrong), Settings::default());
    let mut handler = Journal::default();
    let end = timeout(PATIENCE, connection.run(&mut handler)).await.unwrap();
    assert_eq!(end, CloseReason::BindRefused(CommandStatus::RINVPASWD));
    server.stop().await;
}

#[tokio::test]
async fn our_server_works_with_the_client_of_smpp34() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (bound, mut smscs) = mpsc::channel(1);
    let (delivered, mut deliveries) = mpsc::channel(1);
    let mut their_client = SmppClient::new(
        "127.0.0.1".to_owned(),
        port,
        false,
        BIND_TYPE::TRX,
        "shop".to_owned(),
        "secret".to_owned(),
        String::new(),
        0,
        0,
        String::new(),
        Arc::new(TheirClient { bound, delivered }),
        10,
    );
    let (accepted, ()) = tokio::join!(listener.accept(), their_client.start());
    let (connection, server) = connection::server(accepted.unwrap().0, Settings::default());
    let journal = Journal::default();
    let mut handler = Welcoming(journal.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { connection.run(&mut handler).await });
    let smsc = timeout(PATIENCE, smscs.recv()).await.unwrap().unwrap();

    let answer = async {
        let submission =
            smsc.submit_sm().source_addr("Shop").destination_addr("491511").short_message(b"hi".to_vec());
        submission.send().await
    };
    let ours = async {
        let Event::Request { received } = journal.next().await else { panic!() };
        let Pdu::SubmitSm(message) = received.pdu() else { panic!() };
        assert_eq!((message.destination.digits, message.short_message), (&b"491511"[..], &b"hi"[..]));
        server.respond(received.sequence_number(), submitted(b"7f-1")).unwrap();
    };
    let (answer, ()) = timeout(PATIENCE, async { tokio::join!(answer, ours) }).await.unwrap();
    assert_eq!(answer.unwrap().message_id.as_deref(), Some("7f-1"));

    let mut tlvs = TlvBuffer::new();
    tlvs.push_c_string(Tag::RECEIPTED_MESSAGE_ID, b"7f-1").unwrap();
    tlvs.push_octet(Tag::MESSAGE_STATE, MessageState::Delivered.into());
    let receipt = ShortMessage {
        esm_class: EsmClass::RECEIPT,
        tlvs: tlvs.as_tlvs(),
        ..short_message(b"id:7f-1 stat:DELIVRD")
    };
    server.try_request(1, Outgoing::request(&Pdu::DeliverSm(receipt)).unwrap()).unwrap();
    server.try_request(2, deliver(b"inbound")).unwrap();
    let first = timeout(PATIENCE, deliveries.recv()).await.unwrap().unwrap();
    assert_eq!(first.short_message, b"id:7f-1 stat:DELIVRD");
    assert_eq!(first.tlvs[0], Tlv::from_tag(TlvTag::ReceiptedMessageId, b"7f-1\0".to_vec()));
    let second = timeout(PATIENCE, deliveries.recv()).await.unwrap().unwrap();
    assert_eq!(second.short_message, b"inbound");
    for token in [1, 2] {
        let event = timeout(PATIENCE, journal.next()).await.unwrap();
        let Event::Response { token: answered, received } = event else { panic!() };
        assert_eq!((answered, received.command_id()), (token, CommandId::DELIVER_SM_RESP));
    }

    let unbinding = async { smsc.send_unbind().await };
    let (unbound, end) =
        timeout(PATIENCE, async { tokio::join!(unbinding, tasks.join_next()) }).await.unwrap();
    assert!(unbound.is_ok());
    assert_eq!(end.unwrap().unwrap(), CloseReason::PeerUnbound);
    their_client.stop().await;
}
