//! The API in one process, over a real pipeline and a real store.

mod batch;
mod documents;
mod idempotency;
mod isolation;
mod messages;
mod overrides;
mod questions;
mod refusals;
mod stand;
