//! Ids: of messages, which we make, and of configured things, which the buyer names.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A message's id: 48 bits of milliseconds since the epoch, a 16-bit count, 64 random bits.
///
/// Ids of one process sort in the order in which they were made. The first 64 bits are unique within one store and
/// serve it as a compact key; the random rest makes an id impossible to guess.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct MessageId(#[n(0)] minicbor::bytes::ByteArray<16>);

const PREFIX: &str = "msg_";
/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 26 characters of 5 bits hold the 128 bits.
const ENCODED_LEN: usize = 26;

impl MessageId {
    #[must_use]
    pub fn from_u128(value: u128) -> Self {
        Self(value.to_be_bytes().into())
    }

    #[must_use]
    pub fn as_u128(self) -> u128 {
        u128::from_be_bytes(*self.0)
    }

    /// The first 64 bits: positive until the year 6429, unique within one store, ordered by time.
    #[must_use]
    pub fn key(self) -> i64 {
        (self.as_u128() >> 64) as i64
    }

    /// When the id was made, to the millisecond.
    #[must_use]
    pub fn created_at(self) -> Timestamp {
        Timestamp::from_millis((self.as_u128() >> 80) as i64)
    }

    /// The id so many places after this one in a run that `MessageIds::run` made.
    #[must_use]
    pub fn ahead(self, places: u8) -> Self {
        Self::from_u128(self.as_u128().wrapping_add(u128::from(places) << 64))
    }

    /// The id so many places before this one in its run.
    #[must_use]
    pub fn back(self, places: u8) -> Self {
        Self::from_u128(self.as_u128().wrapping_sub(u128::from(places) << 64))
    }

    /// The smallest key that an id made at `at` can have: for ranges over time.
    #[must_use]
    pub fn first_key_at(at: Timestamp) -> i64 {
        at.as_millis().max(0) << 16
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        write_encoded(self.as_u128(), f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an id of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a message id: expected msg_ and 26 characters of 0-9 a-z without i, l, o, u")]
pub struct BadMessageId;

impl FromStr for MessageId {
    type Err = BadMessageId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix(PREFIX).and_then(decode_encoded).map(Self::from_u128).ok_or(BadMessageId)
    }
}

/// The 128 bits of an id as it is written after its prefix.
fn write_encoded(value: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [0u8; ENCODED_LEN];
    for (index, slot) in text.iter_mut().enumerate() {
        let shift = 5 * (ENCODED_LEN - 1 - index);
        *slot = ALPHABET[((value >> shift) & 31) as usize];
    }
    f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

fn decode_encoded(encoded: &str) -> Option<u128> {
    if encoded.len() != ENCODED_LEN {
        return None;
    }
    let mut value: u128 = 0;
    for (index, byte) in encoded.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        // 26 characters hold 130 bits: the first may only use three of its five.
        if index == 0 && digit > 7 {
            return None;
        }
        value = (value << 5) | digit as u128;
    }
    Some(value)
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Makes ids that only ever grow, also when the clock steps back.
#[derive(Debug)]
pub struct MessageIds {
    /// Milliseconds and count of the id made last, as one number.
    last: i64,
}

impl MessageIds {
    /// `after` is the largest key that the store holds: a clock that went back across a restart then repeats nothing.
    #[must_use]
    pub fn new(after: i64) -> Self {
        Self { last: after }
    }

    /// The next id at `now`; `random` is 64 random bits.
    pub fn next(&mut self, now: Timestamp, random: u64) -> MessageId {
        self.run(now, random, 1)
    }

    /// The first of as many ids as `count` says, at least one; the others are `MessageId::ahead` of it. Whoever knows one
    /// of them knows all.
    pub fn run(&mut self, now: Timestamp, random: u64, count: u8) -> MessageId {
        let first = MessageId::first_key_at(now).max(self.last + 1);
        self.last = first + i64::from(count.max(1)) - 1;
        MessageId::from_u128((u128::from(first as u64) << 64) | u128::from(random))
    }
}

/// Ids that are made like a message's, so that they sort by time and cannot be guessed.
macro_rules! made {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $(#[$bad_doc:meta])* $bad:ident, $wanted:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] minicbor::bytes::ByteArray<16>);

        impl $name {
            #[must_use]
            pub fn from_u128(value: u128) -> Self {
                Self(value.to_be_bytes().into())
            }

            #[must_use]
            pub fn as_u128(self) -> u128 {
                u128::from_be_bytes(*self.0)
            }

            /// The first 64 bits: unique within one store, ordered by time.
            #[must_use]
            pub fn key(self) -> i64 {
                (self.as_u128() >> 64) as i64
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                write_encoded(self.as_u128(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        $(#[$bad_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error("not {}: expected {} and 26 characters of 0-9 a-z without i, l, o, u", $wanted, $prefix)]
        pub struct $bad;

        impl FromStr for $name {
            type Err = $bad;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix($prefix).and_then(decode_encoded).map(Self::from_u128).ok_or($bad)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

made!(
    /// The id of an override.
    OverrideId,
    "ovr_",
    /// The text is not an id of an override.
    BadOverrideId,
    "an override's id"
);
made!(
    /// The id of an API key: what it is called, never what opens.
    KeyId,
    "key_",
    /// The text is not an id of a key.
    BadKeyId,
    "a key's id"
);
made!(
    /// The id of a verdict.
    VerdictId,
    "ver_",
    /// The text is not an id of a verdict.
    BadVerdictId,
    "a verdict's id"
);

made!(
    /// The id of a dry-run.
    DryRunId,
    "dry_",
    /// The text is not an id of a dry-run.
    BadDryRunId,
    "a dry-run's id"
);

/// A name that the buyer gave to something in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a usable id: 1 to 64 of a-z A-Z 0-9 . _ - and beginning with a letter or digit")]
pub struct BadName(pub String);

fn check_name(name: &str) -> Result<(), BadName> {
    let first_is_alphanumeric = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest_is_allowed = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if first_is_alphanumeric && rest_is_allowed && name.len() <= 64 {
        return Ok(());
    }
    Err(BadName(name.to_owned()))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// # Errors
            /// When the name is empty, too long or holds a character that would need escaping somewhere.
            pub fn new(name: &str) -> Result<Self, BadName> {
                check_name(name)?;
                Ok(Self(Arc::from(name)))
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(name: &str) -> Result<Self, BadName> {
                Self::new(name)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&name).map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" })
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Ok(Self(Arc::from(d.str()?)))
            }
        }
    };
}

name!(
    /// A product of the buyer that sends.
    AppId
);
name!(
    /// A company that the buyer has a contract with.
    VendorId
);
name!(
    /// One account or bind group at a vendor.
    ConnectionId
);
name!(
    /// A way out that policies choose.
    RouteId
);
name!(
    /// One line of the policy.
    RuleId
);
name!(
    /// Prices of one vendor.
    RateCardId
);
name!(
    /// How much something may carry in some time.
    CapId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_written_and_sorts_by_time() {
        let mut ids = MessageIds::new(0);
        let first = ids.next(Timestamp::from_millis(1_760_000_000_000), 7);
        let second = ids.next(Timestamp::from_millis(1_760_000_000_000), 3);
        let after_the_clock_went_back = ids.next(Timestamp::from_millis(1_700_000_000_000), 1);
        assert!(first < second && second < after_the_clock_went_back);
        assert!(first.to_string() < second.to_string());
        assert_eq!(first.to_string().parse::<MessageId>(), Ok(first));
        assert_eq!(first.created_at().as_millis(), 1_760_000_000_000);
        assert!(first.key() > 0);
    }

    #[test]
    fn a_run_of_ids_is_known_by_any_of_them_and_no_other_id_is_among_it() {
        let mut ids = MessageIds::new(0);
        let now = Timestamp::from_millis(1_760_000_000_000);
        let first = ids.run(now, 7, 255);
        let last = first.ahead(254);
        assert!(first < last && last.back(254) == first);
        assert_eq!(last.created_at(), now);
        assert_eq!(ids.next(now, 0).key(), last.key() + 1);
    }

    #[test]
    fn an_overrides_id_reads_back_and_is_no_messages() {
        let message = MessageIds::new(0).next(Timestamp::from_millis(1_760_000_000_000), 7);
        let id = OverrideId::from_u128(message.as_u128());
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.key(), message.key());
        assert_eq!(message.to_string().parse::<OverrideId>(), Err(BadOverrideId));
        assert_eq!(id.to_string().parse::<MessageId>(), Err(BadMessageId));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "msg_",
            "msg_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "01hzzzzzzzzzzzzzzzzzzzzzzz",
            "msg_0123456789abcdefghijklmnop",
        ] {
            assert_eq!(text.parse::<MessageId>(), Err(BadMessageId), "{text}");
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!(RouteId::new("acme-de.2_x").is_ok());
        for name in ["", "-a", "a b", "ä", &"a".repeat(65)] {
            assert!(RouteId::new(name).is_err(), "{name}");
        }
    }
}
