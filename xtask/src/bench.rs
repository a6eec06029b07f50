//! `cargo xtask bench`: builds the program as it is shipped, and the bench, optimised too, and runs the one with the other.
//!
//! The bench is a program of its own: so `check` and `test` build none of what only it needs, xtask stays quick to
//! build, and the gateway is built alone, with no feature that another crate of the same build would bring it.

use anyhow::Result;

use crate::shell;

/// What makes it needless to build the program: another is named, or only help is wanted.
const WITHOUT_BUILD: [&str; 3] = ["--gateway", "--help", "-h"];

/// Passes the arguments on.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if !arguments.iter().any(|argument| WITHOUT_BUILD.contains(&argument.as_str())) {
        shell::run(shell::cargo().args(["build", "--release", "--locked", "--package", "gateway"]))?;
    }
    let mut bench = shell::cargo();
    bench.args(["run", "--quiet", "--release", "--locked", "--package", "bench", "--"]);
    shell::run(bench.args(arguments))
}
