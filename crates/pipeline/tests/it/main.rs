//! The pipeline over the real SQLite store, with connections that answer by a script.

mod bench;

mod delivery;
mod failover;
mod notices;
mod requests;
mod restart;
