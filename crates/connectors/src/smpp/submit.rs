//! A text as submit_sm, one for each part.

use std::time::Duration;

use domain::address::SenderKind;
use domain::message::SmppAddress;
use domain::{Encoding, Sender, Timestamp};
use smpp_wire::encoding::{Charset, Gsm7, Unencodable};
use smpp_wire::pdu::{Address, EncodeError, EsmClass, Outgoing, Pdu, RegisteredDelivery, ShortMessage};
use smpp_wire::time;
use smpp_wire::tlv::{Tag, TlvBuffer, Tlvs};
use smpp_wire::udh::{self, ReferenceWidth};

use super::settings::{LongMessages, Settings, Validity};
use crate::Submission;

/// Why a text cannot be written as the wire wants it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsendable {
    #[error("the text does not fit its encoding: {0}")]
    Text(Unencodable),
    #[error("the sender cannot be written: {0}")]
    Sender(Unencodable),
    #[error("the parts cannot be joined: {0}")]
    Parts(#[from] udh::Error),
    #[error(transparent)]
    Field(#[from] EncodeError),
}

/// What marks a part as one of several.
struct Mark {
    esm_class: EsmClass,
    tlvs: TlvBuffer,
}

/// Writes every part. The clock is read only where the vendor wants an absolute validity.
pub(super) fn encode(
    settings: &Settings,
    submission: &Submission,
    clock: impl Fn() -> Timestamp,
) -> Result<Vec<Outgoing>, Unsendable> {
    let (charset, data_coding) = match submission.encoding {
        Encoding::Gsm7 => (Charset::Gsm7(Gsm7::DEFAULT), settings.data_coding.gsm7),
        Encoding::Ucs2 => (Charset::Ucs2, settings.data_coding.ucs2),
    };
    let source = source_digits(submission.from.as_ref())?;
    let validity = validity_period(settings.validity, submission.validity, clock);
    let passed = &submission.passed;
    let source = source_address(settings, submission.from.as_ref(), &source);
    let destination = Address {
        ton: settings.dest_ton.into(),
        npi: settings.dest_npi.into(),
        digits: submission.to.digits().as_bytes(),
    };
    let common = ShortMessage {
        service_type: passed.service_type.as_deref().unwrap_or(settings.service_type.as_bytes()),
        source: as_written(source, passed.source.as_ref()),
        destination: as_written(destination, passed.destination.as_ref()),
        priority_flag: passed.priority.unwrap_or_default(),
        validity_period: validity.as_bytes(),
        registered_delivery: RegisteredDelivery(settings.registered_delivery),
        data_coding,
        ..ShortMessage::default()
    };
    let texts = submission.parts.iter().map(|part| charset.encode(part));
    let texts = texts.collect::<Result<Vec<_>, _>>().map_err(Unsendable::Text)?;
    let (texts, marks) = mark(settings.long_messages, texts, submission.reference)?;
    let pdus = texts.iter().zip(&marks).map(|(text, mark)| {
        let tlvs = [mark.tlvs.as_tlvs().as_bytes(), &passed.tlvs].concat();
        let (esm_class, tlvs) = (mark.esm_class, Tlvs::new(&tlvs));
        let part = ShortMessage { short_message: text, esm_class, tlvs, ..common };
        Outgoing::request(&Pdu::SubmitSm(part)).map_err(Unsendable::Field)
    });
    pdus.collect()
}

/// Says of each part, if there are several, which it is.
fn mark(
    how: LongMessages,
    texts: Vec<Vec<u8>>,
    reference: u16,
) -> Result<(Vec<Vec<u8>>, Vec<Mark>), Unsendable> {
    let bare = |esm_class| Mark { esm_class, tlvs: TlvBuffer::new() };
    if texts.len() == 1 {
        return Ok((texts, vec![bare(EsmClass::DEFAULT)]));
    }
    match how {
        LongMessages::Udh8 => {
            let reference = reference & 0xFF;
            let texts = udh::with_concatenation(&texts, reference, ReferenceWidth::Octet, Gsm7::DEFAULT)?;
            let marks = texts.iter().map(|_| bare(EsmClass::UDH)).collect();
            Ok((texts, marks))
        }
        LongMessages::Sar => {
            let total = u8::try_from(texts.len()).map_err(|_| udh::Error::Count(texts.len()))?;
            let marks = (1..=total).map(|part| {
                let mut tlvs = TlvBuffer::new();
                tlvs.push_two_octets(Tag::SAR_MSG_REF_NUM, reference);
                tlvs.push_octet(Tag::SAR_TOTAL_SEGMENTS, total);
                tlvs.push_octet(Tag::SAR_SEGMENT_SEQNUM, part);
                Mark { esm_class: EsmClass::DEFAULT, tlvs }
            });
            let marks = marks.collect();
            Ok((texts, marks))
        }
    }
}

/// Letters go as Latin-1, which is what vendors read there, whatever their default alphabet for texts is.
fn source_digits(sender: Option<&Sender>) -> Result<Vec<u8>, Unsendable> {
    match sender {
        None => Ok(Vec::new()),
        Some(Sender::Alphanumeric(name)) => Charset::Latin1.encode(name).map_err(Unsendable::Sender),
        Some(Sender::Numeric(number)) => Ok(number.trim_start_matches('+').into()),
        Some(Sender::ShortCode(code)) => Ok(code.as_bytes().into()),
    }
}

fn source_address<'a>(settings: &Settings, sender: Option<&Sender>, digits: &'a [u8]) -> Address<'a> {
    let Some(sender) = sender else { return Address::default() };
    let (ton, npi) = match sender.kind() {
        SenderKind::Alphanumeric => (5, 0),
        SenderKind::ShortCode => (3, 0),
        SenderKind::Numeric => (1, 1),
    };
    Address {
        ton: settings.source_ton.unwrap_or(ton).into(),
        npi: settings.source_npi.unwrap_or(npi).into(),
        digits,
    }
}

/// A type says something of the digits that it was written with, so it goes with no others.
fn as_written<'a>(address: Address<'a>, written: Option<&SmppAddress>) -> Address<'a> {
    let is_same = |written: &&SmppAddress| {
        written.digits.strip_prefix(b"+").unwrap_or(&written.digits) == address.digits
    };
    match written.filter(is_same) {
        Some(written) => Address { ton: written.ton.into(), npi: written.npi.into(), ..address },
        None => address,
    }
}

/// Empty where nothing is to be said, and where the wire has no words for it.
fn validity_period(how: Validity, left: Duration, clock: impl Fn() -> Timestamp) -> String {
    // The wire counts in seconds, and a span of none would mean the vendor's default.
    let left = Duration::from_secs(left.as_secs().max(1));
    let written = match how {
        Validity::None => return String::new(),
        Validity::Relative => time::relative_text(left),
        Validity::Absolute => {
            let end = clock().plus(left).as_millis().div_euclid(1000);
            time::Absolute::utc(end).map(|end| end.to_string())
        }
    };
    written.unwrap_or_default()
}
