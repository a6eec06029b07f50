//! The rules of the house that neither the compiler nor clippy can check.
//!
//! Each rule is a pure function from the files to its findings, so that its test can show a made-up tree it refuses.

mod floors;
mod layout;
mod source;
mod stages;
mod words;

#[cfg(test)]
mod tests;

use std::fs;

use anyhow::{Result, ensure};

use crate::shell;
use source::File;

type Rule = fn(&[File]) -> Vec<String>;

const RULES: &[Rule] = &[
    layout::first_line_says_what_the_file_is,
    layout::files_stay_below_the_ceiling,
    layout::names_say_something,
    layout::ignored_tests_say_why,
    layout::error_pages_carry_their_code,
    floors::dependencies_go_down,
    floors::pure_crates_do_no_io,
    stages::stages_do_not_import_each_other,
    words::vendors_are_named_where_they_belong,
    words::only_the_store_knows_the_database,
    words::no_registry_host_is_named,
];

/// Runs every rule over the files of the repository, committed or about to be.
pub(crate) fn check_repository() -> Result<()> {
    let findings = findings(&repository()?);
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} findings", findings.len());
    Ok(())
}

fn findings(files: &[File]) -> Vec<String> {
    RULES.iter().flat_map(|rule| rule(files)).collect()
}

/// Files that are not text have nothing to tidy and are left out, as are those just deleted.
fn repository() -> Result<Vec<File>> {
    // A checkout made by someone else, as in a container, is not refused: nothing of it is executed here.
    let list = shell::output(shell::program("git").args([
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let paths = list.split_terminator('\0');
    Ok(paths
        .filter_map(|path| {
            let text = fs::read_to_string(shell::root().join(path)).ok()?;
            Some(File::new(path, text))
        })
        .collect())
}
