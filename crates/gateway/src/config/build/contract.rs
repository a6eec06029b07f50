//! What was agreed with vendors: checked, and what comes near is told.

use super::super::contract::{Contract, Key};
use super::{Builder, Steps, below, item};

impl Builder<'_> {
    pub(super) fn contract(&mut self, contract: &Contract, at: &Steps) {
        for (keys, message) in contract.problems() {
            let place = keys.into_iter().fold(at.clone(), |place, key| match key {
                Key::Name(name) => below(&place, name),
                Key::Place(index) => item(&place, index),
            });
            self.problem(&place, message);
        }
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        for (key, message) in contract.warnings(today) {
            self.warn(&below(at, key), message);
        }
    }
}
