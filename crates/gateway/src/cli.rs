//! The command line: what is typed, and with which code it ends.
//!
//! Data goes to stdout, hints and progress to stderr; `--json` gives every command one stable document.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod app;
mod audit;
mod caps;
mod check;
mod client;
mod db;
mod decisions;
mod demo;
mod desired;
mod explain;
mod harness;
mod key;
mod message;
mod operator;
mod output;
mod policy;
mod rates;
mod route;
mod send;
mod serve;
mod sim;
mod vendor;
mod vendor_errors;
mod verdicts;

use client::Endpoint;
use output::Output;

#[derive(Debug, Parser)]
#[command(
    name = "strowger",
    version,
    about = "One API over the messaging vendors you already pay, on your own servers.",
    after_help = "Try it:  strowger demo\n\nExit codes: 0 ok, 1 unexpected, 2 usage, 3 validation failed, 4 not found, 5 not allowed, 6 conflict,\n7 a check failed, 8 unreachable, 10 differences found."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON document on stdout instead of text for people.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway against five simulated vendors with live traffic; nothing leaves this machine.
    Demo(demo::Options),
    /// Run the gateway in the foreground. SIGTERM drains it.
    Serve(serve::Options),
    /// Check the configuration, and with --online a running gateway.
    Check {
        #[command(flatten)]
        file: ConfigFile,
        /// Also ask the gateway at STROWGER_ENDPOINT whether it is ready.
        #[arg(long)]
        online: bool,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Work with configuration files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look after the store: status, backup, restore, verify, prune.
    #[command(subcommand)]
    Db(db::Command),
    /// Send one message.
    Send(send::Options),
    /// Look at messages.
    #[command(subcommand)]
    Message(message::Command),
    /// Show the plan that a message would get now, with reasons. Sends nothing.
    Explain(explain::Options),
    /// Show routes, and steer traffic from one to another.
    #[command(subcommand)]
    Route(route::Command),
    /// Show how much of each cap is used, and what waits because of it.
    Caps(caps::Options),
    /// Versions of routes, rate cards and rules: draft, compare, put in force, go back.
    #[command(subcommand)]
    Policy(policy::Command),
    /// What the log has of messages, as a file to try versions on.
    #[command(subcommand)]
    Decisions(decisions::Command),
    /// Rate cards: import vendors' price lists, compare, rerate.
    #[command(subcommand)]
    Rates(rates::Command),
    /// Whose a number is, what networks are called, and lists of your own.
    #[command(subcommand)]
    Operator(operator::Command),
    /// Plan and list the maintenance of vendors.
    #[command(subcommand)]
    Vendor(vendor::Command),
    /// Make, list, replace and revoke API keys.
    #[command(subcommand)]
    Key(key::Command),
    /// Show the applications.
    #[command(subcommand)]
    App(app::Command),
    /// Who changed what, when and why.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Simulated vendors to try things against.
    #[command(subcommand)]
    Sim(SimCommand),
    /// The adaptive engine: what it concluded, and by itself.
    #[command(subcommand)]
    Routing(RoutingCommand),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfigFile {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "strowger.toml")]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report every problem of a configuration at once, as FILE:LINE: KEY: what is wrong.
    Validate(ConfigFile),
    /// Tell what routes, rate cards and rules of files say otherwise than those in force. Ends with 10 when anything
    /// differs.
    Diff(desired::Diff),
    /// Put routes, rate cards and rules of files in force, all at once; what no file names is kept.
    Apply(desired::Apply),
    /// Write the routes, rate cards and rules in force as files.
    Dump(desired::Dump),
    /// Print the JSON Schema of the configuration.
    Schema,
}

#[derive(Debug, Subcommand)]
enum SimCommand {
    /// A vendor that speaks SMPP on a port.
    Smsc(sim::Options),
}

#[derive(Debug, Subcommand)]
enum RoutingCommand {
    /// Drive the adaptive engine by JSON lines on stdin, in simulated time; it answers on stdout.
    Harness,
    /// List what the engine of a running gateway concluded: which arms are in trouble, and what proves it.
    Verdicts(verdicts::Options),
}

/// How a command ended, other than well.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The server's problem document, for `--json`.
    pub(crate) problem: Option<serde_json::Value>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, problem: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Unexpected, format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Unexpected, error.to_string())
    }
}

/// The exit codes of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Unexpected = 1,
    Usage = 2,
    Invalid = 3,
    NotFound = 4,
    NotAllowed = 5,
    Conflict = 6,
    CheckFailed = 7,
    Unreachable = 8,
    Different = 10,
}

/// Runs the command line and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come as errors, too; clap knows which stream and which code are right. A closed
            // stdout is nothing to report to.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = Output::new(cli.json);
    match dispatch(cli.command, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn dispatch(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Config(ConfigCommand::Schema) => return check::schema(output),
        Command::Config(ConfigCommand::Validate(file)) => return check::validate(&file, output),
        Command::Db(command) => return db::run(command, output),
        Command::Routing(RoutingCommand::Harness) => return harness::run(),
        Command::Demo(_)
        | Command::Serve(_)
        | Command::Check { .. }
        | Command::Send(_)
        | Command::Message(_)
        | Command::Explain(_)
        | Command::Route(_)
        | Command::Caps(_)
        | Command::Policy(_)
        | Command::Decisions(_)
        | Command::Rates(_)
        | Command::Config(ConfigCommand::Diff(_) | ConfigCommand::Apply(_) | ConfigCommand::Dump(_))
        | Command::Vendor(_)
        | Command::Operator(_)
        | Command::Key(_)
        | Command::App(_)
        | Command::Audit(_)
        | Command::Routing(RoutingCommand::Verdicts(_))
        | Command::Sim(_) => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Demo(options) => demo::run(options, output).await,
            Command::Serve(options) => serve::run(&options, output).await,
            Command::Check { file, online, endpoint } => {
                check::check(&file, online.then_some(endpoint), output).await
            }
            Command::Send(options) => send::run(options, output).await,
            Command::Message(command) => message::run(command, output).await,
            Command::Explain(options) => explain::run(options, output).await,
            Command::Route(command) => route::run(command, output).await,
            Command::Caps(options) => caps::run(options, output).await,
            Command::Policy(command) => policy::run(command, output).await,
            Command::Decisions(command) => decisions::run(command, output).await,
            Command::Rates(command) => rates::run(command, output).await,
            Command::Config(ConfigCommand::Diff(options)) => desired::diff(&options, output).await,
            Command::Config(ConfigCommand::Apply(options)) => desired::apply(&options, output).await,
            Command::Config(ConfigCommand::Dump(options)) => desired::dump(&options, output).await,
            Command::Vendor(command) => vendor::run(command, output).await,
            Command::Operator(command) => operator::run(command, output).await,
            Command::Key(command) => key::run(command, output).await,
            Command::App(app::Command::List(endpoint)) => app::list(&endpoint, output).await,
            Command::Audit(command) => audit::run(command, output).await,
            Command::Sim(SimCommand::Smsc(options)) => sim::run(options, output).await,
            Command::Routing(RoutingCommand::Verdicts(options)) => verdicts::run(&options, output).await,
            Command::Config(ConfigCommand::Schema | ConfigCommand::Validate(_))
            | Command::Db(_)
            | Command::Routing(RoutingCommand::Harness) => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
