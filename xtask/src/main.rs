//! The project's chores, run as `cargo xtask …`: what CI runs is what a contributor runs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore reports to whoever runs it")]

mod arb1;
mod bench;
mod check;
mod interop;
mod operators;
mod shell;
mod suite;
mod tidy;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's chores")]
struct Chores {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Checks everything that needs no test run: format, lints, docs, tidy, licences, unused dependencies
    Check {
        /// Runs this step alone; may be given several times
        #[arg(long, value_enum)]
        only: Vec<check::Step>,
    },
    /// Prepares the foreign peers, then runs the tests of the workspace
    Test {
        /// Includes the tests that are ignored because they take long
        #[arg(long)]
        long: bool,
        /// Runs only tests whose name contains one of these
        filter: Vec<String>,
    },
    /// Prepares the foreign peers that the interoperability tests talk to
    Interop,
    /// Writes the tables of operators by prefix anew, from public data
    Operators,
    /// Plays routing policies in simulated worlds; `cargo xtask arb1 --help` says which
    #[command(disable_help_flag = true)]
    Arb1 {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures the release build over real sockets; `cargo xtask bench --help` says what
    #[command(disable_help_flag = true)]
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Chores::parse().chore {
        Chore::Check { only } => check::run(&only),
        Chore::Test { long, filter } => {
            suite::run(if long { suite::Reach::Long } else { suite::Reach::Usual }, &filter)
        }
        Chore::Interop => interop::prepare(),
        Chore::Operators => operators::generate(),
        Chore::Arb1 { arguments } => arb1::run(&arguments),
        Chore::Bench { arguments } => bench::run(&arguments),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
