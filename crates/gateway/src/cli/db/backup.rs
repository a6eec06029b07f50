//! `strowger db backup`: a copy of the store, durable before it says so.

use std::path::Path;

use pipeline::Clock as _;
use serde_json::json;
use store::sqlite::backup;

use super::manifest::{Entry, Manifest, checksum};
use super::{Reporter, failed, megabytes};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};
use crate::clock::SystemClock;

pub(super) fn run(store: &Path, to: &Path, output: &Output) -> Result<(), Failure> {
    let taken_at = SystemClock::default().now();
    let mut reporter = Reporter::new(output);
    let copied = backup::copy(store, to, &mut |progress| reporter.tell(progress)).map_err(failed)?;
    let unwritten = |error: std::io::Error| {
        Failure::new(Exit::Unexpected, format!("the backup in {} is not complete: {error}", to.display()))
    };
    let mut files = Vec::new();
    for backup::Copied { file, messages } in copied {
        let (bytes, sha256) = checksum(&to.join(&file)).map_err(unwritten)?;
        files.push(Entry { file, bytes, sha256, messages });
    }
    let manifest = Manifest::new(taken_at, files);
    manifest.write(to).map_err(unwritten)?;
    let bytes: u64 = manifest.files.iter().map(|entry| entry.bytes).sum();
    let document = json!({ "backup": to, "bytes": bytes, "manifest": manifest });
    output.result(&document, || {
        format!(
            "{}: {} messages in {} files, {}",
            to.display(),
            manifest.messages,
            manifest.files.len(),
            megabytes(bytes)
        )
    })
}
