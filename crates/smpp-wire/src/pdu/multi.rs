//! One text to many destinations: submit_multi and its response.

use super::body::Body;
use super::message::Address;
use super::reader::{Reader, Reason};
use super::values::{EsmClass, RegisteredDelivery};
use super::writer::{EncodeError, Writer, max};
use crate::status::CommandStatus;
use crate::tlv::Tlvs;

/// submit_multi.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubmitMulti<'a> {
    pub service_type: &'a [u8],
    pub source: Address<'a>,
    pub destinations: Destinations<'a>,
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

/// One destination of a submit_multi.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'a> {
    Address(Address<'a>),
    DistributionList(&'a [u8]),
}

/// The destinations of a submit_multi, walked where they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Destinations<'a> {
    count: u8,
    octets: &'a [u8],
}

/// submit_multi_resp: the message id, and the destinations that were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubmitMultiResp<'a> {
    /// Absent from a response without a body, as refusals often are.
    pub message_id: Option<&'a [u8]>,
    pub refused: RefusedDestinations<'a>,
    pub tlvs: Tlvs<'a>,
}

/// A destination that a submit_multi did not reach, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedDestination<'a> {
    pub address: Address<'a>,
    pub status: CommandStatus,
}

/// The refused destinations of a submit_multi_resp, walked where they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefusedDestinations<'a> {
    count: u8,
    octets: &'a [u8],
}

/// Destinations being written; lend them to a PDU with `as_destinations`.
#[derive(Debug, Clone, Default)]
pub struct DestinationBuffer {
    count: u8,
    octets: bytes::BytesMut,
}

/// Refused destinations being written; lend them to a PDU with `as_refused`.
#[derive(Debug, Clone, Default)]
pub struct RefusedBuffer {
    count: u8,
    octets: bytes::BytesMut,
}

const ADDRESS_FLAG: u8 = 1;
const DISTRIBUTION_LIST_FLAG: u8 = 2;

impl<'a> Destinations<'a> {
    pub fn count(self) -> u8 {
        self.count
    }

    pub fn iter(self) -> impl Iterator<Item = Destination<'a>> {
        let mut reader = Reader::new(self.octets);
        (0..self.count).map_while(move |_| Destination::read(&mut reader).ok())
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        let count = reader.octet("number_of_dests")?;
        let start = reader.fork();
        for _ in 0..count {
            Destination::read(reader)?;
        }
        Ok(Self { count, octets: start.up_to(reader) })
    }
}

impl<'a> Destination<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        match reader.octet("dest_flag")? {
            ADDRESS_FLAG => Ok(Self::Address(Address::read(reader, "destination_addr")?)),
            DISTRIBUTION_LIST_FLAG => Ok(Self::DistributionList(reader.c_string("dl_name")?)),
            other => Err(Reason::DestinationFlag(other)),
        }
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Address(address) => {
                writer.octet(ADDRESS_FLAG);
                address.write(writer, "destination_addr", max::ADDRESS)
            }
            Self::DistributionList(name) => {
                writer.octet(DISTRIBUTION_LIST_FLAG);
                writer.c_string("dl_name", name, max::DISTRIBUTION_LIST)
            }
        }
    }
}

impl<'a> RefusedDestinations<'a> {
    pub fn count(self) -> u8 {
        self.count
    }

    pub fn iter(self) -> impl Iterator<Item = RefusedDestination<'a>> {
        let mut reader = Reader::new(self.octets);
        (0..self.count).map_while(move |_| RefusedDestination::read(&mut reader).ok())
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        let count = reader.octet("no_unsuccess")?;
        let start = reader.fork();
        for _ in 0..count {
            RefusedDestination::read(reader)?;
        }
        Ok(Self { count, octets: start.up_to(reader) })
    }
}

impl<'a> RefusedDestination<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            address: Address::read(reader, "unsuccess_sme")?,
            status: CommandStatus(reader.four_octets("error_status_code")?),
        })
    }
}

impl DestinationBuffer {
    pub fn push(&mut self, destination: Destination<'_>) -> Result<(), EncodeError> {
        let count = next_count(self.count, "number_of_dests")?;
        let start = self.octets.len();
        destination.write(&mut Writer::new(&mut self.octets)).inspect_err(|_| self.octets.truncate(start))?;
        self.count = count;
        Ok(())
    }

    pub fn as_destinations(&self) -> Destinations<'_> {
        Destinations { count: self.count, octets: &self.octets }
    }
}

impl RefusedBuffer {
    pub fn push(&mut self, refused: RefusedDestination<'_>) -> Result<(), EncodeError> {
        let count = next_count(self.count, "no_unsuccess")?;
        let start = self.octets.len();
        let mut writer = Writer::new(&mut self.octets);
        refused
            .address
            .write(&mut writer, "unsuccess_sme", max::ADDRESS)
            .inspect_err(|_| self.octets.truncate(start))?;
        self.octets.extend_from_slice(&refused.status.0.to_be_bytes());
        self.count = count;
        Ok(())
    }

    pub fn as_refused(&self) -> RefusedDestinations<'_> {
        RefusedDestinations { count: self.count, octets: &self.octets }
    }
}

fn next_count(count: u8, field: &'static str) -> Result<u8, EncodeError> {
    count.checked_add(1).ok_or(EncodeError::TooLong { field, length: 256, max: 255 })
}

impl<'a> Body<'a> for SubmitMulti<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            service_type: reader.c_string("service_type")?,
            source: Address::read(reader, "source_addr")?,
            destinations: Destinations::read(reader)?,
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
        writer.octet(self.destinations.count);
        for destination in self.destinations.iter() {
            destination.write(writer)?;
        }
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

impl<'a> Body<'a> for SubmitMultiResp<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        let Some(message_id) = reader.c_string_or_end() else { return Ok(Self::default()) };
        let refused = RefusedDestinations::read(reader)?;
        Ok(Self { message_id: Some(message_id), refused, tlvs: reader.tlvs() })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        if *self == Self::default() {
            return Ok(());
        }
        writer.c_string("message_id", self.message_id.unwrap_or_default(), max::MESSAGE_ID)?;
        writer.octet(self.refused.count);
        for refused in self.refused.iter() {
            refused.address.write(writer, "unsuccess_sme", max::ADDRESS)?;
            writer.raw(&refused.status.0.to_be_bytes());
        }
        writer.tlvs(self.tlvs)
    }
}
