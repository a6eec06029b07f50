//! The ways out: what the pipeline sees of a connection to a vendor, and the SMPP client behind it.
//!
//! A connector translates and reports. It keeps nothing that must survive and never touches the store.

pub mod connector;
pub mod smpp;

pub use connector::{Answered, Connector, Events, Health, NoSlot, ReceiptReport, Slot, Submission};
