//! A session around a socket: one task per connection, for either side, over anything that reads and writes.
//!
//! Each turn of the loop reads what there is, hands its events to the handler in one call, and writes all that came of
//! it at once. Answers go by another queue than requests, so that neither ever waits behind the other; and reading stops
//! only when the other side does not read what we write.

mod handle;
mod outflow;
mod turn;

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::time::{Instant, Sleep};

use self::handle::{Answer, Capacities, Inlets};
use self::outflow::Outflow;
use crate::frame;
use crate::pdu::Outgoing;
use crate::session::{self, CloseReason, Event, Output, Session, Side};

pub use self::handle::{Commands, Handle, NotTaken, Refused};

/// How a connection behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub session: session::Settings,
    /// The longest PDU that is accepted, and the longest before the bind.
    pub max_frame: usize,
    pub max_frame_unbound: usize,
    /// How many requests may be queued for a slot of the window.
    pub request_queue: usize,
    /// Once this much is pending, nothing more is read or taken from the queues.
    pub write_limit: usize,
    /// How long bytes may be pending before the connection is closed.
    pub stall_timeout: Duration,
    /// How long the last bytes (an unbind_resp, a generic_nack) may take to leave when the connection closes.
    pub linger: Duration,
}

/// Takes the events of a connection, a batch at a time.
///
/// It is called between reading and writing, so it must not block. What it cannot answer at once it answers later
/// through the `Handle`. `Event::Closed` is the last event of the last call.
pub trait Handler<T>: Send {
    fn events(&mut self, events: &mut Vec<Event<T>>, commands: &mut Commands<T>);
}

/// A connection, to be driven by `run`.
pub struct Connection<S, T> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    session: Session<T>,
    settings: Settings,
    inlets: Inlets<T>,
    /// Requests that were taken in and wait for a slot.
    backlog: VecDeque<(T, Outgoing)>,
    taken: Vec<(T, Outgoing)>,
    answers: Vec<Answer>,
    commands: Commands<T>,
    inbox: BytesMut,
    output: Output<T>,
    outflow: Outflow,
    /// Set when writing has failed: what the other side sent before it went is still read.
    broken: Option<Broken>,
    over: Option<CloseReason>,
    opened: Instant,
    sleep: Pin<Box<Sleep>>,
}

struct Broken {
    reason: CloseReason,
    until: Duration,
}

/// Opens the client's side: it binds with `bind` at once. Without one it waits for an outbind.
pub fn client<S, T>(socket: S, bind: Option<Outgoing>, settings: Settings) -> (Connection<S, T>, Handle<T>)
where
    S: AsyncRead + AsyncWrite,
    T: Clone + Send,
{
    let (mut connection, handle) = Connection::open(socket, Side::Client, settings);
    if let Some(bind) = bind
        && !connection.session.bind(&bind, Duration::ZERO, &mut connection.output)
    {
        tracing::debug!("the PDU given to bind with is no bind");
    }
    (connection, handle)
}

/// Opens the server's side: it waits for a bind.
pub fn server<S, T>(socket: S, settings: Settings) -> (Connection<S, T>, Handle<T>)
where
    S: AsyncRead + AsyncWrite,
    T: Clone + Send,
{
    Connection::open(socket, Side::Server, settings)
}

impl<S, T> Connection<S, T>
where
    S: AsyncRead + AsyncWrite,
    T: Clone + Send,
{
    fn open(socket: S, side: Side, settings: Settings) -> (Self, Handle<T>) {
        let (handle, inlets) = handle::open(Capacities {
            requests: settings.request_queue,
            answers: settings.session.max_unanswered.saturating_add(SPARE_ANSWERS),
            window: settings.session.window,
        });
        let (reader, writer) = tokio::io::split(socket);
        let opened = Instant::now();
        let connection = Self {
            reader,
            writer,
            session: Session::new(side, settings.session.clone(), Duration::ZERO),
            settings,
            inlets,
            backlog: VecDeque::new(),
            taken: Vec::new(),
            answers: Vec::new(),
            commands: Commands::default(),
            inbox: BytesMut::new(),
            output: Output::default(),
            outflow: Outflow::new(),
            broken: None,
            over: None,
            opened,
            sleep: Box::pin(tokio::time::sleep_until(opened)),
        };
        (connection, handle)
    }
}

/// Room beside the answers to requests: for the answer to a bind, and for notices.
const SPARE_ANSWERS: usize = 16;

impl Default for Settings {
    fn default() -> Self {
        Self {
            session: session::Settings::default(),
            max_frame: frame::DEFAULT_MAX_LENGTH,
            max_frame_unbound: 1024,
            request_queue: 1024,
            write_limit: 256 * 1024,
            stall_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(1),
        }
    }
}
