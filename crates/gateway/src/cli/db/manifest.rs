//! What a backup says of itself: when it was taken, by which version, and what every file of it holds.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cli::{Exit, Failure};

const NAME: &str = "manifest.json";
/// Raised when the fields mean something else.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// Every message that was acknowledged before is in the backup.
    pub(super) taken_at: domain::Timestamp,
    /// Of the program that took it.
    pub(super) version: String,
    /// A message that was just being sealed is counted twice.
    pub(super) messages: u64,
    pub(super) files: Vec<Entry>,
    /// Files of the store that could not be read: they are not in the backup, and nothing else is missing.
    #[serde(default)]
    pub(super) not_copied: Vec<NotCopied>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NotCopied {
    /// Within the store.
    pub(super) file: PathBuf,
    pub(super) why: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Within the backup.
    pub(super) file: PathBuf,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) messages: u64,
}

impl Manifest {
    pub(super) fn new(taken_at: domain::Timestamp, files: Vec<Entry>, not_copied: Vec<NotCopied>) -> Self {
        Self {
            format: FORMAT,
            taken_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            messages: files.iter().map(|entry| entry.messages).sum(),
            files,
            not_copied,
        }
    }

    /// For people: a line for each file that is not in the backup.
    pub(super) fn missing(&self) -> impl Iterator<Item = String> {
        self.not_copied.iter().map(|it| format!("{} is not in the backup: {}", it.file.display(), it.why))
    }

    /// Written last and durably: a backup without it was not finished.
    pub(super) fn write(&self, backup: &Path) -> io::Result<()> {
        let path = backup.join(NAME);
        let mut file = File::create_new(&path)?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        file.sync_all()?;
        File::open(backup)?.sync_all()
    }

    /// None when there is none.
    pub(super) fn read(backup: &Path) -> Result<Option<Self>, Failure> {
        let path = backup.join(NAME);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => {
                read.map_err(|error| Failure::new(Exit::Unexpected, format!("{}: {error}", path.display())))?
            }
        };
        let damaged = |why: String| Failure::new(Exit::CheckFailed, format!("{}: {why}", path.display()));
        let manifest: Self = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if manifest.format > FORMAT {
            return Err(damaged(format!("its format {} is newer than this program", manifest.format)));
        }
        Ok(Some(manifest))
    }

    /// Every way in which the files of the backup are not those that were written.
    pub(super) fn differences(&self, backup: &Path) -> Vec<(PathBuf, String)> {
        let mut differences = Vec::new();
        for entry in &self.files {
            let path = backup.join(&entry.file);
            match checksum(&path) {
                Ok((bytes, _)) if bytes != entry.bytes => {
                    differences.push((path, format!("it has {bytes} bytes, and had {}", entry.bytes)));
                }
                Ok((_, sha256)) if sha256 != entry.sha256 => {
                    differences.push((path, "its checksum differs from the manifest's".to_owned()));
                }
                Ok(_) => {}
                Err(error) => differences.push((path, error.to_string())),
            }
        }
        differences
    }
}

/// The length and the SHA-256 of a file.
pub(super) fn checksum(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
    let hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, hex))
}
