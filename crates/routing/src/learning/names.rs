//! The engine's numbers for connections, destinations and classes. A number is never given out twice.

use domain::{AppId, Class, ConnectionId, Country, Timestamp, verdict};
use rustc_hash::FxHashMap;

use crate::adaptive::{ClassIndex, OperatorIndex, VendorIndex};
use crate::operator::Operator;

/// As many connections as the engine tells apart.
pub(super) const CONNECTIONS: usize = 128;

/// Where a message goes, as far as the engine tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    pub country: Option<Country>,
    pub operator: Option<Operator>,
}

impl Destination {
    /// As a message names it.
    #[must_use]
    pub fn new(country: Option<Country>, operator: Option<&str>) -> Self {
        Self { country, operator: operator.and_then(|code| code.parse().ok()) }
    }

    #[must_use]
    pub fn in_words(self) -> verdict::Destination {
        verdict::Destination {
            country: self.country,
            operator: self.operator.map(|operator| operator.code().into()),
        }
    }
}

/// Of one application, by class: when it last said whether a user of its acted.
pub(super) type Reporting = [Option<Timestamp>; Class::ALL.len()];

/// What readers look up. Copied when anything is added.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) connections: FxHashMap<ConnectionId, VendorIndex>,
    pub(super) destinations: FxHashMap<Destination, OperatorIndex>,
    pub(super) reporting: FxHashMap<AppId, Reporting>,
}

impl Names {
    pub(super) fn reports(&self, app: &AppId, class: Class) -> bool {
        self.reporting.get(app).is_some_and(|classes| classes.get(number(class)).is_some_and(Option::is_some))
    }
}

pub(super) fn number(class: Class) -> ClassIndex {
    match class {
        Class::Otp => 0,
        Class::Transactional => 1,
        Class::Marketing => 2,
    }
}
