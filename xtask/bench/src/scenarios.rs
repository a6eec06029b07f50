//! What can be measured, by name.

use anyhow::Result;
use clap::ValueEnum;

use crate::figures::Run;
use crate::stand::Bench;

mod backlog;
mod burst;
mod faults;
mod latency;
mod rest;
mod smpp;
mod throughput;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// As many messages as go through, each connection with one request at a time
    Throughput,
    /// A thousand messages a second, whatever the answers do
    Latency,
    /// Five thousand one-time passwords within a second, on top of marketing
    Burst,
    /// As many messages as go through by SMPP, in and out, with a receipt for each
    Smpp,
    /// Memory and CPU of a gateway that has nothing to do
    Rest,
    /// One vendor of three goes wrong, in each of many ways, for ten seconds
    Faults,
    /// A million messages wait for a dead vendor, through a kill and a flip
    Backlog,
}

impl Scenario {
    pub(crate) const USUAL: [Self; 4] = [Self::Rest, Self::Latency, Self::Burst, Self::Throughput];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Burst => "burst",
            Self::Smpp => "smpp",
            Self::Rest => "rest",
            Self::Faults => "faults",
            Self::Backlog => "backlog",
        }
    }

    pub(crate) async fn run(self, bench: &Bench) -> Result<Run> {
        match self {
            Self::Throughput => throughput::run(bench).await,
            Self::Latency => latency::run(bench).await,
            Self::Burst => burst::run(bench).await,
            Self::Smpp => smpp::run(bench).await,
            Self::Rest => rest::run(bench).await,
            Self::Faults => faults::run(bench).await,
            Self::Backlog => backlog::run(bench).await,
        }
    }
}
