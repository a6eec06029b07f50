//! What the buyer says of an SMPP connection: `[[vendors.connections]]` with `kind = "smpp"`, without `id` and `kind`.

use std::path::Path;

use domain::setting::{Rate, Span};
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::password::Password;
pub use self::proxy::{BadProxy, Login, Proxy, ProxyKind};
pub use self::tls::{Tls, TlsSettings};

mod defaults;
mod password;
mod proxy;
#[cfg(test)]
mod tests;
mod tls;
mod validate;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SmppConnection")]
pub struct Settings {
    /// Where the vendor listens: a name, or an IPv4 or IPv6 address (without brackets). A name is looked up at each
    /// connect, and all its addresses are tried.
    pub host: String,
    /// 1 to 65535; vendors mostly use 2775, and 3550 with TLS.
    pub port: u16,
    /// The account name that the vendor gave, up to 64 octets.
    pub system_id: String,
    /// Its password, up to 64 octets (many vendors allow only 8).
    pub password: Password,
    /// Up to 12 octets; empty unless the vendor asks for one.
    #[serde(default)]
    pub system_type: String,
    /// The version to speak, 0x33 (3.3), 0x34 (3.4) or 0x50 (5.0). Default 0x34.
    #[serde(default = "defaults::interface_version")]
    pub interface_version: u8,
    /// The type of number in the bind, 0 to 7. Default 0.
    #[serde(default)]
    pub bind_ton: u8,
    /// The numbering plan in the bind, 0 to 18. Default 0.
    #[serde(default)]
    pub bind_npi: u8,
    /// The addresses that the bind serves, up to 40 octets; empty unless the vendor asks for them.
    #[serde(default)]
    pub address_range: String,
    /// How to bind. Default `transceiver`.
    #[serde(default)]
    pub bind: BindMode,
    /// How many binds to hold open, 1 to 100; `transmitter_receiver` counts a pair as one. Default 1.
    #[serde(default = "defaults::binds")]
    pub binds: u16,
    /// How many submits of one bind may be unanswered at once, 1 to 1000. Default 10.
    #[serde(default = "defaults::window")]
    pub window: u16,
    /// The most submits over all binds together, such as `100/s`; without it there is no limit until the vendor says
    /// that it is too fast.
    #[serde(default)]
    pub throughput: Option<Rate>,
    /// How long a submit waits for its answer, 100ms to 10m; then its outcome is unknown. Also the time for the bind
    /// to be answered. Default 10s.
    #[serde(default = "defaults::response_timeout")]
    pub response_timeout: Span,
    /// How long the line may be silent before it is tried with an enquire_link, 1s to 10m. Default 30s. The line counts
    /// as dead when nothing comes within the response timeout of two in a row: after 50s of silence by default. While a
    /// submit waits for its answer the line is tried after half the response timeout, and one unanswered enquire_link
    /// suffices: 15s by default. Neither silence is taken for shorter than 1s.
    #[serde(default = "defaults::enquire_link_interval")]
    pub enquire_link_interval: Span,
    /// How long one address may take to be connected to, TLS and a proxy's work included, 100ms to 1m. Default 10s.
    #[serde(default = "defaults::connect_timeout")]
    pub connect_timeout: Span,
    /// A proxy that connects us to the vendor, as `socks5://user@host:1080` or `http://host:3128` (by CONNECT), or a
    /// table with `url` and `password`. It looks up the name of the host; TLS is with the vendor, through the proxy.
    /// Default none.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// `false`, `true`, or a table with `ca`, `cert`, `key`, `server_name`, `verify`. Default false.
    #[serde(default)]
    pub tls: Tls,
    /// In which base the vendor writes message ids.
    #[serde(default)]
    pub message_id: MessageIdBases,
    /// The type of number of every sender, 0 to 7, where the vendor wants another than its kind gives
    /// (alphanumeric 5, short code 3, international 1).
    #[serde(default)]
    pub source_ton: Option<u8>,
    /// The numbering plan of every sender, 0 to 18, where it is another than its kind gives (0, 0, 1).
    #[serde(default)]
    pub source_npi: Option<u8>,
    /// The type of number of recipients, 0 to 7. Default 1, international.
    #[serde(default = "defaults::international")]
    pub dest_ton: u8,
    /// The numbering plan of recipients, 0 to 18. Default 1, E.164.
    #[serde(default = "defaults::e164")]
    pub dest_npi: u8,
    /// Up to 5 octets; empty, the vendor's default, unless the vendor asks for one.
    #[serde(default)]
    pub service_type: String,
    /// What the vendor calls the alphabets.
    #[serde(default)]
    pub data_coding: DataCodings,
    /// How the parts of a long text are marked. Default `udh8`.
    #[serde(default)]
    pub long_messages: LongMessages,
    /// Which receipts to ask for, as the octet of the specification, 0 to 31: 1 the final one, 2 only of failures, 0 none.
    /// Default 1.
    #[serde(default = "defaults::registered_delivery")]
    pub registered_delivery: u8,
    /// How the message's validity is told to the vendor. Default `relative`.
    #[serde(default)]
    pub validity: Validity,
    /// Where the vendor strays from the specification in its receipts.
    #[serde(default)]
    pub receipts: ReceiptQuirks,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BindMode {
    /// One session that submits and takes receipts.
    #[default]
    Transceiver,
    /// Two sessions: one submits, the other takes receipts.
    TransmitterReceiver,
    /// One session that only submits; receipts come by another connection or not at all.
    Transmitter,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MessageIdBases {
    /// In answers to submits.
    pub response: IdBase,
    /// In the text of receipts.
    pub receipt: IdBase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdBase {
    /// A name; compared as it is written.
    #[default]
    AsIs,
    /// A hexadecimal number; leading zeros and case do not count.
    Hex,
    /// A decimal number; leading zeros do not count.
    Decimal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataCodings {
    /// The octet for GSM 7-bit, one septet an octet. Default 0.
    pub gsm7: u8,
    /// The octet for UCS-2, big-endian. Default 8.
    pub ucs2: u8,
}

/// A user data header with a 16-bit reference and a whole text in one message_payload are deliberately absent:
/// segments are cut for the header with an 8-bit reference, and each has its own answer and its own receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LongMessages {
    /// A user data header with an 8-bit reference in front of each part.
    #[default]
    Udh8,
    /// The TLVs sar_msg_ref_num, sar_total_segments and sar_segment_seqnum.
    Sar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// As a span of time from now.
    #[default]
    Relative,
    /// As a time in UTC.
    Absolute,
    /// Not at all: the vendor's default holds.
    None,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReceiptQuirks {
    /// The vendor sends receipts with an esm_class of 0: whatever reads like a receipt is one. Anyone who can send to
    /// the vendor's numbers can then write receipts. Default false.
    pub without_esm_class: bool,
    /// How far the vendor's clock in receipts is ahead of UTC, in minutes, -720 to 840. Default 0.
    pub utc_offset_minutes: i16,
    /// Where receipts name the recipient's network, MCC and MNC. Default nowhere.
    pub operator: Option<OperatorField>,
}

/// One of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorField {
    /// The tag of a TLV that holds both as text, such as 0x1403: 0x1400 to 0x3FFF.
    pub tlv: Option<u16>,
    /// Keys in the receipt's text, whose values are put together: `["mccmnc"]`, or `["mcc", "mnc"]`.
    pub keys: Vec<String>,
}

impl Settings {
    /// Makes relative paths relative to `folder`, that of the configuration file.
    pub fn resolve_paths(&mut self, folder: &Path) {
        let Tls::On(tls) = &mut self.tls else { return };
        for path in [&mut tls.ca, &mut tls.cert, &mut tls.key].into_iter().flatten() {
            *path = folder.join(&path);
        }
    }
}

impl Default for DataCodings {
    fn default() -> Self {
        Self { gsm7: 0, ucs2: 8 }
    }
}
