//! A configuration as a tree of values, each with the file and line that it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use super::report::{Problem, Report};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) file: Arc<Path>,
    pub(super) line: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Table(BTreeMap<String, Node>),
    Array(Vec<Node>),
    Leaf(Json),
    /// TOML that no key takes, and why.
    Unusable(&'static str),
}

/// One step from a value to one within it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// `apps[0].webhook.url`
pub(super) fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

impl Place {
    pub(super) fn problem(&self, key: String, message: impl Into<String>) -> Problem {
        Problem { file: self.file.to_path_buf(), line: self.line, key, message: message.into() }
    }

    /// Of the file: what it names by a relative path is looked for there.
    pub(super) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or_else(|| Path::new(""))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

impl Node {
    pub(super) fn new(json: Json, at: &Place) -> Self {
        let value = match json {
            Json::Object(entries) => {
                Value::Table(entries.into_iter().map(|(key, inner)| (key, Self::new(inner, at))).collect())
            }
            Json::Array(items) => Value::Array(items.into_iter().map(|inner| Self::new(inner, at)).collect()),
            leaf @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) => Value::Leaf(leaf),
        };
        Self { at: at.clone(), value }
    }

    pub(super) fn get(&self, step: &Step) -> Option<&Self> {
        match (&self.value, step) {
            (Value::Table(table), Step::Key(key)) => table.get(key),
            (Value::Array(array), Step::Index(index)) => array.get(*index),
            (Value::Table(_) | Value::Array(_) | Value::Leaf(_) | Value::Unusable(_), _) => None,
        }
    }

    /// The place of the value, or of the nearest one around it that exists.
    pub(super) fn locate(&self, path: &[Step]) -> &Place {
        let mut node = self;
        for step in path {
            match node.get(step) {
                Some(inner) => node = inner,
                None => break,
            }
        }
        &node.at
    }

    pub(super) fn problem(&self, path: &[Step], message: impl Into<String>) -> Problem {
        self.locate(path).problem(written(path), message)
    }

    pub(super) fn json(&self) -> Json {
        match &self.value {
            Value::Table(table) => table.iter().map(|(key, node)| (key.clone(), node.json())).collect(),
            Value::Array(array) => array.iter().map(Self::json).collect(),
            Value::Leaf(leaf) => leaf.clone(),
            Value::Unusable(_) => Json::Null,
        }
    }

    /// What a person would call the kind of value.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Table(_) => "a table",
            Value::Array(_) => "a list",
            Value::Leaf(Json::String(_)) => "a string",
            Value::Leaf(Json::Bool(_)) => "true or false",
            Value::Leaf(Json::Number(_)) => "a number",
            Value::Leaf(Json::Null | Json::Array(_) | Json::Object(_)) | Value::Unusable(_) => "a value",
        }
    }

    /// Takes in another file: tables are merged, lists continued; a value given twice is a problem.
    pub(super) fn merge(&mut self, other: Self, path: &mut Vec<Step>, report: &mut Report) {
        match (&mut self.value, other.value) {
            (Value::Table(ours), Value::Table(theirs)) => {
                for (key, node) in theirs {
                    path.push(Step::Key(key.clone()));
                    match ours.get_mut(&key) {
                        Some(existing) => existing.merge(node, path, report),
                        None => {
                            ours.insert(key, node);
                        }
                    }
                    path.pop();
                }
            }
            (Value::Array(ours), Value::Array(theirs)) => ours.extend(theirs),
            (Value::Table(_) | Value::Array(_) | Value::Leaf(_) | Value::Unusable(_), _) => {
                let message = format!("is given already at {}", self.at);
                report.problems.push(other.at.problem(written(path), message));
            }
        }
    }
}
