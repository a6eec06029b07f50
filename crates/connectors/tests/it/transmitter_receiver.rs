//! A connection whose binds are pairs: one session submits, the other takes receipts.

use connectors::{Connector, NoSlot};
use smpp_wire::pdu::{EsmClass, Pdu, ShortMessage};
use smpp_wire::session::BindKind;
use smpp_wire::status::CommandStatus;

use crate::lab::{Lab, accepted};
use crate::vendor::Vendor;

/// The pair, transmitter first, whichever came first.
async fn pair(lab: &mut Lab) -> (Vendor, Vendor) {
    let mut lines = [lab.line().await, lab.line().await];
    let mut kinds = Vec::new();
    for line in &mut lines {
        kinds.push(line.bind(CommandStatus::ROK).await);
    }
    let [first, second] = lines;
    match kinds[..] {
        [BindKind::Transmitter, BindKind::Receiver] => (first, second),
        [BindKind::Receiver, BindKind::Transmitter] => (second, first),
        _ => panic!("{kinds:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn submits_go_by_the_transmitter_and_receipts_come_by_the_receiver() {
    let mut lab = Lab::new("bind = \"transmitter_receiver\"\nwindow = 1");
    let (mut transmitter, mut receiver) = pair(&mut lab).await;
    let health = lab.told.health.recv().await.unwrap();
    assert_eq!((health.binds_up, health.binds), (1, 1));

    lab.submit(1);
    let submit = transmitter.submit().await;
    transmitter.accept(&submit, "77");
    assert_eq!(lab.answer().await, accepted("77"));

    let (esm_class, short_message) = (EsmClass::RECEIPT, b"id:77 stat:DELIVRD err:000");
    let receipt = ShortMessage { esm_class, short_message, ..ShortMessage::default() };
    receiver.deliver(5, &Pdu::DeliverSm(receipt));
    let report = lab.told.receipts.recv().await.unwrap();
    assert_eq!(&*report.vendor_id, "77");
    report.reply.stored();
    assert_eq!(receiver.delivery_answer().await, (5, CommandStatus::ROK));
}

#[tokio::test(start_paused = true)]
async fn without_its_transmitter_a_pair_cannot_send() {
    let mut lab = Lab::new("bind = \"transmitter_receiver\"");
    let (transmitter, _receiver) = pair(&mut lab).await;
    lab.told.health.recv().await.unwrap();
    transmitter.cut();
    assert!(lab.told.health.recv().await.unwrap().is_down());
    assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Down);
    let mut line = lab.line().await;
    assert_eq!(line.bind(CommandStatus::ROK).await, BindKind::Transmitter);
    assert_eq!(lab.told.health.recv().await.unwrap().binds_up, 1);
}
