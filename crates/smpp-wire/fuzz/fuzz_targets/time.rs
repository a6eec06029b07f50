//! Fuzzes `time`; see `entries/time.rs` for what must hold.

#![no_main]

#[path = "../entries/time.rs"]
mod time;

libfuzzer_sys::fuzz_target!(|data: &[u8]| time::run(data));
