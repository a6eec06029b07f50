//! The ways into a running connection: the handle that any task may hold, and the commands of its handler.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::pdu::Outgoing;

/// Sends through a running connection, from any task.
#[derive(Debug)]
pub struct Handle<T> {
    requests: mpsc::Sender<(T, Outgoing)>,
    answers: mpsc::Sender<Answer>,
    wishes: Arc<watch::Sender<Wishes>>,
}

/// A request that could not be given to the connection, of which therefore nothing was sent.
#[derive(Debug, PartialEq, Eq)]
pub struct NotTaken<T> {
    pub token: T,
    pub cause: Refused,
}

/// Why a running connection takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the queue of the connection is full")]
    Full,
    #[error("the connection is closed")]
    Closed,
}

/// What a handler wants sent in return for the events it was given.
#[derive(Debug)]
pub struct Commands<T> {
    pub(super) requests: Vec<(T, Outgoing)>,
    pub(super) answers: Vec<Answer>,
    pub(super) ending: Ending,
}

#[derive(Debug)]
pub(super) enum Answer {
    Response { sequence_number: u32, outgoing: Outgoing },
    Notice(Outgoing),
    Bind(Outgoing),
}

/// What is wished of a connection now, whatever else is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) window: usize,
    pub(super) ending: Ending,
}

/// How a connection is to end, in the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    NotYet,
    Unbind,
    Abort,
}

/// The connection's ends of the ways in.
pub(super) struct Inlets<T> {
    pub(super) requests: mpsc::Receiver<(T, Outgoing)>,
    pub(super) answers: mpsc::Receiver<Answer>,
    pub(super) wishes: watch::Receiver<Wishes>,
}

/// How much the ways in hold.
pub(super) struct Capacities {
    pub(super) requests: usize,
    pub(super) answers: usize,
    pub(super) window: usize,
}

pub(super) fn open<T>(capacities: Capacities) -> (Handle<T>, Inlets<T>) {
    let (request_sender, requests) = mpsc::channel(capacities.requests.max(1));
    let (answer_sender, answers) = mpsc::channel(capacities.answers.max(1));
    let (wish_sender, wishes) = watch::channel(Wishes { window: capacities.window, ending: Ending::NotYet });
    let handle = Handle { requests: request_sender, answers: answer_sender, wishes: Arc::new(wish_sender) };
    (handle, Inlets { requests, answers, wishes })
}

impl<T> Handle<T> {
    /// Queues a request; it is sent when the session is bound and a slot of its window is free.
    pub fn try_request(&self, token: T, request: Outgoing) -> Result<(), NotTaken<T>> {
        self.requests.try_send((token, request)).map_err(|error| match error {
            mpsc::error::TrySendError::Full((token, _)) => NotTaken { token, cause: Refused::Full },
            mpsc::error::TrySendError::Closed((token, _)) => NotTaken { token, cause: Refused::Closed },
        })
    }

    /// Queues a request as soon as there is room.
    pub async fn request(&self, token: T, request: Outgoing) -> Result<(), NotTaken<T>> {
        self.requests
            .send((token, request))
            .await
            .map_err(|error| NotTaken { token: error.0.0, cause: Refused::Closed })
    }

    /// Answers a request. The queue has room for the answers to all requests that can be unanswered.
    pub fn respond(&self, sequence_number: u32, outgoing: Outgoing) -> Result<(), Refused> {
        self.answer(Answer::Response { sequence_number, outgoing })
    }

    /// Sends an outbind or an alert_notification, which nothing answers.
    pub fn notice(&self, notice: Outgoing) -> Result<(), Refused> {
        self.answer(Answer::Notice(notice))
    }

    /// Binds, where the connection was opened without a bind to wait for an outbind.
    pub fn bind(&self, bind: Outgoing) -> Result<(), Refused> {
        self.answer(Answer::Bind(bind))
    }

    /// Changes the window; a smaller one takes effect as slots come back.
    pub fn set_window(&self, window: usize) {
        self.wishes.send_if_modified(|wishes| {
            let changed = wishes.window != window;
            wishes.window = window;
            changed
        });
    }

    /// Ends the session in order: no new requests, the outstanding ones answered or timed out, then unbind.
    pub fn close(&self) {
        self.end(Ending::Unbind);
    }

    /// Ends the connection at once.
    pub fn abort(&self) {
        self.end(Ending::Abort);
    }

    /// Whether it takes no more requests: it has ended, or is about to.
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    fn answer(&self, answer: Answer) -> Result<(), Refused> {
        self.answers.try_send(answer).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Full,
            mpsc::error::TrySendError::Closed(_) => Refused::Closed,
        })
    }

    fn end(&self, ending: Ending) {
        self.wishes.send_if_modified(|wishes| {
            let sooner = ending > wishes.ending;
            wishes.ending = wishes.ending.max(ending);
            sooner
        });
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self {
            requests: self.requests.clone(),
            answers: self.answers.clone(),
            wishes: Arc::clone(&self.wishes),
        }
    }
}

impl<T> Commands<T> {
    /// As `Handle::try_request`; it waits for its turn behind what this handler asked for before.
    pub fn request(&mut self, token: T, request: Outgoing) {
        self.requests.push((token, request));
    }

    /// As `Handle::respond`.
    pub fn respond(&mut self, sequence_number: u32, outgoing: Outgoing) {
        self.answers.push(Answer::Response { sequence_number, outgoing });
    }

    /// As `Handle::bind`.
    pub fn bind(&mut self, bind: Outgoing) {
        self.answers.push(Answer::Bind(bind));
    }

    /// As `Handle::close`.
    pub fn close(&mut self) {
        self.ending = self.ending.max(Ending::Unbind);
    }

    /// As `Handle::abort`.
    pub fn abort(&mut self) {
        self.ending = Ending::Abort;
    }
}

impl<T> Default for Commands<T> {
    fn default() -> Self {
        Self { requests: Vec::new(), answers: Vec::new(), ending: Ending::NotYet }
    }
}
