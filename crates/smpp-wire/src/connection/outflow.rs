//! What leaves through the socket, and whether the other side takes it.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Counts what was written, and how long the oldest byte has waited.
///
/// A mark is set at the end of what is pending; when the writing has not passed it in time, the other side does not
/// read. A side that reads drop by drop is caught by this as well as one that reads nothing.
pub(super) struct Outflow {
    written: u64,
    mark: Option<Mark>,
    flushed: bool,
}

#[derive(Clone, Copy)]
struct Mark {
    at: u64,
    since: Duration,
}

impl Outflow {
    pub(super) fn new() -> Self {
        Self { written: 0, mark: None, flushed: true }
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Whether there is anything to do for `push`.
    pub(super) fn is_idle(&self, pending: &BytesMut) -> bool {
        pending.is_empty() && self.flushed
    }

    /// Writes once, or flushes once all is written. It can be dropped at any point without losing or doubling a byte.
    pub(super) async fn push<W: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut W,
        pending: &mut BytesMut,
    ) -> std::io::Result<()> {
        if pending.is_empty() {
            socket.flush().await?;
            self.flushed = true;
            return Ok(());
        }
        let count = socket.write_buf(pending).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        self.flushed = false;
        self.written = self.written.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Looks at what is pending now. To be called after each change of it.
    pub(super) fn observe(&mut self, queued: u64, now: Duration) {
        if self.written >= queued {
            self.mark = None;
            return;
        }
        if self.mark.is_none_or(|mark| self.written >= mark.at) {
            self.mark = Some(Mark { at: queued, since: now });
        }
    }

    /// Since when the bytes up to the mark have waited.
    pub(super) fn waiting_since(&self) -> Option<Duration> {
        self.mark.map(|mark| mark.since)
    }
}
