//! For tests: a file system that keeps apart what is synced and what is not, and can lose, refuse and tear.
//!
//! It is served by the test's own process and mounted over FUSE, so any program can be made to work on it. Opened files
//! are cached by the kernel and can be mapped into memory, as SQLite does with its `-shm` file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fuser::{BackgroundSession, Config, MountOption};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tempfile::TempDir;

mod file;
mod image;
mod serve;

use image::Image;
use serve::Server;

/// A mounted disk. It is unmounted when this is dropped: whatever works on it has to have ended before.
pub struct Disk {
    shared: Arc<Mutex<Shared>>,
    random: StdRng,
    /// None only while it is mounted anew.
    session: Option<BackgroundSession>,
    /// Dropped last.
    folder: TempDir,
}

/// How the disk answers a sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syncs {
    #[default]
    Honest,
    /// Each takes at least this long.
    Slow(Duration),
    /// They are answered, and nothing is kept.
    Lying,
}

/// What a power cut leaves of what was written to a file and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    Nothing,
    /// So many octets of the last write; of those before it all or none.
    LastWrite {
        keep: usize,
        earlier_are_kept: bool,
    },
    /// Some blocks and not others, drawn from the seed.
    SomeBlocks {
        seed: u64,
    },
}

/// What a power cut did to one file.
#[derive(Clone, Debug)]
pub struct Loss {
    pub file: PathBuf,
    /// Blocks of 4 KiB that were written and not synced.
    pub unsynced_blocks: usize,
    pub tear: Tear,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "the faulty disk cannot be mounted at {}: {source} (it takes Linux, /dev/fuse, and the right to mount, as root has)",
    .path.display()
)]
pub struct MountError {
    path: PathBuf,
    source: io::Error,
}

/// What the handle and the file system share. Locked for moments only.
#[derive(Default)]
struct Shared {
    image: Image,
    syncs: Syncs,
    /// How many syncs fail yet.
    failing: u32,
    /// Octets that fit on the disk.
    capacity: Option<u64>,
}

/// Where disks and file systems cut: sectors, pages, and one beside each.
const KEPT_OF_THE_LAST_WRITE: [usize; 7] = [1, 7, 511, 512, 513, 4095, 4096];

/// So that a slow sync holds up nobody but those who wait for it.
const THREADS: usize = 4;

impl Disk {
    /// Mounts an empty disk. What its power cuts leave is drawn from the seed.
    ///
    /// # Errors
    /// When this machine does not allow it; the error says what is missing.
    pub fn mount(seed: u64) -> Result<Self, MountError> {
        let failed = |source| MountError { path: std::env::temp_dir(), source };
        let folder = TempDir::with_prefix("faulty-disk-").map_err(failed)?;
        let mut disk =
            Self { shared: Arc::default(), random: StdRng::seed_from_u64(seed), session: None, folder };
        disk.attach()?;
        Ok(disk)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The power fails: what was not synced is gone, or torn. Nobody may have a file of the disk open.
    ///
    /// # Errors
    /// When it cannot be mounted again.
    pub fn cut(&mut self) -> Result<Vec<Loss>, MountError> {
        // The kernel forgets its cache, which the cut has made untrue.
        self.detach()?;
        let Self { shared, random, .. } = self;
        let losses = shared.lock().image.cut(|| tear(random));
        self.attach()?;
        Ok(losses)
    }

    /// From now on files may not grow beyond this in sum. None for no limit.
    pub fn set_capacity(&self, octets: Option<u64>) {
        self.shared.lock().capacity = octets;
    }

    /// Octets in all files.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.shared.lock().image.used()
    }

    pub fn set_syncs(&self, syncs: Syncs) {
        self.shared.lock().syncs = syncs;
    }

    /// The next so many syncs fail with EIO. As on Linux, what they were to keep is not tried again by the next one,
    /// which reports success.
    pub fn fail_syncs(&self, count: u32) {
        self.shared.lock().failing = count;
    }

    fn attach(&mut self) -> Result<(), MountError> {
        let mut config = Config::default();
        config.mount_options =
            vec![MountOption::FSName("faulty-disk".to_owned()), MountOption::NoAtime, MountOption::NoExec];
        config.n_threads = Some(THREADS);
        let session = fuser::spawn_mount(Server::new(Arc::clone(&self.shared)), self.path(), &config);
        self.session = Some(session.map_err(|source| self.failed(source))?);
        Ok(())
    }

    fn detach(&mut self) -> Result<(), MountError> {
        let ended = self.session.take().map_or(Ok(()), BackgroundSession::umount_and_join);
        ended.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> MountError {
        MountError { path: self.path().to_owned(), source }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // One that is still in use stays mounted; its folder cannot be removed then either.
        drop(self.detach());
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} blocks, {:?}", self.file.display(), self.unsynced_blocks, self.tear)
    }
}

fn tear(random: &mut StdRng) -> Tear {
    match random.random_range(0..4) {
        0 => Tear::Nothing,
        1 => Tear::SomeBlocks { seed: random.random() },
        _ => {
            let drawn = random.random_range(0..KEPT_OF_THE_LAST_WRITE.len());
            let keep = KEPT_OF_THE_LAST_WRITE.into_iter().nth(drawn).unwrap_or_default();
            Tear::LastWrite { keep, earlier_are_kept: random.random() }
        }
    }
}
