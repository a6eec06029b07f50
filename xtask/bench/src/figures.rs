//! Figures: what one run measured, and what several runs of the same say together.

use std::time::Duration;

use serde::Serialize;

/// One number, with its unit and what it should be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    /// None if it could not be measured, which makes the run fail.
    pub(crate) value: Option<f64>,
    pub(crate) target: Option<Target>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// What one run gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) figures: Vec<Figure>,
    /// What was lost or went wrong.
    pub(crate) failures: Vec<String>,
}

/// A figure over all runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) median: Option<f64>,
    pub(crate) least: Option<f64>,
    pub(crate) most: Option<f64>,
    pub(crate) runs: Vec<Option<f64>>,
    /// The median of the targets, where they depend on what else a run measured.
    pub(crate) target: Option<Target>,
    /// Whether the median meets the target.
    pub(crate) is_met: Option<bool>,
}

/// Durations of the same thing, from which percentiles are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<Duration>);

impl Run {
    pub(crate) fn add(&mut self, name: impl Into<String>, unit: &'static str, value: impl Into<Option<f64>>) {
        self.figures.push(Figure { name: name.into(), unit, value: value.into(), target: None });
    }

    /// Gives the figure added last its target.
    pub(crate) fn with_target(&mut self, target: Target) {
        if let Some(last) = self.figures.last_mut() {
            last.target = Some(target);
        }
    }

    /// The median and the 99th percentile in milliseconds.
    pub(crate) fn add_percentiles(&mut self, name: &str, sample: &Sample) {
        self.add(format!("{name} p50"), "ms", sample.at(0.5).map(millis));
        self.add(format!("{name} p99"), "ms", sample.at(0.99).map(millis));
    }

    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        self.failures.push(what.into());
    }

    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name)?.value
    }
}

impl FromIterator<Duration> for Sample {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut durations: Vec<Duration> = durations.into_iter().collect();
        durations.sort_unstable();
        Self(durations)
    }
}

impl Sample {
    /// The smallest that so large a share of all does not exceed; None of an empty sample.
    pub(crate) fn at(&self, share: f64) -> Option<Duration> {
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

impl Target {
    pub(crate) fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }

    fn bound(self) -> f64 {
        match self {
            Self::AtMost(bound) | Self::AtLeast(bound) => bound,
        }
    }

    fn with_bound(self, bound: f64) -> Self {
        match self {
            Self::AtMost(_) => Self::AtMost(bound),
            Self::AtLeast(_) => Self::AtLeast(bound),
        }
    }
}

/// Figures of the same name are put together, in the order of the first run.
pub(crate) fn summarise(runs: &[Run]) -> Vec<Summary> {
    let mut names: Vec<(&str, &'static str)> = Vec::new();
    for figure in runs.iter().flat_map(|run| &run.figures) {
        if !names.iter().any(|(name, _)| *name == figure.name) {
            names.push((&figure.name, figure.unit));
        }
    }
    names.into_iter().map(|(name, unit)| summary(name, unit, runs)).collect()
}

fn summary(name: &str, unit: &'static str, runs: &[Run]) -> Summary {
    let of = |run: &Run| run.figures.iter().find(|figure| figure.name == name).cloned();
    let figures: Vec<Option<Figure>> = runs.iter().map(of).collect();
    let values: Vec<Option<f64>> =
        figures.iter().map(|figure| figure.as_ref().and_then(|figure| figure.value)).collect();
    let targets: Vec<Target> = figures.iter().flatten().filter_map(|figure| figure.target).collect();
    let target = targets.first().and_then(|first| {
        median(targets.iter().map(|target| target.bound()).collect()).map(|bound| first.with_bound(bound))
    });
    let measured: Vec<f64> = values.iter().flatten().copied().collect();
    let median = median(measured.clone());
    Summary {
        name: name.to_owned(),
        unit,
        median,
        least: measured.iter().copied().reduce(f64::min),
        most: measured.iter().copied().reduce(f64::max),
        runs: values,
        target,
        is_met: target.zip(median).map(|(target, median)| target.is_met_by(median)),
    }
}

/// Of an even number the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    values.get(middle.checked_sub(1)?).map(|lower| f64::midpoint(*lower, upper))
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let sample: Sample = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(sample.at(0.5), Some(Duration::from_millis(50)));
        assert_eq!(sample.at(0.99), Some(Duration::from_millis(99)));
        assert_eq!(Sample::default().at(0.5), None);
    }

    #[test]
    fn runs_are_summed_up_by_their_median_and_held_against_the_median_target() {
        let runs: Vec<Run> = [(10.0, 12.0), (30.0, 12.0), (11.0, 40.0)]
            .into_iter()
            .map(|(value, target)| {
                let mut run = Run::default();
                run.add("delay", "ms", value);
                run.with_target(Target::AtMost(target));
                run
            })
            .collect();
        let summaries = summarise(&runs);
        assert_eq!(summaries.len(), 1);
        let summary = &summaries[0];
        assert_eq!((summary.median, summary.least, summary.most), (Some(11.0), Some(10.0), Some(30.0)));
        assert_eq!((summary.target, summary.is_met), (Some(Target::AtMost(12.0)), Some(true)));
    }

    #[test]
    fn what_could_not_be_measured_has_no_median() {
        let mut run = Run::default();
        run.add("delay", "ms", None);
        run.with_target(Target::AtMost(1.0));
        let summary = &summarise(&[run])[0];
        assert_eq!((summary.median, summary.is_met, &summary.runs), (None, None, &vec![None]));
    }
}
