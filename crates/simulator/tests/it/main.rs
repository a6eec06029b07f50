//! The behaviour of the simulator as those who connect to it see it, one file per behaviour.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod behaviours;
mod binds;
mod client;
mod demo;
mod demo_numbers;
mod messages;
mod peer;
mod personalities;
mod receipts;
mod shutdown;
mod throughput;
