//! Frames: what `command_length` cuts out of a byte stream, before any body is looked at.
//!
//! Cutting is apart from parsing so that a bad body never costs the stream its place. Nothing is allocated by a claimed
//! length: a frame is handed out only once all its bytes have arrived.

use bytes::{BufMut, Bytes, BytesMut};

use crate::pdu::CommandId;
use crate::status::CommandStatus;

/// Length of the header, and so the least `command_length` there can be.
pub const HEADER_LENGTH: usize = 16;

/// The greatest `command_length` that is accepted unless told otherwise. A text of 255 parts, the most there can be,
/// takes 40,000 octets; 64 KiB is a number that only somebody who tries out lengths sends.
pub const DEFAULT_MAX_LENGTH: usize = 64 * 1024 - 1;

/// The three header fields that follow `command_length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub command_id: CommandId,
    pub command_status: CommandStatus,
    pub sequence_number: u32,
}

/// One whole PDU as it came: header and body, cut to its length.
///
/// It shares the receive buffer, and keeps all of it in memory; whoever keeps a frame for long takes it `detached`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    header: Header,
    bytes: Bytes,
}

/// The stream's next `command_length` cannot be right, so nothing after it can be understood: the connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("command_length {length} is outside {HEADER_LENGTH}..={max}")]
pub struct BadLength {
    pub length: u32,
    pub max: usize,
    /// What the generic_nack can quote; zero when the sequence number has not arrived.
    pub sequence_number: u32,
}

impl Header {
    pub(crate) fn put(self, length: u32, out: &mut BytesMut) {
        out.put_u32(length);
        out.put_u32(self.command_id.0);
        out.put_u32(self.command_status.0);
        out.put_u32(self.sequence_number);
    }
}

impl Frame {
    /// Takes bytes that are exactly one frame.
    pub fn whole(bytes: Bytes) -> Result<Self, BadLength> {
        let length = be_u32(&bytes, 0).unwrap_or(0);
        let header = read_header(&bytes).filter(|_| usize::try_from(length) == Ok(bytes.len()));
        match header {
            Some(header) => Ok(Self { header, bytes }),
            None => {
                Err(BadLength { length, max: bytes.len(), sequence_number: be_u32(&bytes, 12).unwrap_or(0) })
            }
        }
    }

    pub fn header(&self) -> Header {
        self.header
    }

    pub fn body(&self) -> &[u8] {
        self.bytes.get(HEADER_LENGTH..).unwrap_or_default()
    }

    /// The whole frame, header included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A copy that no longer holds the receive buffer.
    pub fn detached(&self) -> Self {
        Self { header: self.header, bytes: Bytes::copy_from_slice(&self.bytes) }
    }
}

/// Cuts the next frame off the front of `buffer`; `None` until it is whole.
///
/// A `command_length` out of bounds is reported as soon as its four bytes are there, and leaves the buffer as it is.
pub fn cut(buffer: &mut BytesMut, max_length: usize) -> Result<Option<Frame>, BadLength> {
    let Some(claimed) = be_u32(buffer, 0) else { return Ok(None) };
    let length = usize::try_from(claimed).unwrap_or(usize::MAX);
    if length < HEADER_LENGTH || length > max_length {
        let sequence_number = be_u32(buffer, 12).unwrap_or(0);
        return Err(BadLength { length: claimed, max: max_length, sequence_number });
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let bytes = buffer.split_to(length).freeze();
    Ok(read_header(&bytes).map(|header| Frame { header, bytes }))
}

fn read_header(bytes: &[u8]) -> Option<Header> {
    Some(Header {
        command_id: CommandId(be_u32(bytes, 4)?),
        command_status: CommandStatus(be_u32(bytes, 8)?),
        sequence_number: be_u32(bytes, 12)?,
    })
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}
