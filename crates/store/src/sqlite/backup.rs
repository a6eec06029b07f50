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
use super::schema;
use super::{OpenError, Options};

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
/// of what it holds are durable as well when this returns.
///
/// # Errors
/// When there is no store, when it was written by a newer version, or when something cannot be read or written. What
/// was copied until then is left behind.
pub fn copy(
    from: &Path,
    to: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Copied>, OpenError> {
    let source = Folder::new(from.to_owned(), Options::default());
    let target = Folder::new(to.to_owned(), Options::default());
    if !source.hot().exists() {
        return Err(OpenError::NoStore { folder: from.to_owned() });
    }
    make_folders(&target)?;
    let mut copied = vec![copy_file(&source, (&source.hot(), &target.hot()), progress)?];
    let days = source.list_days().map_err(|source| OpenError::Files { path: from.to_owned(), source })?;
    // The newest first: that one is ahead of the hot file by what was sealed meanwhile.
    for day in days.into_iter().rev() {
        let files = (source.day(day), target.day(day));
        match copy_file(&source, (&files.0, &files.1), progress) {
            Ok(file) => copied.push(file),
            // Dropped by age since the days were listed.
            Err(_) if !files.0.exists() => drop(fs::remove_file(&files.1)),
            Err(error) => return Err(error),
        }
    }
    target.sync()?;
    sync_parent(to)?;
    for file in &mut copied {
        if let Ok(inside) = file.file.strip_prefix(to) {
            file.file = inside.to_owned();
        }
    }
    Ok(copied)
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

/// One file as it is at one moment.
fn copy_file(
    folder: &Folder,
    (from, to): (&Path, &Path),
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Copied, OpenError> {
    let failed = |source| OpenError::Database { file: from.to_owned(), source };
    let source = folder.connect(from, Access::Read).map_err(failed)?;
    // The first read settles which moment it is; the log of the file cannot begin anew until the transaction ends.
    let moment = source.unchecked_transaction().map_err(failed)?;
    schema::refuse_newer(&moment, from)?;
    let count = moment.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0));
    let messages = u64::try_from(count.map_err(failed)?).unwrap_or(0);
    copy_pages(&moment, to, progress)
        .map_err(|source| OpenError::Database { file: to.to_owned(), source })?;
    let synced = File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|source| OpenError::Files { path: to.to_owned(), source })?;
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
