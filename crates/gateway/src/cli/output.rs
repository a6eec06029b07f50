//! What a person or a script sees: data on stdout, everything else on stderr.

use std::io::Write as _;

use serde_json::Value;

use super::{Exit, Failure};

pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The command's result: the document with `--json`, else the text.
    pub(crate) fn result(&self, document: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let rendered = if self.json {
            serde_json::to_string_pretty(document)
                .map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?
        } else {
            text()
        };
        self.line(&rendered)
    }

    /// A line of data.
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        match writeln!(std::io::stdout().lock(), "{text}") {
            // Whoever read us has had enough, as `head` does.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(Failure::from),
        }
    }

    /// A hint or progress: never data. A closed stderr is no reason to stop.
    pub(crate) fn note(&self, text: &str) {
        drop(writeln!(std::io::stderr().lock(), "{text}"));
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        if let (true, Some(problem)) = (self.json, &failure.problem) {
            self.note(&problem.to_string());
            return;
        }
        self.note(&format!("error: {}", failure.message));
        if let Some(hint) = &failure.hint {
            self.note(&format!("help: {hint}"));
        }
    }
}

/// Rows under a heading, columns as wide as their widest cell.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let render = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> =
            cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![render(&mut heading.iter().copied())];
    for row in rows {
        lines.push(render(&mut row.iter().map(String::as_str)));
    }
    lines.join("\n")
}

/// A field of a document as a cell: empty for null and absent.
pub(crate) fn cell(document: &Value, field: &str) -> String {
    match document.get(field) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            other.to_string()
        }
    }
}
