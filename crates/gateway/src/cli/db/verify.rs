//! `strowger db verify`: whether a store, or a backup, reads back as it was written.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use store::sqlite;

use super::manifest::Manifest;
use super::{failed, name};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};

/// What was looked at.
pub(super) struct Found {
    files: u64,
    messages: u64,
    problems: Vec<(PathBuf, String)>,
}

pub(super) fn run(folder: &Path, output: &Output) -> Result<(), Failure> {
    let manifest = Manifest::read(folder)?;
    let found = examine(folder, manifest.as_ref(), output)?;
    let problems: Vec<Value> =
        found.problems.iter().map(|(file, what)| json!({ "file": file, "what": what })).collect();
    let document = json!({
        "folder": folder,
        "backup": manifest.as_ref().map(|it| {
            json!({ "taken_at": it.taken_at, "version": it.version, "not_copied": it.not_copied })
        }),
        "files": found.files,
        "messages": found.messages,
        "problems": problems,
    });
    output.result(&document, || {
        let looked = format!("{} messages in {} files were read", found.messages, found.files);
        let lines = found.problems.iter().map(|(file, what)| format!("{}: {what}", file.display()));
        let missing = manifest.iter().flat_map(Manifest::missing);
        missing.chain(lines).chain([looked]).collect::<Vec<_>>().join("\n")
    })?;
    found.refuse_damaged(folder)
}

/// Reads everything; a backup's files are held against its manifest first.
pub(super) fn examine(folder: &Path, manifest: Option<&Manifest>, output: &Output) -> Result<Found, Failure> {
    let mut problems = manifest.map(|manifest| manifest.differences(folder)).unwrap_or_default();
    let reading = &mut |file: &Path| output.note(&format!("reading {}", name(file)));
    let verified = sqlite::verify(folder, reading).map_err(failed)?;
    problems.extend(verified.problems.into_iter().map(|wrong| (wrong.file, wrong.what)));
    Ok(Found { files: verified.files, messages: verified.messages, problems })
}

impl Found {
    pub(super) fn refuse_damaged(&self, folder: &Path) -> Result<(), Failure> {
        let Some((file, what)) = self.problems.first() else { return Ok(()) };
        let more = match self.problems.len() {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let message = format!("{} is damaged: {}: {what}{more}", folder.display(), file.display());
        Err(Failure::new(Exit::CheckFailed, message))
    }
}
