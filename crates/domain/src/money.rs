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
    /// Of the euro.
    pub const EUR: Self = Self(*b"EUR");

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

/// What a vendor takes for a message: so much for each segment, and so much for the message as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tariff {
    pub per_segment: Decimal,
    pub per_message: Decimal,
    pub currency: Currency,
}

impl Tariff {
    /// What a message of `segments` segments costs.
    #[must_use]
    #[inline]
    pub fn times(self, segments: u16) -> Price {
        let Self { per_segment, per_message, currency } = self;
        // What most messages cost is not worth an arithmetic of 96 bits.
        let amount =
            if segments == 1 { per_segment } else { per_segment.saturating_mul(Decimal::from(segments)) };
        let whole = if per_message.is_zero() { amount } else { amount.saturating_add(per_message) };
        Price { amount: whole, currency }
    }

    /// The part that each segment costs.
    #[must_use]
    pub fn for_segment(self) -> Price {
        Price { amount: self.per_segment, currency: self.currency }
    }

    /// The part that a message costs whatever its length; None when that is nothing.
    #[must_use]
    pub fn for_message(self) -> Option<Price> {
        let is_any = !self.per_message.is_zero();
        is_any.then_some(Price { amount: self.per_message, currency: self.currency })
    }
}

impl From<Price> for Tariff {
    /// For each segment this, and nothing for the message.
    fn from(price: Price) -> Self {
        Self { per_segment: price.amount, per_message: Decimal::ZERO, currency: price.currency }
    }
}

impl fmt::Display for Tariff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.for_message() {
            None => write!(f, "{}", self.for_segment()),
            Some(_) if self.per_segment.is_zero() => {
                write!(f, "{} {} a message", self.per_message, self.currency)
            }
            Some(price) => write!(f, "{} a segment and {price} a message", self.for_segment()),
        }
    }
}

impl fmt::Debug for Tariff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As JSON: the price for a segment, and `per_message` where there is one.
impl Serialize for Tariff {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            amount: String,
            currency: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            per_message: Option<String>,
        }
        let per_message = self.for_message().map(|price| price.amount.to_string());
        let (amount, currency) = (self.per_segment.to_string(), self.currency.as_str());
        Wire { amount, currency, per_message }.serialize(serializer)
    }
}

/// Stored as a price for one segment, with a third element where the message itself costs something.
impl<C> Encode<C> for Tariff {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let has_both = !self.per_message.is_zero();
        e.array(if has_both { 3 } else { 2 })?.bytes(&self.per_segment.serialize())?;
        e.str(self.currency.as_str())?;
        if has_both {
            e.bytes(&self.per_message.serialize())?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Tariff {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let elements = d.array()?;
        let per_segment = decimal(d)?;
        let currency = d.str()?.parse().map_err(minicbor::decode::Error::custom)?;
        let per_message = if elements == Some(3) { decimal(d)? } else { Decimal::ZERO };
        Ok(Self { per_segment, per_message, currency })
    }
}

fn decimal(d: &mut minicbor::Decoder<'_>) -> Result<Decimal, minicbor::decode::Error> {
    let bytes = <[u8; 16]>::try_from(d.bytes()?).map_err(minicbor::decode::Error::custom)?;
    Ok(Decimal::deserialize(bytes))
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
        let amount = decimal(d)?;
        let currency = d.str()?.parse().map_err(minicbor::decode::Error::custom)?;
        Ok(Self { amount, currency })
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

    #[test]
    fn a_tariff_is_stored_as_a_price_was_unless_the_message_costs_something_too() {
        let price = Price { amount: parse_amount("0.0450").unwrap(), currency: "EUR".parse().unwrap() };
        let plain = Tariff::from(price);
        let bytes = minicbor::to_vec(plain).unwrap();
        assert_eq!(bytes, minicbor::to_vec(price).unwrap());
        assert_eq!(minicbor::decode::<Tariff>(&bytes).unwrap(), plain);
        let both = Tariff { per_message: parse_amount("0.01").unwrap(), ..plain };
        assert_eq!(minicbor::decode::<Tariff>(&minicbor::to_vec(both).unwrap()).unwrap(), both);
        assert_eq!(
            (plain.times(2).to_string(), both.times(2).to_string()),
            ("0.0900 EUR".into(), "0.1000 EUR".into())
        );
        assert_eq!(both.to_string(), "0.0450 EUR a segment and 0.01 EUR a message");
        let json = serde_json::to_value([plain, both]).unwrap();
        assert_eq!(json[0], serde_json::json!({ "amount": "0.0450", "currency": "EUR" }));
        assert_eq!(json[1]["per_message"], "0.01");
    }
}
