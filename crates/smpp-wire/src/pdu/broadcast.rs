//! Cell broadcast, new in 5.0: broadcast_sm and cancel_broadcast_sm.
//!
//! broadcast_sm_resp and query_broadcast_sm_resp are `MessageResp`, query_broadcast_sm is `QuerySm`: same fields.

use super::body::Body;
use super::message::Address;
use super::reader::{Reader, Reason};
use super::writer::{EncodeError, Writer, max};
use crate::tlv::Tlvs;

/// broadcast_sm, whose areas, content and repetitions are TLVs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BroadcastSm<'a> {
    pub service_type: &'a [u8],
    pub source: Address<'a>,
    pub message_id: &'a [u8],
    pub priority_flag: u8,
    pub schedule_delivery_time: &'a [u8],
    pub validity_period: &'a [u8],
    pub replace_if_present_flag: u8,
    pub data_coding: u8,
    pub sm_default_msg_id: u8,
    pub tlvs: Tlvs<'a>,
}

/// cancel_broadcast_sm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CancelBroadcastSm<'a> {
    pub service_type: &'a [u8],
    pub message_id: &'a [u8],
    pub source: Address<'a>,
    pub tlvs: Tlvs<'a>,
}

impl<'a> Body<'a> for BroadcastSm<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            service_type: reader.c_string("service_type")?,
            source: Address::read(reader, "source_addr")?,
            message_id: reader.c_string("message_id")?,
            priority_flag: reader.octet("priority_flag")?,
            schedule_delivery_time: reader.c_string("schedule_delivery_time")?,
            validity_period: reader.c_string("validity_period")?,
            replace_if_present_flag: reader.octet("replace_if_present_flag")?,
            data_coding: reader.octet("data_coding")?,
            sm_default_msg_id: reader.octet("sm_default_msg_id")?,
            tlvs: reader.tlvs(),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.c_string("service_type", self.service_type, max::SERVICE_TYPE)?;
        self.source.write(writer, "source_addr", max::ADDRESS)?;
        writer.c_string("message_id", self.message_id, max::MESSAGE_ID)?;
        writer.octet(self.priority_flag);
        writer.c_string("schedule_delivery_time", self.schedule_delivery_time, max::TIME)?;
        writer.c_string("validity_period", self.validity_period, max::TIME)?;
        writer.octet(self.replace_if_present_flag);
        writer.octet(self.data_coding);
        writer.octet(self.sm_default_msg_id);
        writer.tlvs(self.tlvs)
    }
}

impl<'a> Body<'a> for CancelBroadcastSm<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            service_type: reader.c_string("service_type")?,
            message_id: reader.c_string("message_id")?,
            source: Address::read_last(reader, "source_addr")?,
            tlvs: reader.tlvs(),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.c_string("service_type", self.service_type, max::SERVICE_TYPE)?;
        writer.c_string("message_id", self.message_id, max::MESSAGE_ID)?;
        self.source.write(writer, "source_addr", max::ADDRESS)?;
        writer.tlvs(self.tlvs)
    }
}
