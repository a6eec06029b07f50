//! Money: exact decimals with their currency, never floating point.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
pub use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Three letters of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The constructor lets only ASCII letters in.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency: expected three capital letters of ISO 4217, such as EUR")]
pub struct BadCurrency(pub String);

impl FromStr for Currency {
    type Err = BadCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            Ok(_) | Err(_) => Err(BadCurrency(text.to_owned())),
        }
    }
}

/// A decimal written plainly: digits, at most one point, at most 12 places, not negative. No exponent, no separators.
///
/// # Errors
/// When the text is anything else.
pub fn parse_amount(text: &str) -> Result<Decimal, BadAmount> {
    let bad = || BadAmount(text.to_owned());
    let plain = !text.is_empty() && text.len() <= 28 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !plain || text.starts_with('.') || text.ends_with('.') {
        return Err(bad());
    }
    let amount = Decimal::from_str_exact(text).map_err(|_| bad())?;
    if amount.scale() > 12 { Err(bad()) } else { Ok(amount) }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of money: expected a plain decimal such as 0.0450")]
pub struct BadAmount(pub String);

/// An amount in a currency. Amounts in different currencies are never compared or added.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Price {
    pub amount: Decimal,
    pub currency: Currency,
}

impl Price {
    /// The price of `segments` segments at this price for one.
    #[must_use]
    pub fn times(self, segments: u16) -> Self {
        Self { amount: self.amount.saturating_mul(Decimal::from(segments)), currency: self.currency }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As JSON: the amount a string, so that no reader rounds it.
impl Serialize for Price {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            amount: String,
            currency: &'a str,
        }
        Wire { amount: self.amount.to_string(), currency: self.currency.as_str() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire {
            amount: String,
            currency: String,
        }
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self {
            amount: parse_amount(&wire.amount).map_err(serde::de::Error::custom)?,
            currency: wire.currency.parse().map_err(serde::de::Error::custom)?,
        })
    }
}

/// Stored as the decimal's sixteen bytes and the currency: the scale as written is part of the amount.
impl<C> Encode<C> for Price {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(2)?.bytes(&self.amount.serialize())?.str(self.currency.as_str())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Price {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.array()?;
        let bytes = <[u8; 16]>::try_from(d.bytes()?).map_err(minicbor::decode::Error::custom)?;
        let currency = d.str()?.parse().map_err(minicbor::decode::Error::custom)?;
        Ok(Self { amount: Decimal::deserialize(bytes), currency })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_plain() {
        assert_eq!(parse_amount("0.0450").unwrap().to_string(), "0.0450");
        for text in ["", ".5", "5.", "-1", "1e3", "1,5", "0.1234567890123", "1.2.3", "NaN"] {
            assert!(parse_amount(text).is_err(), "{text}");
        }
    }
}
