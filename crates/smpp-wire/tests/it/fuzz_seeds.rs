//! The entry points of the fuzz targets over their seeds, and over each seed cut short or with an octet changed.

use std::{fs, path::Path};

#[path = "../../fuzz/entries/gsm7.rs"]
mod gsm7;
#[path = "../../fuzz/entries/pdu_stream.rs"]
mod pdu_stream;
#[path = "../../fuzz/entries/receipt.rs"]
mod receipt;
#[path = "../../fuzz/entries/session.rs"]
mod session;
#[path = "../../fuzz/entries/time.rs"]
mod time;
#[path = "../../fuzz/entries/udh.rs"]
mod udh;

fn over_seeds(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut seeds = 0;
    for file in fs::read_dir(folder).unwrap() {
        let seed = fs::read(file.unwrap().path()).unwrap();
        for end in 0..=seed.len() {
            run(&seed[..end]);
        }
        for at in 0..seed.len() {
            for changed in [seed[at] ^ 1, seed[at] ^ 0x80, !seed[at], 0, b' ', 0xFF] {
                let mut seed = seed.clone();
                seed[at] = changed;
                run(&seed);
            }
        }
        seeds += 1;
    }
    assert!(seeds > 2, "{seeds} seeds for {target}");
}

#[test]
fn gsm7_holds_over_its_seeds() {
    over_seeds("gsm7", gsm7::run);
}

#[test]
fn pdu_stream_holds_over_its_seeds() {
    over_seeds("pdu_stream", pdu_stream::run);
}

#[test]
fn receipt_holds_over_its_seeds() {
    over_seeds("receipt", receipt::run);
}

#[test]
fn session_holds_over_its_seeds() {
    over_seeds("session", session::run);
}

#[test]
fn time_holds_over_its_seeds() {
    over_seeds("time", time::run);
}

#[test]
fn udh_holds_over_its_seeds() {
    over_seeds("udh", udh::run);
}
