//! What is wrong with settings, and where.

use std::fmt;
use std::str::FromStr;

/// Something that keeps settings from being used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Problem {
    pub path: Path,
    pub message: String,
}

/// A place in the settings, such as `policy.rules[2].routes[0]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Step>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Key(&'static str),
    /// Counted from zero.
    Index(usize),
}

impl Path {
    /// From the top of the configuration downwards.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    #[must_use]
    pub fn key(&self, key: &'static str) -> Self {
        self.with(Step::Key(key))
    }

    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Collects problems, so that all are told at once.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, path: Path, message: impl fmt::Display) {
        self.0.push(Problem { path, message: message.to_string() });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// None when the text cannot be read, which is then a problem.
    pub(crate) fn read<T>(&mut self, path: Path, text: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let read = text.parse();
        self.keep(path, read)
    }

    pub(crate) fn keep<T, E: fmt::Display>(&mut self, path: Path, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.add(path, error)).ok()
    }

    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Vec<Problem>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// `no route is called "acme-dd": did you mean "acme-de"?`
#[must_use]
pub fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(near) => format!("no {what} is called `{name}`: did you mean `{near}`?"),
        None => format!("no {what} is called `{name}`"),
    }
}

/// Farther apart than a third of its letters, a name is another name and not a slip of the pen.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    let distances = known.into_iter().map(|other| (strsim::damerau_levenshtein(name, other), other));
    distances.filter(|(distance, _)| *distance <= limit).min().map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_the_file_is_written() {
        let path = Path::default().key("policy").key("rules").index(2).key("routes").index(0);
        assert_eq!(path.to_string(), "policy.rules[2].routes[0]");
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let known = ["acme-de", "borealis-de"];
        assert_eq!(
            unknown("route", "acme-ed", known),
            "no route is called `acme-ed`: did you mean `acme-de`?"
        );
        assert_eq!(unknown("route", "zenith", known), "no route is called `zenith`");
    }
}
