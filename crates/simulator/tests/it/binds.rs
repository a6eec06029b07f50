//! Who may bind, and how.

use simulator::vendor::{Account, Settings};
use simulator::{Behaviour, Vendor};
use smpp_wire::pdu::Pdu;
use smpp_wire::session::{BindKind, CloseReason};
use smpp_wire::status::CommandStatus;

use crate::client::{Client, Credentials, Heard};

async fn guarded() -> Vendor {
    let account = Account { system_id: Some("gateway".into()), password: Some("secret".into()) };
    Vendor::start(Settings { account, ..Settings::default() }).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_bind_and_version_is_taken() {
    let vendor = guarded().await;
    let mut clients = Vec::new();
    for (kind, version, answered) in [
        (BindKind::Transmitter, 0x34, Some(0x34)),
        (BindKind::Receiver, 0x50, Some(0x50)),
        (BindKind::Transceiver, 0x33, None),
    ] {
        let mut client = Client::open(Credentials::default(), &vendor, kind, version);
        let Heard::Bound(received) = client.next().await else { panic!() };
        let (Pdu::BindTransmitterResp(resp) | Pdu::BindReceiverResp(resp) | Pdu::BindTransceiverResp(resp)) =
            received.pdu()
        else {
            panic!()
        };
        assert_eq!(resp.system_id, Some(&b"vendor"[..]));
        assert_eq!(resp.tlvs.sc_interface_version(), answered);
        clients.push(client);
    }
    assert_eq!((vendor.stats().binds, vendor.stats().sessions), (3, 3));
    for client in clients {
        client.unbind().await;
    }
    assert_eq!(vendor.until(|stats| stats.sessions == 0).await.binds, 3);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_or_system_id_is_refused() {
    let vendor = guarded().await;
    let guess = Credentials { password: "guess", ..Credentials::default() };
    let mut client = Client::open(guess, &vendor, BindKind::Transceiver, 0x34);
    assert_eq!(client.closed().await, CloseReason::BindRefused(CommandStatus::RINVPASWD));

    let account = Account { system_id: Some("other".into()), password: None };
    let vendor = Vendor::start(Settings { account, ..Settings::default() }).await.unwrap();
    let mut client = Client::open(Credentials::default(), &vendor, BindKind::Transceiver, 0x34);
    assert_eq!(client.closed().await, CloseReason::BindRefused(CommandStatus::RINVSYSID));
    assert_eq!((vendor.stats().binds, vendor.stats().binds_refused), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn binds_are_refused_for_as_long_as_they_should_be() {
    let vendor = guarded().await;
    let mut early = Client::bound(&vendor, BindKind::Transceiver).await;
    vendor.set(Behaviour::RefuseBinds(CommandStatus::RBINDFAIL));
    let mut refused = Client::open(Credentials::default(), &vendor, BindKind::Transceiver, 0x34);
    assert_eq!(refused.closed().await, CloseReason::BindRefused(CommandStatus::RBINDFAIL));
    assert_eq!(early.send("447700900010", b"still here").await.status, CommandStatus::ROK);
    vendor.set(Behaviour::Usual);
    Client::bound(&vendor, BindKind::Transceiver).await;
}
