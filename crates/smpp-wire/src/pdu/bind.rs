//! Opening and closing a session: bind, outbind, and the PDUs that have no mandatory fields.

use super::body::Body;
use super::reader::{Reader, Reason};
use super::values::{NumberingPlan, TypeOfNumber};
use super::writer::{EncodeError, Writer, max};
use crate::tlv::Tlvs;

/// bind_receiver, bind_transmitter and bind_transceiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bind<'a> {
    pub system_id: &'a [u8],
    pub password: &'a [u8],
    pub system_type: &'a [u8],
    pub interface_version: u8,
    pub addr_ton: TypeOfNumber,
    pub addr_npi: NumberingPlan,
    pub address_range: &'a [u8],
    pub tlvs: Tlvs<'a>,
}

/// The three bind responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BindResp<'a> {
    /// Absent from a response without a body, as refusals often are; empty where a refusal has nothing but TLVs.
    pub system_id: Option<&'a [u8]>,
    pub tlvs: Tlvs<'a>,
}

/// The vendor asks the other side to bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outbind<'a> {
    pub system_id: &'a [u8],
    pub password: &'a [u8],
    pub tlvs: Tlvs<'a>,
}

/// A PDU with nothing but TLVs, and mostly not even those: unbind, enquire_link, generic_nack and their kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bare<'a> {
    pub tlvs: Tlvs<'a>,
}

impl<'a> Body<'a> for Bind<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            system_id: reader.c_string("system_id")?,
            password: reader.c_string("password")?,
            system_type: reader.c_string("system_type")?,
            interface_version: reader.octet("interface_version")?,
            addr_ton: reader.octet("addr_ton")?.into(),
            addr_npi: reader.octet("addr_npi")?.into(),
            address_range: reader.c_string_or_end().unwrap_or_default(),
            tlvs: reader.tlvs(),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.c_string("system_id", self.system_id, max::CREDENTIAL)?;
        writer.c_string("password", self.password, max::CREDENTIAL)?;
        writer.c_string("system_type", self.system_type, max::SYSTEM_TYPE)?;
        writer.octet(self.interface_version);
        writer.octet(self.addr_ton.into());
        writer.octet(self.addr_npi.into());
        writer.c_string("address_range", self.address_range, max::ADDRESS_RANGE)?;
        writer.tlvs(self.tlvs)
    }
}

impl<'a> Body<'a> for BindResp<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self { system_id: reader.only_c_string(), tlvs: reader.tlvs() })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        if self.system_id.is_none() && self.tlvs.is_empty() {
            return Ok(());
        }
        writer.c_string("system_id", self.system_id.unwrap_or_default(), max::CREDENTIAL)?;
        writer.tlvs(self.tlvs)
    }
}

impl<'a> Body<'a> for Outbind<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self {
            system_id: reader.c_string("system_id")?,
            password: reader.c_string_or_end().unwrap_or_default(),
            tlvs: reader.tlvs(),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.c_string("system_id", self.system_id, max::CREDENTIAL)?;
        writer.c_string("password", self.password, max::CREDENTIAL)?;
        writer.tlvs(self.tlvs)
    }
}

impl<'a> Body<'a> for Bare<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Reason> {
        Ok(Self { tlvs: reader.tlvs() })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.tlvs(self.tlvs)
    }
}
