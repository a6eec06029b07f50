//! What a vendor's answer to a submit means.

use domain::ErrorClass;
use smpp_wire::pdu::{CommandId, Pdu, Received};
use smpp_wire::receipt::{IdBases, text_of};
use smpp_wire::status::CommandStatus;

use super::errors::Map;
use super::gate::Complaint;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// The vendor has it, and calls it this, in the form in which receipts are compared.
    Taken { vendor_id: Option<Box<str>> },
    /// The vendor does not have it, and may take it later.
    Busy { complaint: Complaint, code: Box<str> },
    /// The vendor does not want it. The class is None where the error map does not know the code.
    Refused { code: Box<str>, class: Option<ErrorClass> },
    /// The vendor does not say whether it has it.
    Unclear { code: Box<str> },
}

/// Statuses that nobody mapped are refusals too: what they mean is between the vendor and its documents.
pub(super) fn read(received: &Received, bases: IdBases, errors: &Map) -> Response {
    let status = received.command_status();
    let is_nack = received.command_id() == CommandId::GENERIC_NACK;
    let code = || if is_nack { format!("generic_nack {status}").into() } else { status.to_string().into() };
    // A generic_nack says no, also one that forgot to say why.
    if status == CommandStatus::ROK && !is_nack {
        return Response::Taken { vendor_id: vendor_id(&received.pdu(), bases) };
    }
    match errors.of_status(status) {
        Some(ErrorClass::Throttle) => Response::Busy { complaint: Complaint::TooFast, code: code() },
        Some(ErrorClass::Pause) => Response::Busy { complaint: Complaint::QueueFull, code: code() },
        Some(ErrorClass::UnknownOutcome) => Response::Unclear { code: code() },
        class @ (None
        | Some(
            ErrorClass::Retry
            | ErrorClass::FailOver
            | ErrorClass::Sender
            | ErrorClass::PermanentNumber
            | ErrorClass::PermanentContent
            | ErrorClass::Fraud
            | ErrorClass::OptOut,
        )) => Response::Refused { code: code(), class },
    }
}

fn vendor_id(pdu: &Pdu<'_>, bases: IdBases) -> Option<Box<str>> {
    let Pdu::SubmitSmResp(response) = pdu else { return None };
    bases.response_key(&text_of(response.message_id?, None)).map(Into::into)
}

#[cfg(test)]
mod tests {
    use smpp_wire::frame::Frame;

    use super::*;

    /// A response as it comes over the wire: a header of four numbers, then the body.
    fn response(command_id: u32, status: u32, body: &[u8]) -> Response {
        let length = u32::try_from(16 + body.len()).unwrap();
        let mut bytes: Vec<u8> =
            [length, command_id, status, 7].into_iter().flat_map(u32::to_be_bytes).collect();
        bytes.extend_from_slice(body);
        let received = Received::check(Frame::whole(bytes.into()).unwrap()).unwrap();
        read(&received, IdBases::default(), &Map::default())
    }

    const SUBMIT_SM_RESP: u32 = 0x8000_0004;
    const GENERIC_NACK: u32 = 0x8000_0000;

    #[test]
    fn an_answer_is_read_by_its_status() {
        assert_eq!(response(SUBMIT_SM_RESP, 0, b"id7\0"), Response::Taken { vendor_id: Some("id7".into()) });
        assert!(matches!(
            response(SUBMIT_SM_RESP, 0x58, b""),
            Response::Busy { complaint: Complaint::TooFast, .. }
        ));
        assert!(matches!(
            response(SUBMIT_SM_RESP, 0x14, b""),
            Response::Busy { complaint: Complaint::QueueFull, .. }
        ));
        assert!(matches!(response(SUBMIT_SM_RESP, 0x4ff, b""), Response::Refused { class: None, .. }));
        let fail_over = Some(ErrorClass::FailOver);
        assert!(
            matches!(response(SUBMIT_SM_RESP, 0x08, b""), Response::Refused { class, .. } if class == fail_over)
        );
    }

    #[test]
    fn a_nack_can_ask_to_slow_down_and_never_accepts() {
        assert!(matches!(
            response(GENERIC_NACK, 0x58, b""),
            Response::Busy { complaint: Complaint::TooFast, .. }
        ));
        assert!(matches!(response(GENERIC_NACK, 0, b""), Response::Refused { .. }));
        let Response::Refused { code, .. } = response(GENERIC_NACK, 3, b"") else { panic!("taken") };
        assert!(code.starts_with("generic_nack "), "{code}");
    }
}
