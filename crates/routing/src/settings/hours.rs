//! Hours of the week: what `match.time` of a rule says.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{is_default, schema};

/// When a rule holds, by the clock on the wall of one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// By its IANA name, such as Europe/Berlin.
    pub zone: String,
    /// Any one of them; no two hold at the same time.
    pub windows: Vec<HoursWindow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoursWindow {
    /// Those that it begins on; absent: every day.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::days")]
    pub days: Option<Vec<String>>,
    /// Such as 22:00.
    #[schemars(schema_with = "schema::time_of_day")]
    pub from: String,
    /// The first minute that is no longer in it. Earlier than `from`: on the next day. 24:00 is the end of the day.
    #[schemars(schema_with = "schema::time_of_day")]
    pub to: String,
}

/// `between 22:00 and 06:00 on mon, tue (Europe/Berlin)`.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows: Vec<String> = self.windows.iter().map(ToString::to_string).collect();
        write!(f, "{} ({})", windows.join(" or "), self.zone)
    }
}

impl fmt::Display for HoursWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "between {} and {}", self.from, self.to)?;
        self.days.as_ref().map_or(Ok(()), |days| write!(f, " on {}", days.join(", ")))
    }
}
