//! `cargo xtask check`: every step runs, whatever the others found, and the failures are listed at the end.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::{shell, tidy, tools};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// The sources are formatted
    Format,
    /// Clippy and the bans of clippy.toml are silent
    Lints,
    /// The documentation builds without a warning
    Docs,
    /// The rules of tidy hold
    Tidy,
    /// Dependencies have licences and sources that deny.toml allows, and no known vulnerability
    Licences,
    /// Every dependency is used
    Unused,
}

/// Runs the steps named, or all of them.
pub(crate) fn run(only: &[Step]) -> Result<()> {
    let steps = if only.is_empty() { Step::value_variants() } else { only };
    let mut failures = Vec::new();
    for step in steps {
        println!("== {step:?}");
        let (outcome, took) = timed(|| step.run());
        let verdict = if outcome.is_ok() { "passed" } else { "FAILED" };
        println!("== {step:?} {verdict} after {:.1} s", took.as_secs_f64());
        if let Err(error) = outcome {
            failures.push(format!("{step:?}: {error:#}"));
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    bail!("{} of {} steps failed\n{}", failures.len(), steps.len(), failures.join("\n"))
}

impl Step {
    fn run(self) -> Result<()> {
        match self {
            Self::Format => shell::run(shell::cargo().args(["fmt", "--all", "--check"])),
            Self::Lints => shell::run(shell::cargo().args([
                "clippy",
                "--locked",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ])),
            Self::Docs => shell::run(
                shell::cargo()
                    .args(["doc", "--locked", "--workspace", "--no-deps"])
                    .env("RUSTDOCFLAGS", "-Dwarnings"),
            ),
            Self::Tidy => tidy::check_repository(),
            Self::Licences => licences(),
            Self::Unused => shell::run(shell::program(tools::MACHETE.path()?).arg("--skip-target-dir")),
        }
    }
}

/// Advisories live in a database on the network. A machine without that network cannot ask, and says so.
fn licences() -> Result<()> {
    let deny = tools::DENY.path()?;
    shell::run(shell::program(&deny).args(["--locked", "check", "bans", "licenses", "sources"]))?;
    if shell::output(shell::program(&deny).args(["--locked", "fetch", "db"])).is_err() {
        println!("advisories skipped: the advisory database cannot be reached from here");
        return Ok(());
    }
    shell::run(shell::program(&deny).args(["--locked", "check", "--disable-fetch", "advisories"]))
}

#[expect(clippy::disallowed_types, reason = "chores have no tokio, and no test pauses their time")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = std::time::Instant::now();
    let result = work();
    (result, started.elapsed())
}
