//! One connection to a vendor, as the pipeline uses it.
//!
//! The order is: reserve a slot, make the dispatch durable, submit. Reports come back through `Events`, and a report
//! carries what it holds: a slot goes back when its `Slot` is dropped, a receipt is answered through its `Reply`.

use std::sync::Arc;
use std::time::Duration;

use domain::address::Recipient;
use domain::message::SmppAddress;
use domain::record::{Answer, ReceiptNews};
use domain::{ConnectionId, Encoding, MessageId, Sender, Timestamp};

/// A live connection. Cheap to call from any thread; nothing here blocks or waits.
pub trait Connector: Send + Sync {
    fn id(&self) -> &ConnectionId;

    /// Takes a free slot of one of its binds, if it may send now: window, throughput and pauses are all counted.
    ///
    /// # Errors
    /// Says why there is none; `Events::slots_free` tells when it is worth asking again.
    fn reserve(&self) -> Result<Slot, NoSlot>;

    /// Hands over a text whose dispatch is durable. Its parts go out on the slot's bind, one after another, on the one
    /// slot, which comes back with the last answer; so an attempt is one place in the window, however long its text.
    /// Each part is answered by one `Answered` or more (a late answer after an unknown one). After a refusal the parts
    /// not yet sent are answered `NotSent`. When the bind is gone, or its epoch has passed, every part is answered
    /// `NotSent`.
    fn submit(&self, slot: Slot, submission: Submission);

    fn health(&self) -> Health;
}

/// Why no slot can be had now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSlot {
    /// Bound, but the window is full, the throughput is used up or the vendor asked for a pause.
    Busy,
    /// No bind is up.
    Down,
}

/// A place in a bind's window. Dropping it gives it back.
pub struct Slot {
    /// Which bind of the connection, counted from zero.
    pub bind: u16,
    /// How often that bind has been opened.
    pub epoch: u64,
    /// Gives the slot back on drop.
    pub hold: Box<dyn Send + Sync>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "slot of bind {} in epoch {}", self.bind, self.epoch)
    }
}

/// A text to send: everything a vendor needs to know of it.
#[derive(Clone, Debug)]
pub struct Submission {
    pub message: MessageId,
    pub attempt: u16,
    pub to: Recipient,
    pub from: Option<Sender>,
    pub encoding: Encoding,
    /// In order; their concatenation is the text.
    pub parts: Vec<Box<str>>,
    /// What the parts have in common on the wire.
    pub reference: u16,
    /// What is left of the message's validity.
    pub validity: Duration,
    /// What the route passes on of how the application wrote it.
    pub passed: Passed,
}

/// What an application wrote of a message that came by SMPP. Where there is nothing, the connection's own settings hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    pub priority: Option<u8>,
    pub service_type: Option<Box<[u8]>>,
    /// Their types hold where their digits are those that go out.
    pub source: Option<SmppAddress>,
    pub destination: Option<SmppAddress>,
    /// Whole ones, as they are on the wire; on every part of a long text.
    pub tlvs: Box<[u8]>,
}

/// What became of one part.
#[derive(Debug)]
pub struct Answered {
    pub message: MessageId,
    pub attempt: u16,
    pub part: u8,
    pub answer: Answer,
    /// From writing the bytes to the answer; None when no bytes left or no answer came.
    pub took: Option<Duration>,
    /// Keep it until the answer is in the writer's queue: only then may the next dispatch use the place.
    pub slot: Option<Slot>,
}

/// A receipt, not yet answered to the vendor.
pub struct ReceiptReport {
    /// Normalised, so that it equals the id of the submit response.
    pub vendor_id: Box<str>,
    pub news: ReceiptNews,
    /// It tells of no delivery and of nothing that is on its way. What the error map does not know of these is to be told.
    pub is_error: bool,
    /// When the vendor says it happened.
    pub done_at: Option<Timestamp>,
    /// The recipient's network, as the vendor writes it.
    pub operator: Option<Box<str>>,
    pub reply: Box<dyn Reply>,
}

/// The answer that a vendor waits for. Dropping it unsent asks the vendor to send again later.
pub trait Reply: Send {
    /// The receipt is stored.
    fn stored(self: Box<Self>);
}

/// Where a connector reports to. Called in batches, from the connector's own task: it must not block, and when it
/// cannot take more receipts it drops them, which makes the vendor repeat them.
pub trait Events: Send + Sync {
    fn answered(&self, connection: &ConnectionId, batch: &mut Vec<Answered>);

    fn receipts(&self, connection: &ConnectionId, batch: &mut Vec<ReceiptReport>);

    /// A slot came free after `reserve` had said that there was none.
    fn slots_free(&self, connection: &ConnectionId);

    fn health_changed(&self, connection: &ConnectionId, health: Health);
}

/// How a connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub state: HealthState,
    pub binds_up: u16,
    pub binds: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthState {
    /// At least one bind can send.
    Up,
    /// Bound, and the vendor asked to slow down or its queue is full.
    Throttled,
    /// No bind can send: since when, and why, in the vendor's words or the system's.
    Down { since: tokio::time::Instant, reason: Arc<str> },
}

impl Health {
    #[must_use]
    pub fn is_down(&self) -> bool {
        matches!(self.state, HealthState::Down { .. })
    }
}
