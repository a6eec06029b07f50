//! A submission becomes a request to the pipeline, and what that says becomes its answer.

use std::time::Duration;

use domain::message::{BySmpp, SmppAddress};
use domain::status::StatusSet;
use domain::{Channel, Class, MessageId, Sender, Status, Timestamp};
use pipeline::{Acceptance, NotWritten, Pipeline, Refused, Request};
use smpp_wire::connection::Handle;
use smpp_wire::encoding::{Charset, DataCoding, Gsm7};
use smpp_wire::pdu::{
    Address, CommandId, DataSm, EsmClass, MessageResp, Outgoing, Pdu, ReceiptWanted, Received,
    RegisteredDelivery, ShortMessage, TypeOfNumber,
};
use smpp_wire::status::CommandStatus;
use smpp_wire::time::{Offset, Time};
use smpp_wire::tlv::{Tag, Tlv, Tlvs};
use smpp_wire::udh::{self, Concatenation};

use super::binds::Token;
use super::{Account, receipt, written};

/// Ours: the traffic class of a message, one octet.
const CLASS: Tag = Tag(0x1401);

/// The most octets of a part: those of a short_message.
const SEGMENT: usize = 255;

/// What submit_sm and data_sm have in common.
pub(super) struct Fields<'a> {
    service_type: &'a [u8],
    priority: u8,
    source: Address<'a>,
    destination: Address<'a>,
    esm_class: EsmClass,
    data_coding: u8,
    registered_delivery: RegisteredDelivery,
    schedule: &'a [u8],
    validity: &'a [u8],
    octets: &'a [u8],
    tlvs: Tlvs<'a>,
}

/// Reads a whole message; the error is the status to answer it with.
pub(super) fn request(
    fields: &Fields<'_>,
    account: &Account,
    now: Timestamp,
) -> Result<Request, CommandStatus> {
    request_of(std::slice::from_ref(fields), None, account, now)
}

/// What the parts of a text have in common beside their fields.
pub(super) struct Whole {
    pub(super) id: MessageId,
    /// The registered_delivery of each part, in their order; zero for one that never came.
    pub(super) wanted: Vec<u8>,
}

/// Reads a message from its parts, which are in their order. The first one speaks for all but for the receipts.
pub(super) fn request_of(
    parts: &[Fields<'_>],
    whole: Option<Whole>,
    account: &Account,
    now: Timestamp,
) -> Result<Request, CommandStatus> {
    let first = parts.first().ok_or(CommandStatus::RSYSERR)?;
    let (id, wanted) = whole.map_or((None, Vec::new()), |whole| (Some(whole.id), whole.wanted));
    let is_told_of =
        |status: &Status| parts.iter().any(|part| told_of(part.registered_delivery).contains(*status));
    Ok(Request {
        app: account.app.clone(),
        to: recipient(first.destination, account),
        from: sender(first.source)?,
        channel: Channel::Sms,
        class: class(first.tlvs)?,
        text: text(parts)?,
        validity: validity(first.validity, now)?,
        send_at: schedule(first.schedule, now)?,
        max_price: None,
        reference: None,
        metadata: None,
        callback_url: Some(receipt::callback(&account.app).into()),
        no_probe: false,
        by_smpp: Some(pipeline::BySmpp {
            addresses: BySmpp {
                source: as_written(first.source),
                destination: as_written(first.destination),
                parts: wanted,
                data_coding: first.data_coding,
                priority: first.priority,
                service_type: written::service_type(first.service_type)?,
                tlvs: written::tlvs(first.tlvs)?,
                place: None,
            },
            notify: Status::ALL.into_iter().filter(is_told_of).fold(StatusSet::NONE, StatusSet::with),
        }),
        id,
        idempotency: None,
    })
}

/// Hands it to the pipeline; it is answered as soon as it is durable, or known not to be.
pub(super) fn send(
    pipeline: &Pipeline,
    request: Request,
    part: Option<u8>,
    asked: Asked,
    then: impl FnOnce(&Result<Acceptance, Refused>) + Send + 'static,
) {
    pipeline.send_and_tell(request, move |accepted| {
        then(&accepted);
        match accepted {
            Ok(acceptance) => asked.take(&written_id(acceptance.record.message.id, part)),
            Err(refused) => asked.refuse(status_of(&refused)),
        }
    });
}

/// A submission that has still to be answered.
pub(super) struct Asked {
    handle: Handle<Token>,
    command_id: CommandId,
    sequence_number: u32,
}

impl Asked {
    pub(super) fn new(handle: &Handle<Token>, received: &Received) -> Self {
        let (command_id, sequence_number) = (received.command_id(), received.sequence_number());
        Self { handle: handle.clone(), command_id, sequence_number }
    }

    pub(super) fn take(self, id: &str) {
        let answer = taken(self.command_id, id);
        self.answer(answer);
    }

    pub(super) fn refuse(self, status: CommandStatus) {
        let answer = Outgoing::refusal(self.command_id, status);
        self.answer(answer);
    }

    pub(super) fn answer(self, answer: Outgoing) {
        // When the line has ended meanwhile, the message is accepted all the same, and its client unsure of it.
        self.handle.respond(self.sequence_number, answer).ok();
    }
}

/// What an application calls a message, or a part of one.
pub(super) fn written_id(id: MessageId, part: Option<u8>) -> String {
    part.map_or_else(|| receipt::id(id), |part| format!("{}-{part}", receipt::id(id)))
}

fn taken(command_id: CommandId, id: &str) -> Outgoing {
    let body = MessageResp { message_id: Some(id.as_bytes()), ..MessageResp::default() };
    let pdu = if command_id == CommandId::DATA_SM { Pdu::DataSmResp(body) } else { Pdu::SubmitSmResp(body) };
    // An id always fits.
    Outgoing::response(&pdu, CommandStatus::ROK)
        .unwrap_or_else(|_| Outgoing::refusal(command_id, CommandStatus::RSYSERR))
}

pub(super) fn status_of(refused: &Refused) -> CommandStatus {
    match refused {
        Refused::EmptyText | Refused::TextTooLong { .. } => CommandStatus::RINVMSGLEN,
        Refused::BadNumber(_) | Refused::InvalidNumber => CommandStatus::RINVDSTADR,
        Refused::BadValidity => CommandStatus::RINVEXPIRY,
        Refused::BadSchedule => CommandStatus::RINVSCHED,
        Refused::NoRule | Refused::NoRoute { .. } | Refused::KeyReused | Refused::KeyInFlight => {
            CommandStatus::RSUBMITFAIL
        }
        // The client keeps it and asks again.
        Refused::NotWritten(NotWritten::Overloaded) => CommandStatus::RTHROTTLED,
        Refused::NotWritten(NotWritten::Unavailable | NotWritten::Stopping) => CommandStatus::RMSGQFUL,
        Refused::NotWritten(NotWritten::Broken | NotWritten::OnHold)
        | Refused::UnknownApp(_)
        | Refused::ChannelNotServed(_) => CommandStatus::RSYSERR,
    }
}

impl<'a> Fields<'a> {
    pub(super) fn of(pdu: &Pdu<'a>) -> Result<Self, CommandStatus> {
        if let Pdu::SubmitSm(message) = pdu {
            return message.refusal().map_or_else(|| Ok(Self::of_submit_sm(message)), Err);
        }
        let Pdu::DataSm(message) = pdu else { return Err(CommandStatus::RINVCMDID) };
        let is_addressed = !message.destination.digits.is_empty();
        if is_addressed { Ok(Self::of_data_sm(message)) } else { Err(CommandStatus::RINVDSTADR) }
    }

    fn of_submit_sm(message: &ShortMessage<'a>) -> Self {
        Self {
            service_type: message.service_type,
            priority: message.priority_flag,
            source: message.source,
            destination: message.destination,
            esm_class: message.esm_class,
            data_coding: message.data_coding,
            registered_delivery: message.registered_delivery,
            schedule: message.schedule_delivery_time,
            validity: message.validity_period,
            octets: message.text(),
            tlvs: message.tlvs,
        }
    }

    fn of_data_sm(message: &DataSm<'a>) -> Self {
        Self {
            service_type: message.service_type,
            priority: 0,
            source: message.source,
            destination: message.destination,
            esm_class: message.esm_class,
            data_coding: message.data_coding,
            registered_delivery: message.registered_delivery,
            schedule: b"",
            validity: b"",
            octets: message.tlvs.message_payload().unwrap_or_default(),
            tlvs: message.tlvs,
        }
    }
}

impl Fields<'_> {
    /// Which part of a long text it is, by its header or by the SAR TLVs; None when it is whole.
    pub(super) fn concatenation(&self) -> Result<Option<Concatenation>, CommandStatus> {
        let by_header = match self.header()? {
            Some((header, _)) => header.concatenation().map_err(|_| CommandStatus::RINVESMCLASS)?,
            None => None,
        };
        let by_tlvs = match (
            self.tlvs.sar_msg_ref_num(),
            self.tlvs.sar_total_segments(),
            self.tlvs.sar_segment_seqnum(),
        ) {
            (Some(reference), Some(total), Some(part)) => {
                let parts = Concatenation::new(reference, total, part);
                Some(parts.map_err(|_| CommandStatus::RINVTLVVAL)?)
            }
            _ => None,
        };
        Ok(by_header.or(by_tlvs).filter(|parts| parts.total > 1))
    }

    fn header(&self) -> Result<Option<(udh::Header<'_>, &[u8])>, CommandStatus> {
        if !self.esm_class.has_udh() {
            return Ok(None);
        }
        let (header, octets) = udh::split(self.octets).map_err(|_| CommandStatus::RINVESMCLASS)?;
        // What is for a port is no text.
        if header.ports().is_some() {
            return Err(CommandStatus::RINVESMCLASS);
        }
        Ok(Some((header, octets)))
    }

    pub(super) fn registered_delivery(&self) -> u8 {
        self.registered_delivery.0
    }

    /// Whether it is longer than a part can be, with its header.
    pub(super) fn is_no_segment(&self) -> bool {
        self.octets.len() > SEGMENT
    }

    pub(super) fn ends(&self) -> (&[u8], &[u8]) {
        (self.source.digits, self.destination.digits)
    }
}

/// Decoded as a whole: a character may be cut between two parts.
fn text(parts: &[Fields<'_>]) -> Result<String, CommandStatus> {
    let first = parts.first().ok_or(CommandStatus::RSYSERR)?;
    let mut octets = Vec::new();
    let mut shifts = Gsm7::DEFAULT;
    for part in parts.iter().rev() {
        let (header, text) =
            part.header()?.map_or((None, part.octets), |(header, text)| (Some(header), text));
        shifts = header.map_or(shifts, |header| header.shifts());
        octets.splice(0..0, text.iter().copied());
    }
    read_as(&octets, first.data_coding, shifts)
}

/// Of a text without a header.
pub(super) fn decoded(octets: &[u8], data_coding: u8) -> Result<String, CommandStatus> {
    read_as(octets, data_coding, Gsm7::DEFAULT)
}

fn read_as(octets: &[u8], data_coding: u8, shifts: Gsm7) -> Result<String, CommandStatus> {
    let charset = DataCoding::from_octet(data_coding).charset(Charset::Gsm7(Gsm7::DEFAULT), shifts);
    // What is no text cannot be sent on as one.
    let charset = charset.ok_or(CommandStatus::RINVDCS)?;
    let is_misnamed = charset == Charset::Ascii && octets.iter().any(|octet| is_control(*octet));
    let charset = if is_misnamed { Charset::Gsm7(shifts) } else { charset };
    Ok(charset.decode(octets))
}

/// No text in ASCII holds one, while the GSM alphabet has letters there: the npm package `smpp`, for one, writes that
/// alphabet and calls it ASCII.
fn is_control(octet: u8) -> bool {
    octet < 0x20 && !matches!(octet, b'\n' | b'\r')
}

/// As a person would write it, for the parser of numbers.
fn recipient(address: Address<'_>, account: &Account) -> String {
    let digits = String::from_utf8_lossy(address.digits);
    let is_international = address.ton == TypeOfNumber::International
        || (address.ton == TypeOfNumber::Unknown && !account.reads_national);
    if is_international && !digits.starts_with('+') { format!("+{digits}") } else { digits.into_owned() }
}

/// None for the app's own.
fn sender(address: Address<'_>) -> Result<Option<Sender>, CommandStatus> {
    if address.digits.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(address.digits);
    let is_international = address.ton == TypeOfNumber::International && !text.starts_with('+');
    let written = if is_international { format!("+{text}") } else { text.into_owned() };
    written.parse().map(Some).map_err(|_| CommandStatus::RINVSRCADR)
}

fn class(tlvs: Tlvs<'_>) -> Result<Option<Class>, CommandStatus> {
    let Some(given) = tlvs.iter().find(is_class) else { return Ok(None) };
    let class = Class::ALL.into_iter().find(|class| [class.code()] == given.value);
    class.map(Some).ok_or(CommandStatus::RINVTLVVAL)
}

/// India's networks have the id of a registered template under the same tag. It is longer, and goes on to vendors.
pub(super) fn is_class(tlv: &Tlv<'_>) -> bool {
    tlv.tag == CLASS && tlv.value.len() == 1
}

fn validity(field: &[u8], now: Timestamp) -> Result<Option<Duration>, CommandStatus> {
    Ok(until(field, now)?.map(|until| until.since(now)))
}

/// When the validity ends.
pub(super) fn until(field: &[u8], now: Timestamp) -> Result<Option<Timestamp>, CommandStatus> {
    let until = moment(field, now, CommandStatus::RINVEXPIRY)?;
    let is_sound = until.is_none_or(|until| until > now && until <= now.plus(pipeline::MAX_VALIDITY));
    if is_sound { Ok(until) } else { Err(CommandStatus::RINVEXPIRY) }
}

pub(super) fn schedule(field: &[u8], now: Timestamp) -> Result<Option<Timestamp>, CommandStatus> {
    let at = moment(field, now, CommandStatus::RINVSCHED)?;
    if at.is_some_and(|at| at > now.plus(pipeline::MAX_SCHEDULE)) {
        return Err(CommandStatus::RINVSCHED);
    }
    Ok(at)
}

/// A time without an offset is read in UTC.
fn moment(field: &[u8], now: Timestamp, wrong: CommandStatus) -> Result<Option<Timestamp>, CommandStatus> {
    let time = Time::parse(field).map_err(|_| wrong)?;
    Ok(time.map(|time| match time {
        Time::Relative(after) => now.plus(after),
        Time::Absolute(at) => Timestamp::from_millis(at.unix_seconds(Offset::UTC).saturating_mul(1000)),
    }))
}

/// Which changes a registered_delivery asks to be told of.
pub(super) fn told_of(wanted: RegisteredDelivery) -> StatusSet {
    let failures = [
        Status::Undelivered,
        Status::Failed,
        Status::Expired,
        Status::Canceled,
        Status::Rejected,
        Status::Uncertain,
    ];
    let failures = failures.into_iter().fold(StatusSet::NONE, StatusSet::with);
    let told = match wanted.receipt_wanted() {
        ReceiptWanted::Always => failures.with(Status::Delivered),
        ReceiptWanted::OnFailure => failures,
        ReceiptWanted::OnSuccess => StatusSet::NONE.with(Status::Delivered),
        ReceiptWanted::Never | ReceiptWanted::Other(_) => StatusSet::NONE,
    };
    if wanted.wants_intermediate_notifications() { told.with(Status::Submitted) } else { told }
}

fn as_written(address: Address<'_>) -> SmppAddress {
    SmppAddress { ton: address.ton.into(), npi: address.npi.into(), digits: address.digits.to_vec() }
}
