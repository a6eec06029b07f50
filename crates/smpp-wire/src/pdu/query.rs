//! Asking about a message and changing it: query_sm, cancel_sm, replace_sm; and alert_notification.

use super::body::Body;
use super::message::Address;
use super::reader::{Reader, Reason};
use super::values::RegisteredDelivery;
use super::writer::{EncodeError, Writer, max};
use crate::tlv::{MessageState, Tlvs};

/// query_sm, and query_broadcast_sm which has the same fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuerySm<'a> {
    pub message_id: &'a [u8],
    pub source: Address<'a>,
    pub tlvs: Tlvs<'a>,
}

/// query_sm_resp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuerySmResp<'a> {
    /// Absent from a response without a body, as refusals often are.
    pub found: Option<QueriedMessage<'a>>,
    pub tlvs: Tlvs<'a>,
}

/// What a query_sm_resp says of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueriedMessage<'a> {
    pub message_id: &'a [u8],
    /// Empty as long as the state is not final.
    pub final_date: &'a [u8],
    pub message_state: MessageState,
    /// The network's error code, cut to one octet.
    pub error_code: u8,
}

/// cancel_sm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CancelSm<'a> {
    pub service_type: &'a [u8],
    pub message_id: &'a [u8],
    pub source: Address<'a>,
    pub destination: Address<'a>,
    pub tlvs: Tlvs<'a>,
}

/// replace_sm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplaceSm<'a> {
    pub message_id: &'a [u8],
    pub source: Address<'a>,
    pub schedule_delivery_time: &'a [u8],
    pub validity_period: &'a [u8],
    pub registered_delivery: RegisteredDelivery,
    pub sm_default_msg_id: u8,
    pub short_message: &'a [u8],
    pub tlvs: Tlvs<'a>,
}

/// alert_notification: a handset that was away can be reached again. Nothing answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlertNotification<'a> {
    pub source: Address<'a>,
    pub esme: Address<'a>,
    pub tlvs: Tlvs<'a>,
}

impl<'a> Body<'a> for QuerySm<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            message_id: reader.c_string("message_id")?,
            source: Address::read_last(reader, "source_addr")?,
            tlvs: reader.tlvs(),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.c_string("message_id", self.message_id, max::MESSAGE_ID)?;
        self.source.write(writer, "source_addr", max::ADDRESS)?;
        writer.tlvs(self.tlvs)
    }
}

impl<'a> Body<'a> for QuerySmResp<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        if reader.is_at_end() {
            return Ok(Self::default());
        }
        let found = QueriedMessage {
            message_id: reader.c_string("message_id")?,
            final_date: reader.c_string("final_date")?,
            message_state: reader.octet("message_state")?.into(),
            error_code: reader.octet("error_code")?,
        };
        Ok(Self { found: Some(found), tlvs: reader.tlvs() })
    }

    /// Without a message there is no body, so no place for TLVs either.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let Some(found) = &self.found else { return Ok(()) };
        writer.c_string("message_id", found.message_id, max::MESSAGE_ID)?;
        writer.c_string("final_date", found.final_date, max::TIME)?;
        writer.octet(found.message_state.into());
        writer.octet(found.error_code);
        writer.tlvs(self.tlvs)
    }
}

impl<'a> Body<'a> for CancelSm<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            service_type: reader.c_string("service_type")?,
            message_id: reader.c_string("message_id")?,
            source: Address::read(reader, "source_addr")?,
            destination: Address::read_last(reader, "destination_addr")?,
            tlvs: reader.tlvs(),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.c_string("service_type", self.service_type, max::SERVICE_TYPE)?;
        writer.c_string("message_id", self.message_id, max::MESSAGE_ID)?;
        self.source.write(writer, "source_addr", max::ADDRESS)?;
        self.destination.write(writer, "destination_addr", max::ADDRESS)?;
        writer.tlvs(self.tlvs)
    }
}

impl<'a> Body<'a> for ReplaceSm<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            message_id: reader.c_string("message_id")?,
            source: Address::read(reader, "source_addr")?,
            schedule_delivery_time: reader.c_string("schedule_delivery_time")?,
            validity_period: reader.c_string("validity_period")?,
            registered_delivery: RegisteredDelivery(reader.octet("registered_delivery")?),
            sm_default_msg_id: reader.octet("sm_default_msg_id")?,
            short_message: {
                let length = reader.octet("sm_length")?;
                reader.octets("short_message", length)?
            },
            tlvs: reader.tlvs(),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.c_string("message_id", self.message_id, max::MESSAGE_ID)?;
        self.source.write(writer, "source_addr", max::ADDRESS)?;
        writer.c_string("schedule_delivery_time", self.schedule_delivery_time, max::TIME)?;
        writer.c_string("validity_period", self.validity_period, max::TIME)?;
        writer.octet(self.registered_delivery.0);
        writer.octet(self.sm_default_msg_id);
        writer.short_message(self.short_message)?;
        writer.tlvs(self.tlvs)
    }
}

impl<'a> Body<'a> for AlertNotification<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            source: Address::read(reader, "source_addr")?,
            esme: Address::read_last(reader, "esme_addr")?,
            tlvs: reader.tlvs(),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        self.source.write(writer, "source_addr", max::LONG_ADDRESS)?;
        self.esme.write(writer, "esme_addr", max::LONG_ADDRESS)?;
        writer.tlvs(self.tlvs)
    }
}
