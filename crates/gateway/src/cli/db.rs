//! `strowger db`: looking after the store, beside a running gateway or without one.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use domain::Timestamp;
use serde_json::Value;
use store::sqlite::backup::Progress;
use store::sqlite::{self, OpenError};
use store::{Change, Changed, Write, Writer as _};

use super::output::Output;
use super::{ConfigFile, Exit, Failure, serve};
use crate::audit;

mod backup;
mod manifest;
mod prune;
mod restore;
mod status;
mod verify;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show how the store stands: sizes, days, what is open and what waits. A running gateway is not disturbed.
    Status(StoreFolder),
    /// Copy the store, consistently and checked, while the gateway runs.
    Backup {
        #[command(flatten)]
        store: StoreFolder,
        /// The folder to make. It must not exist.
        #[arg(value_name = "DEST")]
        to: PathBuf,
    },
    /// Make a store out of a backup. It opens on hold: nothing is sent before `serve --resume` says what.
    Restore {
        #[command(flatten)]
        store: StoreFolder,
        /// The folder of the backup.
        #[arg(long, value_name = "BACKUP")]
        from: PathBuf,
    },
    /// Read everything in the store, or in a backup, and hold it against its checksums.
    Verify {
        #[command(flatten)]
        store: StoreFolder,
        /// A backup, instead of the store.
        #[arg(value_name = "BACKUP")]
        backup: Option<PathBuf>,
    },
    /// List what is too old, and with --yes drop it. For a store that nobody uses; a running gateway does it by [retention].
    Prune(prune::Options),
}

/// Which store.
#[derive(Debug, clap::Args)]
pub(crate) struct StoreFolder {
    #[command(flatten)]
    config: ConfigFile,
    /// The store's folder, instead of a configuration.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

impl StoreFolder {
    fn path(&self, output: &Output) -> Result<PathBuf, Failure> {
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        let config = serve::load(&self.config, output)
            .map_err(|failure| failure.hint("--store DIR names the store without a configuration"))?;
        Ok(config.store)
    }
}

pub(crate) fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Status(store) => status::run(&store.path(output)?, output),
        Command::Backup { store, to } => backup::run(&store.path(output)?, &to, output),
        Command::Restore { store, from } => restore::run(&from, &store.path(output)?, output),
        Command::Verify { backup: Some(backup), .. } => verify::run(&backup, output),
        Command::Verify { store, backup: None } => verify::run(&store.path(output)?, output),
        Command::Prune(options) => prune::run(&options, output),
    }
}

/// Has the audit log of a store that nobody uses tell what is done to it.
fn note(store: &Path, action: &'static str, after: Value, now: Timestamp) -> Result<(), Failure> {
    let entry = audit::by_host(now, audit::Door::Cli, action, "store", (None, after));
    let (mut writer, _) = sqlite::open(store, &sqlite::Options::default()).map_err(failed)?;
    let change = Write::Change(Box::new(Change { what: Changed::Noted, entry }));
    writer.commit(&mut vec![change], now).map_err(anyhow::Error::from)?;
    Ok(())
}

/// What the store's refusal means to whoever asked, and what helps.
fn failed(error: OpenError) -> Failure {
    let message = match std::error::Error::source(&error) {
        Some(source) if !error.to_string().contains(&source.to_string()) => format!("{error}: {source}"),
        Some(_) | None => error.to_string(),
    };
    match error {
        OpenError::InUse { .. } => Failure::new(Exit::Conflict, message).hint("stop the gateway first"),
        OpenError::NoStore { .. } => {
            Failure::new(Exit::NotFound, message).hint("--config or --store says where it is")
        }
        OpenError::NotEmpty { .. } => Failure::new(Exit::Conflict, message).hint("name a new folder"),
        OpenError::HalfRestored { .. } => Failure::new(Exit::Conflict, message),
        OpenError::OlderSchema { .. } => Failure::new(Exit::CheckFailed, message),
        OpenError::NewerSchema { .. } => {
            Failure::new(Exit::CheckFailed, message).hint("use the newer program")
        }
        OpenError::Damaged { .. } => Failure::new(Exit::CheckFailed, message),
        OpenError::Files { .. } | OpenError::Database { .. } | OpenError::Unsynced { .. } => {
            Failure::new(Exit::Unexpected, message)
        }
    }
}

/// Tells of a file when it is done, and of a large one on the way.
struct Reporter<'a> {
    output: &'a Output,
    told: (PathBuf, u64),
}

const MEGABYTE: u64 = 1_000_000;
const TELL_EVERY: u64 = 100 * MEGABYTE;

impl<'a> Reporter<'a> {
    fn new(output: &'a Output) -> Self {
        Self { output, told: (PathBuf::new(), 0) }
    }

    fn tell(&mut self, progress: Progress<'_>) {
        let Progress { file, bytes, of_bytes } = progress;
        let told = if self.told.0 == file { self.told.1 } else { 0 };
        if bytes < of_bytes && bytes < told + TELL_EVERY {
            return;
        }
        self.told = (file.to_owned(), bytes);
        self.output.note(&format!("{}: {} of {}", name(file), megabytes(bytes), megabytes(of_bytes)));
    }
}

fn name(file: &Path) -> String {
    file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / MEGABYTE, bytes % MEGABYTE * 10 / MEGABYTE)
}
