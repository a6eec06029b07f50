//! A consistent copy of a store, taken by any process while another one writes to it.
//!
//! The hot file is copied first, as it was at one moment; the sealed files come after. A record is in its day's file
//! before it leaves the hot one, and one that changes later is in the hot file again, so whatever was durable at that
//! moment is in the copy. A sealed file may then be ahead of the hot one: `restore` brings what was open up to it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::folder::{Access, Folder, sync_directory};
use super::{OpenError, Options, fault, schema};

/// What a copy came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    pub files: Vec<Copied>,
    /// Sealed files that could not be read. All else is in the copy nevertheless.
    pub left_out: Vec<LeftOut>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Within the folder of the store.
    pub file: PathBuf,
    pub why: String,
}

/// A file of the copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Within the folder of the copy.
    pub file: PathBuf,
    pub messages: u64,
}

/// How far the copy of one file has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    pub file: &'a Path,
    pub bytes: u64,
    pub of_bytes: u64,
}

/// Pages of 4 KiB between two reports.
const PAGES: i32 = 4096;
/// How long to wait for whoever has the file to himself for a moment.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// Copies the store in `from` to the folder `to`, which must not exist, and syncs what it wrote. The names of `to` and
/// of what it holds are durable as well when this returns. A sealed file that cannot be read does not keep the others
/// from being copied.
///
/// # Errors
/// When there is no store, when it was written by a newer version, or when the hot file cannot be read or something
/// cannot be written. What was copied until then is left behind.
pub fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Copies, OpenError> {
    let source = Folder::new(from.to_owned(), Options::default());
    let target = Folder::new(to.to_owned(), Options::default());
    if !source.hot().exists() {
        return Err(OpenError::NoStore { folder: from.to_owned() });
    }
    make_folders(&target)?;
    let mut copies = Copies::default();
    let hot = copy_file(&source, (&source.hot(), &target.hot()), progress).map_err(Failed::into_error)?;
    copies.files.push(hot);
    let days = source.list_days().map_err(|source| OpenError::Files { path: from.to_owned(), source })?;
    // The newest first: that one is ahead of the hot file by what was sealed meanwhile.
    for day in days.into_iter().rev() {
        let files = (source.day(day), target.day(day));
        let copied = copy_day(&source, (&files.0, &files.1), progress);
        let error = match copied {
            Ok(file) => {
                copies.files.extend(file);
                continue;
            }
            Err(Failed::Source(error)) => error,
            Err(Failed::Target(error)) => return Err(error),
        };
        match fs::remove_file(&files.1) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed.map_err(|source| OpenError::Files { path: files.1.clone(), source })?,
        }
        // Unless it was dropped by age since the days were listed.
        if !matches!(files.0.try_exists(), Ok(false)) {
            copies.left_out.push(LeftOut { file: within(from, &files.0), why: error.to_string() });
        }
    }
    target.sync()?;
    sync_parent(to)?;
    for file in &mut copies.files {
        file.file = within(to, &file.file);
    }
    Ok(copies)
}

fn within(folder: &Path, file: &Path) -> PathBuf {
    file.strip_prefix(folder).map_or_else(|_| file.to_owned(), Path::to_owned)
}

fn make_folders(target: &Folder) -> Result<(), OpenError> {
    let failed = |path: &Path, source: io::Error| {
        if source.kind() == io::ErrorKind::AlreadyExists {
            return OpenError::NotEmpty { folder: path.to_owned() };
        }
        OpenError::Files { path: path.to_owned(), source }
    };
    for path in [target.path().to_owned(), target.days()] {
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(|source| failed(&path, source))?;
    }
    Ok(())
}

/// Makes the folder's own name durable.
pub(super) fn sync_parent(folder: &Path) -> Result<(), OpenError> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync_directory(parent.unwrap_or_else(|| Path::new(".")))
}

/// Which side of a copy was at fault.
enum Failed {
    Source(OpenError),
    Target(OpenError),
}

impl Failed {
    fn into_error(self) -> OpenError {
        match self {
            Self::Source(error) | Self::Target(error) => error,
        }
    }
}

/// None when the writer is still making the file, or a process died over that.
fn copy_day(
    folder: &Folder,
    (from, to): (&Path, &Path),
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<Copied>, Failed> {
    let is_blank = folder.connect(from, Access::Read).and_then(|file| schema::is_blank(&file));
    if is_blank.map_err(|source| Failed::Source(OpenError::of(from, source)))? {
        return Ok(None);
    }
    copy_file(folder, (from, to), progress).map(Some)
}

/// One file as it is at one moment.
fn copy_file(
    folder: &Folder,
    (from, to): (&Path, &Path),
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Copied, Failed> {
    let failed = |source| Failed::Source(OpenError::of(from, source));
    let source = folder.connect(from, Access::Read).map_err(failed)?;
    // The first read settles which moment it is; the log of the file cannot begin anew until the transaction ends.
    let moment = source.unchecked_transaction().map_err(failed)?;
    schema::refuse_newer(&moment, from).map_err(Failed::Source)?;
    let count = moment.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0));
    let messages = u64::try_from(count.map_err(failed)?).unwrap_or(0);
    copy_pages(&moment, to, progress).map_err(|error| {
        if fault::is_of_reading(&error) {
            return failed(error);
        }
        Failed::Target(OpenError::Database { file: to.to_owned(), source: error })
    })?;
    let synced = File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|source| Failed::Target(OpenError::Files { path: to.to_owned(), source }))?;
    Ok(Copied { file: to.to_owned(), messages })
}

fn copy_pages(
    source: &Connection,
    to: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> rusqlite::Result<()> {
    let mut target = Connection::open(to)?;
    // The whole file is synced at its end, and one that was not finished is no copy.
    target.pragma_update(None, "synchronous", "off")?;
    target.pragma_update_and_check(None, "journal_mode", "off", |_| Ok(()))?;
    let page_size: u64 =
        source.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))?.unsigned_abs();
    {
        let copy = Backup::new(source, &mut target)?;
        loop {
            let step = copy.step(PAGES)?;
            let pages = copy.progress();
            let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * page_size;
            let of_bytes = bytes(pages.pagecount);
            progress(Progress { file: to, bytes: of_bytes.saturating_sub(bytes(pages.remaining)), of_bytes });
            if step == StepResult::Done {
                break;
            }
            if step != StepResult::More {
                std::thread::sleep(RETRY_AFTER);
            }
        }
    }
    // A file without a log beside it can be read where nothing may be written.
    target.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))
}
