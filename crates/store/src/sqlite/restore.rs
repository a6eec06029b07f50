//! From a backup to a store: the files are copied, what was open is brought up to the sealed files, and the store is
//! put on hold, because nobody knows what was sent since the backup.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use domain::Record;
use domain::event::Kind;
use domain::record::Change;
use rusqlite::Connection;

use super::backup::{Progress, sync_parent};
use super::day::Day;
use super::fault::Fault;
use super::folder::{Access, Folder, sync_directory};
use super::names::Names;
use super::notices::Outbox;
use super::records::{self, Rows, Stored};
use super::schema::{self, Role};
use super::{OpenError, Options, hold, vendor_ids};

/// Makes the store `to` out of the backup `from`, on hold. Not before everything is durable the hot file gets its name;
/// until then the folder is refused by `open`.
///
/// # Errors
/// When `to` is in use or holds anything, or when something cannot be read or written.
pub fn restore(from: &Path, to: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), OpenError> {
    let source = Folder::new(from.to_owned(), Options::default());
    let target = Folder::new(to.to_owned(), Options::default());
    if !source.hot().exists() {
        return Err(OpenError::NoStore { folder: from.to_owned() });
    }
    let files = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Files { path, source }
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(to).map_err(files(to))?;
    let _lock = super::lock(&target)?;
    refuse_filled(to)?;
    let part = target.half_restored();
    File::create(&part).map_err(files(&part))?;
    sync_directory(to)?;
    fs::DirBuilder::new().mode(0o700).create(target.days()).map_err(files(to))?;
    let days = source.list_days().map_err(files(from))?;
    for day in &days {
        copy_file(&source.day(*day), &target.day(*day), progress)?;
    }
    copy_file(&source.hot(), &part, progress)?;
    prepare(&target, &days.into_iter().collect()).map_err(|fault| match fault {
        Fault::Open(error) => error,
        Fault::Database(source) => OpenError::Database { file: part.clone(), source },
    })?;
    File::open(&part).and_then(|file| file.sync_all()).map_err(files(&part))?;
    target.sync()?;
    fs::rename(&part, target.hot()).map_err(files(&part))?;
    target.sync()?;
    sync_parent(to)
}

/// The lock is there because it was just taken.
fn refuse_filled(folder: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Files { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        if entry.map_err(failed)?.file_name() != "lock" {
            return Err(OpenError::NotEmpty { folder: folder.to_owned() });
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), OpenError> {
    let copied = || -> io::Result<u64> {
        let bytes = fs::copy(from, to)?;
        File::open(to)?.sync_all()?;
        Ok(bytes)
    };
    let bytes = copied().map_err(|source| OpenError::Files { path: to.to_owned(), source })?;
    progress(Progress { file: to, bytes, of_bytes: bytes });
    Ok(())
}

fn prepare(target: &Folder, days: &BTreeSet<Day>) -> Result<(), Fault> {
    let file = target.half_restored();
    let mut hot = target.connect(&file, Access::Change)?;
    schema::prepare(&mut hot, Role::Hot, &file)?;
    let transaction = hot.transaction()?;
    hold::set(&transaction)?;
    catch_up(target, &transaction, days)?;
    transaction.commit()?;
    // Its last connection closes here and takes the log into the file.
    hot.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Records that were open when the hot file was copied, and were sealed before their day was: the day knows more, and
/// what it says must be told.
fn catch_up(target: &Folder, hot: &Connection, days: &BTreeSet<Day>) -> Result<(), Fault> {
    let (mut names, mut rows, mut outbox) = (Names::default(), Rows::default(), Outbox::default());
    let mut open: Option<(Day, Connection)> = None;
    for key in records::all_keys(hot, i64::MIN, usize::MAX)? {
        let day = Day::of_key(key);
        if !days.contains(&day) {
            continue;
        }
        if open.as_ref().is_none_or(|(of, _)| *of != day) {
            open = Some((day, target.connect(&target.day(day), Access::Read)?));
        }
        let Some((_, file)) = &open else { continue };
        let (Some(Ok(before)), Some(Ok(sealed))) = (records::read(hot, key)?, records::read(file, key)?)
        else {
            continue;
        };
        let missed = missed(&before.record, &sealed.record);
        if sealed.record.events.len() <= before.record.events.len() {
            continue;
        }
        let mut stored = Stored { record: sealed.record, indexed: before.indexed };
        rows.update(hot, &mut names, &mut stored)?;
        vendor_ids::put_all(hot, &mut names, &stored.record)?;
        let now = missed.last().map_or(stored.record.message.created_at, |change| change.at);
        outbox.leave(hot, &mut names, &stored.record, &missed, now)?;
    }
    Ok(())
}

/// Status changes that the later of two versions of a record knows and the earlier one does not.
fn missed(before: &Record, after: &Record) -> Vec<Change> {
    let changes = after.events.iter().filter_map(|event| match event.kind {
        Kind::Status { status, sequence } => Some(Change { status, sequence, at: event.at }),
        Kind::Queued { .. }
        | Kind::Moved { .. }
        | Kind::Dispatched { .. }
        | Kind::Answered { .. }
        | Kind::Throttled { .. }
        | Kind::NotSent { .. }
        | Kind::AnsweredLate { .. }
        | Kind::Receipt { .. }
        | Kind::NoReceipt { .. }
        | Kind::Withdrawn { .. }
        | Kind::Converted { .. }
        | Kind::Exhausted
        | Kind::HorizonReached
        | Kind::Restored { .. }
        | Kind::Replaced
        | Kind::Retrying { .. }
        | Kind::Barred { .. } => None,
    });
    changes.filter(|change| change.sequence > before.sequence).collect()
}
