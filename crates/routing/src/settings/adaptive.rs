//! What messages are worth: by which the strategy `adaptive` weighs quality against price.

use domain::setting::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{is_default, schema};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Adaptive {
    /// Of the values below. Absent: that of the first rate card.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::optional_currency")]
    pub currency: Option<String>,
    /// Absent: 0.50 within 30s.
    #[serde(skip_serializing_if = "is_default")]
    pub otp: Option<Worth>,
    /// Absent: 0.25 within 5m.
    #[serde(skip_serializing_if = "is_default")]
    pub transactional: Option<Worth>,
    /// Absent: 0.10 within 1h.
    #[serde(skip_serializing_if = "is_default")]
    pub marketing: Option<Worth>,
    /// Recipients that are your own, such as +4915112345678: their messages are probes wherever one is wanted.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::recipients")]
    pub test_numbers: Vec<String>,
}

/// Of a message of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Worth {
    /// What it is worth that it arrives in time.
    #[schemars(schema_with = "schema::amount")]
    pub value: String,
    /// After which it is worth nothing. Absent: as above.
    #[serde(default, skip_serializing_if = "is_default")]
    pub within: Option<Span>,
}
