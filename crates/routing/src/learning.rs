//! The adaptive engine in the terms of the gateway: connections, operators, applications and wall clocks in the place of
//! numbers.
//!
//! One `Learner` owns the engine and hears what becomes of messages. What it believes is published as `Beliefs`, which
//! `choose` reads: immutable, so that it is shared without a lock.

mod agreed;
mod beliefs;
mod economy;
mod learner;
mod names;
mod saved;
mod stats;
#[cfg(test)]
mod tests;
mod times;

pub use crate::adaptive::{Answer, Stage, Vendors};
pub use beliefs::{Arrives, Beliefs, Learned, Recorded};
pub use learner::{Learner, News, Turned, What};
pub use names::Destination;
pub use saved::NotRestored;
pub use stats::ArmStats;
