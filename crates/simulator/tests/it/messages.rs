//! What the vendor understands of the messages that it takes.

use simulator::Vendor;
use simulator::vendor::{Inbound, Settings};
use smpp_wire::encoding::{Charset, Gsm7};
use smpp_wire::pdu::{CommandId, DataSm, EsmClass, Pdu, RegisteredDelivery, ShortMessage};
use smpp_wire::session::BindKind;
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{Tag, TlvBuffer};
use smpp_wire::udh::{self, ReferenceWidth};

use crate::client::{Client, message};

const TO: &str = "447700900010";

fn ucs2(text: &str) -> Vec<u8> {
    Charset::Ucs2.encode(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn short_and_unicode_texts_are_read() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let gsm = Charset::Gsm7(Gsm7::DEFAULT).encode("Pay €5 @ desk").unwrap();
    let first = client.send(TO, &gsm).await;
    let unicode = ucs2("ログインコード：4821 🎉");
    let mut second = message(TO, &unicode);
    second.data_coding = 8;
    second.validity_period = b"000000001000000R";
    client.submit_message(&second);
    client.response().await;

    let received = vendor.received();
    assert_eq!(received.len(), 2);
    assert_eq!((received[0].text.as_str(), received[0].to.as_str()), ("Pay €5 @ desk", TO));
    assert_eq!((received[0].from.as_str(), received[0].from_ton), ("SHOP", 5));
    assert_eq!((received[0].system_id.as_str(), &received[0].ids), ("gateway", &vec![first.id]));
    assert_eq!((received[1].text.as_str(), received[1].data_coding), ("ログインコード：4821 🎉", 8));
    assert_eq!(received[1].validity_period, "000000001000000R");
}

#[tokio::test(start_paused = true)]
async fn three_parts_in_any_order_are_one_message() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let texts: Vec<Vec<u8>> = ["one ", "δύο ", "three"].into_iter().map(ucs2).collect();
    let parts = udh::with_concatenation(&texts, 77, ReferenceWidth::Octet, Gsm7::DEFAULT).unwrap();
    let mut ids = vec![String::new(); 3];
    for index in [2, 0, 1] {
        assert!(vendor.received().is_empty());
        let part = ShortMessage {
            esm_class: EsmClass::DEFAULT.with_udh(),
            data_coding: 8,
            ..message(TO, &parts[index])
        };
        client.submit_message(&part);
        ids[index] = client.response().await.id;
    }
    let received = vendor.received();
    assert_eq!(received.len(), 1);
    assert_eq!((received[0].text.as_str(), received[0].parts), ("one δύο three", 3));
    assert_eq!(received[0].ids, ids);
    for _ in 0..3 {
        let receipt = client.receipt().await;
        let (id, _) = receipt.agreed();
        assert!(ids.iter().any(|known| known == id), "each part has its own receipt");
    }
}

#[tokio::test(start_paused = true)]
async fn parts_are_also_told_by_tlvs_and_kept_apart_by_their_reference() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    for (reference, part, text) in [(1, 1, "a1 "), (2, 1, "b1 "), (2, 2, "b2"), (1, 2, "a2")] {
        let mut tlvs = TlvBuffer::new();
        tlvs.push_two_octets(Tag::SAR_MSG_REF_NUM, reference);
        tlvs.push_octet(Tag::SAR_TOTAL_SEGMENTS, 2);
        tlvs.push_octet(Tag::SAR_SEGMENT_SEQNUM, part);
        client.submit_message(&ShortMessage { tlvs: tlvs.as_tlvs(), ..message(TO, text.as_bytes()) });
        client.response().await;
    }
    let texts: Vec<String> = vendor.received().into_iter().map(|received| received.text).collect();
    assert_eq!(texts, ["b1 b2", "a1 a2"]);
}

#[tokio::test(start_paused = true)]
async fn a_payload_and_a_data_sm_carry_a_text_too() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let long = "x".repeat(400);
    let mut tlvs = TlvBuffer::new();
    tlvs.push(Tag::MESSAGE_PAYLOAD, long.as_bytes()).unwrap();
    client.submit_message(&ShortMessage { tlvs: tlvs.as_tlvs(), ..message(TO, b"") });
    client.response().await;
    let submit = message(TO, b"");
    let data = DataSm {
        source: submit.source,
        destination: submit.destination,
        registered_delivery: RegisteredDelivery::FINAL,
        tlvs: tlvs.as_tlvs(),
        ..DataSm::default()
    };
    client.request(&Pdu::DataSm(data));
    let answered = client.response().await;
    assert_eq!(answered.status, CommandStatus::ROK);
    let received = vendor.received();
    assert_eq!((&received[0].text, &received[1].text), (&long, &long));
    assert_eq!(received[1].ids, [answered.id]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_is_refused() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    assert_eq!(client.send("", b"to nobody").await.status, CommandStatus::RINVDSTADR);
    client.submit_message(&ShortMessage {
        esm_class: EsmClass::DEFAULT.with_udh(),
        ..message(TO, b"\xFFno header")
    });
    assert_eq!(client.response().await.status, CommandStatus::RINVESMCLASS);
    for (command, status) in
        [(CommandId::QUERY_SM, CommandStatus::RQUERYFAIL), (CommandId::CANCEL_SM, CommandStatus::RCANCELFAIL)]
    {
        let pdu = match command {
            CommandId::QUERY_SM => Pdu::QuerySm(Default::default()),
            _ => Pdu::CancelSm(Default::default()),
        };
        client.request(&pdu);
        assert_eq!(client.response().await.status, status);
    }
    assert!(vendor.received().is_empty());
    assert_eq!((vendor.stats().submissions, vendor.stats().refused), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_handset_can_write_to_the_application() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let inbound =
        |text: &str| Inbound { from: "447700900010".into(), to: "72345".into(), text: text.to_owned() };
    vendor.send(&inbound("STOP")).unwrap();
    assert_eq!(vendor.stats().receipts_kept, 1);
    let mut client = Client::bound(&vendor, BindKind::Receiver).await;
    vendor.send(&inbound("Γειά")).unwrap();
    let delivered = client.delivery().await;
    let message = delivered.message();
    assert_eq!((message.short_message, message.esm_class), (&b"STOP"[..], EsmClass::DEFAULT));
    assert_eq!((message.source.digits, message.destination.digits), (&b"447700900010"[..], &b"72345"[..]));
    let delivered = client.delivery().await;
    assert_eq!((delivered.message().short_message, delivered.message().data_coding), (&ucs2("Γειά")[..], 8));
}
