//! What a vendor delivers to applications: receipts, and messages from handsets.

use std::sync::Arc;

use smpp_wire::encoding::{Charset, DataCoding, Gsm7};
use smpp_wire::pdu::{
    Address, EncodeError, EsmClass, NumberingPlan, Outgoing, Pdu, ReceiptWanted, ShortMessage, TypeOfNumber,
};
use smpp_wire::receipt::{self, TextError};
use smpp_wire::time::Civil;
use smpp_wire::tlv::{MessageState, NetworkErrorCode, NetworkErrorType, Tag, TlvBuffer, ValueTooLong};

use super::ids::MessageId;
use super::settings::{ReceiptForm, Settings};
use super::submission::Submission;
use crate::fate::{Report, network_error};

/// A message from a handset to an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The handset's number in digits.
    pub from: String,
    pub to: String,
    pub text: String,
}

/// A deliver_sm on its way, and what is needed to send it again.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// Whose binds it may go to; any if `None`.
    pub(super) system_id: Option<Arc<str>>,
    pub(super) outgoing: Outgoing,
    pub(super) resends: u32,
}

/// What cannot be written as a deliver_sm.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the text of the receipt: {0}")]
    Text(#[from] TextError),
    #[error("a parameter: {0}")]
    Value(#[from] ValueTooLong),
    #[error("the message: {0}")]
    Pdu(#[from] EncodeError),
    #[error("a date that receipts cannot say")]
    Date,
}

/// What a receipt is about.
pub(super) struct About<'a> {
    pub(super) submission: &'a Submission,
    pub(super) id: MessageId,
    pub(super) report: Report,
    /// Both in seconds since 1970.
    pub(super) submitted: i64,
    pub(super) done: i64,
}

/// Whether the submission asked for a receipt of such an end.
pub(super) fn is_wanted(submission: &Submission, state: MessageState) -> bool {
    let delivered = state == MessageState::Delivered;
    match submission.registered_delivery.receipt_wanted() {
        ReceiptWanted::Always => true,
        ReceiptWanted::OnSuccess => delivered,
        ReceiptWanted::OnFailure => !delivered,
        ReceiptWanted::Never | ReceiptWanted::Other(_) => false,
    }
}

/// Writes a receipt as this vendor writes them.
pub(super) fn receipt(about: &About<'_>, settings: &Settings) -> Result<Outgoing, Error> {
    let About { submission, report, .. } = about;
    let text = text(about, settings)?;
    let tlvs = tlvs(about)?;
    let (short_message, tlvs) = match settings.receipt_form {
        ReceiptForm::TextAndTlvs => (text.as_bytes(), tlvs.as_tlvs()),
        ReceiptForm::TextOnly => (text.as_bytes(), smpp_wire::tlv::Tlvs::default()),
        ReceiptForm::TlvsOnly => (&b""[..], tlvs.as_tlvs()),
    };
    tracing::trace!(state = ?report.state, "a receipt was written");
    let message = ShortMessage {
        source: submission.destination.borrowed(),
        destination: submission.source.borrowed(),
        esm_class: EsmClass::RECEIPT,
        short_message,
        tlvs,
        ..ShortMessage::default()
    };
    Ok(Outgoing::request(&Pdu::DeliverSm(message))?)
}

/// Writes a message from a handset: in the default alphabet if that holds it, else in UCS-2, and long ones as a payload.
pub(super) fn inbound(inbound: &Inbound) -> Result<Outgoing, Error> {
    let (data_coding, octets) = match Charset::Gsm7(Gsm7::DEFAULT).encode(&inbound.text) {
        Ok(octets) => (DataCoding::DEFAULT, octets),
        Err(_) => (DataCoding::UCS2, inbound.text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
    };
    let mut tlvs = TlvBuffer::new();
    let is_long = octets.len() > LONGEST_SHORT_MESSAGE;
    if is_long {
        tlvs.push(Tag::MESSAGE_PAYLOAD, &octets)?;
    }
    let message = ShortMessage {
        source: international(&inbound.from),
        destination: Address { digits: inbound.to.as_bytes(), ..Address::default() },
        data_coding: data_coding.octet(),
        short_message: if is_long { b"" } else { &octets },
        tlvs: tlvs.as_tlvs(),
        ..ShortMessage::default()
    };
    Ok(Outgoing::request(&Pdu::DeliverSm(message))?)
}

const LONGEST_SHORT_MESSAGE: usize = 254;

fn text(about: &About<'_>, settings: &Settings) -> Result<String, Error> {
    let delivered = about.report.state == MessageState::Delivered;
    // Vendors write receipts in ASCII, whatever the message was in.
    let repeated: String =
        about.submission.text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
    let text = receipt::Text {
        id: &about.id.in_receipt(settings.receipt_id),
        sub: 1,
        dlvrd: u16::from(delivered),
        submit_date: Civil::from_unix(about.submitted).ok_or(Error::Date)?,
        done_date: Civil::from_unix(about.done).ok_or(Error::Date)?,
        state: about.report.state,
        err: &about.report.error.to_string(),
        text: &repeated,
    };
    Ok(text.write()?)
}

fn tlvs(about: &About<'_>) -> Result<TlvBuffer, Error> {
    let mut tlvs = TlvBuffer::new();
    tlvs.push_c_string(Tag::RECEIPTED_MESSAGE_ID, about.id.answered().as_bytes())?;
    tlvs.push_octet(Tag::MESSAGE_STATE, about.report.state.into());
    if about.report.error != network_error::NONE {
        let code = NetworkErrorCode { network: NetworkErrorType::Gsm, code: about.report.error };
        tlvs.push(Tag::NETWORK_ERROR_CODE, &code.to_value())?;
    }
    Ok(tlvs)
}

fn international(number: &str) -> Address<'_> {
    Address { ton: TypeOfNumber::International, npi: NumberingPlan::Isdn, digits: number.as_bytes() }
}
