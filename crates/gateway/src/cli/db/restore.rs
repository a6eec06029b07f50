//! `strowger db restore`: a store on hold, out of a backup that was read whole before.

use std::path::Path;

use pipeline::Clock as _;
use serde_json::json;
use store::sqlite;

use super::manifest::Manifest;
use super::{Reporter, failed, verify};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};
use crate::clock::SystemClock;

pub(super) fn run(from: &Path, to: &Path, output: &Output) -> Result<(), Failure> {
    let manifest = Manifest::read(from)?.ok_or_else(|| {
        let message = format!(
            "{} holds no manifest.json: it is no backup, or one that was not finished",
            from.display()
        );
        Failure::new(Exit::NotFound, message)
    })?;
    verify::examine(from, Some(&manifest), output)?.refuse_damaged(from)?;
    for missing in manifest.missing() {
        output.note(&missing);
    }
    let mut reporter = Reporter::new(output);
    sqlite::restore(from, to, &mut |progress| reporter.tell(progress)).map_err(failed)?;
    let backup = json!({ "backup": from, "taken_at": manifest.taken_at, "messages": manifest.messages });
    super::note(to, "store.restore", backup, SystemClock::default().now())?;
    output.note("the store is on hold: `strowger serve` shows it, `strowger serve --resume all|none|CLASS` goes on with it");
    let document = json!({
        "store": to,
        "backup": from,
        "taken_at": manifest.taken_at,
        "messages": manifest.messages,
        "not_copied": manifest.not_copied,
        "on_hold": true,
    });
    output.result(&document, || {
        format!("{} holds the {} messages of {}", to.display(), manifest.messages, manifest.taken_at)
    })
}
