//! Whether a `deliver_sm` or `data_sm` is a message or says something about one.

use super::Receipt;
use crate::{pdu::EsmClass, tlv::Tlvs};

/// What bits 2 to 5 of `esm_class` make of a message that comes from the message centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A message from a handset.
    Message,
    Receipt,
    /// The handset itself acknowledges.
    Acknowledgement,
    /// A person acknowledged at the handset.
    ManualAcknowledgement,
    ConversationAbort,
    /// A receipt that is not the last one.
    Intermediate,
    Other(u8),
}

/// What tells a vendor's receipts from messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detection {
    /// `esm_class` alone: a text that looks like a receipt but comes as a message is a message.
    #[default]
    EsmClass,
    /// Also the TLVs and the text, for vendors that send receipts with an `esm_class` of 0. Anyone who can send to
    /// the vendor's number can then write a receipt, so this is a setting of a connection.
    EsmClassOrContent,
}

#[must_use]
pub fn kind_of(esm_class: EsmClass) -> Kind {
    match esm_class.0 & 0x3C {
        0x00 => Kind::Message,
        0x04 => Kind::Receipt,
        0x08 => Kind::Acknowledgement,
        0x10 => Kind::ManualAcknowledgement,
        0x18 => Kind::ConversationAbort,
        0x20 => Kind::Intermediate,
        other => Kind::Other(other),
    }
}

/// As `kind_of`, and looks at the content where the vendor needs that.
#[must_use]
pub fn classify(esm_class: EsmClass, text: &str, tlvs: Tlvs<'_>, detection: Detection) -> Kind {
    match (kind_of(esm_class), detection) {
        (Kind::Message, Detection::EsmClassOrContent) if names_a_message(tlvs) || reads_as_receipt(text) => {
            Kind::Receipt
        }
        (kind, Detection::EsmClass | Detection::EsmClassOrContent) => kind,
    }
}

fn names_a_message(tlvs: Tlvs<'_>) -> bool {
    tlvs.receipted_message_id().is_some_and(|id| !id.is_empty()) && tlvs.message_state().is_some()
}

/// Whether a text has the shape of a usual receipt: it starts with a key, names an id and a state, and has a date.
#[must_use]
pub fn reads_as_receipt(text: &str) -> bool {
    Receipt::parse(text).is_some_and(|receipt| {
        receipt.id.is_some()
            && receipt.stat.is_some()
            && (receipt.submit_date.is_some() || receipt.done_date.is_some())
    })
}
