//! Fuzzes `udh`; see `entries/udh.rs` for what must hold.

#![no_main]

#[path = "../entries/udh.rs"]
mod udh;

libfuzzer_sys::fuzz_target!(|data: &[u8]| udh::run(data));
