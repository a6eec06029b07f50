//! Rules on how files begin, how long they get, and what they are called.

use super::source::File;

const CEILING: usize = 600;

/// Names under which anything could be filed.
const DRAWERS: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc", "types", "manager"];
const EMPTY_ENDINGS: &[&str] = &["_impl", "_v2", "_inner", "_util", "_utils", "_helpers", "_manager"];

pub(super) fn first_line_says_what_the_file_is(files: &[File]) -> Vec<String> {
    let silent = files.iter().filter(|file| file.is_rust() && !file.text.starts_with("//! "));
    silent.map(|file| format!("{}:1: begin with `//!` and one sentence on what this is", file.path)).collect()
}

pub(super) fn files_stay_below_the_ceiling(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let lines = file.production().len();
        if lines > CEILING {
            findings.push(format!(
                "{}: {lines} lines without tests: look for the seam ({CEILING} at most)",
                file.path
            ));
        }
    }
    findings
}

pub(super) fn names_say_something(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_under(&["crates/", "xtask/", "dashboard/"])) {
        if file.path.ends_with("/mod.rs") {
            findings.push(format!("{}: write `name.rs` beside `name/`", file.path));
        }
        let stems = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
        for stem in stems {
            if DRAWERS.contains(&stem) || EMPTY_ENDINGS.iter().any(|ending| stem.ends_with(ending)) {
                findings.push(format!("{}: `{stem}` does not say what is in it", file.path));
            }
        }
    }
    findings
}

pub(super) fn ignored_tests_say_why(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (at, line) in file.text.lines().enumerate() {
            if line.trim_start().starts_with("#[ignore]") {
                findings.push(format!("{}:{}: write #[ignore = \"why\"]", file.path, at + 1));
            }
        }
    }
    findings
}

/// A page is found by its code: as the name of the file and as its title.
pub(super) fn error_pages_carry_their_code(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let Some(code) = file.path.strip_prefix("docs/errors/").and_then(|name| name.strip_suffix(".md"))
        else {
            continue;
        };
        let title = format!("# {code}");
        if code != "README" && file.text.lines().next() != Some(&title) {
            findings.push(format!("{}:1: the title is the code, `{title}`", file.path));
        }
    }
    findings
}
