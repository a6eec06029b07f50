//! The SMPP client: one connection to a vendor, made of one bind or several.
//!
//! A text takes one slot for as long as its attempt lasts: its parts go out one after the other, each when the one
//! before it is answered, so that a window of 1 suffices, a refused part costs no further ones, and a crash leaves no
//! more attempts without an outcome than the window has slots.

mod backoff;
mod bind;
mod client;
mod dial;
pub mod errors;
mod gate;
mod keeper;
mod mute;
mod receipt;
mod response;
mod session;
pub mod settings;
mod slot;
mod submit;
mod text;
mod throttle;
pub mod tls;
pub mod tunnel;

pub use self::client::{Client, Clock, Running, Start};
pub use self::dial::{Dial, DialError, Dialing, Network, Stream};
pub use self::settings::Settings;
