//! Attempts whose price was a wrong one: what they cost after all stands beside what they were rated at.

use super::{Record, Refusal};
use crate::attempt::Rerated;

impl Record {
    /// All of them or none. Nothing else of the record depends on what it cost.
    pub(super) fn rerate(&mut self, attempts: Vec<(u16, Rerated)>) -> Result<(), Refusal> {
        if attempts.iter().any(|(number, _)| self.attempt(*number).is_none()) {
            return Err(Refusal::NoSuchAttempt);
        }
        for (number, rerated) in attempts {
            super::step::find(&mut self.attempts, number)?.rerated = Some(Box::new(rerated));
        }
        Ok(())
    }
}
