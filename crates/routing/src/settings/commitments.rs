//! What it may cost that promises to vendors are kept.

use domain::Class;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{is_default, schema};

/// Whether routes of a vendor that is behind the pace of a commitment count as cheaper than they are, under
/// `least_cost`, `quality_floor` and `adaptive`. The commitments are those of the vendors' contracts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Commitments {
    /// The most by which they do, as a part of their price from 0 to 1, such as 0.10. Absent: commitments steer nothing.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::optional_share")]
    pub worth_at_most: Option<String>,
    /// Only for messages of these classes; absent: all.
    #[serde(skip_serializing_if = "is_default")]
    pub class: Option<Vec<Class>>,
}
