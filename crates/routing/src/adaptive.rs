//! The adaptive engine: which vendor is best for each operator just now, learned from what became of messages.
//!
//! Pure: time, randomness and all that happens are arguments. Feedback goes into arms (vendor and operator); once a
//! second `Engine::tick` counts it, looks for changes, and publishes a table of probabilities that choices are drawn
//! from. docs/adaptive.md tells what it does in plain words.

mod arm;
mod belief;
mod chance;
mod count;
mod delay;
mod detector;
mod door;
mod engine;
mod evidence;
mod feed;
mod judge;
mod plan;
mod planned;
mod publish;
mod pumping;
mod recovery;
mod settings;
mod snapshot;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod told;
mod trouble;
mod verdict;

pub use door::Answer;
pub use engine::{Engine, NotRestored};
pub use feed::FeedKind;
pub use settings::{
    Class, ClassIndex, Favour, Millis, OperatorIndex, Settings, Tuning, Vendor, VendorIndex, Vendors,
};
pub use snapshot::{Quality, Snapshot};
pub use table::{Cell, Flags, Pick, Plan, Probabilities, Request, Row};
pub use verdict::{Kind, Proof, Scope, Stage, Verdict};
