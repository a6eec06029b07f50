//! Fuzzes `receipt`; see `entries/receipt.rs` for what must hold.

#![no_main]

#[path = "../entries/receipt.rs"]
mod receipt;

libfuzzer_sys::fuzz_target!(|data: &[u8]| receipt::run(data));
