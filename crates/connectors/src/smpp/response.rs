//! What a vendor's answer to a submit means.

use smpp_wire::pdu::{CommandId, Pdu, Received};
use smpp_wire::receipt::{IdBases, text_of};
use smpp_wire::status::CommandStatus;

use super::gate::Complaint;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// The vendor has it, and calls it this, in the form in which receipts are compared.
    Taken { vendor_id: Option<Box<str>> },
    /// The vendor does not have it, and may take it later.
    Busy { complaint: Complaint, code: Box<str> },
    /// The vendor does not want it.
    Refused { code: Box<str> },
}

/// Statuses that we do not know are refusals too: what they mean is between the vendor and its documents.
pub(super) fn read(received: &Received, bases: IdBases) -> Response {
    let status = received.command_status();
    if received.command_id() == CommandId::GENERIC_NACK {
        return Response::Refused { code: format!("generic_nack {status}").into() };
    }
    let code = || status.to_string().into();
    match status {
        CommandStatus::ROK => Response::Taken { vendor_id: vendor_id(&received.pdu(), bases) },
        CommandStatus::RTHROTTLED => Response::Busy { complaint: Complaint::TooFast, code: code() },
        CommandStatus::RMSGQFUL => Response::Busy { complaint: Complaint::QueueFull, code: code() },
        _ => Response::Refused { code: code() },
    }
}

fn vendor_id(pdu: &Pdu<'_>, bases: IdBases) -> Option<Box<str>> {
    let Pdu::SubmitSmResp(response) = pdu else { return None };
    bases.response_key(&text_of(response.message_id?, None)).map(Into::into)
}
