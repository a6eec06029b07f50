//! The store's behaviour: one suite that every backend passes, and what is particular to each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod backup;
mod closed_messages;
mod model;
mod retention;
mod sample;
mod sqlite;
mod suite;
