//! One submission as the vendor reads it: submit_sm and data_sm, their text decoded.

use smpp_wire::encoding::{Charset, DataCoding, Gsm7};
use smpp_wire::pdu::{
    Address, CommandId, DataSm, NumberingPlan, Pdu, RegisteredDelivery, ShortMessage, TypeOfNumber,
};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::Tlvs;
use smpp_wire::udh::{self, Concatenation};

#[derive(Debug, Clone)]
pub(super) struct Submission {
    pub(super) command_id: CommandId,
    pub(super) source: OwnedAddress,
    pub(super) destination: OwnedAddress,
    pub(super) data_coding: u8,
    pub(super) registered_delivery: RegisteredDelivery,
    pub(super) validity_period: String,
    pub(super) concatenation: Option<Concatenation>,
    pub(super) text: String,
}

/// An address that outlives its PDU.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OwnedAddress {
    pub(super) ton: TypeOfNumber,
    pub(super) npi: NumberingPlan,
    pub(super) digits: Vec<u8>,
}

/// The fields that submit_sm and data_sm share.
struct Fields<'a> {
    source: Address<'a>,
    destination: Address<'a>,
    has_udh: bool,
    data_coding: u8,
    registered_delivery: RegisteredDelivery,
    validity_period: &'a [u8],
    octets: &'a [u8],
    tlvs: Tlvs<'a>,
}

impl Submission {
    /// Reads a request; the error is the status to answer it with.
    pub(super) fn read(pdu: &Pdu<'_>, default: Charset) -> Result<Self, CommandStatus> {
        let fields = Fields::of(pdu)?;
        let (concatenation, shifts, body) =
            split(fields.octets, fields.has_udh).ok_or(CommandStatus::RINVESMCLASS)?;
        let charset = DataCoding::from_octet(fields.data_coding).charset(default, shifts);
        Ok(Self {
            command_id: pdu.command_id(),
            source: OwnedAddress::of(fields.source),
            destination: OwnedAddress::of(fields.destination),
            data_coding: fields.data_coding,
            registered_delivery: fields.registered_delivery,
            validity_period: String::from_utf8_lossy(fields.validity_period).into_owned(),
            concatenation: concatenation.or_else(|| by_sar(fields.tlvs)),
            // Octets that are no text are shown as Latin-1, which loses none of them.
            text: charset.unwrap_or(Charset::Latin1).decode(body),
        })
    }

    /// The recipient's number in digits.
    pub(super) fn recipient(&self) -> String {
        let digits = String::from_utf8_lossy(&self.destination.digits);
        digits.strip_prefix('+').unwrap_or(&digits).to_owned()
    }

    /// Which part of a long message it is, counted from one.
    pub(super) fn part(&self) -> Option<u8> {
        self.concatenation.filter(|_| self.is_part()).map(|concatenation| concatenation.part)
    }

    pub(super) fn is_part(&self) -> bool {
        self.concatenation.is_some_and(|concatenation| concatenation.total > 1)
    }
}

impl<'a> Fields<'a> {
    fn of(pdu: &Pdu<'a>) -> Result<Self, CommandStatus> {
        if let Pdu::SubmitSm(message) = pdu {
            return message.refusal().map_or_else(|| Ok(Self::of_submit_sm(message)), Err);
        }
        if let Pdu::DataSm(message) = pdu {
            let is_addressed = !message.destination.digits.is_empty();
            return if is_addressed { Ok(Self::of_data_sm(message)) } else { Err(CommandStatus::RINVDSTADR) };
        }
        Err(match pdu.command_id() {
            CommandId::QUERY_SM => CommandStatus::RQUERYFAIL,
            CommandId::CANCEL_SM => CommandStatus::RCANCELFAIL,
            CommandId::REPLACE_SM => CommandStatus::RREPLACEFAIL,
            _ => CommandStatus::RINVCMDID,
        })
    }

    fn of_submit_sm(message: &ShortMessage<'a>) -> Self {
        Self {
            source: message.source,
            destination: message.destination,
            has_udh: message.esm_class.has_udh(),
            data_coding: message.data_coding,
            registered_delivery: message.registered_delivery,
            validity_period: message.validity_period,
            octets: message.text(),
            tlvs: message.tlvs,
        }
    }

    fn of_data_sm(message: &DataSm<'a>) -> Self {
        Self {
            source: message.source,
            destination: message.destination,
            has_udh: message.esm_class.has_udh(),
            data_coding: message.data_coding,
            registered_delivery: message.registered_delivery,
            validity_period: b"",
            octets: message.tlvs.message_payload().unwrap_or_default(),
            tlvs: message.tlvs,
        }
    }
}

impl OwnedAddress {
    fn of(address: Address<'_>) -> Self {
        Self { ton: address.ton, npi: address.npi, digits: address.digits.to_vec() }
    }

    pub(super) fn borrowed(&self) -> Address<'_> {
        Address { ton: self.ton, npi: self.npi, digits: &self.digits }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.digits).into_owned()
    }
}

/// Takes the user data header off. `None` when it cannot be read.
fn split(octets: &[u8], has_udh: bool) -> Option<(Option<Concatenation>, Gsm7, &[u8])> {
    if !has_udh {
        return Some((None, Gsm7::DEFAULT, octets));
    }
    let (header, body) = udh::split(octets).ok()?;
    Some((header.concatenation().ok()?, header.shifts(), body))
}

fn by_sar(tlvs: Tlvs<'_>) -> Option<Concatenation> {
    let (reference, total, part) =
        (tlvs.sar_msg_ref_num()?, tlvs.sar_total_segments()?, tlvs.sar_segment_seqnum()?);
    Concatenation::new(reference, total, part).ok()
}
