//! What is wrong with a configuration, and what only deserves a warning.

use std::fmt;
use std::path::PathBuf;

/// Something that keeps the configuration from being used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub file: PathBuf,
    /// Counted from one.
    pub line: usize,
    /// Such as `apps[0].webhook.url`; empty when no key is to blame.
    pub key: String,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All problems and warnings of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

impl Report {
    #[must_use]
    pub fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    pub(super) fn sort(&mut self) {
        self.problems.sort();
        self.problems.dedup();
        self.warnings.sort();
        self.warnings.dedup();
    }

    /// As JSON: `{"problems":[{file,line,key,message}],"warnings":[…]}`.
    #[must_use]
    pub fn document(&self) -> serde_json::Value {
        let items = |problems: &[Problem]| {
            let items = problems.iter().map(|problem| {
                serde_json::json!({
                    "file": problem.file.display().to_string(),
                    "line": problem.line,
                    "key": problem.key,
                    "message": problem.message,
                })
            });
            items.collect::<Vec<_>>()
        };
        serde_json::json!({ "problems": items(&self.problems), "warnings": items(&self.warnings) })
    }
}

/// A line each, the problems first.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = self.problems.iter().map(|problem| format!("{problem}"));
        let warnings = self.warnings.iter().map(|warning| format!("{warning} (warning)"));
        f.write_str(&problems.chain(warnings).collect::<Vec<_>>().join("\n"))
    }
}
