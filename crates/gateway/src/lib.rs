//! The program strowger: its API, its webhooks, its configuration and its command line.

mod agreements;
pub mod api;
mod audit;
pub mod cli;
pub mod clock;
pub mod config;
mod core_dumps;
mod decisions;
pub mod demo;
mod digest;
mod dry_runs;
mod http;
mod imported;
mod limit;
mod listener;
pub mod logs;
pub mod metrics;
pub mod network;
pub mod operators;
mod rating;
pub mod smpp_server;
pub mod start;
pub mod tables;
pub mod tls;
mod unmapped;
mod versions;
pub mod webhooks;
