//! A change of a message as its application gets it on a bind: a deliver_sm with the usual text.

use std::time::Duration;

use domain::message::SmppAddress;
use domain::record::RECEIPT_HORIZON;
use domain::{AppId, ErrorClass, Message, MessageId, Record, Status, Timestamp};
use pipeline::Told;
use smpp_wire::pdu::{Address, EsmClass, Outgoing, Pdu, RegisteredDelivery, ShortMessage};
use smpp_wire::receipt::Text;
use smpp_wire::time::Civil;
use smpp_wire::tlv::{MessageState, Tag, TlvBuffer};
use store::Notice;

use super::binds::{Answer, Binds, Delivered};
use super::submit::{told_of, written_id};

/// Waits in the store until a bind comes: it is woken then, so this is only for the case that nobody noticed.
const NOBODY_THERE: Duration = Duration::from_secs(60);
const REFUSED: Duration = Duration::from_secs(10);
const BUSY: Duration = Duration::from_secs(1);

const SCHEME: &str = "smpp:";

/// Where the changes of a message are told that came by SMPP: the binds of its app.
pub(super) fn callback(app: &AppId) -> String {
    format!("{SCHEME}{app}")
}

/// What an application calls a message, or the part of it that it submitted.
pub(super) fn name(message: &Message, part: Option<u8>) -> String {
    match message.by_smpp.as_ref().and_then(|by_smpp| by_smpp.place) {
        Some(place) => written_id(message.id.back(place.saturating_sub(1)), Some(place)),
        None => written_id(message.id, part),
    }
}

/// How an id is written on the wire.
pub(super) fn id(id: MessageId) -> String {
    format!("{:032x}", id.as_u128())
}

impl Binds {
    /// Whether the notice goes to a bind.
    #[must_use]
    pub fn are_told(notice: &Notice) -> bool {
        notice.callback_url.as_ref().is_some_and(|callback| callback.starts_with(SCHEME))
    }

    /// Sends a receipt on one of the app's binds.
    pub async fn tell(&self, notice: &Notice, record: &Record, now: Timestamp) -> Told {
        // It would keep its day from being dropped for ever.
        if now.since(notice.at) > RECEIPT_HORIZON {
            return Told::Nobody;
        }
        // What waited for a bind and is over by now: to a client the last receipt it gets is the truth.
        if notice.status == Status::Uncertain && record.status != Status::Uncertain {
            return Told::Nobody;
        }
        let Some(receipts) = receipts(notice, record) else {
            tracing::error!(message_id = %notice.message, "a receipt cannot be written");
            return Told::Nobody;
        };
        // When one of several is not taken all of them come again.
        for receipt in &receipts {
            let told = match self.deliver(&notice.app, receipt).await {
                Delivered::Answered(Answer::Taken) => continue,
                Delivered::Answered(Answer::NotNow) => Told::Later(REFUSED),
                Delivered::Answered(Answer::LineLost) | Delivered::AllBusy => Told::Later(BUSY),
                Delivered::NobodyThere => Told::Later(NOBODY_THERE),
            };
            return told;
        }
        Told::Yes
    }
}

/// One, or one for each part that asked for it.
fn receipts(notice: &Notice, record: &Record) -> Option<Vec<Outgoing>> {
    let by_smpp = record.message.by_smpp.as_ref()?;
    if by_smpp.parts.is_empty() {
        return Some(vec![receipt(notice, record, None)?]);
    }
    let parts = (1..).zip(&by_smpp.parts);
    let asked = parts.filter(|(_, wanted)| told_of(RegisteredDelivery(**wanted)).contains(notice.status));
    asked.map(|(part, _)| receipt(notice, record, Some(part))).collect()
}

fn receipt(notice: &Notice, record: &Record, part: Option<u8>) -> Option<Outgoing> {
    let message = &record.message;
    let by_smpp = message.by_smpp.as_ref()?;
    let (state, id) = (state_of(notice.status), name(message, part));
    let delivered = state == MessageState::Delivered;
    let is_final = notice.status != Status::Submitted;
    // Receipts are in ASCII, whatever the message was in.
    let repeated: String = message.text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
    let text = Text {
        id: &id,
        sub: 1,
        dlvrd: u16::from(delivered),
        submit_date: civil(message.created_at)?,
        done_date: civil(notice.at)?,
        state,
        err: if delivered || !is_final { "000" } else { error_of(record) },
        text: &repeated,
    };
    let text = text.write().ok()?;
    let mut tlvs = TlvBuffer::new();
    tlvs.push_c_string(Tag::RECEIPTED_MESSAGE_ID, id.as_bytes()).ok()?;
    tlvs.push_octet(Tag::MESSAGE_STATE, state.into());
    let receipt = ShortMessage {
        source: address(&by_smpp.destination),
        destination: address(&by_smpp.source),
        esm_class: if is_final { EsmClass::RECEIPT } else { EsmClass::INTERMEDIATE },
        short_message: text.as_bytes(),
        tlvs: tlvs.as_tlvs(),
        ..ShortMessage::default()
    };
    Outgoing::request(&Pdu::DeliverSm(receipt)).ok()
}

/// The `err` of a receipt that tells of a failure, in the three characters that clients expect: what the vendors' codes
/// mean, because those of one vendor say nothing to an application that may get them from several.
fn error_of(record: &Record) -> &'static str {
    match record.failure().and_then(|(_, failure)| failure.class) {
        None => "001",
        Some(ErrorClass::PermanentNumber) => "010",
        Some(ErrorClass::OptOut) => "011",
        Some(ErrorClass::PermanentContent) => "012",
        Some(ErrorClass::Fraud) => "013",
        Some(ErrorClass::Sender) => "014",
        Some(ErrorClass::FailOver) => "020",
        Some(ErrorClass::Retry) => "021",
        Some(ErrorClass::UnknownOutcome) => "022",
        Some(ErrorClass::Throttle | ErrorClass::Pause) => "023",
    }
}

pub(super) fn state_of(status: Status) -> MessageState {
    match status {
        Status::Scheduled => MessageState::Scheduled,
        Status::Accepted => MessageState::Accepted,
        Status::Submitted => MessageState::Enroute,
        Status::Delivered | Status::Read => MessageState::Delivered,
        Status::Undelivered | Status::Failed => MessageState::Undeliverable,
        Status::Expired => MessageState::Expired,
        Status::Canceled => MessageState::Deleted,
        Status::Rejected => MessageState::Rejected,
        Status::Uncertain => MessageState::Unknown,
    }
}

fn civil(at: Timestamp) -> Option<Civil> {
    Civil::from_unix(at.as_millis().div_euclid(1000))
}

fn address(written: &SmppAddress) -> Address<'_> {
    Address { ton: written.ton.into(), npi: written.npi.into(), digits: &written.digits }
}
