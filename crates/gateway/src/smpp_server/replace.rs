//! replace_sm: another text, other times or other receipts for a message of which nothing has left.

use domain::record::{NewText, Replacement};
use domain::status::StatusSet;
use domain::{Record, Status, Timestamp, segment};
use pipeline::{Pipeline, Stepped};
use smpp_wire::pdu::{CommandId, Outgoing, ReplaceSm};
use smpp_wire::status::CommandStatus;

use super::submit;

/// What is asked for, as far as it can be read without the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct New {
    send_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    notify: StatusSet,
    /// In the alphabet of the message; none of them leave its text as it is.
    octets: Vec<u8>,
}

impl New {
    pub(super) fn read(replace: &ReplaceSm<'_>, now: Timestamp) -> Result<Self, CommandStatus> {
        let payload = replace.tlvs.message_payload().unwrap_or_default();
        let octets = if replace.short_message.is_empty() { payload } else { replace.short_message };
        Ok(Self {
            send_at: submit::schedule(replace.schedule_delivery_time, now)?,
            expires_at: submit::until(replace.validity_period, now)?,
            notify: submit::told_of(replace.registered_delivery),
            octets: octets.to_vec(),
        })
    }

    fn replacement(&self, record: &Record, now: Timestamp) -> Result<Replacement, CommandStatus> {
        // What came in parts has a text of several submissions, none of which can be replaced alone.
        let by_smpp = record.message.by_smpp.as_ref().filter(|by_smpp| by_smpp.parts.is_empty());
        let by_smpp = by_smpp.ok_or(CommandStatus::RREPLACEFAIL)?;
        let is_scheduled = record.status == Status::Scheduled;
        if self.send_at.is_some() && !is_scheduled {
            return Err(CommandStatus::RINVSCHED);
        }
        let send_at = self.send_at.or_else(|| record.message.send_at.filter(|_| is_scheduled)).unwrap_or(now);
        if self.expires_at.unwrap_or(record.message.expires_at) <= send_at {
            let is_the_end_wrong = self.expires_at.is_some();
            return Err(if is_the_end_wrong { CommandStatus::RINVEXPIRY } else { CommandStatus::RINVSCHED });
        }
        let text = if self.octets.is_empty() { None } else { Some(text(&self.octets, by_smpp.data_coding)?) };
        let Self { send_at, expires_at, notify, .. } = *self;
        Ok(Replacement { text, send_at, expires_at, notify: Some(notify) })
    }
}

fn text(octets: &[u8], data_coding: u8) -> Result<NewText, CommandStatus> {
    let text = submit::decoded(octets, data_coding)?;
    let cut = segment::segment(&text);
    if cut.segments.len() > pipeline::MAX_SEGMENTS {
        return Err(CommandStatus::RINVMSGLEN);
    }
    let segments = u8::try_from(cut.segments.len()).unwrap_or(u8::MAX);
    Ok(NewText { text: text.into(), encoding: cut.encoding, segments })
}

/// Answers once it is durable, or known not to be.
pub(super) async fn answer(pipeline: &Pipeline, record: &Record, new: &New) -> Outgoing {
    let status = match new.replacement(record, pipeline.now()) {
        Ok(replacement) => match pipeline.replace(record.message.id, replacement).await {
            Ok(Stepped::Done(_)) => return Outgoing::bare(CommandId::REPLACE_SM_RESP),
            Ok(Stepped::TooLate(_) | Stepped::NoSuchMessage) | Err(_) => CommandStatus::RREPLACEFAIL,
        },
        Err(status) => status,
    };
    Outgoing::refusal(CommandId::REPLACE_SM, status)
}
