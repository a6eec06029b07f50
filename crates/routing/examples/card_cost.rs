//! How long a rate card of 100,000 lines takes from its text to a table that chooses: it should be within a second.
//!
//! `cargo run --release -p routing --example card_cost`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "printing how long something took is what it is for"
)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Instant;

use routing::table::Known;
use routing::{Settings, Table};

const LINES: u32 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = "country,mcc,mnc,price,effective_from\n".to_owned();
    for line in 0..LINES {
        // Every operator there could be in a hundred codes, each with one date.
        let (mcc, mnc) = (200 + line / 1000, line % 1000);
        writeln!(text, ",{mcc},{mnc:03},0.{:04},2026-{:02}-01", 100 + line % 900, 1 + line % 12)?;
    }
    let settings: Settings = serde_json::from_value(serde_json::json!({
        "rate_cards": [{ "id": "acme", "currency": "EUR", "file": "acme.csv" }],
    }))?;
    let began = Instant::now();
    let lines = routing::price::parse_csv(&text).map_err(|problems| format!("{:?}", problems.first()))?;
    let parsed = began.elapsed();
    let price_files = HashMap::from([("acme".to_owned(), lines)]);
    let known =
        Known { connections: &[], apps: &[], failure_domains: &HashMap::new(), price_files: &price_files };
    let table = Table::compile(&settings, &known, 1).map_err(|problems| format!("{:?}", problems.first()))?;
    let whole = began.elapsed();
    let lines: usize = table.cards().map(|card| card.prices.lines().len()).sum();
    println!("{lines} lines: read in {parsed:.1?}, read and compiled in {whole:.1?}");
    Ok(())
}
