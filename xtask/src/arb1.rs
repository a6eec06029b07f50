//! `cargo xtask arb1`: builds the worlds and the engine optimised, and plays.

use anyhow::Result;

use crate::shell;

/// Passes the arguments on.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut arb1 = shell::cargo();
    arb1.args(["run", "--quiet", "--release", "--locked", "--package", "arb1", "--"]);
    shell::run(arb1.args(arguments))
}
