//! Who gets a message and who it appears to come from.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::segment::gsm7_septets;

/// Who gets the message: for telephone channels a number in E.164, with its `+`.
#[derive(Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Recipient(#[n(0)] Box<str>);

/// E.164 allows 15 digits; some networks have handed out a few more.
const MAX_DIGITS: usize = 17;

impl Recipient {
    /// `+` and 3 to 17 digits; None for anything else.
    #[must_use]
    pub fn from_e164(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let plausible =
            (3..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        plausible.then(|| Self(text.into()))
    }

    /// What an application wrote that is no number: for refused requests, which are kept to be found. At most 40
    /// characters of it; it can be compared, and never sent to.
    #[must_use]
    pub fn unresolved(text: &str) -> Self {
        Self(text.chars().filter(|c| !c.is_control()).take(40).collect::<String>().into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number without its `+`, as SMPP carries it with TON 1.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.strip_prefix('+').unwrap_or(&self.0)
    }

    /// The number as an integer: a compact key for indexes.
    #[must_use]
    pub fn key(&self) -> i64 {
        self.digits().parse().unwrap_or(0)
    }

    /// `+49•••••••78`: for logs, which never hold whole numbers.
    #[must_use]
    pub fn masked(&self) -> String {
        let digits = self.digits();
        match (digits.get(..2), digits.get(digits.len().saturating_sub(2)..)) {
            (Some(front), Some(back)) if digits.len() > 6 => {
                format!("+{front}{}{back}", "•".repeat(digits.len() - 4))
            }
            _ => "•".repeat(digits.chars().count()),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Masked, because debug output ends in logs.
impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Who the message appears to come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Sender {
    /// 1 to 11 characters of the GSM default alphabet, at least one of them not a digit.
    #[n(0)]
    Alphanumeric(#[cbor(n(0), with = "shared")] Arc<str>),
    /// A number in E.164, with its `+`.
    #[n(1)]
    Numeric(#[cbor(n(0), with = "shared")] Arc<str>),
    /// 3 to 8 digits that only mean something within one country.
    #[n(2)]
    ShortCode(#[cbor(n(0), with = "shared")] Arc<str>),
}

/// Stored as a text. Shared in memory, because every route of a plan has the sender.
mod shared {
    use std::sync::Arc;

    use minicbor::{Decoder, Encoder};

    pub(super) fn encode<C, W: minicbor::encode::Write>(
        text: &Arc<str>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(text)?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Arc<str>, minicbor::decode::Error> {
        d.str().map(Arc::from)
    }
}

/// The kind of a sender, as rules and routes name it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SenderKind {
    Alphanumeric,
    Numeric,
    ShortCode,
}

impl SenderKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alphanumeric => "alphanumeric",
            Self::Numeric => "numeric",
            Self::ShortCode => "short_code",
        }
    }
}

impl Sender {
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Alphanumeric(text) | Self::Numeric(text) | Self::ShortCode(text) => text,
        }
    }

    #[must_use]
    pub fn kind(&self) -> SenderKind {
        match self {
            Self::Alphanumeric(_) => SenderKind::Alphanumeric,
            Self::Numeric(_) => SenderKind::Numeric,
            Self::ShortCode(_) => SenderKind::ShortCode,
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a sender: expected a number such as +4915112345678, a short code of 3 to 8 digits, or 1 to 11 letters, digits and signs of the GSM alphabet"
)]
pub struct BadSender(pub String);

/// Longer numbers without a `+` are read as numbers, not as short codes.
const SHORT_CODE_DIGITS: std::ops::RangeInclusive<usize> = 3..=8;
/// 3GPP TS 23.040, 9.1.2.5: an alphanumeric address holds 11 septets.
const ALPHANUMERIC_SEPTETS: usize = 11;

impl FromStr for Sender {
    type Err = BadSender;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadSender(text.chars().take(40).collect());
        let digits = text.strip_prefix('+').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            let international = text.starts_with('+') || digits.len() > *SHORT_CODE_DIGITS.end();
            return match digits.len() {
                length if international && (7..=MAX_DIGITS).contains(&length) => {
                    Ok(Self::Numeric(format!("+{digits}").into()))
                }
                length if !international && SHORT_CODE_DIGITS.contains(&length) => {
                    Ok(Self::ShortCode(digits.into()))
                }
                _ => Err(bad()),
            };
        }
        let septets: Option<usize> = text.chars().map(|c| gsm7_septets(c).map(usize::from)).sum();
        let printable = !text.chars().any(char::is_control) && text.trim() == text;
        match septets {
            Some(1..=ALPHANUMERIC_SEPTETS) if printable => Ok(Self::Alphanumeric(text.into())),
            Some(_) | None => Err(bad()),
        }
    }
}

impl serde::Serialize for Sender {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Sender {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Sender {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sender".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": 18 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_read_by_its_form() {
        assert_eq!("SHOP".parse(), Ok(Sender::Alphanumeric("SHOP".into())));
        assert_eq!("4915112345678".parse(), Ok(Sender::Numeric("+4915112345678".into())));
        assert_eq!("+4915112345678".parse(), Ok(Sender::Numeric("+4915112345678".into())));
        assert_eq!("72345".parse(), Ok(Sender::ShortCode("72345".into())));
        for text in ["", " SHOP", "TWELVE_CHARS", "日本", "+12", "12", "A\nB", "€€€€€€"] {
            assert!(text.parse::<Sender>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn debug_output_hides_the_number() {
        let recipient = Recipient::from_e164("+4915112345678").unwrap();
        assert_eq!(format!("{recipient:?}"), "+49•••••••••78");
        assert_eq!(recipient.key(), 4_915_112_345_678);
    }
}
