//! Vendors, handsets and traffic that speak the real protocols, for the demo, the tests and the benchmarks.
//!
//! Nothing here knows the gateway: a vendor is met over SMPP, traffic is posted by whoever draws it, and what users do
//! is told by the handsets. Chance comes from seeds and time from tokio's clock, so that a run can be repeated.

mod agenda;
mod asked;
pub mod behaviour;
pub mod demo;
pub mod demo_number;
mod fate;
pub mod handset;
pub mod personality;
pub mod smsc;
pub mod traffic;
pub mod vendor;

pub use asked::AskedFirst;
pub use behaviour::Behaviour;
pub use demo::Demo;
pub use handset::{Conversion, Conversions, Handsets};
pub use personality::Personality;
pub use traffic::Traffic;
pub use vendor::Vendor;
