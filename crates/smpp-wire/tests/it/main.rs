//! The behaviour of the wire as its users see it, one file per behaviour.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod codec;
mod connection;
mod differential;
mod fuzz_seeds;
mod interop;
mod material;
mod pair;
