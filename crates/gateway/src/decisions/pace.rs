//! How the commitment to a route's vendor stood when a message was decided, as a line has it.

use domain::commitment::{Pace, Unit};
use domain::money::Decimal;
use domain::{RouteId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaceLine {
    route: RouteId,
    unit: Unit,
    promised: Amount,
    carried: Amount,
    due: Amount,
    until: Timestamp,
    urgency: u16,
}

/// A text, so that no reader rounds it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Amount(Decimal);

impl PaceLine {
    pub(super) fn of((route, pace): &(RouteId, Pace)) -> Self {
        let Pace { unit, promised, carried, due, until, urgency } = *pace;
        let [promised, carried, due] = [promised, carried, due].map(Amount);
        Self { route: route.clone(), unit, promised, carried, due, until, urgency }
    }

    pub(super) fn pace(&self) -> (RouteId, Pace) {
        let Self { route, unit, promised, carried, due, until, urgency } = self.clone();
        let [promised, carried, due] = [promised, carried, due].map(|amount| amount.0);
        (route, Pace { unit, promised, carried, due, until, urgency })
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        domain::money::parse_amount(&text).map(Self).map_err(serde::de::Error::custom)
    }
}
