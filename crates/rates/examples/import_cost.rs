//! How long lists of 100,000 and of a million lines take from their bytes to the text of a card's price file, as CSV and as
//! XLSX, and how much memory the program had at most: 100,000 lines should be within a second.
//!
//! `cargo run --release -p rates --example import_cost`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "printing how long something took is what it is for"
)]

use std::time::Instant;

use rates::{Mapping, Mode, Terms};
use routing::settings::Per;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for lines in [100_000, 1_000_000] {
        report("CSV", lines, &csv(lines))?;
    }
    report("XLSX", 100_000, &workbook(100_000)?)?;
    // A sheet holds 1,048,576 rows.
    report("XLSX", 1_000_000, &workbook(1_000_000)?)
}

fn report(kind: &str, lines: u32, bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let terms = Terms { currency: "EUR".parse()?, per: Per::Segment, effective_from: None };
    let before = peak_mib();
    let began = Instant::now();
    let list = rates::read(bytes, &Mapping::default(), &terms)?;
    let read = began.elapsed();
    let laid = rates::lay(&[], &list.lines, Mode::Full, None);
    let text = rates::lay::text(&laid.lines);
    let whole = began.elapsed();
    println!(
        "{kind}, {lines} lines, {} MiB: read in {read:.2?}, a price file of {} MiB after {whole:.2?}; peak {} MiB before, {} after",
        bytes.len() >> 20,
        text.len() >> 20,
        before,
        peak_mib(),
    );
    Ok(())
}

fn fields(line: u32) -> (u32, String, f64, String) {
    (
        202 + line / 10_000,
        format!("{:03}", line % 1000),
        f64::from(line % 9000 + 1) / 10_000.0,
        format!("{:02}.07.2026", line / 1000 % 10 + 1),
    )
}

fn csv(lines: u32) -> Vec<u8> {
    let mut text = "Country;MCC;MNC;Network;Price;Effective date\n".to_owned();
    for line in 0..lines {
        let (mcc, mnc, price, day) = fields(line);
        let price = price.to_string().replace('.', ",");
        text.push_str(&format!("Somewhere;{mcc};{mnc};Network of {mnc};{price};{day}\n"));
    }
    text.into_bytes()
}

fn workbook(lines: u32) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory()?;
    for (column, heading) in (0..).zip(["Country", "MCC", "MNC", "Network", "Price", "Effective date"]) {
        sheet.write_string(0, column, heading)?;
    }
    for line in 0..lines {
        let (mcc, mnc, price, day) = fields(line);
        sheet.write_string(line + 1, 0, "Somewhere")?;
        sheet.write_number(line + 1, 1, mcc)?;
        sheet.write_string(line + 1, 2, &mnc)?;
        sheet.write_string(line + 1, 3, format!("Network of {mnc}"))?;
        sheet.write_number(line + 1, 4, price)?;
        sheet.write_string(line + 1, 5, day)?;
    }
    book.save_to_buffer()
}

/// The most memory that the process had so far; 0 where the system does not tell.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0) >> 10
}
