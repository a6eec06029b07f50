//! A pin, compiled.

use domain::RuleId;

use crate::problem::{Path, Problem};
use crate::table::conditions::Conditions;
use crate::table::{Request, Table};

#[derive(Clone, Debug)]
pub(crate) struct Pin {
    pub(crate) id: RuleId,
    pub(super) conditions: Conditions,
    /// Its place among the table's routes.
    pub(crate) route: usize,
    /// The routes of the rule do not follow.
    pub(crate) only: bool,
}

impl AsRef<Conditions> for Pin {
    fn as_ref(&self) -> &Conditions {
        &self.conditions
    }
}

impl Table {
    /// The first pin, in the order of the policy, that the message fits.
    pub(crate) fn pin(&self, request: &Request<'_>) -> Option<&Pin> {
        if self.pins.is_empty() {
            return None;
        }
        self.pin_index.first(&self.pins, request)
    }

    pub(super) fn warnings_of_pins(&self) -> impl Iterator<Item = Problem> {
        self.pins.iter().enumerate().filter_map(|(at, pin)| {
            let covering =
                self.pin_index.covering(&self.pins, at).and_then(|earlier| self.pins.get(earlier))?;
            let path = Path::default().key("policy").key("pins").index(at);
            let message = format!(
                "nothing reaches the pin `{}`: `{}` above it takes all its messages ({})",
                pin.id, covering.id, covering.conditions
            );
            Some(Problem { path, message })
        })
    }
}
