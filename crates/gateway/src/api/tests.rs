//! The API in one process, over a real pipeline and a real store.

mod access;
mod audit;
mod batch;
mod caps;
mod derived;
mod documents;
mod idempotency;
mod isolation;
mod keys;
mod messages;
mod operators;
mod overrides;
mod policies;
mod probes;
mod questions;
mod rate_cards;
mod refusals;
mod stand;
mod turns;
mod vendors;
