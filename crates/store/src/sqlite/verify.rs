//! Whether everything in a store, or in a backup, reads back as it was written.

use std::path::{Path, PathBuf};

use domain::Record;
use rusqlite::Connection;

use super::audit;
use super::codec;
use super::folder::{Access, Folder};
use super::names::{self, Kind};
use super::records;
use super::schema;
use super::vendor_ids::{self, VendorId};
use super::{OpenError, Options};

/// What was looked at and what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    pub files: u64,
    pub messages: u64,
    pub problems: Vec<Wrong>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub file: PathBuf,
    pub what: String,
}

/// Of one file; what is wrong with more is hardly read.
const PROBLEMS: usize = 100;

/// Reads every page, index and record. May run beside whoever uses the store.
///
/// # Errors
/// When there is no store, or it was written by a newer version.
pub fn verify(path: &Path, progress: &mut dyn FnMut(&Path)) -> Result<Verified, OpenError> {
    let folder = Folder::new(path.to_owned(), Options::default());
    if !folder.hot().exists() {
        return Err(OpenError::NoStore { folder: path.to_owned() });
    }
    let days = folder.list_days().map_err(|source| OpenError::Files { path: path.to_owned(), source })?;
    let mut verified = Verified::default();
    let mut files = vec![folder.hot()];
    files.extend(days.into_iter().map(|day| folder.day(day)));
    for file in files {
        progress(&file);
        let mut wrong = Vec::new();
        match examine(&folder, &file, &mut wrong) {
            Ok(messages) => verified.messages += messages,
            Err(_) if !file.exists() => continue,
            Err(error) => wrong.push(error.to_string()),
        }
        verified.files += 1;
        verified.problems.extend(wrong.into_iter().map(|what| Wrong { file: file.clone(), what }));
    }
    Ok(verified)
}

fn examine(folder: &Folder, path: &Path, wrong: &mut Vec<String>) -> rusqlite::Result<u64> {
    let connection = folder.connect(path, Access::Read)?;
    // One moment, whatever is written meanwhile.
    let file = connection.unchecked_transaction()?;
    if let Err(error) = schema::refuse_newer(&file, path) {
        wrong.push(error.to_string());
        return Ok(0);
    }
    let mut check = file.prepare(&format!("PRAGMA integrity_check({PROBLEMS})"))?;
    let answers = check.query_map([], |row| row.get::<_, String>(0))?;
    for answer in answers {
        let answer = answer?;
        if answer != "ok" {
            wrong.push(answer);
        }
    }
    // A day that the writer is still making, or that was left so by a process that died.
    if path != folder.hot() && schema::is_blank(&file)? {
        return Ok(0);
    }
    if path == folder.hot() && file.table_exists(None, "audit")? {
        let broken = audit::first_broken(&file)?;
        wrong.extend(broken.map(|number| format!("the audit log: entry {number} was changed or is missing")));
    }
    examine_records(&file, wrong)
}

fn examine_records(file: &Connection, wrong: &mut Vec<String>) -> rusqlite::Result<u64> {
    let mut select = file.prepare(
        "SELECT m.key, n.name, m.recipient, m.reference, m.class, m.status, m.stage, m.wake_at, m.record
         FROM messages m LEFT JOIN names n ON n.id = m.app",
    )?;
    let mut rows = select.query([])?;
    let mut messages = 0;
    while let Some(row) = rows.next()? {
        messages += 1;
        let key: i64 = row.get(0)?;
        let mut tell = |what: String| {
            if wrong.len() < PROBLEMS {
                wrong.push(format!("the record {key}: {what}"));
            }
        };
        let record = match codec::decode::<Record>(row.get_ref(8)?.as_blob()?) {
            Ok(record) => record,
            Err(damage) => {
                tell(damage.to_string());
                continue;
            }
        };
        let message = &record.message;
        let differing = [
            ("key", message.id.key() != key),
            ("app", row.get::<_, Option<String>>(1)?.as_deref() != Some(message.app.as_str())),
            ("recipient", row.get::<_, i64>(2)? != message.to.key()),
            ("reference", row.get::<_, Option<String>>(3)?.as_deref() != message.reference.as_deref()),
            ("class", row.get::<_, u8>(4)? != message.class.code()),
            ("status", row.get::<_, u8>(5)? != record.status.code()),
            ("stage", !records::is_in_stage(&record, file, row.get(6)?)?),
            ("wake_at", !records::is_woken_by(&record, row.get(7)?)),
        ];
        for (column, differs) in differing {
            if differs {
                tell(format!("its column {column} says something else than the record"));
            }
        }
        for id in ids_that_lead_nowhere(file, &record)? {
            tell(format!("the vendor id {id} does not lead to it"));
        }
    }
    Ok(messages)
}

/// An id may lead to a newer message that got it after this one.
fn ids_that_lead_nowhere(file: &Connection, record: &Record) -> rusqlite::Result<Vec<String>> {
    let mut lost = Vec::new();
    for (place, connection, id) in vendor_ids::of(record) {
        let found = match names::find(file, Kind::Connection, connection)? {
            Some(connection) => vendor_ids::find(file, VendorId { connection, id })?,
            None => None,
        };
        if found.is_none_or(|found| found.key < place.key) {
            lost.push(id.to_owned());
        }
    }
    Ok(lost)
}
