//! The program `strowger` as those outside it see it: its API, its vendors, its webhooks and its command line.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what led to a failure is shown with it")]

mod backup;
mod capture;
mod client;
mod command_line;
mod conversation;
mod damage;
mod deadline;
mod failed_sync;
mod failover;
mod foreign_vendors;
mod full_disk;
mod gateway;
mod hostile_binds;
mod hostile_requests;
mod kill;
mod lab;
mod load;
mod peer;
mod power_cut;
mod process;
mod receipts;
mod setup;
mod signals;
mod smpp_door;
mod smpp_drain;
mod smpp_kill;
mod smpp_ports;
mod smpp_width;
mod steering;
mod trial;
mod vendor_faults;
mod webhook_sink;
mod wire;
