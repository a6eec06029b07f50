//! What a session tells its user.

use crate::frame::BadLength;
use crate::pdu::{CommandId, Reason, Received};
use crate::status::CommandStatus;

/// Something that happened on a session. `T` is what the user attached to the request it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<T> {
    /// Client: the bind was accepted, and requests go out from now on.
    Bound { received: Received },
    /// Server: the other side wants to bind; answer with `respond`. Accepting it makes the session bound.
    BindRequested { received: Received },
    /// A request to be answered with `respond`, at any time and in any order.
    Request { received: Received },
    /// An outbind or an alert_notification, which nothing answers.
    Notice { received: Received },
    /// The answer to a request of ours; a generic_nack counts as one.
    Response { token: T, received: Received },
    /// No answer came in time. The slot is free again; a `LateResponse` may still come.
    TimedOut { token: T },
    /// The answer to a request that had timed out on this same session.
    LateResponse { token: T, received: Received },
    /// The request was not sent and will not be: the session ends, or is not bound for such a request.
    NotSent { token: T },
    /// The session refused what came in, and has answered it where it can be answered.
    Refused(Refusal),
    /// A response that answers nothing we asked, or asked too long ago.
    Unmatched { received: Received },
    /// The last event: the session is over, and these requests will never be answered on it.
    Closed { reason: CloseReason, outstanding: Vec<Outstanding<T>> },
}

/// A PDU that the session answered by itself with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub command_id: CommandId,
    pub sequence_number: u32,
    pub status: CommandStatus,
    pub cause: RefusalCause,
}

/// Why the session refused a PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCause {
    /// Its body cannot be read.
    Body(Reason),
    /// This command is not allowed on this bind, or not now.
    State,
    /// Nobody knows this command.
    UnknownCommand,
    /// Too many requests wait for their answers.
    Busy,
}

/// A request that the end of the session left without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outstanding<T> {
    pub token: T,
    /// Whether any of its bytes were handed to the socket. If not, the other side cannot have seen it.
    pub bytes_out: bool,
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    #[error("unbound by us")]
    Unbound,
    #[error("unbound by the other side")]
    PeerUnbound,
    #[error("our unbind was not answered in time")]
    UnbindTimedOut,
    #[error("closed by us without unbinding")]
    Aborted,
    #[error("the bind was refused with {0}")]
    BindRefused(CommandStatus),
    #[error("no bind was completed in time")]
    BindTimedOut,
    #[error("enquire_link was not answered in time")]
    LinkDead,
    #[error("nothing came for too long")]
    Inactive,
    #[error("the stream cannot be read on: {0}")]
    BadLength(BadLength),
    #[error("the other side closed the connection")]
    PeerClosed,
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("the other side did not read what was sent to it")]
    WriteStalled,
}
