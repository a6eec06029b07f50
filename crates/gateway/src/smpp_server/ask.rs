//! query_sm, cancel_sm and replace_sm: an application asks after a message of its own, takes it back or changes it.

use domain::{AppId, MessageId, Record, Timestamp};
use pipeline::{Pipeline, Stepped};
use smpp_wire::pdu::{CommandId, Outgoing, Pdu, QueriedMessage, QuerySmResp};
use smpp_wire::status::CommandStatus;
use smpp_wire::time::Absolute;

use super::receipt;
use super::replace::{self, New};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Query,
    Cancel,
    Replace(New),
}

/// A message as a submission's answer named it: by its id, and the number of the part or the place of the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    id: MessageId,
    number: Option<u8>,
}

/// What a PDU asks, and of which message. None when it asks nothing; the error is the status to answer it with.
pub(super) fn question(
    pdu: &Pdu<'_>,
    now: Timestamp,
) -> Result<Option<(Question, Option<Name>)>, CommandStatus> {
    if let Pdu::QuerySm(query) = pdu {
        return Ok(Some((Question::Query, name(query.message_id))));
    }
    // Without an id it would be for all messages between two addresses.
    if let Pdu::CancelSm(cancel) = pdu {
        return Ok(Some((Question::Cancel, name(cancel.message_id))));
    }
    if let Pdu::ReplaceSm(replace) = pdu {
        return Ok(Some((Question::Replace(New::read(replace, now)?), name(replace.message_id))));
    }
    Ok(None)
}

fn name(written: &[u8]) -> Option<Name> {
    let written = std::str::from_utf8(written).ok()?;
    let (id, number) = match written.split_once('-') {
        Some((id, number)) => (id, Some(number.parse().ok().filter(|number| *number > 0)?)),
        None => (written, None),
    };
    let id = u128::from_str_radix(Some(id).filter(|id| id.len() == 32)?, 16).ok()?;
    Some(Name { id: MessageId::from_u128(id), number })
}

/// A message of another app is answered as one that does not exist.
pub(super) async fn answer(
    pipeline: &Pipeline,
    app: &AppId,
    question: Question,
    message: Option<Name>,
) -> Outgoing {
    let Some(record) = find(pipeline, app, message).await else {
        return Outgoing::refusal(question.command_id(), question.failure());
    };
    match question {
        Question::Query => queried(&record),
        Question::Cancel => match pipeline.cancel(record.message.id).await {
            Ok(Stepped::Done(_)) => Outgoing::bare(CommandId::CANCEL_SM_RESP),
            Ok(Stepped::TooLate(_) | Stepped::NoSuchMessage) | Err(_) => {
                Outgoing::refusal(CommandId::CANCEL_SM, CommandStatus::RCANCELFAIL)
            }
        },
        Question::Replace(new) => replace::answer(pipeline, &record, &new).await,
    }
}

/// The name of a part leads to the whole. One of several destinations has to be named with its place: whoever names
/// none means all of them, and is not answered for the first alone.
async fn find(pipeline: &Pipeline, app: &AppId, message: Option<Name>) -> Option<Record> {
    let Name { id, number } = message?;
    let place = |record: &Record| record.message.by_smpp.as_ref().and_then(|by_smpp| by_smpp.place);
    let found = load(pipeline, app, id).await.filter(|record| place(record).is_none());
    match (found, number) {
        (None, Some(number)) => {
            let of_several = load(pipeline, app, id.ahead(number - 1)).await;
            of_several.filter(|record| place(record) == Some(number))
        }
        (found, _) => found,
    }
}

async fn load(pipeline: &Pipeline, app: &AppId, id: MessageId) -> Option<Record> {
    let reader = pipeline.reader();
    let read = tokio::task::spawn_blocking(move || reader.message(id)).await;
    match read {
        Ok(Ok(record)) => record.filter(|record| record.message.app == *app),
        Ok(Err(error)) => {
            tracing::error!(%error, message_id = %id, "a record could not be read");
            None
        }
        Err(_) => None,
    }
}

fn queried(record: &Record) -> Outgoing {
    let id = receipt::name(&record.message, None);
    let since = record.events.last().map_or(record.message.created_at, |event| event.at);
    let is_final = record.status.is_final();
    let final_date = Absolute::utc(since.as_millis().div_euclid(1000)).map(|at| at.to_string());
    let final_date = final_date.ok().filter(|_| is_final).unwrap_or_default();
    let found = QueriedMessage {
        message_id: id.as_bytes(),
        final_date: final_date.as_bytes(),
        message_state: receipt::state_of(record.status),
        error_code: 0,
    };
    let pdu = Pdu::QuerySmResp(QuerySmResp { found: Some(found), ..QuerySmResp::default() });
    Outgoing::response(&pdu, CommandStatus::ROK)
        .unwrap_or_else(|_| Outgoing::refusal(CommandId::QUERY_SM, CommandStatus::RQUERYFAIL))
}

impl Question {
    fn command_id(&self) -> CommandId {
        match self {
            Self::Query => CommandId::QUERY_SM,
            Self::Cancel => CommandId::CANCEL_SM,
            Self::Replace(_) => CommandId::REPLACE_SM,
        }
    }

    fn failure(&self) -> CommandStatus {
        match self {
            Self::Query => CommandStatus::RQUERYFAIL,
            Self::Cancel => CommandStatus::RCANCELFAIL,
            Self::Replace(_) => CommandStatus::RREPLACEFAIL,
        }
    }
}
