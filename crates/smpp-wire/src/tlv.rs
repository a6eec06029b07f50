//! TLVs: the optional parameters at the end of a body, walked where they lie.
//!
//! A value is raw until a typed accessor is asked for it, and an accessor answers `None` to a value of the wrong length:
//! one odd TLV must not cost the PDU.

mod tag;
#[cfg(test)]
mod tests;
mod values;

pub use tag::Tag;
pub use values::{DeliveryFailureReason, MessageState, MsAvailability, NetworkErrorCode, NetworkErrorType};

/// One optional parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    pub tag: Tag,
    pub value: &'a [u8],
}

/// The octets that follow the mandatory fields of a body, in the order they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tlvs<'a>(&'a [u8]);

/// Walks the TLVs, and stops where the octets left do not make a whole one.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

/// TLVs being written; lend it to a PDU with `as_tlvs`.
#[derive(Debug, Clone, Default)]
pub struct TlvBuffer(Vec<u8>);

/// A TLV value cannot be longer than its length field can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value of {tag} has {length} octets, more than a TLV can hold")]
pub struct ValueTooLong {
    pub tag: Tag,
    pub length: usize,
}

impl<'a> Tlvs<'a> {
    pub fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// All octets, whole TLVs or not.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(self) -> Iter<'a> {
        Iter { rest: self.0 }
    }

    /// What is left at the end that is no whole TLV: a value cut short, or stray octets.
    pub fn leftover(self) -> &'a [u8] {
        let mut iter = self.iter();
        while iter.next().is_some() {}
        iter.rest
    }

    /// The first value under a tag.
    pub fn get(self, tag: Tag) -> Option<&'a [u8]> {
        self.iter().find(|tlv| tlv.tag == tag).map(|tlv| tlv.value)
    }

    /// A value of one octet.
    pub fn octet(self, tag: Tag) -> Option<u8> {
        match self.get(tag)? {
            [octet] => Some(*octet),
            _ => None,
        }
    }

    /// A value of two octets.
    pub fn two_octets(self, tag: Tag) -> Option<u16> {
        match self.get(tag)? {
            [high, low] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    /// A string up to its NUL, or all of it where the NUL was forgotten.
    pub fn c_string(self, tag: Tag) -> Option<&'a [u8]> {
        self.get(tag)?.split(|octet| *octet == 0).next()
    }

    /// The vendor's id of the message that a receipt is about.
    pub fn receipted_message_id(self) -> Option<&'a [u8]> {
        self.c_string(Tag::RECEIPTED_MESSAGE_ID)
    }

    pub fn message_state(self) -> Option<MessageState> {
        self.octet(Tag::MESSAGE_STATE).map(MessageState::from)
    }

    pub fn network_error_code(self) -> Option<NetworkErrorCode> {
        NetworkErrorCode::from_value(self.get(Tag::NETWORK_ERROR_CODE)?)
    }

    pub fn message_payload(self) -> Option<&'a [u8]> {
        self.get(Tag::MESSAGE_PAYLOAD)
    }

    pub fn sar_msg_ref_num(self) -> Option<u16> {
        self.two_octets(Tag::SAR_MSG_REF_NUM)
    }

    pub fn sar_total_segments(self) -> Option<u8> {
        self.octet(Tag::SAR_TOTAL_SEGMENTS)
    }

    pub fn sar_segment_seqnum(self) -> Option<u8> {
        self.octet(Tag::SAR_SEGMENT_SEQNUM)
    }

    pub fn user_message_reference(self) -> Option<u16> {
        self.two_octets(Tag::USER_MESSAGE_REFERENCE)
    }

    /// The version that the other side of a bind speaks, 0x34 or 0x50.
    pub fn sc_interface_version(self) -> Option<u8> {
        self.octet(Tag::SC_INTERFACE_VERSION)
    }

    pub fn additional_status_info_text(self) -> Option<&'a [u8]> {
        self.c_string(Tag::ADDITIONAL_STATUS_INFO_TEXT)
    }

    pub fn delivery_failure_reason(self) -> Option<DeliveryFailureReason> {
        self.octet(Tag::DELIVERY_FAILURE_REASON).map(DeliveryFailureReason::from)
    }

    /// How loaded the other side is, 0 to 99; from 80 on it asks for less.
    pub fn congestion_state(self) -> Option<u8> {
        self.octet(Tag::CONGESTION_STATE)
    }

    pub fn ms_availability_status(self) -> Option<MsAvailability> {
        self.octet(Tag::MS_AVAILABILITY_STATUS).map(MsAvailability::from)
    }

    pub fn source_port(self) -> Option<u16> {
        self.two_octets(Tag::SOURCE_PORT)
    }

    pub fn destination_port(self) -> Option<u16> {
        self.two_octets(Tag::DESTINATION_PORT)
    }

    /// Whether the sender has more messages for the same destination (any value but 0; present without a value counts).
    pub fn more_messages_to_send(self) -> Option<bool> {
        self.get(Tag::MORE_MESSAGES_TO_SEND).map(|value| value != [0])
    }

    /// For how many seconds the message is worth delivering.
    pub fn qos_time_to_live(self) -> Option<u32> {
        self.get(Tag::QOS_TIME_TO_LIVE)?.try_into().ok().map(u32::from_be_bytes)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let (head, rest) = self.rest.split_first_chunk::<4>()?;
        let [tag_high, tag_low, length_high, length_low] = *head;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let (value, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Tlv { tag: Tag(u16::from_be_bytes([tag_high, tag_low])), value })
    }
}

impl<'a> IntoIterator for Tlvs<'a> {
    type Item = Tlv<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl TlvBuffer {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn as_tlvs(&self) -> Tlvs<'_> {
        Tlvs(&self.0)
    }

    pub fn push(&mut self, tag: Tag, value: &[u8]) -> Result<(), ValueTooLong> {
        let length = u16::try_from(value.len()).map_err(|_| ValueTooLong { tag, length: value.len() })?;
        self.put(tag, length, value);
        Ok(())
    }

    pub fn push_octet(&mut self, tag: Tag, value: u8) {
        self.put(tag, 1, &[value]);
    }

    pub fn push_two_octets(&mut self, tag: Tag, value: u16) {
        self.put(tag, 2, &value.to_be_bytes());
    }

    /// Adds the NUL that ends the string.
    pub fn push_c_string(&mut self, tag: Tag, value: &[u8]) -> Result<(), ValueTooLong> {
        let mut ended = Vec::with_capacity(value.len().saturating_add(1));
        ended.extend_from_slice(value);
        ended.push(0);
        self.push(tag, &ended)
    }

    fn put(&mut self, tag: Tag, length: u16, value: &[u8]) {
        self.0.extend_from_slice(&tag.0.to_be_bytes());
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(value);
    }
}
