//! Caps: how much a contract lets a connection or a route carry in some time.

use domain::address::SenderKind;
use domain::{CapId, Class, ConnectionId, RouteId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_default;

/// So many segments in a second, minute, hour or day over one connection or one route, all together or only some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// What is counted is kept under this name, also over restarts and changes of the other keys.
    #[schemars(with = "CapId")]
    pub id: String,
    /// All routes over it together. Either this or `route`.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(with = "Option<ConnectionId>")]
    pub connection: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(with = "Option<RouteId>")]
    pub route: Option<String>,
    /// Counts only what goes out under a sender of these kinds; absent: everything.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sender_kind: Option<Vec<SenderKind>>,
    /// Counts only messages of these classes; absent: all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub class: Option<Vec<Class>>,
    /// Segments.
    pub limit: u32,
    pub per: Period,
    /// Who keeps it, such as `terraform`: the others do not change it in passing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub managed_by: Option<String>,
}

/// Minutes, hours and days begin when they do in UTC. Seconds do not begin: what is sent is spread over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Second,
    Minute,
    Hour,
    #[default]
    Day,
}

impl Period {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    #[must_use]
    pub fn millis(self) -> i64 {
        match self {
            Self::Second => 1000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}
