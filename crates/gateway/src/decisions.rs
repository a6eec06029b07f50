//! Files of decisions: what the log has of messages, one JSON object a line, as `GET /v1/decisions` writes them and a
//! dry-run reads them. What only the recipient, the text and the like are known of is a line as well: a message that is
//! planned.
//!
//! The first line of an export says which time it is of, and its last one how many there were, so that a file that was
//! cut off is known. Both may be missing.

use domain::{Record, Timestamp};
use pipeline::replay::Decision;
use serde::{Deserialize, Serialize};

mod line;
mod pace;
mod read;
mod words;

pub(crate) use read::{Items, Known, Period, Problems, Read, Whole};

use line::Line;

/// How such a file is called in a request.
pub(crate) const KIND: &str = "application/x-ndjson";
/// The form of the lines that this program writes and reads.
const FORM: u32 = 1;

/// The first line of an export.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    decisions: u32,
    /// Messages that were accepted at or after this, and before `until`.
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
}

/// The last line of an export.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    end: bool,
    /// Lines between the first and this one.
    pub(crate) lines: u64,
    /// Records that did not read back.
    pub(crate) damaged: u64,
    /// Days of the log whose files cannot be used.
    pub(crate) days_left_out: Vec<String>,
}

impl Head {
    pub(crate) fn new(since: Timestamp, until: Timestamp) -> Self {
        Self { decisions: FORM, since, until }
    }
}

impl End {
    pub(crate) fn new() -> Self {
        Self { end: true, ..Self::default() }
    }
}

/// Appends a value as a line.
pub(crate) fn put(lines: &mut Vec<u8>, value: &impl Serialize) {
    // Nothing that is written here can fail to be: no maps, no keys that are not texts.
    if serde_json::to_writer(&mut *lines, value).is_ok() {
        lines.push(b'\n');
    }
}

/// Appends what the log has of a message.
pub(crate) fn put_record(lines: &mut Vec<u8>, record: Record) {
    let (id, at) = (record.message.id, record.message.created_at);
    match Decision::of(record) {
        Ok(decision) => put(lines, &Line::of(&decision)),
        Err(why) => put(lines, &Line::aside(id, at, why)),
    }
}

#[cfg(test)]
mod tests;
