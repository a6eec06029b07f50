//! Two independent implementations read what we write as we meant it, and we read what they write.

use bytes::BytesMut;
use proptest::prelude::*;
use rusmpp::decode::DecodeWithLength as _;
use rusmpp::encode::{Encode as _, Length as _};
use smpp_wire::frame::Frame;
use smpp_wire::pdu::{Address, Bind, CommandId, Pdu, ShortMessage};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{Tag, Tlvs};

use crate::material::{Material, material};

fn encode(pdu: &Pdu<'_>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    pdu.encode(CommandStatus::ROK, 77, &mut bytes).unwrap();
    bytes.to_vec()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

fn letters() -> impl Strategy<Value = Material> {
    material(b'0'..=b'z')
}

proptest! {
    #[test]
    fn rusmpp_reads_every_pdu_and_writes_it_back_the_same(material in letters()) {
        for pdu in material.pdus() {
            let bytes = encode(&pdu);
            let mut source = BytesMut::from(&bytes[4..]);
            let (command, read) = rusmpp::Command::decode(&mut source, bytes.len() - 4).unwrap();
            prop_assert_eq!(read, bytes.len() - 4, "{:?}", pdu);
            prop_assert_eq!(u32::from(command.id()), pdu.command_id().0);
            let mut again = vec![0; command.length()];
            command.encode(&mut again);
            prop_assert_eq!(&again, &bytes[4..]);
        }
    }

    #[test]
    fn rusmpp_reads_the_fields_of_a_message_as_we_wrote_them(material in letters()) {
        let message = material.short_message();
        let bytes = encode(&Pdu::SubmitSm(message));
        let mut source = BytesMut::from(&bytes[4..]);
        let (command, _) = rusmpp::Command::decode(&mut source, bytes.len() - 4).unwrap();
        let Some(rusmpp::Pdu::SubmitSm(theirs)) = command.pdu() else { panic!("{command:?}") };
        prop_assert_eq!(theirs.source_addr.as_str().as_bytes(), message.source.digits);
        prop_assert_eq!(theirs.destination_addr.as_str().as_bytes(), message.destination.digits);
        prop_assert_eq!(u8::from(theirs.source_addr_ton), u8::from(message.source.ton));
        prop_assert_eq!(u8::from(theirs.dest_addr_npi), u8::from(message.destination.npi));
        prop_assert_eq!(u8::from(theirs.data_coding), message.data_coding);
        prop_assert_eq!(theirs.short_message().as_ref(), message.short_message);
        prop_assert_eq!(theirs.tlvs().len(), message.tlvs.iter().count());
    }

    #[test]
    fn smpp34_reads_the_fields_of_a_message_as_we_wrote_them(material in letters()) {
        let ours = material.short_message();
        let bytes = encode(&Pdu::SubmitSm(ours));
        let header = smpp34::CommandHeader::decode(&bytes).unwrap();
        prop_assert_eq!((header.command_id, header.sequence_number), (4, 77));
        let theirs = smpp34::submit_sm::decode(header, &bytes).unwrap();
        let address = |address: Address<'_>| (address.ton.into(), address.npi.into(), text(address.digits));
        let source = (theirs.source_addr_ton, theirs.source_addr_npi, theirs.source_addr.clone());
        let destination = (theirs.dest_addr_ton, theirs.dest_addr_npi, theirs.destination_addr.clone());
        prop_assert_eq!(source, address(ours.source));
        prop_assert_eq!(destination, address(ours.destination));
        prop_assert_eq!(&theirs.service_type, &text(ours.service_type));
        prop_assert_eq!(&theirs.schedule_delivery_time, &text(ours.schedule_delivery_time));
        prop_assert_eq!(&theirs.validity_period, &text(ours.validity_period));
        let octets = [
            theirs.esm_class,
            theirs.protocol_id,
            theirs.priority_flag,
            theirs.registered_delivery,
            theirs.replace_if_present_flag,
            theirs.data_coding,
            theirs.sm_default_msg_id,
        ];
        prop_assert_eq!(octets, [
            ours.esm_class.0,
            ours.protocol_id,
            ours.priority_flag,
            ours.registered_delivery.0,
            ours.replace_if_present_flag,
            ours.data_coding,
            ours.sm_default_msg_id,
        ]);
        prop_assert_eq!(&theirs.short_message[..], ours.short_message);
        let their_tlvs: Vec<_> = theirs.tlvs.iter().map(|tlv| (tlv.tag, &tlv.value[..])).collect();
        let our_tlvs: Vec<_> = ours.tlvs.iter().map(|tlv| (tlv.tag.0, tlv.value)).collect();
        prop_assert_eq!(their_tlvs, our_tlvs);
        prop_assert_eq!(theirs.encode(), bytes);
    }

    #[test]
    fn smpp34_writes_back_what_it_reads_of_the_other_commands(material in letters()) {
        for pdu in material.pdus() {
            let bytes = encode(&pdu);
            let header = smpp34::CommandHeader::decode(&bytes).unwrap();
            let again = match pdu.command_id() {
                CommandId::DELIVER_SM => smpp34::deliver_sm::decode(header, &bytes).unwrap().encode(),
                CommandId::DATA_SM => smpp34::data_sm::decode(header, &bytes).unwrap().encode(),
                CommandId::DATA_SM_RESP => smpp34::data_sm_resp::decode(header, &bytes).unwrap().encode(),
                CommandId::SUBMIT_MULTI => smpp34::submit_sm_multi::decode(header, &bytes).unwrap().encode(),
                CommandId::QUERY_SM => smpp34::query_sm::decode(header, &bytes).unwrap().encode(),
                // Unlike its siblings, it takes the body alone.
                CommandId::CANCEL_SM => smpp34::cancel_sm::decode(header, &bytes[16..]).unwrap().encode(),
                CommandId::REPLACE_SM => {
                    smpp34::replace_sm::decode(header, &bytes).unwrap().encode()
                }
                CommandId::OUTBIND => smpp34::outbind::decode(header, &bytes).unwrap().encode(),
                CommandId::BIND_TRANSCEIVER => smpp34::bind_transceiver::decode(header, &bytes).unwrap().encode(),
                CommandId::BIND_TRANSMITTER => smpp34::bind_transmitter::decode(header, &bytes).unwrap().encode(),
                CommandId::BIND_RECEIVER => smpp34::bind_receiver::decode(header, &bytes).unwrap().encode(),
                _ => continue,
            };
            prop_assert_eq!(&again, &bytes, "{:?}", pdu);
        }
    }

    #[test]
    fn we_read_a_message_that_smpp34_wrote(material in letters()) {
        let ours = material.short_message();
        let theirs = smpp34::deliver_sm::new(
            9,
            text(ours.service_type),
            ours.source.ton.into(),
            ours.source.npi.into(),
            text(ours.source.digits),
            ours.destination.ton.into(),
            ours.destination.npi.into(),
            text(ours.destination.digits),
            ours.esm_class.0,
            ours.protocol_id,
            ours.priority_flag,
            text(ours.schedule_delivery_time),
            text(ours.validity_period),
            ours.registered_delivery.0,
            ours.replace_if_present_flag,
            ours.data_coding,
            ours.sm_default_msg_id,
            ours.short_message.to_vec(),
        );
        let tlv = smpp34::Tlv::from_u8(smpp34::TlvTag::MessageStateTlv, 5);
        let bytes = theirs.with_tlvs([tlv]).encode();
        let frame = Frame::whole(bytes.into()).unwrap();
        let Ok(Pdu::DeliverSm(read)) = Pdu::decode(&frame) else { panic!("{frame:?}") };
        prop_assert_eq!(read.tlvs.octet(Tag::MESSAGE_STATE), Some(5));
        prop_assert_eq!(ShortMessage { tlvs: Tlvs::default(), ..read }, ShortMessage { tlvs: Tlvs::default(), ..ours });
    }

    #[test]
    fn we_read_a_bind_that_rusmpp_wrote(material in letters()) {
        use rusmpp::types::COctetString;
        let ours = material.bind();
        let theirs = rusmpp::pdus::BindTransceiver::builder()
            .system_id(COctetString::from_string(text(ours.system_id)).unwrap())
            .password(COctetString::from_string(text(ours.password)).unwrap())
            .system_type(COctetString::from_string(text(ours.system_type)).unwrap())
            .interface_version(ours.interface_version.into())
            .addr_ton(u8::from(ours.addr_ton).into())
            .addr_npi(u8::from(ours.addr_npi).into())
            .address_range(COctetString::from_string(text(ours.address_range)).unwrap())
            .build();
        let command = rusmpp::Command::new(rusmpp::CommandStatus::EsmeRok, 5, theirs);
        let mut body = vec![0; command.length()];
        command.encode(&mut body);
        let read = Pdu::from_body(CommandId::BIND_TRANSCEIVER, &body[12..]);
        prop_assert_eq!(read, Ok(Pdu::BindTransceiver(Bind { tlvs: Tlvs::default(), ..ours })));
    }
}
