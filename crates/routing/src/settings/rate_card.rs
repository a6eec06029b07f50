//! Rate cards: what routes cost.

use domain::RateCardId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{is_default, schema};

/// Prices for one segment, in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateCard {
    #[schemars(with = "RateCardId")]
    pub id: String,
    #[schemars(schema_with = "schema::currency")]
    pub currency: String,
    /// A CSV file with the columns country or mcc and mnc, price, and optionally effective_from.
    #[serde(skip_serializing_if = "is_default")]
    pub file: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub prices: Vec<PriceEntry>,
}

/// One price: of a country, of all networks of an MCC, or of one operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceEntry {
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::country")]
    pub country: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::mcc")]
    pub mcc: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::mnc")]
    pub mnc: Option<String>,
    #[schemars(schema_with = "schema::amount")]
    pub price: String,
    /// The day (from midnight UTC) or the instant from which the price holds; absent: always.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::effective_from")]
    pub effective_from: Option<String>,
}
