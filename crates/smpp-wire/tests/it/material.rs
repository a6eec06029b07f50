//! What PDUs are made of, drawn at random, and one PDU of each kind made of it.

use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::prelude::*;
use smpp_wire::pdu::{
    Address, AlertNotification, Bare, Bind, BindResp, BroadcastSm, CancelBroadcastSm, CancelSm, DataSm,
    Destination, DestinationBuffer, EsmClass, MessageResp, Outbind, Pdu, QueriedMessage, QuerySm,
    QuerySmResp, RefusedBuffer, RefusedDestination, RegisteredDelivery, ReplaceSm, ShortMessage, SubmitMulti,
    SubmitMultiResp,
};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{Tag, TlvBuffer, Tlvs};

#[derive(Debug, Clone)]
pub(crate) struct Material {
    pub(crate) service_type: Vec<u8>,
    pub(crate) source: Vec<u8>,
    pub(crate) destination: Vec<u8>,
    pub(crate) system_id: Vec<u8>,
    pub(crate) password: Vec<u8>,
    pub(crate) message_id: Vec<u8>,
    pub(crate) time: Vec<u8>,
    pub(crate) text: Vec<u8>,
    pub(crate) octets: [u8; 8],
    pub(crate) tlvs: TlvBuffer,
    pub(crate) version: TlvBuffer,
    pub(crate) destinations: DestinationBuffer,
    pub(crate) refused: RefusedBuffer,
}

/// Strings of `characters`, which never include NUL; vendor TLVs; times that are empty or of full length.
pub(crate) fn material(characters: RangeInclusive<u8>) -> impl Strategy<Value = Material> {
    let string = |max: usize| vec(characters.clone(), 0..=max);
    let tlv = (0x1400..=0x3FFF_u16, vec(any::<u8>(), 0..20));
    let strings = (string(5), string(20), string(20), string(15), string(8), string(64));
    let time = prop_oneof![vec(characters.clone(), 0..=0), vec(characters.clone(), 16..=16)];
    let text = vec(any::<u8>(), 0..=254);
    let others = (time, text, any::<[u8; 8]>(), vec(tlv, 0..4), vec(string(20), 0..4), any::<u32>());
    (strings, others).prop_map(|(strings, others)| {
        let (service_type, source, destination, system_id, password, message_id) = strings;
        let (time, text, octets, raw_tlvs, names, status) = others;
        let mut tlvs = TlvBuffer::new();
        for (tag, value) in raw_tlvs {
            tlvs.push(Tag(tag), &value).unwrap();
        }
        let mut version = TlvBuffer::new();
        version.push_octet(Tag::SC_INTERFACE_VERSION, octets[0]);
        let (mut destinations, mut refused) = (DestinationBuffer::default(), RefusedBuffer::default());
        for name in &names {
            let address = Address { ton: 1.into(), npi: 1.into(), digits: name };
            destinations.push(Destination::Address(address)).unwrap();
            destinations.push(Destination::DistributionList(name)).unwrap();
            refused.push(RefusedDestination { address, status: CommandStatus(status) }).unwrap();
        }
        Material {
            service_type,
            source,
            destination,
            system_id,
            password,
            message_id,
            time,
            text,
            octets,
            tlvs,
            version,
            destinations,
            refused,
        }
    })
}

impl Material {
    pub(crate) fn source(&self) -> Address<'_> {
        Address { ton: self.octets[0].into(), npi: self.octets[1].into(), digits: &self.source }
    }

    pub(crate) fn destination(&self) -> Address<'_> {
        Address { ton: self.octets[2].into(), npi: self.octets[3].into(), digits: &self.destination }
    }

    pub(crate) fn bind(&self) -> Bind<'_> {
        Bind {
            system_id: &self.system_id,
            password: &self.password,
            system_type: &self.service_type,
            interface_version: self.octets[4],
            addr_ton: self.octets[0].into(),
            addr_npi: self.octets[1].into(),
            address_range: &self.source,
            ..Bind::default()
        }
    }

    pub(crate) fn short_message(&self) -> ShortMessage<'_> {
        ShortMessage {
            service_type: &self.service_type,
            source: self.source(),
            destination: self.destination(),
            esm_class: EsmClass(self.octets[4]),
            protocol_id: self.octets[5],
            priority_flag: self.octets[6],
            schedule_delivery_time: &self.time,
            validity_period: &self.time,
            registered_delivery: RegisteredDelivery(self.octets[7]),
            replace_if_present_flag: self.octets[6],
            data_coding: self.octets[5],
            sm_default_msg_id: self.octets[4],
            short_message: &self.text,
            tlvs: self.tlvs.as_tlvs(),
        }
    }

    pub(crate) fn message_resp(&self) -> MessageResp<'_> {
        MessageResp { message_id: Some(&self.message_id), tlvs: self.tlvs.as_tlvs() }
    }

    fn submit_multi(&self) -> SubmitMulti<'_> {
        SubmitMulti {
            service_type: &self.service_type,
            source: self.source(),
            destinations: self.destinations.as_destinations(),
            esm_class: EsmClass(self.octets[4]),
            validity_period: &self.time,
            data_coding: self.octets[5],
            short_message: &self.text,
            tlvs: self.tlvs.as_tlvs(),
            ..SubmitMulti::default()
        }
    }

    /// One PDU of each kind.
    pub(crate) fn pdus(&self) -> Vec<Pdu<'_>> {
        let (message_id, service_type, tlvs) = (&*self.message_id, &*self.service_type, self.tlvs.as_tlvs());
        let (source, destination) = (self.source(), self.destination());
        // Where the specification knows no optional parameters, the implementations we compare with read none.
        let no_tlvs = Tlvs::default();
        let bind_resp = BindResp { system_id: Some(&self.system_id), tlvs: self.version.as_tlvs() };
        let found = QueriedMessage {
            message_id,
            final_date: &self.time,
            message_state: self.octets[6].into(),
            error_code: self.octets[7],
        };
        let replace_sm = ReplaceSm {
            message_id,
            source,
            schedule_delivery_time: &self.time,
            validity_period: &self.time,
            registered_delivery: RegisteredDelivery(self.octets[7]),
            sm_default_msg_id: self.octets[4],
            short_message: &self.text,
            tlvs: no_tlvs,
        };
        let data_sm = DataSm {
            service_type,
            source,
            destination,
            esm_class: EsmClass(self.octets[4]),
            registered_delivery: RegisteredDelivery(self.octets[7]),
            data_coding: self.octets[5],
            tlvs,
        };
        let broadcast_sm = BroadcastSm {
            service_type,
            source,
            message_id,
            priority_flag: self.octets[4],
            schedule_delivery_time: &self.time,
            validity_period: &self.time,
            replace_if_present_flag: self.octets[5],
            data_coding: self.octets[6],
            sm_default_msg_id: self.octets[7],
            tlvs,
        };
        let refused = self.refused.as_refused();
        let bare = Bare::default();
        vec![
            Pdu::BindReceiver(self.bind()),
            Pdu::BindReceiverResp(bind_resp),
            Pdu::BindTransmitter(self.bind()),
            Pdu::BindTransmitterResp(bind_resp),
            Pdu::BindTransceiver(self.bind()),
            Pdu::BindTransceiverResp(bind_resp),
            Pdu::Outbind(Outbind { system_id: &self.system_id, password: &self.password, tlvs: no_tlvs }),
            Pdu::Unbind(bare),
            Pdu::UnbindResp(bare),
            Pdu::EnquireLink(bare),
            Pdu::EnquireLinkResp(bare),
            Pdu::GenericNack(bare),
            Pdu::SubmitSm(self.short_message()),
            Pdu::SubmitSmResp(self.message_resp()),
            Pdu::SubmitMulti(self.submit_multi()),
            Pdu::SubmitMultiResp(SubmitMultiResp { message_id: Some(message_id), refused, tlvs }),
            Pdu::DeliverSm(self.short_message()),
            Pdu::DeliverSmResp(self.message_resp()),
            Pdu::DataSm(data_sm),
            Pdu::DataSmResp(self.message_resp()),
            Pdu::QuerySm(QuerySm { message_id, source, tlvs: no_tlvs }),
            Pdu::QuerySmResp(QuerySmResp { found: Some(found), tlvs: no_tlvs }),
            Pdu::CancelSm(CancelSm { service_type, message_id, source, destination, tlvs: no_tlvs }),
            Pdu::CancelSmResp(bare),
            Pdu::ReplaceSm(replace_sm),
            Pdu::ReplaceSmResp(bare),
            Pdu::AlertNotification(AlertNotification { source, esme: destination, tlvs: no_tlvs }),
            Pdu::BroadcastSm(broadcast_sm),
            Pdu::BroadcastSmResp(self.message_resp()),
            Pdu::QueryBroadcastSm(QuerySm { message_id, source, tlvs: no_tlvs }),
            Pdu::QueryBroadcastSmResp(self.message_resp()),
            Pdu::CancelBroadcastSm(CancelBroadcastSm { service_type, message_id, source, tlvs: no_tlvs }),
            Pdu::CancelBroadcastSmResp(bare),
        ]
    }
}
