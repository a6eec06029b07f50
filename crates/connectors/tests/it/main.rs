//! The connectors against peers that speak the real protocols.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod alphabet;
mod back_off;
mod errors;
mod half_open;
mod health;
mod lab;
mod line_lost;
mod mute;
mod parts;
mod proxy;
mod receipts;
mod shutdown;
mod soak;
mod submit_fields;
mod throttling;
mod tls;
mod transmitter_receiver;
mod unanswered;
mod vendor;
mod window;
