//! Fuzzes `pdu_stream`; see `entries/pdu_stream.rs` for what must hold.

#![no_main]

#[path = "../entries/pdu_stream.rs"]
mod pdu_stream;

libfuzzer_sys::fuzz_target!(|data: &[u8]| pdu_stream::run(data));
