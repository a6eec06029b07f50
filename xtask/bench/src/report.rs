//! The outcome for people, as tables, and for programs, as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::figures::{Run, Summary, Target, summarise};
use crate::machine::Machine;

#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) seconds: u64,
    pub(crate) tables: Vec<Table>,
}

/// One scenario over all its runs.
#[derive(Serialize)]
pub(crate) struct Table {
    scenario: String,
    runs: usize,
    figures: Vec<Summary>,
    /// What was lost, went wrong or could not be measured, by run.
    failures: Vec<String>,
}

impl Table {
    pub(crate) fn new(scenario: &str, runs: &[Run]) -> Self {
        let figures = summarise(runs);
        let mut failures = Vec::new();
        for (number, run) in (1..).zip(runs) {
            failures.extend(run.failures.iter().map(|failure| format!("run {number}: {failure}")));
            let unmeasured = run.figures.iter().filter(|figure| figure.value.is_none());
            failures.extend(unmeasured.map(|figure| format!("run {number}: no value for {}", figure.name)));
        }
        Self { scenario: scenario.to_owned(), runs: runs.len(), figures, failures }
    }

    pub(crate) fn failed(&self) -> bool {
        !self.failures.is_empty()
    }

    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        self.write(&mut text)?;
        Ok(text)
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let width = self.figures.iter().map(|figure| figure.name.len()).max().unwrap_or_default().max(20);
        writeln!(out, "{} ({} runs)", self.scenario, self.runs)?;
        writeln!(out, "  {:width$}  {:>12}  {:>25}  {:>14}", "figure", "median", "least - most", "target")?;
        for figure in &self.figures {
            let Summary { name, unit, median, least, most, target, is_met, .. } = figure;
            let range = format!("{} - {}", number(*least), number(*most));
            let target = target.map(target_text).unwrap_or_default();
            let verdict = match is_met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            writeln!(
                out,
                "  {name:width$}  {:>12}  {range:>25}  {target:>14}  {unit} {verdict}",
                number(*median)
            )?;
        }
        for failure in &self.failures {
            writeln!(out, "  FAILED: {failure}")?;
        }
        Ok(())
    }
}

fn target_text(target: Target) -> String {
    match target {
        Target::AtMost(bound) => format!("<= {}", number(Some(bound))),
        Target::AtLeast(bound) => format!(">= {}", number(Some(bound))),
    }
}

/// Three significant places, more where the number has more before its point.
fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value == 0.0 || value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) if value.abs() >= 1.0 => format!("{value:.2}"),
        Some(value) => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_without_a_value_makes_the_table_a_failure() {
        let mut run = Run::default();
        run.add("delay", "ms", 1.0);
        assert!(!Table::new("x", &[run.clone()]).failed());
        run.add("rate", "1/s", None);
        let table = Table::new("x", &[run]);
        assert!(table.failed());
        assert!(table.text().unwrap().contains("FAILED: run 1: no value for rate"));
    }

    #[test]
    fn numbers_are_as_exact_as_they_are_of_use() {
        let shown: Vec<String> = [1234.5, 12.34, 1.234, 0.1234].map(|value| number(Some(value))).into();
        assert_eq!(shown, ["1234", "12.3", "1.23", "0.123"]);
    }
}
