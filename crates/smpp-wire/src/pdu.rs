//! Every PDU of SMPP 3.4 and 5.0, read where it lies in its frame and written field by field.
//!
//! Reading is lenient (vendors deviate), writing is strict: a field that the specification does not allow is an error
//! that names it. What was wholly understood is written back octet for octet.

mod bind;
mod body;
mod broadcast;
mod command;
mod message;
mod multi;
mod outgoing;
mod query;
mod reader;
#[cfg(test)]
mod tests;
mod values;
mod writer;

use bytes::BytesMut;

use self::body::Body as _;
use self::reader::Reader;
use self::writer::Writer;
use crate::frame::{Frame, Header};
use crate::status::CommandStatus;

pub use self::bind::{Bare, Bind, BindResp, Outbind};
pub use self::broadcast::{BroadcastSm, CancelBroadcastSm};
pub use self::command::CommandId;
pub use self::message::{Address, DataSm, MessageResp, ShortMessage};
pub use self::multi::{
    Destination, DestinationBuffer, Destinations, RefusedBuffer, RefusedDestination, RefusedDestinations,
    SubmitMulti, SubmitMultiResp,
};
pub use self::outgoing::{Outgoing, Received};
pub use self::query::{AlertNotification, CancelSm, QueriedMessage, QuerySm, QuerySmResp, ReplaceSm};
pub use self::reader::Reason;
pub use self::values::{
    EsmClass, NumberingPlan, ReceiptWanted, RegisteredDelivery, TypeOfNumber, interface_version,
};
pub use self::writer::EncodeError;

/// A PDU whose command this crate does not know, kept as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownPdu<'a> {
    pub command_id: CommandId,
    pub body: &'a [u8],
}

/// A frame whose body cannot be read. The stream goes on after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {command_id} with sequence number {sequence_number} cannot be read: {reason}")]
pub struct BodyError {
    pub command_id: CommandId,
    pub sequence_number: u32,
    pub reason: Reason,
    pub status_to_answer: CommandStatus,
}

macro_rules! pdus {
    ($($variant:ident($body:ident) = $command:ident,)+) => {
        /// A PDU, its fields borrowed from the frame it came in or from whoever sends it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Pdu<'a> {
            $($variant($body<'a>),)+
            Unknown(UnknownPdu<'a>),
        }

        impl<'a> Pdu<'a> {
            pub fn command_id(&self) -> CommandId {
                match self {
                    $(Self::$variant(_) => CommandId::$command,)+
                    Self::Unknown(unknown) => unknown.command_id,
                }
            }

            fn read(
                command_id: CommandId,
                command_status: CommandStatus,
                body: &'a [u8],
            ) -> Result<Self, Reason> {
                let mut reader = Reader::with_status(body, command_status);
                Ok(match command_id {
                    $(CommandId::$command => Self::$variant($body::read(&mut reader)?),)+
                    _ => Self::Unknown(UnknownPdu { command_id, body }),
                })
            }

            fn write_body(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
                match self {
                    $(Self::$variant(body) => body.write(writer),)+
                    Self::Unknown(unknown) => {
                        writer.raw(unknown.body);
                        Ok(())
                    }
                }
            }
        }
    };
}

pdus! {
    BindReceiver(Bind) = BIND_RECEIVER,
    BindReceiverResp(BindResp) = BIND_RECEIVER_RESP,
    BindTransmitter(Bind) = BIND_TRANSMITTER,
    BindTransmitterResp(BindResp) = BIND_TRANSMITTER_RESP,
    BindTransceiver(Bind) = BIND_TRANSCEIVER,
    BindTransceiverResp(BindResp) = BIND_TRANSCEIVER_RESP,
    Outbind(Outbind) = OUTBIND,
    Unbind(Bare) = UNBIND,
    UnbindResp(Bare) = UNBIND_RESP,
    EnquireLink(Bare) = ENQUIRE_LINK,
    EnquireLinkResp(Bare) = ENQUIRE_LINK_RESP,
    GenericNack(Bare) = GENERIC_NACK,
    SubmitSm(ShortMessage) = SUBMIT_SM,
    SubmitSmResp(MessageResp) = SUBMIT_SM_RESP,
    SubmitMulti(SubmitMulti) = SUBMIT_MULTI,
    SubmitMultiResp(SubmitMultiResp) = SUBMIT_MULTI_RESP,
    DeliverSm(ShortMessage) = DELIVER_SM,
    DeliverSmResp(MessageResp) = DELIVER_SM_RESP,
    DataSm(DataSm) = DATA_SM,
    DataSmResp(MessageResp) = DATA_SM_RESP,
    QuerySm(QuerySm) = QUERY_SM,
    QuerySmResp(QuerySmResp) = QUERY_SM_RESP,
    CancelSm(CancelSm) = CANCEL_SM,
    CancelSmResp(Bare) = CANCEL_SM_RESP,
    ReplaceSm(ReplaceSm) = REPLACE_SM,
    ReplaceSmResp(Bare) = REPLACE_SM_RESP,
    AlertNotification(AlertNotification) = ALERT_NOTIFICATION,
    BroadcastSm(BroadcastSm) = BROADCAST_SM,
    BroadcastSmResp(MessageResp) = BROADCAST_SM_RESP,
    QueryBroadcastSm(QuerySm) = QUERY_BROADCAST_SM,
    QueryBroadcastSmResp(MessageResp) = QUERY_BROADCAST_SM_RESP,
    CancelBroadcastSm(CancelBroadcastSm) = CANCEL_BROADCAST_SM,
    CancelBroadcastSmResp(Bare) = CANCEL_BROADCAST_SM_RESP,
}

impl<'a> Pdu<'a> {
    /// Reads a body that stands alone, as that of a request or of a success.
    pub fn from_body(command_id: CommandId, body: &'a [u8]) -> Result<Self, Reason> {
        Self::read(command_id, CommandStatus::ROK, body)
    }

    /// Reads the PDU of a frame.
    pub fn decode(frame: &'a Frame) -> Result<Self, BodyError> {
        let Header { command_id, command_status, sequence_number } = frame.header();
        Self::read(command_id, command_status, frame.body()).map_err(|reason| BodyError {
            command_id,
            sequence_number,
            reason,
            status_to_answer: reason.status_to_answer(),
        })
    }

    /// Appends the whole PDU to `out`, which stays as it was on an error.
    pub fn encode(
        &self,
        command_status: CommandStatus,
        sequence_number: u32,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        Outgoing::response(self, command_status)?.put(sequence_number, out);
        Ok(())
    }

    /// Appends the body to `out`, which stays as it was on an error.
    pub fn encode_body(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        let start = out.len();
        self.write_body(&mut Writer::new(out)).inspect_err(|_| out.truncate(start))
    }
}
