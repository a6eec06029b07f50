//! A message as the application asked for it: what never changes after it was accepted.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{Recipient, Sender};
use crate::content::Features;
use crate::id::{AppId, MessageId};
use crate::money::Price;
use crate::number::Country;
use crate::segment::Encoding;
use crate::status::StatusSet;
use crate::time::Timestamp;

/// By what kind of network a message travels.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    #[n(0)]
    Sms,
    #[n(1)]
    Whatsapp,
    #[n(2)]
    Rcs,
    #[n(3)]
    Voice,
    #[n(4)]
    Email,
}

impl Channel {
    pub const ALL: [Self; 5] = [Self::Sms, Self::Whatsapp, Self::Rcs, Self::Voice, Self::Email];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
            Self::Rcs => "rcs",
            Self::Voice => "voice",
            Self::Email => "email",
        }
    }
}

/// The traffic class: what the message is to its recipient, and so how soon it matters.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A one-time password: seconds matter.
    #[n(0)]
    Otp,
    #[n(1)]
    Transactional,
    #[n(2)]
    Marketing,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Otp, Self::Transactional, Self::Marketing];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Transactional => "transactional",
            Self::Marketing => "marketing",
        }
    }

    /// A compact number; stable, it is stored.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a {what}: expected {expected}")]
pub struct BadWord {
    pub what: &'static str,
    pub found: String,
    pub expected: &'static str,
}

impl FromStr for Channel {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text).ok_or_else(|| BadWord {
            what: "channel",
            found: text.chars().take(40).collect(),
            expected: "sms, whatsapp, rcs, voice or email",
        })
    }
}

impl FromStr for Class {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or_else(|| BadWord {
            what: "class",
            found: text.chars().take(40).collect(),
            expected: "otp, transactional or marketing",
        })
    }
}

/// One text to one recipient.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Message {
    #[n(0)]
    pub id: MessageId,
    #[n(1)]
    pub app: AppId,
    #[n(2)]
    pub created_at: Timestamp,
    #[n(3)]
    pub to: Recipient,
    /// As asked for, or the app's default. A route may send under another.
    #[n(4)]
    pub from: Option<Sender>,
    #[n(5)]
    pub channel: Channel,
    #[n(6)]
    pub class: Class,
    #[n(7)]
    pub text: Box<str>,
    #[n(8)]
    pub encoding: Encoding,
    #[n(9)]
    pub segments: u8,
    #[n(10)]
    pub country: Option<Country>,
    /// MCC and MNC of the recipient's network, when something knows it.
    #[n(11)]
    pub operator: Option<Box<str>>,
    #[n(12)]
    pub reference: Option<Box<str>>,
    /// A JSON object, kept as written.
    #[n(13)]
    pub metadata: Option<Box<str>>,
    #[n(14)]
    pub send_at: Option<Timestamp>,
    /// After this no new attempt starts.
    #[n(15)]
    pub expires_at: Timestamp,
    #[n(16)]
    pub max_price: Option<Price>,
    /// Where this message's changes are told, instead of the app's webhook: a URL, or `smpp:` and the app for its binds.
    #[n(17)]
    pub callback_url: Option<Box<str>>,
    /// Which changes are told at all.
    #[n(18)]
    pub notify: StatusSet,
    /// Of a message that came by SMPP.
    #[n(19)]
    pub by_smpp: Option<Box<BySmpp>>,
    /// How `operator` is known.
    #[n(20)]
    pub operator_source: Option<OperatorSource>,
    /// When `operator` was found out; None where nobody says, as the numbering plan does not.
    #[n(21)]
    pub operator_known_at: Option<Timestamp>,
    /// Whether the text has a link in it. The text may be dropped before the message is.
    #[cbor(n(22), default, skip_if = "std::ops::Not::not")]
    pub has_link: bool,
    /// Nothing is to be learned with it: it goes where it is best off, and never on a route of which more is to be known.
    #[cbor(n(23), default, skip_if = "std::ops::Not::not")]
    pub no_probe: bool,
}

impl Message {
    #[must_use]
    pub fn features(&self) -> Features {
        Features { encoding: self.encoding, has_link: self.has_link }
    }
}

/// Where the knowledge of a recipient's network comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum OperatorSource {
    /// The numbering plan: whose the number was at first.
    #[n(0)]
    Prefix,
    /// The buyer's own list, of numbers or of prefixes.
    #[n(1)]
    Import,
    /// Somebody was asked whose the number is now.
    #[n(2)]
    Lookup,
    /// A vendor's receipt named it.
    #[n(3)]
    Receipt,
}

impl OperatorSource {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::Import => "import",
            Self::Lookup => "lookup",
            Self::Receipt => "receipt",
        }
    }
}

/// What the application wrote beside the message: its receipts bear the addresses, and a route may pass on the rest.
/// Whatever a record of an earlier version lacks is as if nothing had been said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct BySmpp {
    #[n(0)]
    pub source: SmppAddress,
    #[n(1)]
    pub destination: SmppAddress,
    /// The registered_delivery of each part, in their order, of a text that came in parts; else empty.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub parts: Vec<u8>,
    /// In which alphabet the text was: a text that replaces it comes without a word of that.
    #[n(3)]
    #[cbor(default)]
    pub data_coding: u8,
    #[n(4)]
    #[cbor(default)]
    pub priority: u8,
    #[n(5)]
    #[cbor(default, with = "minicbor::bytes")]
    pub service_type: Vec<u8>,
    /// Optional parameters of vendors' own, as they are on the wire.
    #[n(6)]
    #[cbor(default, with = "minicbor::bytes")]
    pub tlvs: Vec<u8>,
    /// Of a submission to several destinations: which of them, counted from one. The ids of such messages are a run.
    #[n(7)]
    pub place: Option<u8>,
}

/// An address with its type of number and its numbering plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct SmppAddress {
    #[n(0)]
    pub ton: u8,
    #[n(1)]
    pub npi: u8,
    /// Some write others than ASCII.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub digits: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As records had it before anything but addresses and parts was kept.
    #[derive(Encode)]
    struct Earlier {
        #[n(0)]
        source: SmppAddress,
        #[n(1)]
        destination: SmppAddress,
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        parts: Vec<u8>,
    }

    #[test]
    fn what_an_earlier_version_wrote_of_a_submission_reads_as_if_no_more_had_been_said() {
        let source = SmppAddress { ton: 5, npi: 0, digits: b"SHOP".to_vec() };
        let destination = SmppAddress { ton: 1, npi: 1, digits: b"447700900201".to_vec() };
        let earlier = Earlier { source: source.clone(), destination: destination.clone(), parts: vec![1, 0] };
        let read: BySmpp = minicbor::decode(&minicbor::to_vec(earlier).unwrap()).unwrap();
        assert_eq!(read, BySmpp { source, destination, parts: vec![1, 0], ..BySmpp::default() });
        let full = BySmpp { priority: 3, tlvs: vec![0x14, 0, 0, 0], place: Some(2), ..read };
        let read: BySmpp = minicbor::decode(&minicbor::to_vec(&full).unwrap()).unwrap();
        assert_eq!(read, full);
    }
}
