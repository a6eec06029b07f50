//! Fuzzes `gsm7`; see `entries/gsm7.rs` for what must hold.

#![no_main]

#[path = "../entries/gsm7.rs"]
mod gsm7;

libfuzzer_sys::fuzz_target!(|data: &[u8]| gsm7::run(data));
