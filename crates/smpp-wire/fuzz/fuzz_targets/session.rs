//! Fuzzes `session`; see `entries/session.rs` for what must hold.

#![no_main]

#[path = "../entries/session.rs"]
mod session;

libfuzzer_sys::fuzz_target!(|data: &[u8]| session::run(data));
