//! How a vendor stands that was promised a least volume, as routing counts it and plans tell it.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::money::{BadCurrency, Currency, Decimal, Price};
use crate::time::Timestamp;

/// What a commitment is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Messages,
    Segments,
    Spend(Currency),
}

/// How much of a commitment is carried in the period that runs, and how much an even pace would have carried by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub unit: Unit,
    pub promised: Decimal,
    pub carried: Decimal,
    /// By now, at an even pace from the first to the last moment of the period.
    pub due: Decimal,
    /// When the period ends.
    pub until: Timestamp,
    /// How much is at stake, in thousandths: of what it may be worth to a policy that the commitment is met, so much
    /// counts now.
    pub urgency: u16,
}

/// By how much a route counts as cheaper than it is, because its vendor is behind the pace of a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ShadowPrice {
    #[n(0)]
    pub pace: Pace,
    /// Off the price of the whole message. Zero under `adaptive`: the engine counts for itself.
    #[n(1)]
    pub off: Price,
}

/// All urgency that there is.
pub const WHOLE_URGENCY: u16 = 1000;

impl Unit {
    /// `messages`, `segments`, or the currency of a spend.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Messages => "messages",
            Self::Segments => "segments",
            Self::Spend(currency) => currency.as_str(),
        }
    }

    /// Comes in whole ones.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        match self {
            Self::Messages | Self::Segments => true,
            Self::Spend(_) => false,
        }
    }
}

impl Pace {
    /// How much more an even pace would have carried; zero when it is kept.
    #[must_use]
    pub fn behind(&self) -> Decimal {
        self.due.saturating_sub(self.carried).max(Decimal::ZERO)
    }
}

/// `412000 of 500000 messages by 2026-12-01 00:00 UTC, 31000 behind pace`.
impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unit, promised, carried, until, .. } = self;
        let behind = self.behind();
        let until = until.to_the_minute();
        write!(f, "{carried} of {promised} {} by {until}, ", unit.as_str())?;
        if behind.is_zero() { f.write_str("on pace") } else { write!(f, "{behind} behind pace") }
    }
}

/// `a commitment of its vendor, 412000 of … behind pace: counted as 0.0020 EUR cheaper`.
impl fmt::Display for ShadowPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let off = Price { amount: self.off.amount.normalize(), ..self.off };
        write!(f, "a commitment to its vendor, {}: counted as {off} cheaper", self.pace)
    }
}

impl Serialize for Unit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for Unit {
    type Err = BadCurrency;

    fn from_str(text: &str) -> Result<Self, BadCurrency> {
        match text {
            "messages" => Ok(Self::Messages),
            "segments" => Ok(Self::Segments),
            currency => currency.parse().map(Self::Spend),
        }
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// As a text: that of a spend is its currency, in capitals, so that none is taken for another unit.
impl<C> Encode<C> for Unit {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(self.as_str())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Unit {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.str()?.parse().map_err(minicbor::decode::Error::custom)
    }
}

impl<C> Encode<C> for Pace {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let Self { unit, promised, carried, due, until, urgency } = self;
        e.array(6)?.encode_with(unit, context)?;
        for amount in [promised, carried, due] {
            e.bytes(&amount.serialize())?;
        }
        e.encode_with(until, context)?.u16(*urgency)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Pace {
    fn decode(d: &mut minicbor::Decoder<'b>, context: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.array()?;
        let unit = d.decode_with(context)?;
        let (promised, carried, due) = (amount(d)?, amount(d)?, amount(d)?);
        Ok(Self { unit, promised, carried, due, until: d.decode_with(context)?, urgency: d.u16()? })
    }
}

fn amount(d: &mut minicbor::Decoder<'_>) -> Result<Decimal, minicbor::decode::Error> {
    let bytes = <[u8; 16]>::try_from(d.bytes()?).map_err(minicbor::decode::Error::custom)?;
    Ok(Decimal::deserialize(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shadow_price_is_read_as_it_was_written_and_says_what_it_rests_on() {
        let pace = Pace {
            unit: Unit::Messages,
            promised: Decimal::from(500_000),
            carried: Decimal::from(412_000),
            due: Decimal::from(443_000),
            until: Timestamp::from_millis(1_796_083_200_000),
            urgency: 400,
        };
        let off = Price { amount: Decimal::new(20_000, 7), currency: Currency::EUR };
        for unit in [Unit::Messages, Unit::Segments, Unit::Spend(Currency::EUR)] {
            let written = ShadowPrice { pace: Pace { unit, ..pace }, off };
            let bytes = minicbor::to_vec(written).unwrap();
            assert_eq!(minicbor::decode::<ShadowPrice>(&bytes).unwrap(), written);
        }
        assert_eq!(
            ShadowPrice { pace, off }.to_string(),
            "a commitment to its vendor, 412000 of 500000 messages by 2026-12-01 00:00 UTC, 31000 behind pace: counted as \
             0.002 EUR cheaper"
        );
        let kept = Pace { due: Decimal::from(400_000), ..pace };
        assert!(kept.to_string().ends_with("on pace"), "{kept}");
    }
}
