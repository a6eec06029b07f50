//! PDUs on their way between tasks: encoded ones going out, whole frames that came in.

use bytes::{Bytes, BytesMut};

use super::{BodyError, CommandId, EncodeError, Pdu};
use crate::frame::{Frame, HEADER_LENGTH, Header};
use crate::status::CommandStatus;

/// A PDU encoded but for its sequence number, which the session gives. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    command_id: CommandId,
    command_status: CommandStatus,
    body: Bytes,
}

/// A frame that came in, with its PDU read on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received(Frame);

impl Outgoing {
    /// Encodes a request, whose `command_status` is always zero.
    pub fn request(pdu: &Pdu<'_>) -> Result<Self, EncodeError> {
        Self::response(pdu, CommandStatus::ROK)
    }

    /// Encodes a response with its outcome.
    pub fn response(pdu: &Pdu<'_>, command_status: CommandStatus) -> Result<Self, EncodeError> {
        let mut body = BytesMut::with_capacity(256);
        pdu.encode_body(&mut body)?;
        Ok(Self { command_id: pdu.command_id(), command_status, body: body.freeze() })
    }

    /// A PDU without a body, such as an unbind.
    pub fn bare(command_id: CommandId) -> Self {
        Self { command_id, command_status: CommandStatus::ROK, body: Bytes::new() }
    }

    /// The response to `request` without a body, as refusals are; a generic_nack where there is no response of its own.
    pub fn refusal(request: CommandId, command_status: CommandStatus) -> Self {
        let command_id = request.response().unwrap_or(CommandId::GENERIC_NACK);
        Self { command_id, command_status, body: Bytes::new() }
    }

    pub fn command_id(&self) -> CommandId {
        self.command_id
    }

    pub fn command_status(&self) -> CommandStatus {
        self.command_status
    }

    /// Its length on the wire, header included.
    pub fn wire_length(&self) -> usize {
        self.body.len().saturating_add(HEADER_LENGTH)
    }

    pub(crate) fn put(&self, sequence_number: u32, out: &mut BytesMut) {
        let length = u32::try_from(self.wire_length()).unwrap_or(u32::MAX);
        let header =
            Header { command_id: self.command_id, command_status: self.command_status, sequence_number };
        out.reserve(self.wire_length());
        header.put(length, out);
        out.extend_from_slice(&self.body);
    }
}

impl Received {
    /// Takes a frame whose body can be read.
    pub fn check(frame: Frame) -> Result<Self, BodyError> {
        Pdu::decode(&frame)?;
        Ok(Self(frame))
    }

    /// Takes a frame unseen: `pdu` answers `Unknown` if its body cannot be read.
    pub(crate) fn unchecked(frame: Frame) -> Self {
        Self(frame)
    }

    /// The PDU, read where it lies. An unreadable response is `Unknown`: what it answers is still worth knowing.
    pub fn pdu(&self) -> Pdu<'_> {
        let unread = super::UnknownPdu { command_id: self.command_id(), body: self.0.body() };
        Pdu::decode(&self.0).unwrap_or(Pdu::Unknown(unread))
    }

    pub fn frame(&self) -> &Frame {
        &self.0
    }

    pub fn command_id(&self) -> CommandId {
        self.0.header().command_id
    }

    pub fn command_status(&self) -> CommandStatus {
        self.0.header().command_status
    }

    pub fn sequence_number(&self) -> u32 {
        self.0.header().sequence_number
    }

    /// A copy that no longer holds the receive buffer.
    pub fn detached(&self) -> Self {
        Self(self.0.detached())
    }
}
