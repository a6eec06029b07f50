//! An application cannot see or touch another one's messages by any operation of SMPP: whatever names a message is
//! answered as if it named none.

use smpp_wire::pdu::{
    Bare, Bind, BroadcastSm, CancelBroadcastSm, CancelSm, Pdu, QuerySm, Received, RegisteredDelivery,
    ReplaceSm,
};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::MessageState;

use crate::gateway::Gateway;
use crate::lab;
use crate::setup::{APP_PASSWORD, Setup};
use crate::wire::{Wire, id_of, submission};

const BANK: &str = r#"
[[apps]]
id = "bank"
smpp = { system_id = "bank", password = "bank-pw" }
"#;

/// Whether a client names a message of before with it. One more kind of PDU has to be said here to be compiled.
fn names_a_message(pdu: &Pdu<'_>) -> bool {
    match pdu {
        Pdu::QuerySm(_)
        | Pdu::CancelSm(_)
        | Pdu::ReplaceSm(_)
        | Pdu::BroadcastSm(_)
        | Pdu::QueryBroadcastSm(_)
        | Pdu::CancelBroadcastSm(_) => true,
        Pdu::BindReceiver(_)
        | Pdu::BindReceiverResp(_)
        | Pdu::BindTransmitter(_)
        | Pdu::BindTransmitterResp(_)
        | Pdu::BindTransceiver(_)
        | Pdu::BindTransceiverResp(_)
        | Pdu::Outbind(_)
        | Pdu::Unbind(_)
        | Pdu::UnbindResp(_)
        | Pdu::EnquireLink(_)
        | Pdu::EnquireLinkResp(_)
        | Pdu::GenericNack(_)
        | Pdu::SubmitSm(_)
        | Pdu::SubmitSmResp(_)
        | Pdu::SubmitMulti(_)
        | Pdu::SubmitMultiResp(_)
        | Pdu::DeliverSm(_)
        | Pdu::DeliverSmResp(_)
        | Pdu::DataSm(_)
        | Pdu::DataSmResp(_)
        | Pdu::QuerySmResp(_)
        | Pdu::CancelSmResp(_)
        | Pdu::ReplaceSmResp(_)
        | Pdu::AlertNotification(_)
        | Pdu::BroadcastSmResp(_)
        | Pdu::QueryBroadcastSmResp(_)
        | Pdu::CancelBroadcastSmResp(_)
        | Pdu::Unknown(_) => false,
    }
}

/// Every request that names a message, for this one.
fn about(message_id: &[u8]) -> [Pdu<'_>; 6] {
    [
        Pdu::QuerySm(QuerySm { message_id, ..QuerySm::default() }),
        Pdu::CancelSm(CancelSm { message_id, ..CancelSm::default() }),
        Pdu::ReplaceSm(ReplaceSm {
            message_id,
            short_message: b"ours now",
            registered_delivery: RegisteredDelivery::FINAL,
            ..ReplaceSm::default()
        }),
        Pdu::BroadcastSm(BroadcastSm { message_id, ..BroadcastSm::default() }),
        Pdu::QueryBroadcastSm(QuerySm { message_id, ..QuerySm::default() }),
        Pdu::CancelBroadcastSm(CancelBroadcastSm { message_id, ..CancelBroadcastSm::default() }),
    ]
}

async fn state(line: &mut Wire, message_id: &[u8]) -> Option<MessageState> {
    let query = QuerySm { message_id, ..QuerySm::default() };
    let answer = line.ask(&Pdu::QuerySm(query)).await;
    let Pdu::QuerySmResp(body) = answer.pdu() else { panic!("no answer to a query: {answer:?}") };
    body.found.map(|found| found.message_state)
}

/// What is answered, without the name that was asked for.
fn told(answer: &Received, asked: &[u8]) -> (CommandStatus, String) {
    let body = format!("{:?}", answer.pdu());
    (answer.command_status(), body.replace(&format!("{asked:?}"), "the name"))
}

#[tokio::test]
async fn anothers_message_is_answered_like_none_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("").door_with(BANK);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;
    let (mut shop, mut bank) = (Wire::dial(port).await, Wire::dial_from(2, port).await);
    assert_eq!(shop.bind(APP_PASSWORD).await, CommandStatus::ROK);
    let bind = Bind { system_id: b"bank", password: b"bank-pw", interface_version: 0x34, ..Bind::default() };
    assert_eq!(bank.ask(&Pdu::BindTransceiver(bind)).await.command_status(), CommandStatus::ROK);

    let mut message = submission("447700900123", "hello");
    message.registered_delivery = RegisteredDelivery::FINAL;
    // In an hour: until then nothing of it has left.
    message.schedule_delivery_time = b"000000010000000R";
    let id = id_of(&shop.ask(&Pdu::SubmitSm(message)).await);
    let mine = id.as_bytes();
    let nobodys = b"0123456789abcdef0123456789abcdef";
    for (of_another, of_nobody) in about(mine).iter().zip(about(nobodys)) {
        assert!(names_a_message(of_another));
        let another = told(&bank.ask(of_another).await, mine);
        let nobody = told(&bank.ask(&of_nobody).await, nobodys);
        assert_eq!(another, nobody, "{of_another:?}");
        assert_ne!(another.0, CommandStatus::ROK, "{of_another:?}");
    }
    assert_eq!(state(&mut shop, mine).await, Some(MessageState::Scheduled));

    // Whose it is may do all of it, and hears of it alone.
    let [_, cancel, replace, ..] = about(mine);
    assert_eq!(shop.ask(&replace).await.command_status(), CommandStatus::ROK);
    assert_eq!(shop.ask(&cancel).await.command_status(), CommandStatus::ROK);
    let receipt = shop.receipt().await;
    let Pdu::DeliverSm(receipt) = receipt.pdu() else { panic!("no receipt") };
    assert_eq!(receipt.tlvs.receipted_message_id(), Some(mine));
    bank.ask(&Pdu::EnquireLink(Bare::default())).await;
    assert_eq!(bank.heard_aside(), 0, "the bank was told of the shop's message");
    assert_eq!(vendor.stats().submissions, 0);
}
