//! What the SMPP door takes beside submit_sm: submit_multi and replace_sm; and what of a submission a route passes on.

use std::collections::BTreeMap;

use smpp_wire::pdu::{
    Address, BindResp, CancelSm, CommandId, Destination, DestinationBuffer, MessageResp, Pdu, QuerySm,
    Received, RegisteredDelivery, ReplaceSm, ShortMessage, SubmitMulti,
};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{MessageState, Tag, TlvBuffer};
use tokio::net::TcpListener;

use crate::gateway::Gateway;
use crate::lab;
use crate::setup::{APP_PASSWORD, Setup};
use crate::wire::{Wire, id_of, international, submission};

/// The number of a destination, by its place.
fn to(place: u8) -> String {
    format!("4477009002{place:02}")
}

async fn bound(gateway: &mut Gateway) -> Wire {
    let mut line = Wire::dial(gateway.smpp_port().await).await;
    assert_eq!(line.bind(APP_PASSWORD).await, CommandStatus::ROK);
    line
}

/// The id that a submit_multi was answered with, and who was refused, with the reason.
fn multi_answer(answer: &Received) -> (String, Vec<(String, CommandStatus)>) {
    let Pdu::SubmitMultiResp(body) = answer.pdu() else { panic!("no answer to a submit_multi: {answer:?}") };
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    let refused = body.refused.iter().map(|refused| (text(refused.address.digits), refused.status)).collect();
    (text(body.message_id.unwrap()), refused)
}

fn multi<'a>(destinations: &'a DestinationBuffer, text: &'a str) -> SubmitMulti<'a> {
    SubmitMulti {
        destinations: destinations.as_destinations(),
        registered_delivery: RegisteredDelivery::FINAL,
        short_message: text.as_bytes(),
        ..SubmitMulti::default()
    }
}

fn state(answer: &Received) -> Option<MessageState> {
    let Pdu::QuerySmResp(body) = answer.pdu() else { panic!("no answer to a query: {answer:?}") };
    body.found.map(|found| found.message_state)
}

#[tokio::test]
async fn each_destination_is_a_message_of_its_own_known_by_the_one_id_and_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let mut line = bound(&mut gateway).await;
    let numbers: Vec<String> = (1..=5).map(to).collect();
    let mut destinations = DestinationBuffer::default();
    for (place, number) in (1..).zip(&numbers) {
        let destination = match place {
            2 => Destination::Address(international("12")),
            4 => Destination::DistributionList(b"friends"),
            _ => Destination::Address(international(number)),
        };
        destinations.push(destination).unwrap();
    }
    let answer = line.ask(&Pdu::SubmitMulti(multi(&destinations, "hello"))).await;
    assert_eq!(answer.command_status(), CommandStatus::ROK);
    let (id, refused) = multi_answer(&answer);
    let expected = [("12", CommandStatus::RINVDSTADR), ("friends", CommandStatus::RCNTSUBDL)]
        .map(|(to, status)| (to.to_owned(), status));
    assert_eq!((id.len(), &refused[..]), (32, &expected[..]));

    let mut told = BTreeMap::new();
    for _ in 0..3 {
        let receipt = line.receipt().await;
        let Pdu::DeliverSm(receipt) = receipt.pdu() else { panic!("no receipt") };
        let told_of = String::from_utf8(receipt.tlvs.receipted_message_id().unwrap().to_vec()).unwrap();
        told.insert(told_of, String::from_utf8(receipt.source.digits.to_vec()).unwrap());
    }
    let expected: BTreeMap<String, String> =
        [1, 3, 5].map(|place| (format!("{id}-{place}"), to(place))).into();
    assert_eq!(told, expected);
    assert_eq!(vendor.received().len(), 3);
    let (delivered, rejected) = (Some(MessageState::Delivered), Some(MessageState::Rejected));
    // The id alone is no message's name, and a list has become none.
    for (name, expected) in [("-3", delivered), ("-2", rejected), ("-4", None), ("-6", None), ("", None)] {
        let name = format!("{id}{name}");
        let query = QuerySm { message_id: name.as_bytes(), ..QuerySm::default() };
        let answer = line.ask(&Pdu::QuerySm(query)).await;
        assert_eq!(state(&answer), expected, "{name}");
    }
}

#[tokio::test]
async fn a_submit_multi_that_reaches_nobody_fails_and_one_above_the_rate_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(r#", throughput = "3/min""#);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let mut line = bound(&mut gateway).await;
    let none = DestinationBuffer::default();
    let answer = line.ask(&Pdu::SubmitMulti(multi(&none, "hello"))).await;
    assert_eq!(answer.command_status(), CommandStatus::RINVNUMDESTS);
    let mut list = DestinationBuffer::default();
    list.push(Destination::DistributionList(b"friends")).unwrap();
    let answer = line.ask(&Pdu::SubmitMulti(multi(&list, "hello"))).await;
    assert_eq!(answer.command_status(), CommandStatus::RCNTSUBDL);
    assert_eq!(multi_answer(&answer).1.len(), 1);
    // The account holds one message, and gets another one only in a third of a minute.
    let numbers: Vec<String> = (1..=255).map(|place| to(place % 90)).collect();
    let mut many = DestinationBuffer::default();
    for number in &numbers {
        many.push(Destination::Address(international(number))).unwrap();
    }
    let answer = line.ask(&Pdu::SubmitMulti(multi(&many, "hello"))).await;
    let (_, refused) = multi_answer(&answer);
    assert_eq!(answer.command_status(), CommandStatus::ROK);
    assert!((250..255).contains(&refused.len()), "{}", refused.len());
    assert!(refused.iter().all(|(_, status)| *status == CommandStatus::RTHROTTLED));
    vendor.until(|stats| stats.accepted == 255 - refused.len() as u64).await;
}

/// As the wire writes a time so many seconds from now.
fn in_seconds(seconds: u32) -> Vec<u8> {
    format!("000000{:02}{:02}{:02}000R", seconds / 3600, seconds / 60 % 60, seconds % 60).into_bytes()
}

#[tokio::test]
async fn a_scheduled_message_is_replaced_and_what_replaced_it_is_sent_also_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let mut line = bound(&mut gateway).await;
    let (in_an_hour, soon) = (in_seconds(3600), in_seconds(1));
    let scheduled = ShortMessage {
        schedule_delivery_time: &in_an_hour,
        data_coding: 8,
        short_message: &[0x04, 0x36],
        ..submission("447700900201", "")
    };
    let id = id_of(&line.ask(&Pdu::SubmitSm(scheduled)).await);
    let replace = |schedule, text| ReplaceSm {
        message_id: id.as_bytes(),
        schedule_delivery_time: schedule,
        registered_delivery: RegisteredDelivery::FINAL,
        short_message: text,
        ..ReplaceSm::default()
    };
    // Its text alone: the alphabet is that of the submission, the time stays.
    let answer = line.ask(&Pdu::ReplaceSm(replace(b"", &[0x04, 0x41, 0x04, 0x42]))).await;
    assert_eq!(
        (answer.command_id(), answer.command_status()),
        (CommandId::REPLACE_SM_RESP, CommandStatus::ROK)
    );
    let query = QuerySm { message_id: id.as_bytes(), ..QuerySm::default() };
    assert_eq!(state(&line.ask(&Pdu::QuerySm(query)).await), Some(MessageState::Scheduled));
    let ends_too_soon = ReplaceSm { validity_period: &soon, ..replace(b"", b"") };
    let answer = line.ask(&Pdu::ReplaceSm(ends_too_soon)).await;
    assert_eq!(answer.command_status(), CommandStatus::RINVEXPIRY);
    gateway.kill();

    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let mut line = bound(&mut gateway).await;
    // Its time alone: the text stays.
    let answer = line.ask(&Pdu::ReplaceSm(replace(&soon, b""))).await;
    assert_eq!(answer.command_status(), CommandStatus::ROK);
    let receipt = line.receipt().await;
    let Pdu::DeliverSm(receipt) = receipt.pdu() else { panic!("no receipt") };
    assert_eq!(receipt.tlvs.receipted_message_id(), Some(id.as_bytes()));
    assert_eq!(vendor.received()[0].text, "ст");
    // It has left.
    let answer = line.ask(&Pdu::ReplaceSm(replace(b"", b"too late"))).await;
    assert_eq!(answer.command_status(), CommandStatus::RREPLACEFAIL);
    let nothing = ReplaceSm { message_id: b"00000000000000000000000000000000", ..replace(b"", b"hello") };
    let answer = line.ask(&Pdu::ReplaceSm(nothing)).await;
    assert_eq!(answer.command_status(), CommandStatus::RREPLACEFAIL);
}

#[tokio::test]
async fn a_message_that_waits_for_its_vendor_is_replaced_and_gets_no_other_time() {
    let folder = tempfile::tempdir().unwrap();
    let port = lab::closed_port();
    let setup = Setup::default().vendor("acme", port, "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let mut line = bound(&mut gateway).await;
    let mut destinations = DestinationBuffer::default();
    let numbers = [to(1), to(2), to(3)];
    for number in &numbers {
        destinations.push(Destination::Address(international(number))).unwrap();
    }
    let (id, refused) = multi_answer(&line.ask(&Pdu::SubmitMulti(multi(&destinations, "hello"))).await);
    assert_eq!(refused, []);
    let replace = |name: String, schedule: Vec<u8>| (name.into_bytes(), schedule);
    let (second, third) = (format!("{id}-2"), format!("{id}-3"));
    for ((name, schedule), expected) in [
        (replace(second.clone(), Vec::new()), CommandStatus::ROK),
        (replace(second, in_seconds(60)), CommandStatus::RINVSCHED),
        (replace(id.clone(), Vec::new()), CommandStatus::RREPLACEFAIL),
    ] {
        let replace = ReplaceSm {
            message_id: &name,
            schedule_delivery_time: &schedule,
            short_message: b"another text",
            ..ReplaceSm::default()
        };
        assert_eq!(line.ask(&Pdu::ReplaceSm(replace)).await.command_status(), expected, "{name:?}");
    }
    let cancel = CancelSm { message_id: third.as_bytes(), ..CancelSm::default() };
    assert_eq!(line.ask(&Pdu::CancelSm(cancel)).await.command_status(), CommandStatus::ROK);
    let vendor = lab::vendor_with(|settings| settings.listen.set_port(port)).await;
    let mut arrived: Vec<_> = crate::deadline::until("both have arrived", async || {
        Some(vendor.received()).filter(|received| received.len() == 2)
    })
    .await
    .into_iter()
    .map(|message| (message.to, message.text))
    .collect();
    arrived.sort();
    assert_eq!(arrived, [(to(1), "hello".to_owned()), (to(2), "another text".to_owned())]);
}

/// A vendor of which every octet is seen.
struct Vendor {
    listener: TcpListener,
}

impl Vendor {
    async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Lets the gateway bind.
    async fn bound(&self) -> Wire {
        let mut line = Wire::over(self.listener.accept().await.unwrap().0);
        let bind = line.next().await.unwrap();
        line.answer(
            &bind,
            &Pdu::BindTransceiverResp(BindResp { system_id: Some(b"acme"), ..BindResp::default() }),
        )
        .await;
        line
    }
}

/// The next submission that comes to a vendor.
async fn submitted(line: &mut Wire) -> Received {
    let submit = line.hear(|heard| heard.command_id() == CommandId::SUBMIT_SM).await;
    let body = MessageResp { message_id: Some(b"1"), ..MessageResp::default() };
    line.answer(&submit, &Pdu::SubmitSmResp(body)).await;
    submit
}

#[tokio::test]
async fn a_vendor_sees_what_its_route_passes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (open, closed) = (Vendor::new().await, Vendor::new().await);
    let service_type = r#"service_type = "OTP""#;
    let setup = Setup::default()
        .vendor("open", open.port(), service_type)
        .route(r#"pass = ["priority", "service_type", "addresses", "tlvs"]"#)
        .vendor("closed", closed.port(), service_type)
        .rules(
            r#"
[[policy.rules]]
id = "marketing"
match = { class = ["marketing"] }
routes = ["closed-sms"]
[[policy.rules]]
id = "rest"
routes = ["open-sms"]
"#,
        )
        .door("");
    let (gateway, mut at_open, mut at_closed) =
        tokio::join!(Gateway::start(folder.path(), &setup), open.bound(), closed.bound());
    let mut gateway = gateway;
    let mut line = bound(&mut gateway).await;
    let vendors_own = [(Tag(0x1400), &b"1701"[..]), (Tag(0x1405), &[0, 1, 2][..])];
    let submit = async |line: &mut Wire, class: u8| {
        let mut tlvs = TlvBuffer::new();
        tlvs.push_octet(Tag(0x1401), class);
        tlvs.push_two_octets(Tag::USER_MESSAGE_REFERENCE, 7);
        for (tag, value) in vendors_own {
            tlvs.push(tag, value).unwrap();
        }
        let message = ShortMessage {
            service_type: b"VMN",
            priority_flag: 3,
            source: Address { ton: 0.into(), npi: 9.into(), digits: b"SHOP" },
            destination: Address { ton: 0.into(), npi: 6.into(), digits: b"447700900201" },
            short_message: b"hello",
            tlvs: tlvs.as_tlvs(),
            ..ShortMessage::default()
        };
        id_of(&line.ask(&Pdu::SubmitSm(message)).await);
    };
    submit(&mut line, 1).await;
    let passed = submitted(&mut at_open).await;
    let Pdu::SubmitSm(passed) = passed.pdu() else { panic!("no submission") };
    assert_eq!((passed.priority_flag, passed.service_type), (3, &b"VMN"[..]));
    assert_eq!((u8::from(passed.source.ton), u8::from(passed.source.npi)), (0, 9));
    assert_eq!((u8::from(passed.destination.ton), u8::from(passed.destination.npi)), (0, 6));
    assert_eq!(passed.destination.digits, b"447700900201");
    let tlvs: Vec<_> = passed.tlvs.iter().map(|tlv| (tlv.tag, tlv.value)).collect();
    assert_eq!(tlvs, vendors_own);

    submit(&mut line, 2).await;
    let kept_back = submitted(&mut at_closed).await;
    let Pdu::SubmitSm(kept_back) = kept_back.pdu() else { panic!("no submission") };
    assert_eq!((kept_back.priority_flag, kept_back.service_type), (0, &b"OTP"[..]));
    assert_eq!((u8::from(kept_back.source.ton), u8::from(kept_back.destination.ton)), (5, 1));
    assert!(kept_back.tlvs.is_empty());
}

#[tokio::test]
async fn what_cannot_be_kept_for_vendors_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let mut line = bound(&mut gateway).await;
    let mut tlvs = TlvBuffer::new();
    (0..11).for_each(|_| tlvs.push_octet(Tag(0x1500), 1));
    let many = ShortMessage { tlvs: tlvs.as_tlvs(), ..submission("447700900201", "hello") };
    let answer = line.ask(&Pdu::SubmitSm(many)).await;
    assert_eq!(answer.command_status(), CommandStatus::RINVTLVSTREAM);
    assert_eq!(vendor.stats().submissions, 0);
}
