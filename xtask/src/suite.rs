//! `cargo xtask test`: plain `cargo test` over the workspace, once the foreign peers are there.

use anyhow::Result;

use crate::{interop, shell};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Usual,
    /// Also the tests that are ignored because they take long.
    Long,
}

/// Runs the tests whose name contains one of the filters, or all of them.
///
/// Peers that cannot be prepared do not stop the run: the tests that need them fail with the reason.
pub(crate) fn run(reach: Reach, filter: &[String]) -> Result<()> {
    let mut tests = shell::cargo();
    tests.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    if let Err(error) = interop::prepare() {
        let missing = format!("{error:#}").replace('\n', " ");
        println!("{missing}");
        tests.env(interop::MISSING, missing);
    }
    tests.arg("--").args(filter);
    if reach == Reach::Long {
        tests.arg("--include-ignored");
    }
    shell::run(&mut tests)
}
