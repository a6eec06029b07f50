//! Reading leniently, writing strictly.

use crate::receipt::{Kind, kind_of};
use bytes::BytesMut;

use super::{
    Address, Bind, CommandId, EncodeError, EsmClass, MessageResp, Pdu, QuerySmResp, Reason, ReceiptWanted,
    Received, RegisteredDelivery, ShortMessage, UnknownPdu,
};
use crate::frame::Frame;
use crate::status::CommandStatus;
use crate::tlv::{DeliveryFailureReason, Tag, TlvBuffer, Tlvs};

fn read(command_id: CommandId, body: &[u8]) -> Pdu<'_> {
    Pdu::from_body(command_id, body).unwrap()
}

fn write(pdu: &Pdu<'_>) -> Result<BytesMut, EncodeError> {
    let mut out = BytesMut::new();
    pdu.encode_body(&mut out).map(|()| out)
}

#[test]
fn a_message_id_is_read_without_its_nul_and_at_any_length() {
    let long = [b'7'; 200];
    for (body, expected) in [
        (&b"4f2\0"[..], Some(&b"4f2"[..])),
        (&b"4f2"[..], Some(&b"4f2"[..])),
        (&b"\0"[..], Some(&b""[..])),
        (&b""[..], None),
        (&long[..], Some(&long[..])),
    ] {
        let Pdu::SubmitSmResp(resp) = read(CommandId::SUBMIT_SM_RESP, body) else { panic!() };
        assert_eq!(resp.message_id, expected);
    }
}

/// What a data_sm_resp says whose body came under this status.
fn data_sm_resp(status: CommandStatus, body: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = BytesMut::new();
    let unread = UnknownPdu { command_id: CommandId::DATA_SM_RESP, body };
    Pdu::Unknown(unread).encode(status, 7, &mut bytes).unwrap();
    let frame = Frame::whole(bytes.freeze()).unwrap();
    let Ok(Pdu::DataSmResp(resp)) = Pdu::decode(&frame) else { panic!() };
    (resp.message_id.unwrap().to_vec(), resp.tlvs.as_bytes().to_vec())
}

#[test]
fn a_refusal_of_nothing_but_tlvs_has_an_empty_id() {
    for body in [
        &b"\x04\x25\0\x01\x03"[..],
        b"\x04\x23\0\x03\x03\0\x0B\x14\x05\0\x01\x09",
        b"\0\x1D\0\x05busy\0\x04\x20\0\x01\x01",
    ] {
        let (id, tlvs) = data_sm_resp(CommandStatus::RDELIVERYFAILURE, body);
        assert_eq!((&id[..], &tlvs[..]), (&b""[..], body));
    }
    let (_, tlvs) = data_sm_resp(CommandStatus::RSYSERR, b"\x04\x25\0\x01\x01");
    let reason = Tlvs::new(&tlvs).delivery_failure_reason();
    assert_eq!(reason, Some(DeliveryFailureReason::DestinationAddressInvalid));
    let body = b"\0\x1D\0\x06later\0";
    let Ok(Pdu::BindReceiverResp(resp)) =
        Pdu::read(CommandId::BIND_RECEIVER_RESP, CommandStatus::RBINDFAIL, body)
    else {
        panic!()
    };
    assert_eq!(resp.tlvs.additional_status_info_text(), Some(&b"later"[..]));
}

#[test]
fn an_id_that_could_be_a_tag_stays_an_id() {
    let failed = CommandStatus::RDELIVERYFAILURE;
    for (status, body, id) in [
        // A success has its id in front, whatever it looks like.
        (CommandStatus::ROK, &b"\x04\x25\0\x01\x03"[..], &b"\x04\x25"[..]),
        // Also a vendor's TLV 0x3437 of four octets.
        (failed, b"47\0\x04\x25\0\x01\x03", b"47"),
        // An empty id and a vendor's TLV 0x1D00; or additional_status_info_text and ussd_service_op.
        (failed, b"\0\x1D\0\0\x05\x01\0\x02hi", b""),
        // A value cut short, a tag that means nothing, a NUL too many.
        (failed, b"\x04\x25\0\x02\x03", b"\x04\x25"),
        (failed, b"\0\0\0\0", b""),
        (failed, b"\0", b""),
    ] {
        let (read, tlvs) = data_sm_resp(status, body);
        assert_eq!(read, id);
        assert_eq!(tlvs, &body[id.len() + 1..], "{body:?}");
    }
}

#[test]
fn eight_bit_addresses_and_odd_times_are_kept_as_they_came() {
    let body =
        b"\0\x05\x00M\xFCller\0\x01\x0149151\0\x04\x00\x00000007000000000R\x000\0\x01\x00\x03\x00\x02hi";
    let Pdu::DeliverSm(message) = read(CommandId::DELIVER_SM, body) else { panic!() };
    assert_eq!(message.source.digits, b"M\xFCller");
    assert_eq!(message.schedule_delivery_time, b"000007000000000R");
    assert_eq!(message.validity_period, b"0");
    assert_eq!(message.short_message, b"hi");
    assert_eq!(kind_of(message.esm_class), Kind::Receipt);
    assert_eq!(&write(&Pdu::DeliverSm(message)).unwrap()[..], body);
}

#[test]
fn a_bind_may_leave_out_its_last_field() {
    let Pdu::BindReceiver(bind) = read(CommandId::BIND_RECEIVER, b"shop\0secret\0\0\x34\0\0") else {
        panic!()
    };
    assert_eq!((bind.system_id, bind.password, bind.address_range), (&b"shop"[..], &b"secret"[..], &b""[..]));
}

#[test]
fn a_message_without_the_octets_that_sm_length_claims_is_an_error_with_its_status() {
    let mut body = [0; 19];
    body[16] = 3;
    let reason = Pdu::from_body(CommandId::SUBMIT_SM, &body).unwrap_err();
    assert_eq!(reason, Reason::TooLong { field: "short_message", claimed: 3, left: 2 });
    assert_eq!(reason.status_to_answer(), CommandStatus::RINVMSGLEN);
}

#[test]
fn a_string_that_swallows_the_body_leaves_the_next_field_missing() {
    let reason = Pdu::from_body(CommandId::SUBMIT_SM, b"\0\x01\x0111111111").unwrap_err();
    assert_eq!(reason, Reason::Missing { field: "destination_addr" });
}

#[test]
fn an_odd_tail_is_kept_and_is_not_written() {
    let Pdu::EnquireLink(bare) = read(CommandId::ENQUIRE_LINK, b"\x01\x02\x03") else { panic!() };
    assert_eq!(bare.tlvs.leftover(), b"\x01\x02\x03");
    assert_eq!(write(&Pdu::EnquireLink(bare)), Err(EncodeError::BrokenTlvs));
}

#[test]
fn unknown_commands_are_kept_as_they_came() {
    let pdu = read(CommandId(0x8001_0200), b"vendor");
    assert!(matches!(pdu, Pdu::Unknown(_)));
    assert_eq!(&write(&pdu).unwrap()[..], b"vendor");
}

#[test]
fn an_unreadable_response_is_still_received() {
    let bytes = BytesMut::from(&b"\0\0\0\x12\x80\0\0\x03\0\0\0\0\0\0\0\x05id"[..]).freeze();
    let received = Received::unchecked(Frame::whole(bytes).unwrap());
    assert_eq!((received.command_id(), received.sequence_number()), (CommandId::QUERY_SM_RESP, 5));
    assert!(matches!(received.pdu(), Pdu::Unknown(unknown) if unknown.body == b"id"));
}

#[test]
fn what_the_specification_does_not_allow_is_refused_by_name() {
    let digits = [b'4'; 21];
    let destination = Address { digits: &digits, ..Address::default() };
    let too_long = Pdu::SubmitSm(ShortMessage { destination, ..ShortMessage::default() });
    let field = "destination_addr";
    assert_eq!(write(&too_long), Err(EncodeError::TooLong { field, length: 21, max: 20 }));

    let with_nul = Pdu::BindReceiver(Bind { system_id: b"sh\0op", ..Bind::default() });
    assert_eq!(write(&with_nul), Err(EncodeError::Nul { field: "system_id" }));

    let text = [0; 256];
    let too_much = Pdu::SubmitSm(ShortMessage { short_message: &text, ..ShortMessage::default() });
    let field = "short_message";
    assert_eq!(write(&too_much), Err(EncodeError::TooLong { field, length: 256, max: 255 }));
}

#[test]
fn a_failed_encoding_leaves_what_was_there() {
    let mut out = BytesMut::from(&b"before"[..]);
    let pdu = Pdu::SubmitSmResp(MessageResp { message_id: Some(&[b'1'; 65]), ..MessageResp::default() });
    assert!(pdu.encode(CommandStatus::ROK, 1, &mut out).is_err());
    assert!(pdu.encode_body(&mut out).is_err());
    assert_eq!(&out[..], b"before");
}

#[test]
fn responses_without_a_body_are_written_without_one() {
    assert!(write(&Pdu::SubmitSmResp(MessageResp::default())).unwrap().is_empty());
    assert!(write(&Pdu::QuerySmResp(QuerySmResp::default())).unwrap().is_empty());
}

#[test]
fn a_server_refuses_a_submission_that_breaks_the_specification() {
    let mut payload = TlvBuffer::new();
    payload.push(Tag::MESSAGE_PAYLOAD, b"xyz").unwrap();
    let mut twice = payload.clone();
    twice.push(Tag::MESSAGE_PAYLOAD, b"xyz").unwrap();
    let destination = Address { digits: b"49151", ..Address::default() };
    let good = ShortMessage { destination, short_message: b"hi", ..ShortMessage::default() };

    assert_eq!(good.refusal(), None);
    let nowhere = ShortMessage { destination: Address::default(), ..good };
    assert_eq!(nowhere.refusal(), Some(CommandStatus::RINVDSTADR));
    let source = Address { digits: &[b'1'; 21], ..Address::default() };
    assert_eq!(ShortMessage { source, ..good }.refusal(), Some(CommandStatus::RINVSRCADR));
    let both = ShortMessage { tlvs: payload.as_tlvs(), ..good };
    assert_eq!(both.refusal(), Some(CommandStatus::RTLVNOTALLWD));
    let payload_only = ShortMessage { short_message: b"", tlvs: payload.as_tlvs(), ..good };
    assert_eq!((payload_only.refusal(), payload_only.text()), (None, &b"xyz"[..]));
    let doubled = ShortMessage { short_message: b"", tlvs: twice.as_tlvs(), ..good };
    assert_eq!(doubled.refusal(), Some(CommandStatus::RINVTLVSTREAM));
    let cut = ShortMessage { tlvs: Tlvs::new(b"\x04\x24\xff\xff"), ..good };
    assert_eq!(cut.refusal(), Some(CommandStatus::RINVTLVLEN));
}

#[test]
fn the_bits_of_esm_class_and_registered_delivery_have_meanings() {
    assert!(kind_of(EsmClass(0x44)) == Kind::Receipt && EsmClass(0x44).has_udh());
    assert_eq!(kind_of(EsmClass(0x20)), Kind::Intermediate);
    assert_eq!(kind_of(EsmClass(0x08)), Kind::Acknowledgement);
    assert_eq!(kind_of(EsmClass(0x10)), Kind::ManualAcknowledgement);
    assert_eq!(EsmClass(0x03).with_udh(), EsmClass(0x43));
    assert_eq!(RegisteredDelivery(0x11).receipt_wanted(), ReceiptWanted::Always);
    assert!(RegisteredDelivery(0x11).wants_intermediate_notifications());
}

#[test]
fn commands_know_their_responses() {
    assert_eq!(CommandId::SUBMIT_SM.response(), Some(CommandId::SUBMIT_SM_RESP));
    assert_eq!(CommandId::BROADCAST_SM.response(), Some(CommandId::BROADCAST_SM_RESP));
    for unanswered in [
        CommandId::OUTBIND,
        CommandId::ALERT_NOTIFICATION,
        CommandId::GENERIC_NACK,
        CommandId::SUBMIT_SM_RESP,
        CommandId(0x110),
    ] {
        assert_eq!(unanswered.response(), None);
    }
    assert_eq!(CommandId::DATA_SM.to_string(), "data_sm");
    assert_eq!(CommandId(0x110).to_string(), "0x00000110");
}
