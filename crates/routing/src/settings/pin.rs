//! Pins: messages that one route is to carry whatever their rule would choose.

use domain::{AppId, RouteId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{is_default, schema};

/// The route goes before those of the message's rule, whose terms hold. Of several pins that fit, the first decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    #[schemars(with = "domain::RuleId")]
    pub id: String,
    /// As in a rule. At least one of the three keys is there, and a message must satisfy every key that is.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::prefixes")]
    pub recipient_prefix: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::operators")]
    pub operator: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(with = "Option<Vec<AppId>>")]
    pub app: Option<Vec<String>>,
    #[schemars(with = "RouteId")]
    pub route: String,
    /// No other route carries them: they fail or wait with this one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub only: bool,
    /// Who keeps it, such as `terraform`: the others do not change it in passing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub managed_by: Option<String>,
}
