//! The pipeline over the real SQLite store, with connections that answer by a script.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod bench;

mod caps;
mod commitments;
mod delivery;
mod failover;
mod faults;
mod notices;
mod overrides;
mod replay;
mod requests;
mod restart;
