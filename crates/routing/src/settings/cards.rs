//! Rate cards and exchange rates as the configuration writes them.

use domain::RateCardId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{is_default, schema};

/// Prices of one vendor, in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateCard {
    #[schemars(with = "RateCardId")]
    pub id: String,
    #[schemars(schema_with = "schema::currency")]
    pub currency: String,
    /// What the prices are for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub per: Per,
    /// A CSV file with the columns country or mcc and mnc, price, and optionally effective_from.
    #[serde(skip_serializing_if = "is_default")]
    pub file: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub prices: Vec<PriceEntry>,
    /// What comes on top of each price. Those of different names are added; of those of one name the narrowest holds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub surcharges: Vec<Surcharge>,
    /// Who keeps it, such as `terraform`: the others do not change it in passing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub managed_by: Option<String>,
}

/// What a price is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    #[default]
    Segment,
    /// Whatever its length.
    Message,
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
    /// Or `closed`: the vendor carries nothing there.
    #[schemars(schema_with = "schema::charge")]
    pub price: String,
    /// The day (from midnight UTC) or the instant from which the price holds; absent: always.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::effective_from")]
    pub effective_from: Option<String>,
}

/// What comes on top of a price, such as a fee of the operator's: anywhere, in a country, or on one operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Surcharge {
    /// What it is, such as carrier_fee.
    pub name: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub per: Per,
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::country")]
    pub country: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::mcc")]
    pub mcc: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::mnc")]
    pub mnc: Option<String>,
    /// In the currency of the card.
    #[schemars(schema_with = "schema::amount")]
    pub price: String,
    /// The day (from midnight UTC) or the instant from which it holds; absent: always.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::effective_from")]
    pub effective_from: Option<String>,
}

/// What one unit of a currency is worth in another, so that prices can be compared. The reverse needs no rate of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExchangeRate {
    #[schemars(schema_with = "schema::currency")]
    pub from: String,
    #[schemars(schema_with = "schema::currency")]
    pub to: String,
    #[schemars(schema_with = "schema::amount")]
    pub rate: String,
    /// The day (from midnight UTC) or the instant from which it holds; absent: always.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::effective_from")]
    pub effective_from: Option<String>,
    /// Who keeps it, such as `terraform`: the others do not change it in passing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub managed_by: Option<String>,
}
