//! Forms of settings that several crates read: spans of time and rates.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::parse_duration;

/// A span of time in a file: `"10s"`, `"500ms"`, `"24h"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The largest unit that brings a whole number: one text for one span.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u128, &str); 7] = [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1000, "us"),
            (1, "ns"),
        ];
        let nanos = self.0.as_nanos();
        // A day is written as 24 hours, as everybody does.
        let fits =
            |(unit, name): &&(u128, &str)| nanos.is_multiple_of(*unit) && (*name != "d" || nanos > *unit);
        match UNITS.iter().find(fits) {
            Some((unit, name)) if nanos > 0 => write!(f, "{}{name}", nanos / unit),
            Some(_) | None => f.write_str("0s"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "span", "description": "a span of time, such as 500ms, 45s, 10m, 24h" })
    }
}

/// A number of messages in a span: `"100/s"`, `"6000/min"`.
#[derive(Clone, Copy, Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
pub struct Rate {
    #[n(0)]
    pub per_second: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate: expected a number above zero and a unit, such as 100/s, 6000/min or 0.5/s")]
pub struct BadRate(pub String);

impl std::str::FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadRate(text.to_owned());
        let (count, unit) = text.split_once('/').ok_or_else(bad)?;
        let count: f64 = count.trim().parse().map_err(|_| bad())?;
        let seconds = match unit.trim() {
            "s" | "sec" | "second" => 1.0,
            "min" | "m" | "minute" => 60.0,
            "h" | "hour" => 3600.0,
            _ => return Err(bad()),
        };
        let per_second = count / seconds;
        if per_second.is_finite() && per_second > 0.0 { Ok(Self { per_second }) } else { Err(bad()) }
    }
}

impl Rate {
    /// As a count for a window of so many seconds: the smallest of a second, a minute and an hour that brings a whole
    /// number. At least one an hour.
    #[must_use]
    pub fn as_quota(self) -> (u64, u64) {
        let is_whole = |count: f64| (count - count.round()).abs() < 1e-6 && count >= 0.5;
        let found = [1_u32, 60].into_iter().find(|seconds| is_whole(self.per_second * f64::from(*seconds)));
        let seconds = found.unwrap_or(3600);
        ((self.per_second * f64::from(seconds)).round().max(1.0) as u64, u64::from(seconds))
    }
}

/// As it can be read again.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (quota, seconds) = self.as_quota();
        let unit = match seconds {
            1 => "s",
            60 => "min",
            _ => "h",
        };
        write!(f, "{quota}/{unit}")
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Exactly: where no whole number an hour says it, as messages a second.
impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain = self.to_string();
        if plain.parse() == Ok(*self) {
            return serializer.serialize_str(&plain);
        }
        serializer.collect_str(&format_args!("{}/s", self.per_second))
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "rate", "description": "messages in a span, such as 100/s or 6000/min" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_it_can_be_read() {
        for (given, written) in
            [("90", "90s"), ("1h 30m", "90m"), ("P1D", "24h"), ("168h", "7d"), ("0s", "0s")]
        {
            let span = Span(parse_duration(given).unwrap());
            assert_eq!(span.to_string(), written);
            assert_eq!(parse_duration(written), Ok(span.0));
        }
    }

    #[test]
    fn a_rate_is_written_as_it_can_be_read() {
        for (given, written) in
            [("100/s", "100/s"), ("90/min", "90/min"), ("10/h", "10/h"), ("60/min", "1/s")]
        {
            let rate: Rate = given.parse().unwrap();
            assert_eq!(rate.to_string(), written);
            assert!((written.parse::<Rate>().unwrap().per_second - rate.per_second).abs() < 1e-9);
        }
    }
}
