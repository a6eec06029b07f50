//! Chooses the routes of a message: a pure function of the message's facts, the table and the connections' health.
//!
//! No I/O, no clock, no randomness: `choose` with the same arguments gives the same plan, which is what makes a
//! decision explainable afterwards and replayable before.

pub mod adaptive;
pub mod choose;
pub mod commitment;
pub mod country;
pub mod desired;
pub mod difference;
pub mod english;
pub mod explain;
pub mod learning;
pub mod operator;
pub mod permanent;
pub mod policy_tests;
pub mod price;
pub mod problem;
pub mod rollout;
#[cfg(test)]
mod sample;
pub mod settings;
pub mod table;

pub use choose::{Choice, Facts, HealthView, NoRule, Text, chance, choose};
pub use difference::difference;
pub use english::{english, english_of_cap, english_of_commitments, english_of_content, english_of_pin};
pub use explain::{Explanation, explain};
pub use permanent::permanent;
pub use problem::{Path, Problem};
pub use rollout::{InForce, Rollout, Share};
pub use settings::Settings;
pub use table::{Known, Table};
