//! Reads the file and what it includes into one tree.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::parse::{Parsed, parse};
use super::report::Report;
use super::tree::{Node, Place, Step, Value};

/// A file above this size is no configuration.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// A card of two million prices fits.
const MAX_PRICE_FILE: u64 = 64 * 1024 * 1024;
/// Nobody has this many files, but a link may lead in circles.
const MAX_FILES: usize = 1000;

/// The merged tree. None when a part of it could not be read: what would be found in the rest could be wrong.
pub(super) fn read(path: &Path, report: &mut Report) -> Option<Node> {
    let mut reading = Reading { seen: Vec::new(), is_whole: true, report };
    let start = Mention { at: Place { file: path.into(), line: 1 }, key: String::new() };
    let tree = reading.file(path, &start);
    tree.filter(|_| reading.is_whole)
}

struct Reading<'a> {
    /// Every file read so far, under its one true name.
    seen: Vec<PathBuf>,
    /// Whether all could be read.
    is_whole: bool,
    report: &'a mut Report,
}

/// Where a file is asked for.
struct Mention {
    at: Place,
    key: String,
}

impl Reading<'_> {
    fn file(&mut self, path: &Path, mention: &Mention) -> Option<Node> {
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if self.seen.contains(&identity) {
            self.refuse(mention, format!("{} is read already", path.display()));
            return None;
        }
        if self.seen.len() >= MAX_FILES {
            self.refuse(mention, format!("more than {MAX_FILES} files"));
            return None;
        }
        self.seen.push(identity);
        let bytes = match bytes_of(path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(message) => {
                self.refuse(mention, message);
                return None;
            }
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
                let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
                let at = Place { file: path.into(), line };
                self.refuse(&Mention { at, key: String::new() }, "is not UTF-8 text".to_owned());
                return None;
            }
        };
        let Parsed { mut tree, problems } = parse(&text, path);
        self.is_whole &= problems.is_empty();
        self.report.problems.extend(problems);
        for (path, mention) in self.included(&mut tree) {
            if let Some(other) = self.file(&path, &mention) {
                tree.merge(other, &mut Vec::new(), self.report);
            }
        }
        Some(tree)
    }

    /// Takes `include` out of the tree and finds the files that it names.
    fn included(&mut self, tree: &mut Node) -> Vec<(PathBuf, Mention)> {
        let Value::Table(table) = &mut tree.value else { return Vec::new() };
        let Some(include) = table.remove("include") else { return Vec::new() };
        let Value::Array(patterns) = &include.value else {
            let message =
                format!("expected a list of files, such as [\"conf.d/*.toml\"], found {}", include.kind());
            self.refuse(&Mention { at: include.at, key: "include".to_owned() }, message);
            return Vec::new();
        };
        let mut files = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let key = super::tree::written(&[Step::Key("include".to_owned()), Step::Index(index)]);
            let mention = || Mention { at: pattern.at.clone(), key: key.clone() };
            let found = match &pattern.value {
                Value::Leaf(Json::String(text)) => matching(pattern.at.folder(), text),
                Value::Leaf(_) | Value::Table(_) | Value::Array(_) | Value::Unusable(_) => {
                    Err(format!("expected the name of a file, found {}", pattern.kind()))
                }
            };
            match found {
                Ok(found) => files.extend(found.into_iter().map(|file| (file, mention()))),
                Err(message) => self.refuse(&mention(), message),
            }
        }
        files
    }

    fn refuse(&mut self, mention: &Mention, message: String) {
        self.is_whole = false;
        self.report.problems.push(mention.at.problem(mention.key.clone(), message));
    }
}

/// A whole price file, or why there is none.
pub(super) fn text_of(path: &Path) -> Result<String, String> {
    String::from_utf8(bytes_of(path, MAX_PRICE_FILE)?)
        .map_err(|_| format!("{} is not UTF-8 text", path.display()))
}

fn bytes_of(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(format!("{} is a folder, not a file", path.display()));
    }
    if metadata.len() > limit {
        return Err(format!("{} is larger than {limit} bytes", path.display()));
    }
    std::fs::read(path).map_err(unreadable)
}

/// The files of `FOLDER/NAME` or `FOLDER/PREFIX*SUFFIX`, sorted. One `*`, in the last part; as in a shell, it does not
/// stand for a dot at the beginning.
fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let whole = folder.join(pattern);
    let Some(name) = whole.file_name().and_then(|name| name.to_str()) else {
        return Err(format!("`{pattern}` is not the name of a file"));
    };
    let Some((prefix, suffix)) = name.split_once('*') else { return Ok(vec![whole.clone()]) };
    let parent = whole.parent().unwrap_or(folder);
    if suffix.contains('*') || parent.to_string_lossy().contains('*') {
        return Err(format!("`{pattern}`: one * is understood, in the name of the file"));
    }
    // An empty path is a folder to join to, but none to list.
    let listed = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let entries = std::fs::read_dir(listed)
        .map_err(|error| format!("`{pattern}`: the folder {} cannot be read: {error}", listed.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| format!("`{pattern}`: {error}"))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_hidden = name.starts_with('.') && !prefix.starts_with('.');
        let is_long_enough = name.len() >= prefix.len() + suffix.len();
        if !is_hidden && is_long_enough && name.starts_with(prefix) && name.ends_with(suffix) {
            files.push(parent.join(name));
        }
    }
    files.sort();
    Ok(files)
}
