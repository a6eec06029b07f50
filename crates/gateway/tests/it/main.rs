//! The program `strowger` as those outside it see it: its API, its vendors, its webhooks and its command line.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what led to a failure is shown with it")]

mod adaptive;
mod backup;
mod both_families;
mod capture;
mod client;
mod command_line;
mod commitments;
mod content;
mod conversation;
mod core_dumps;
mod damage;
mod deadline;
mod dry_runs;
mod failed_sync;
mod failover;
mod foreign_vendors;
mod full_disk;
mod gateway;
mod harness;
mod hostile_binds;
mod hostile_requests;
mod kannel;
mod keys;
mod kill;
mod lab;
mod load;
mod lookups;
mod peer;
mod power_cut;
mod process;
mod proxies;
mod rates;
mod receipts;
mod reload;
mod senders;
mod setup;
mod signals;
mod smpp_clients;
mod smpp_door;
mod smpp_drain;
mod smpp_isolation;
mod smpp_kill;
mod smpp_ports;
mod smpp_width;
mod steering;
mod tls;
mod trial;
mod vendor_errors;
mod vendor_faults;
mod versions;
mod webhook_sink;
mod wire;
