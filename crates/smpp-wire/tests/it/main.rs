//! The behaviour of the wire as its users see it, one file per behaviour.

mod connection;
mod pair;
