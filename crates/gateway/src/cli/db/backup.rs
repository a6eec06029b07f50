//! `strowger db backup`: a copy of the store, durable before it says so.

use std::path::Path;

use pipeline::Clock as _;
use serde_json::json;
use store::sqlite::backup;

use super::manifest::{Entry, Manifest, NotCopied, checksum};
use super::{Reporter, failed, megabytes};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};
use crate::clock::SystemClock;

pub(super) fn run(store: &Path, to: &Path, output: &Output) -> Result<(), Failure> {
    let taken_at = SystemClock::default().now();
    let mut reporter = Reporter::new(output);
    let copies = backup::copy(store, to, &mut |progress| reporter.tell(progress)).map_err(failed)?;
    let unwritten = |error: std::io::Error| {
        Failure::new(Exit::Unexpected, format!("the backup in {} is not complete: {error}", to.display()))
    };
    let mut files = Vec::new();
    for backup::Copied { file, messages } in copies.files {
        let (bytes, sha256) = checksum(&to.join(&file)).map_err(unwritten)?;
        files.push(Entry { file, bytes, sha256, messages });
    }
    let not_copied = copies.left_out.into_iter().map(|it| NotCopied { file: it.file, why: it.why });
    let manifest = Manifest::new(taken_at, files, not_copied.collect());
    manifest.write(to).map_err(unwritten)?;
    let bytes: u64 = manifest.files.iter().map(|entry| entry.bytes).sum();
    let document = json!({ "backup": to, "bytes": bytes, "manifest": manifest });
    output.result(&document, || {
        let copied = format!(
            "{}: {} messages in {} files, {}",
            to.display(),
            manifest.messages,
            manifest.files.len(),
            megabytes(bytes)
        );
        manifest.missing().chain([copied]).collect::<Vec<_>>().join("\n")
    })?;
    refuse_gaps(&manifest)
}

/// The backup is finished and can be restored, but whoever has it made every night must learn what it lacks.
fn refuse_gaps(manifest: &Manifest) -> Result<(), Failure> {
    if manifest.not_copied.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = manifest.not_copied.iter().map(|it| it.file.display().to_string()).collect();
    let message = format!("the backup is complete but for {}, which could not be read", names.join(", "));
    Err(Failure::new(Exit::CheckFailed, message)
        .hint("`strowger db verify` says what is wrong with the store"))
}
