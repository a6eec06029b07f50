//! The disk as a program sees it that is mounted on it: here SQLite, which maps files and counts on syncs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod power_cut;
