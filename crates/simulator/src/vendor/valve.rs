//! The valve in a vendor's lines: while it is shut nothing goes through, and the other side is not told.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One for all lines of a vendor.
#[derive(Default)]
pub(super) struct Valve(Mutex<State>);

#[derive(Default)]
struct State {
    is_shut: bool,
    /// Lines are numbered in turn; those before this one are forsaken.
    forsaken_before: u64,
    next_line: u64,
    waiting: Vec<Waker>,
    /// Sockets that were dropped while nothing went through: closing them would tell the other side.
    kept: Vec<Box<dyn Any + Send>>,
}

/// A socket behind the valve.
pub(super) struct Line<S: Send + 'static> {
    socket: Option<S>,
    number: u64,
    valve: Arc<Valve>,
}

impl Valve {
    pub(super) fn shut(&self) {
        self.0.lock().is_shut = true;
    }

    /// Lets everything go on, but for what was forsaken.
    pub(super) fn open(&self) {
        let waiting = {
            let mut state = self.0.lock();
            state.is_shut = false;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Nothing will ever go through the lines of now again.
    pub(super) fn forsake(&self) {
        let mut state = self.0.lock();
        state.forsaken_before = state.next_line;
    }

    fn holds(&self, line: u64, context: &Context<'_>) -> bool {
        let mut state = self.0.lock();
        if line < state.forsaken_before {
            return true;
        }
        if state.is_shut && !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        state.is_shut
    }
}

impl<S: Send + 'static> Line<S> {
    pub(super) fn new(socket: S, valve: Arc<Valve>) -> Self {
        let number = {
            let mut state = valve.0.lock();
            state.next_line += 1;
            state.next_line - 1
        };
        Self { socket: Some(socket), number, valve }
    }

    /// The socket, unless nothing may go through it now.
    fn passable(&mut self, context: &Context<'_>) -> Option<&mut S> {
        self.socket.as_mut().filter(|_| !self.valve.holds(self.number, context))
    }
}

impl<S: Send + 'static> Drop for Line<S> {
    fn drop(&mut self) {
        let mut state = self.valve.0.lock();
        if (state.is_shut || self.number < state.forsaken_before)
            && let Some(socket) = self.socket.take()
        {
            state.kept.push(Box::new(socket));
        }
    }
}

impl<S: AsyncRead + Send + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.passable(context) {
            Some(socket) => Pin::new(socket).poll_read(context, buffer),
            None => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Send + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.passable(context) {
            Some(socket) => Pin::new(socket).poll_write(context, bytes),
            None => Poll::Pending,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.passable(context) {
            Some(socket) => Pin::new(socket).poll_flush(context),
            None => Poll::Pending,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.passable(context) {
            Some(socket) => Pin::new(socket).poll_shutdown(context),
            None => Poll::Pending,
        }
    }
}
