//! A file as the rules see it: a path from the root of the repository, and a text.

pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs") && self.is_under(&["crates/", "xtask/"])
    }

    /// Whether the path begins with one of these.
    pub(super) fn is_under(&self, starts: &[&str]) -> bool {
        starts.iter().any(|start| self.path.starts_with(start))
    }

    pub(super) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "fuzz"))
    }

    pub(super) fn is_documentation(&self) -> bool {
        self.path.starts_with("docs/") || self.path.ends_with(".md")
    }

    /// The lines that go into the program: those before an inline `mod tests`, and none of a test file.
    pub(super) fn production(&self) -> Vec<&str> {
        if self.is_test() {
            return Vec::new();
        }
        let lines: Vec<&str> = self.text.lines().collect();
        let end = (0..lines.len()).find(|&at| opens_tests(&lines[at..])).unwrap_or(lines.len());
        lines[..end].to_vec()
    }
}

/// Whether these lines begin with `#[cfg(test)] mod tests {`, other attributes allowed in between.
fn opens_tests(lines: &[&str]) -> bool {
    let mut lines = lines.iter().map(|line| line.trim());
    lines.next() == Some("#[cfg(test)]")
        && lines.find(|line| !line.starts_with("#[")).is_some_and(|line| line == "mod tests {")
}
