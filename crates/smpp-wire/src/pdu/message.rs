//! Messages on their way: submit_sm, deliver_sm, data_sm and their responses.

use super::body::Body;
use super::reader::{Reader, Reason};
use super::values::{EsmClass, NumberingPlan, RegisteredDelivery, TypeOfNumber};
use super::writer::{EncodeError, Writer, max};
use crate::status::CommandStatus;
use crate::tlv::{Tag, Tlvs};

/// An address with its type of number and numbering plan, the octets as they came (some vendors send 8-bit ones).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Address<'a> {
    pub ton: TypeOfNumber,
    pub npi: NumberingPlan,
    pub digits: &'a [u8],
}

/// submit_sm and deliver_sm, which have the same fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShortMessage<'a> {
    pub service_type: &'a [u8],
    pub source: Address<'a>,
    pub destination: Address<'a>,
    pub esm_class: EsmClass,
    pub protocol_id: u8,
    pub priority_flag: u8,
    pub schedule_delivery_time: &'a [u8],
    pub validity_period: &'a [u8],
    pub registered_delivery: RegisteredDelivery,
    pub replace_if_present_flag: u8,
    pub data_coding: u8,
    pub sm_default_msg_id: u8,
    pub short_message: &'a [u8],
    pub tlvs: Tlvs<'a>,
}

/// data_sm, whose text is in the message_payload TLV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DataSm<'a> {
    pub service_type: &'a [u8],
    pub source: Address<'a>,
    pub destination: Address<'a>,
    pub esm_class: EsmClass,
    pub registered_delivery: RegisteredDelivery,
    pub data_coding: u8,
    pub tlvs: Tlvs<'a>,
}

/// The responses that carry a message id: to submit_sm, deliver_sm, data_sm and broadcast_sm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageResp<'a> {
    /// Absent from a response without a body, as refusals often are; empty where a refusal has nothing but TLVs.
    pub message_id: Option<&'a [u8]>,
    pub tlvs: Tlvs<'a>,
}

impl<'a> ShortMessage<'a> {
    /// The text, in whichever of its two places it is.
    pub fn text(&self) -> &'a [u8] {
        if self.short_message.is_empty() {
            return self.tlvs.message_payload().unwrap_or_default();
        }
        self.short_message
    }

    /// What a server answers to a submit_sm that can be read but breaks the specification.
    ///
    /// A client does not ask: a vendor's odd deliver_sm is better taken than lost.
    pub fn refusal(&self) -> Option<CommandStatus> {
        if self.destination.digits.is_empty() || self.destination.digits.len() > max::ADDRESS {
            return Some(CommandStatus::RINVDSTADR);
        }
        if self.source.digits.len() > max::ADDRESS {
            return Some(CommandStatus::RINVSRCADR);
        }
        if !self.tlvs.leftover().is_empty() {
            return Some(CommandStatus::RINVTLVLEN);
        }
        if !self.short_message.is_empty() && self.tlvs.message_payload().is_some() {
            return Some(CommandStatus::RTLVNOTALLWD);
        }
        let payloads = self.tlvs.iter().filter(|tlv| tlv.tag == Tag::MESSAGE_PAYLOAD).count();
        (payloads > 1).then_some(CommandStatus::RINVTLVSTREAM)
    }
}

impl<'a> Address<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, field: &'static str) -> Result<Self, Reason> {
        Ok(Self {
            ton: reader.octet(field)?.into(),
            npi: reader.octet(field)?.into(),
            digits: reader.c_string(field)?,
        })
    }

    /// The address that ends a body, whose digits some leave out.
    pub(super) fn read_last(reader: &mut Reader<'a>, field: &'static str) -> Result<Self, Reason> {
        Ok(Self {
            ton: reader.octet(field)?.into(),
            npi: reader.octet(field)?.into(),
            digits: reader.c_string_or_end().unwrap_or_default(),
        })
    }

    pub(super) fn write(
        &self,
        writer: &mut Writer<'_>,
        field: &'static str,
        max: usize,
    ) -> Result<(), EncodeError> {
        writer.octet(self.ton.into());
        writer.octet(self.npi.into());
        writer.c_string(field, self.digits, max)
    }
}

impl<'a> Body<'a> for ShortMessage<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            service_type: reader.c_string("service_type")?,
            source: Address::read(reader, "source_addr")?,
            destination: Address::read(reader, "destination_addr")?,
            esm_class: EsmClass(reader.octet("esm_class")?),
            protocol_id: reader.octet("protocol_id")?,
            priority_flag: reader.octet("priority_flag")?,
            schedule_delivery_time: reader.c_string("schedule_delivery_time")?,
            validity_period: reader.c_string("validity_period")?,
            registered_delivery: RegisteredDelivery(reader.octet("registered_delivery")?),
            replace_if_present_flag: reader.octet("replace_if_present_flag")?,
            data_coding: reader.octet("data_coding")?,
            sm_default_msg_id: reader.octet("sm_default_msg_id")?,
            short_message: {
                let length = reader.octet("sm_length")?;
                reader.octets("short_message", length)?
            },
            tlvs: reader.tlvs(),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.c_string("service_type", self.service_type, max::SERVICE_TYPE)?;
        self.source.write(writer, "source_addr", max::ADDRESS)?;
        self.destination.write(writer, "destination_addr", max::ADDRESS)?;
        writer.octet(self.esm_class.0);
        writer.octet(self.protocol_id);
        writer.octet(self.priority_flag);
        writer.c_string("schedule_delivery_time", self.schedule_delivery_time, max::TIME)?;
        writer.c_string("validity_period", self.validity_period, max::TIME)?;
        writer.octet(self.registered_delivery.0);
        writer.octet(self.replace_if_present_flag);
        writer.octet(self.data_coding);
        writer.octet(self.sm_default_msg_id);
        writer.short_message(self.short_message)?;
        writer.tlvs(self.tlvs)
    }
}

impl<'a> Body<'a> for DataSm<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            service_type: reader.c_string("service_type")?,
            source: Address::read(reader, "source_addr")?,
            destination: Address::read(reader, "destination_addr")?,
            esm_class: EsmClass(reader.octet("esm_class")?),
            registered_delivery: RegisteredDelivery(reader.octet("registered_delivery")?),
            data_coding: reader.octet("data_coding")?,
            tlvs: reader.tlvs(),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.c_string("service_type", self.service_type, max::SERVICE_TYPE)?;
        self.source.write(writer, "source_addr", max::LONG_ADDRESS)?;
        self.destination.write(writer, "destination_addr", max::LONG_ADDRESS)?;
        writer.octet(self.esm_class.0);
        writer.octet(self.registered_delivery.0);
        writer.octet(self.data_coding);
        writer.tlvs(self.tlvs)
    }
}

impl<'a> Body<'a> for MessageResp<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self { message_id: reader.only_c_string(), tlvs: reader.tlvs() })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        if self.message_id.is_none() && self.tlvs.is_empty() {
            return Ok(());
        }
        writer.c_string("message_id", self.message_id.unwrap_or_default(), max::MESSAGE_ID)?;
        writer.tlvs(self.tlvs)
    }
}
