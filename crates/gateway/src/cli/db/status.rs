//! `strowger db status`: how the store stands.

use std::path::Path;

use serde_json::{Value, json};
use store::sqlite::{self, Status};

use super::{failed, megabytes};
use crate::cli::Failure;
use crate::cli::output::{Output, table};

pub(super) fn run(store: &Path, output: &Output) -> Result<(), Failure> {
    let status = sqlite::status(store).map_err(failed)?;
    output.result(&document(store, &status), || text(store, &status))
}

fn document(store: &Path, status: &Status) -> Value {
    let days: Vec<Value> = status
        .days
        .iter()
        .map(|day| json!({ "day": day.day, "bytes": day.bytes, "messages": day.messages }))
        .collect();
    json!({
        "store": store,
        "in_use": status.in_use,
        "on_hold": status.on_hold,
        "schema": status.schema,
        "hot_bytes": status.hot_bytes,
        "log_bytes": status.log_bytes,
        "days_bytes": status.days.iter().map(|day| day.bytes).sum::<u64>(),
        "open": status.open,
        "working": status.working,
        "closed": status.closed,
        "oldest_open": status.oldest_open,
        "held_receipts": status.held_receipts,
        "notices": status.notices,
        "damaged": status.damaged,
        "days": days,
    })
}

fn text(store: &Path, status: &Status) -> String {
    let used = if status.in_use { "a process uses it" } else { "nobody uses it" };
    let hold = if status.on_hold { "; on hold: restored, and not yet resumed" } else { "" };
    let oldest = status.oldest_open.map(|at| format!(", the oldest of {at}")).unwrap_or_default();
    let lines = [
        format!("{}: schema {}, {used}{hold}", store.display(), status.schema),
        format!("hot.db {}, its log {}", megabytes(status.hot_bytes), megabytes(status.log_bytes)),
        format!(
            "{} open messages{oldest}; {} of them wait for a slot, a decision or an answer",
            status.open, status.working
        ),
        format!("{} closed messages wait to be sealed", status.closed),
        format!(
            "{} receipts wait for their attempt, {} notices for their application",
            status.held_receipts, status.notices
        ),
        format!("{} damaged records were put aside", status.damaged),
    ];
    let rows: Vec<Vec<String>> = status
        .days
        .iter()
        .map(|day| {
            let messages =
                day.messages.map_or_else(|| "cannot be read".to_owned(), |count| count.to_string());
            vec![day.day.clone(), messages, megabytes(day.bytes)]
        })
        .collect();
    if rows.is_empty() {
        return lines.join("\n");
    }
    format!("{}\n{}", lines.join("\n"), table(&["day", "messages", "size"], &rows))
}
