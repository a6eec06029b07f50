//! The time of the world outside, as an argument.

use domain::Timestamp;

/// Tells the time. Must never go back within one process: deadlines are taken from it.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}
