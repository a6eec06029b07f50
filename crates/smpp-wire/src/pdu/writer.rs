//! Writes the mandatory fields of a body, and refuses what the specification does not allow to leave.

use bytes::{BufMut, BytesMut};

use crate::tlv::Tlvs;

/// Why a PDU was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("{field} has {length} octets, at most {max} are allowed")]
    TooLong { field: &'static str, length: usize, max: usize },
    #[error("{field} contains a NUL")]
    Nul { field: &'static str },
    #[error("the octets after the mandatory fields are not whole TLVs")]
    BrokenTlvs,
}

/// The most octets of each string, its NUL not counted.
pub(super) mod max {
    pub(crate) const ADDRESS: usize = 20;
    pub(crate) const LONG_ADDRESS: usize = 64;
    pub(crate) const ADDRESS_RANGE: usize = 40;
    /// Vendors hand out longer credentials than the 15 and 8 octets of the specification.
    pub(crate) const CREDENTIAL: usize = 64;
    pub(crate) const DISTRIBUTION_LIST: usize = 20;
    pub(crate) const MESSAGE_ID: usize = 64;
    pub(crate) const SERVICE_TYPE: usize = 5;
    pub(crate) const SHORT_MESSAGE: usize = 255;
    pub(crate) const SYSTEM_TYPE: usize = 12;
    pub(crate) const TIME: usize = 16;
}

pub(super) struct Writer<'b> {
    out: &'b mut BytesMut,
}

impl<'b> Writer<'b> {
    pub(super) fn new(out: &'b mut BytesMut) -> Self {
        Self { out }
    }

    pub(super) fn octet(&mut self, octet: u8) {
        self.out.put_u8(octet);
    }

    pub(super) fn raw(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    pub(super) fn c_string(
        &mut self,
        field: &'static str,
        value: &[u8],
        max: usize,
    ) -> Result<(), EncodeError> {
        if value.len() > max {
            return Err(EncodeError::TooLong { field, length: value.len(), max });
        }
        if value.contains(&0) {
            return Err(EncodeError::Nul { field });
        }
        self.out.extend_from_slice(value);
        self.out.put_u8(0);
        Ok(())
    }

    /// Its length in one octet, then the text.
    pub(super) fn short_message(&mut self, value: &[u8]) -> Result<(), EncodeError> {
        let too_long =
            |_| EncodeError::TooLong { field: "short_message", length: value.len(), max: max::SHORT_MESSAGE };
        self.out.put_u8(u8::try_from(value.len()).map_err(too_long)?);
        self.out.extend_from_slice(value);
        Ok(())
    }

    pub(super) fn tlvs(&mut self, tlvs: Tlvs<'_>) -> Result<(), EncodeError> {
        if !tlvs.leftover().is_empty() {
            return Err(EncodeError::BrokenTlvs);
        }
        self.out.extend_from_slice(tlvs.as_bytes());
        Ok(())
    }
}
