//! Reads the file and what it includes into one tree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{Problem, Report};
use super::tree::{Node, Place, Step, Value};

/// A file above this size is no configuration.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The merged tree. Problems of reading and of syntax are in the report, and what could be read is in the tree.
pub(super) fn read(path: &Path, report: &mut Report) -> Node {
    let mut seen = Vec::new();
    read_one(path, &mut seen, report)
}

fn read_one(path: &Path, seen: &mut Vec<PathBuf>, report: &mut Report) -> Node {
    let mut tree = Node::empty(path);
    let whole_file =
        |message: String| Problem { file: path.to_owned(), line: 0, key: String::new(), message };
    let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if seen.contains(&identity) {
        report.problems.push(whole_file("it includes itself".to_owned()));
        return tree;
    }
    let text = match text_of(path) {
        Ok(text) => text,
        Err(message) => {
            report.problems.push(whole_file(message));
            return tree;
        }
    };
    seen.push(identity);
    let file: Arc<Path> = path.into();
    let lines = Lines::new(&text);
    let (parsed, errors) = DeTable::parse_recoverable(&text);
    for error in errors {
        let line = error.span().map_or(1, |span| lines.line(span.start));
        let message = format!("not TOML: {}", error.message());
        report.problems.push(Problem { file: path.to_owned(), line, key: String::new(), message });
    }
    let reader = Reader { file: &file, lines: &lines };
    tree = reader.table(parsed.get_ref(), 1, report);
    let included = take_includes(&mut tree, path, report);
    for inner in included {
        let inner = read_one(&inner, seen, report);
        tree.merge(inner, &mut Vec::new(), report);
    }
    seen.pop();
    tree
}

fn text_of(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if metadata.is_dir() {
        return Err("is a folder: expected a file".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Err(format!("is larger than {MAX_BYTES} bytes"));
    }
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("is not UTF-8 text: line {line} holds other bytes")
    })
}

/// Takes the `include` list out of the tree and resolves it against the file's folder.
fn take_includes(tree: &mut Node, path: &Path, report: &mut Report) -> Vec<PathBuf> {
    let at = [Step::Key("include".to_owned())];
    let Some(node) = tree.get(&at[0]) else { return Vec::new() };
    let patterns: Option<Vec<String>> = match node.json() {
        Json::Array(items) => items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => None,
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut files = Vec::new();
    match patterns {
        None => {
            report.problems.push(tree.problem(&at, "expected a list of files, such as [\"conf.d/*.toml\"]"))
        }
        Some(patterns) => {
            for pattern in patterns {
                match matching(folder, &pattern) {
                    Ok(found) => files.extend(found),
                    Err(message) => report.problems.push(tree.problem(&at, message)),
                }
            }
        }
    }
    if let Value::Table(table) = &mut tree.value {
        table.remove("include");
    }
    files
}

/// The files of `FOLDER/NAME` or `FOLDER/PREFIX*SUFFIX`, sorted. One `*`, in the last part.
fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let whole = folder.join(pattern);
    let name = whole.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let Some((prefix, suffix)) = name.split_once('*') else { return Ok(vec![whole]) };
    let parent = whole.parent().unwrap_or(folder);
    if suffix.contains('*') || parent.to_string_lossy().contains('*') {
        return Err(format!("`{pattern}`: one * is understood, in the name of the file"));
    }
    let entries = std::fs::read_dir(parent).map_err(|error| format!("`{pattern}`: {error}"))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.len() >= prefix.len() + suffix.len() && name.starts_with(prefix) && name.ends_with(suffix)
        })
        .collect();
    files.sort();
    Ok(files)
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        let begins = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(begins).collect())
    }

    /// Counted from one.
    fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|begin| *begin <= offset).max(1)
    }
}

struct Reader<'a> {
    file: &'a Arc<Path>,
    lines: &'a Lines,
}

impl Reader<'_> {
    fn table(&self, table: &DeTable<'_>, line: usize, report: &mut Report) -> Node {
        let mut entries = BTreeMap::new();
        for (key, value) in table {
            // The key's own line: a table's value may begin anywhere below its header.
            let node = self.value(value, self.lines.line(key.span().start), report);
            entries.insert(key.get_ref().to_string(), node);
        }
        Node { at: self.place(line), value: Value::Table(entries) }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, line: usize, report: &mut Report) -> Node {
        let leaf = |json: Json| Node { at: self.place(line), value: Value::Leaf(json) };
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, line, report),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| {
                    let line = self.lines.line(item.span().start);
                    self.value(item, line, report)
                });
                Node { at: self.place(line), value: Value::Array(items.collect()) }
            }
            DeValue::String(text) => leaf(Json::String(text.to_string())),
            DeValue::Boolean(is_true) => leaf(Json::Bool(*is_true)),
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(integer) => leaf(integer.into()),
                Err(_) => self.unreadable(line, "the number is too large", report),
            },
            DeValue::Float(float) => {
                match float.as_str().parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
                    Some(number) => leaf(Json::Number(number)),
                    None => self.unreadable(line, "expected a finite number", report),
                }
            }
            // As text: no key takes an instant of TOML, and the check of its kind says so.
            DeValue::Datetime(instant) => leaf(Json::String(instant.to_string())),
        }
    }

    fn unreadable(&self, line: usize, message: &str, report: &mut Report) -> Node {
        let at = self.place(line);
        let file = PathBuf::from(&**self.file);
        report.problems.push(Problem { file, line, key: String::new(), message: message.to_owned() });
        Node { at, value: Value::Leaf(Json::Null) }
    }

    fn place(&self, line: usize) -> Place {
        Place { file: Arc::clone(self.file), line }
    }
}
