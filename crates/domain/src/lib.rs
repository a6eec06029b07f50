//! The words everyone uses: ids, addresses, segments, messages, attempts, status, money.
//!
//! No I/O, no clock, no async: what is here is data and the rules that hold for it. The state machine of a message
//! (`record`) lives here so that every store and every stage steps a message by the same code.

pub mod address;
pub mod attempt;
pub mod commitment;
pub mod content;
pub mod event;
pub mod gsm7;
pub mod id;
pub mod key;
pub mod lane;
pub mod message;
pub mod money;
pub mod number;
pub mod overrides;
pub mod plan;
pub mod record;
pub mod rewritten;
pub mod segment;
pub mod setting;
pub mod status;
pub mod time;
pub mod vendor_error;
pub mod verdict;

pub use address::{Recipient, Sender};
pub use attempt::Attempt;
pub use id::{
    AppId, CapId, ConnectionId, DryRunId, KeyId, MessageId, OverrideId, RateCardId, RouteId, RuleId,
    VendorId, VerdictId,
};
pub use key::{Key, Scope};
pub use lane::Lane;
pub use message::{Channel, Class, Message};
pub use money::{Currency, Price, Tariff};
pub use number::Country;
pub use overrides::Override;
pub use plan::Plan;
pub use record::Record;
pub use rewritten::Rewritten;
pub use segment::Encoding;
pub use status::Status;
pub use time::Timestamp;
pub use vendor_error::{ErrorClass, Stage};
pub use verdict::Verdict;
