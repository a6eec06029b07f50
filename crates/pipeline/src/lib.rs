//! The life of a message, one file per stage: accept → decide → submit → receipt → notify, and expire. `tidy` belongs to no message.
//!
//! A stage never calls another. It leaves a work item in the record or with the worker, and `worker` runs what comes
//! next once the write that left it is durable. `Pipeline` is what doors and connectors hold.

mod accept;
mod app;
mod caps;
mod clock;
mod commitments;
mod core;
mod decide;
mod expire;
mod health;
mod hold;
mod lanes;
mod learn;
mod next;
mod notify;
mod observe;
mod operators;
mod pipeline;
mod receipt;
mod recent;
pub mod replay;
mod reports;
mod standing;
mod steer;
mod submit;
mod tidy;
mod worker;
mod workplace;
mod writer;

pub use accept::{Acceptance, BySmpp, MAX_SCHEDULE, MAX_SEGMENTS, MAX_VALIDITY, Refused, Request, Sending};
pub use app::App;
pub use caps::CapStanding;
pub use clock::Clock;
pub use commitments::{Agreed, Agreements, Promised};
pub use hold::Resume;
pub use notify::{Teller, Told};
pub use observe::{Observer, Silent, VendorError};
pub use operators::{Asked, Known, NumberingPlan, Operators};
pub use pipeline::{Conversion, Pipeline, Settings, Snapshot, StartError, Stepped};
pub use steer::{Describe, Name, NotSteered, Steer};
pub use workplace::{Pace, Pause, Workplace};
pub use writer::NotWritten;
