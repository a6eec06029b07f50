//! Which files there are and how each of them is opened.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Timestamp;
use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::day::Day;
use super::{OpenError, Options, Synchronous};

pub(super) struct Folder {
    path: PathBuf,
    options: Options,
    /// Sealed files that the writer gave up. Locked for moments only.
    unusable: Mutex<BTreeMap<Day, GivenUp>>,
}

/// How long a sealed file is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    UntilTheNextStart,
    /// It is tried again some time after this.
    At(Timestamp),
}

/// What is left out meanwhile is not found: not long. What does not pass must not take up every batch: not short.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What a connection may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    /// Write, where there is a file.
    Change,
    Read,
}

/// Too many files are open: in the system, and in this process. They have no `ErrorKind`.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// How the name of a dropped file ends.
const DROPPED: &str = ".dropped";

impl Folder {
    pub(super) fn new(path: PathBuf, options: Options) -> Self {
        Self { path, options, unusable: Mutex::default() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub(super) fn hot(&self) -> PathBuf {
        self.path.join("hot.db")
    }

    /// Where the hot file is made by a restore: it gets its name when all else is there.
    pub(super) fn half_restored(&self) -> PathBuf {
        self.path.join("hot.db.part")
    }

    /// A sealed file that is dropped, until it is gone.
    pub(super) fn dropped(&self, day: Day) -> PathBuf {
        self.days().join(format!("{day}{DROPPED}"))
    }

    /// What was dropped and is not gone yet.
    pub(super) fn list_dropped(&self) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.days())?.map(|entry| entry.map(|entry| entry.path()));
        let paths = entries.collect::<io::Result<Vec<_>>>()?;
        let is_dropped =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(DROPPED));
        Ok(paths.into_iter().filter(is_dropped).collect())
    }

    /// What SQLite keeps beside a day's file. A log without its file must be gone before a new file gets that name.
    pub(super) fn remove_logs(&self, day: Day) -> io::Result<()> {
        for suffix in ["-wal", "-shm"] {
            match fs::remove_file(self.days().join(format!("{day}.db{suffix}"))) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        Ok(())
    }

    pub(super) fn days(&self) -> PathBuf {
        self.path.join("days")
    }

    pub(super) fn day(&self, day: Day) -> PathBuf {
        self.days().join(format!("{day}.db"))
    }

    /// For that long nothing more is read from this day or written to it.
    pub(super) fn give_up(&self, day: Day, given_up: GivenUp) {
        self.unusable.lock().insert(day, given_up);
    }

    /// Its file was dropped, or can be used after all.
    pub(super) fn use_again(&self, day: Day) {
        self.unusable.lock().remove(&day);
    }

    pub(super) fn is_given_up(&self, day: Day, now: Timestamp) -> bool {
        match self.unusable.lock().get(&day) {
            None => false,
            Some(GivenUp::UntilTheNextStart) => true,
            // A clock that was set back must not make it longer.
            Some(GivenUp::At(at)) => *at <= now && now.since(*at) < TRIED_AGAIN_AFTER,
        }
    }

    /// Whether no file at all can be made just now, for want of room or of descriptors: SQLite tells that of the file it
    /// wanted to open, and it is no fault of that one.
    pub(super) fn is_short_of_files(&self) -> bool {
        let probe = self.days().join("probe");
        let made = File::create(&probe);
        // It may be there although it could not be made.
        drop(fs::remove_file(&probe));
        made.is_err_and(|error| {
            matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
                || matches!(
                    error.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::OutOfMemory
                )
        })
    }

    pub(super) fn days_given_up(&self) -> usize {
        self.unusable.lock().len()
    }

    pub(super) fn create(&self) -> Result<(), OpenError> {
        let days = self.days();
        fs::create_dir_all(&days).map_err(|source| OpenError::Files { path: days, source })?;
        // The folder itself is an entry of its parent, which may be new as well.
        match self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => sync_directory(parent),
            None => Ok(()),
        }
    }

    /// Makes the names of new files durable, which syncing the files does not.
    pub(super) fn sync(&self) -> Result<(), OpenError> {
        sync_directory(&self.path)?;
        self.sync_days()
    }

    pub(super) fn sync_days(&self) -> Result<(), OpenError> {
        sync_directory(&self.days())
    }

    /// The days that have a file, in order.
    pub(super) fn list_days(&self) -> io::Result<Vec<Day>> {
        let mut days = Vec::new();
        for entry in fs::read_dir(self.days())? {
            let name = entry?.file_name();
            let day: Option<Day> =
                name.to_str().and_then(|name| name.strip_suffix(".db")).and_then(|name| name.parse().ok());
            days.extend(day);
        }
        days.sort_unstable();
        Ok(days)
    }

    /// Creates the file when it may be written and is not there.
    pub(super) fn connect(&self, file: &Path, access: Access) -> rusqlite::Result<Connection> {
        // A connection never leaves the thread that uses it, so SQLite's own locking is not needed.
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
            | match access {
                Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
                Access::Change => OpenFlags::SQLITE_OPEN_READ_WRITE,
                Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            };
        let connection = match &self.options.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(file, flags, vfs.as_ref())?,
            None => Connection::open_with_flags(file, flags)?,
        };
        // Plans must not depend on bound values: a kept statement would be prepared anew for every use.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if access == Access::Write {
            let synchronous = match self.options.synchronous {
                Synchronous::Full => "full",
                Synchronous::Off => "off",
            };
            connection.pragma_update(None, "synchronous", synchronous)?;
        }
        Ok(connection)
    }
}

pub(super) fn sync_directory(path: &Path) -> Result<(), OpenError> {
    let directory = File::open(path).map_err(|source| OpenError::Files { path: path.to_owned(), source })?;
    directory.sync_all().map_err(|source| OpenError::Unsynced { path: path.to_owned(), source })
}
