//! What a message costs the store: CPU and bytes on disk over its whole life, from acceptance to its sealed file.
//!
//! Run with `cargo run --release -p store --example commit_cost [messages] [folder]`, on Linux.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has to stop")]

use std::fs;
use std::path::PathBuf;

use store::sqlite::{self, Options};

#[path = "traffic/run.rs"]
mod run;

use run::{BATCH, Run, bytes_in, process_nanos, thread_nanos};

const TIDY_EVERY: usize = 16;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let messages: usize = arguments.next().map_or(200_000, |count| count.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let (mut writer, _reader) = sqlite::open(&folder, &Options::default()).unwrap();
    let mut run = Run::default();
    let written_before = bytes_written();
    for batch in 0..messages.div_ceil(BATCH) {
        run.commit(&mut writer);
        if batch % TIDY_EVERY == 0 {
            run.tidy(&mut writer);
        }
    }
    run.drain(&mut writer);
    let other_threads = process_nanos().saturating_sub(thread_nanos());
    drop(writer);
    let sent = run.sent as u64;
    let per_message = |nanos: u64| nanos as f64 / 1000.0 / sent as f64;
    println!("{sent} messages in batches of {BATCH}");
    println!("commit      {:6.2} us CPU per message", per_message(run.commit_nanos));
    println!("tidy        {:6.2} us CPU per message", per_message(run.tidy_nanos));
    println!("checkpoints {:6.2} us CPU per message", per_message(other_threads));
    println!("on disk     {:6} bytes per message", bytes_in(&folder) / sent);
    println!("written     {:6} bytes per message", (bytes_written() - written_before) / sent);
}

fn bytes_written() -> u64 {
    let counters = fs::read_to_string("/proc/self/io").unwrap();
    let line = counters.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    line.parse().unwrap()
}
