//! Receipts as they come, in deliver_sm and data_sm, and the answers to them.

use domain::attempt::Verdict;
use domain::record::ReceiptNews;
use domain::{ErrorClass, Timestamp};
use smpp_wire::connection::Handle;
use smpp_wire::encoding::{Charset, DataCoding, Gsm7};
use smpp_wire::pdu::{CommandId, EsmClass, MessageResp, Outgoing, Pdu, Received};
use smpp_wire::receipt::{self, Detection, IdBases, Kind, Receipt, text_of};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{MessageState, Tag, Tlvs};
use smpp_wire::udh;

use super::errors::Map;
use super::settings::{IdBase, Settings};
use super::text::Part;
use crate::connector::Reply;

/// What a vendor delivers.
#[derive(Debug, PartialEq)]
pub(super) enum Delivery {
    Receipt(Said),
    /// A receipt that does not say of what.
    NamelessReceipt,
    /// A message from a handset, or a handset's own acknowledgement.
    Message,
}

/// What a receipt says.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    pub(super) vendor_id: Box<str>,
    pub(super) news: ReceiptNews,
    pub(super) is_error: bool,
    pub(super) done_at: Option<Timestamp>,
    pub(super) operator: Option<Box<str>>,
}

/// The answer to a delivery, given once it is stored; or, when it is dropped, the wish to get it again later.
pub(super) struct DeliveryReply {
    line: Handle<Part>,
    request: CommandId,
    sequence_number: u32,
    stored: bool,
}

/// The parts of a delivery that a receipt can be read from.
struct Carrier<'a> {
    esm_class: EsmClass,
    data_coding: u8,
    octets: &'a [u8],
    tlvs: Tlvs<'a>,
}

/// A vendor's word for a state is kept up to this many characters, and so is its error code.
const LONGEST_WORD: usize = 40;

/// Reads a deliver_sm or a data_sm; None for anything else.
pub(super) fn read(pdu: &Pdu<'_>, settings: &Settings, errors: &Map) -> Option<Delivery> {
    let carrier = Carrier::of(pdu)?;
    let charset =
        DataCoding::from_octet(carrier.data_coding).charset(Charset::Gsm7(Gsm7::DEFAULT), Gsm7::DEFAULT);
    let text = text_of(carrier.octets, charset);
    let detection =
        if settings.receipts.without_esm_class { Detection::EsmClassOrContent } else { Detection::EsmClass };
    let is_last = match receipt::classify(carrier.esm_class, &text, carrier.tlvs, detection) {
        Kind::Receipt => true,
        Kind::Intermediate => false,
        Kind::Message
        | Kind::Acknowledgement
        | Kind::ManualAcknowledgement
        | Kind::ConversationAbort
        | Kind::Other(_) => return Some(Delivery::Message),
    };
    let receipt = Receipt::with_tlvs(Receipt::parse(&text), carrier.tlvs);
    let named = receipt.and_then(|receipt| Some((bases(settings).receipt_key(&receipt)?, receipt)));
    let Some((vendor_id, receipt)) = named else { return Some(Delivery::NamelessReceipt) };
    let word = word(&receipt, carrier.tlvs);
    let is_error = is_last && receipt.state.is_none_or(is_error);
    let class = if is_error { errors.of_receipt(&word) } else { None };
    let verdict = verdict(receipt.state.filter(|_| is_last), class);
    Some(Delivery::Receipt(Said {
        vendor_id: vendor_id.into(),
        news: ReceiptNews { verdict, word, class },
        is_error,
        done_at: done_at(&receipt, settings),
        operator: operator(&receipt, carrier.tlvs, settings),
    }))
}

/// The bases of a connection's message ids.
pub(super) fn bases(settings: &Settings) -> IdBases {
    let base = |base| match base {
        IdBase::AsIs => receipt::IdBase::AsIs,
        IdBase::Hex => receipt::IdBase::Hex,
        IdBase::Decimal => receipt::IdBase::Decimal,
    };
    IdBases { response: base(settings.message_id.response), receipt: base(settings.message_id.receipt) }
}

/// The answer to a delivery.
pub(super) fn answer(request: CommandId, status: CommandStatus) -> Outgoing {
    let body = MessageResp { message_id: Some(b""), ..MessageResp::default() };
    let pdu = match request {
        CommandId::DATA_SM => Pdu::DataSmResp(body),
        _ => Pdu::DeliverSmResp(body),
    };
    Outgoing::response(&pdu, status).unwrap_or_else(|_| Outgoing::refusal(request, status))
}

/// Of these the error map says what they mean.
fn is_error(state: MessageState) -> bool {
    match state {
        MessageState::Undeliverable
        | MessageState::Rejected
        | MessageState::Deleted
        | MessageState::Expired
        | MessageState::Unknown
        | MessageState::Skipped
        | MessageState::Other(_) => true,
        MessageState::Delivered
        | MessageState::Scheduled
        | MessageState::Enroute
        | MessageState::Accepted => false,
    }
}

/// Only what a vendor says for certain is a verdict; a state that it may leave again, or that we do not know, is none,
/// unless the error map knows better.
fn verdict(state: Option<MessageState>, class: Option<ErrorClass>) -> Option<Verdict> {
    let said = state.and_then(said);
    match class {
        None => said,
        Some(ErrorClass::UnknownOutcome) => None,
        Some(_) => said.or(Some(Verdict::Undelivered)),
    }
}

fn said(state: MessageState) -> Option<Verdict> {
    match state {
        MessageState::Delivered => Some(Verdict::Delivered),
        MessageState::Undeliverable | MessageState::Rejected | MessageState::Deleted => {
            Some(Verdict::Undelivered)
        }
        MessageState::Expired => Some(Verdict::Expired),
        MessageState::Scheduled
        | MessageState::Enroute
        | MessageState::Accepted
        | MessageState::Unknown
        | MessageState::Skipped
        | MessageState::Other(_) => None,
    }
}

/// The vendor's word for the state, and its error code where there is one: `UNDELIV err:001`.
fn word(receipt: &Receipt<'_>, tlvs: Tlvs<'_>) -> Box<str> {
    // Where the TLV says another state than the text, the TLV counts.
    let agrees = |stat: &&str| MessageState::from_word(stat).is_none_or(|said| Some(said) == receipt.state);
    let stat = receipt.stat.filter(agrees);
    let state = stat.or_else(|| receipt.state.map(MessageState::word)).unwrap_or("no state");
    let mut word: String = state.chars().take(LONGEST_WORD).collect();
    let said = receipt.err.filter(|err| err.bytes().any(|b| b != b'0'));
    if let Some(err) = said {
        word.push_str(" err:");
        word.extend(err.chars().take(LONGEST_WORD));
    } else if let Some(err) = tlvs.network_error_code().filter(|err| err.code != 0) {
        word.push_str(&format!(" err:{}", err.code));
    }
    word.into()
}

/// Where the connection's settings say that it is; what is no text, or too long for a network's code, is none.
fn operator(receipt: &Receipt<'_>, tlvs: Tlvs<'_>, settings: &Settings) -> Option<Box<str>> {
    let field = settings.receipts.operator.as_ref()?;
    let written = match field.tlv {
        Some(tag) => std::str::from_utf8(tlvs.get(Tag(tag))?).ok()?.trim_matches(['\0', ' ']).to_owned(),
        None => {
            let value = |key: &String| {
                let found = receipt.others.iter().find(|(other, _)| other.eq_ignore_ascii_case(key));
                found.map(|(_, value)| *value)
            };
            field.keys.iter().map(value).collect::<Option<String>>()?
        }
    };
    (5..=7).contains(&written.len()).then(|| written.into())
}

fn done_at(receipt: &Receipt<'_>, settings: &Settings) -> Option<Timestamp> {
    let local = receipt.done_date?.to_unix();
    let ahead = i64::from(settings.receipts.utc_offset_minutes).saturating_mul(60);
    Some(Timestamp::from_millis(local.saturating_sub(ahead).saturating_mul(1000)))
}

impl<'a> Carrier<'a> {
    fn of(pdu: &Pdu<'a>) -> Option<Self> {
        let (esm_class, data_coding, octets, tlvs) = if let Pdu::DeliverSm(sm) = pdu {
            (sm.esm_class, sm.data_coding, sm.text(), sm.tlvs)
        } else if let Pdu::DataSm(sm) = pdu {
            (sm.esm_class, sm.data_coding, sm.tlvs.message_payload().unwrap_or_default(), sm.tlvs)
        } else {
            return None;
        };
        let body = if esm_class.has_udh() { udh::split(octets).ok().map(|(_, body)| body) } else { None };
        Some(Self { esm_class, data_coding, octets: body.unwrap_or(octets), tlvs })
    }
}

impl DeliveryReply {
    pub(super) fn to(received: &Received, line: Handle<Part>) -> Self {
        let (request, sequence_number) = (received.command_id(), received.sequence_number());
        Self { line, request, sequence_number, stored: false }
    }
}

impl Reply for DeliveryReply {
    fn stored(mut self: Box<Self>) {
        self.stored = true;
    }
}

impl Drop for DeliveryReply {
    fn drop(&mut self) {
        let status = if self.stored { CommandStatus::ROK } else { CommandStatus::RX_T_APPN };
        // When the line is gone the vendor delivers again on the next one.
        if let Err(refused) = self.line.respond(self.sequence_number, answer(self.request, status)) {
            tracing::debug!(%refused, "a receipt was not answered");
        }
    }
}
