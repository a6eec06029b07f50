//! One TOML text as a tree.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::Problem;
use super::tree::{Node, Place, Value};

pub(super) struct Parsed {
    pub(super) tree: Node,
    /// What is no TOML.
    pub(super) problems: Vec<Problem>,
}

pub(super) fn parse(text: &str, path: &Path) -> Parsed {
    let reader = Reader { file: path.into(), lines: Lines::new(text) };
    let (parsed, errors) = DeTable::parse_recoverable(text);
    let problems = errors.iter().map(|error| {
        let place = reader.place(error.span().map_or(0, |span| span.start));
        place.problem(String::new(), format!("not TOML: {}", error.message()))
    });
    Parsed { problems: problems.collect(), tree: reader.table(parsed.get_ref(), reader.place(0)) }
}

struct Reader {
    file: Arc<Path>,
    lines: Lines,
}

impl Reader {
    fn table(&self, table: &DeTable<'_>, at: Place) -> Node {
        let mut entries = BTreeMap::new();
        for (key, value) in table {
            // The key's own line: a table's value may begin anywhere below its header.
            let node = self.value(value, self.place(key.span().start));
            entries.insert(key.get_ref().to_string(), node);
        }
        Node { at, value: Value::Table(entries) }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, at: Place) -> Node {
        let value = match value.get_ref() {
            DeValue::Table(table) => return self.table(table, at),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.value(item, self.place(item.span().start)));
                Value::Array(items.collect())
            }
            DeValue::String(text) => Value::Leaf(Json::String(text.to_string())),
            DeValue::Boolean(is_true) => Value::Leaf(Json::Bool(*is_true)),
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(integer) => Value::Leaf(integer.into()),
                Err(_) => Value::Unusable("the number is too large"),
            },
            DeValue::Float(float) => match float.as_str().parse().ok().and_then(serde_json::Number::from_f64)
            {
                Some(number) => Value::Leaf(Json::Number(number)),
                None => Value::Unusable("expected a finite number"),
            },
            // Days and instants are texts to everything that reads them.
            DeValue::Datetime(instant) => Value::Leaf(Json::String(instant.to_string())),
        };
        Node { at, value }
    }

    fn place(&self, offset: usize) -> Place {
        Place { file: Arc::clone(&self.file), line: self.lines.line(offset) }
    }
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
