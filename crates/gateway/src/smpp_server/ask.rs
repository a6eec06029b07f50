//! query_sm and cancel_sm: an application asks after a message of its own, or takes it back.

use domain::{AppId, MessageId, Record};
use pipeline::{Pipeline, Stepped};
use smpp_wire::pdu::{CommandId, Outgoing, Pdu, QueriedMessage, QuerySmResp};
use smpp_wire::status::CommandStatus;
use smpp_wire::time::Absolute;

use super::receipt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Query,
    Cancel,
}

/// What a PDU asks, and of which message; None when that is nothing.
pub(super) fn question(pdu: &Pdu<'_>) -> Option<(Question, Option<MessageId>)> {
    if let Pdu::QuerySm(query) = pdu {
        return Some((Question::Query, id(query.message_id)));
    }
    // Without an id it would be for all messages between two addresses.
    if let Pdu::CancelSm(cancel) = pdu {
        return Some((Question::Cancel, id(cancel.message_id)));
    }
    None
}

/// The id of a message as its submit_sm_resp had it. That of a part leads to the whole.
fn id(written: &[u8]) -> Option<MessageId> {
    let written = std::str::from_utf8(written).ok()?;
    let whole = written.split_once('-').map_or(written, |(whole, _)| whole);
    u128::from_str_radix(Some(whole).filter(|whole| whole.len() == 32)?, 16).ok().map(MessageId::from_u128)
}

/// A message of another app is answered as one that does not exist.
pub(super) async fn answer(
    pipeline: &Pipeline,
    app: &AppId,
    question: Question,
    message: Option<MessageId>,
) -> Outgoing {
    let Some(record) = find(pipeline, app, message).await else {
        let command_id = question.command_id();
        return Outgoing::refusal(command_id, question.failure());
    };
    match question {
        Question::Query => queried(&record),
        Question::Cancel => match pipeline.cancel(record.message.id).await {
            Ok(Stepped::Done(_)) => Outgoing::bare(CommandId::CANCEL_SM_RESP),
            Ok(Stepped::TooLate(_) | Stepped::NoSuchMessage) | Err(_) => {
                Outgoing::refusal(CommandId::CANCEL_SM, CommandStatus::RCANCELFAIL)
            }
        },
    }
}

async fn find(pipeline: &Pipeline, app: &AppId, message: Option<MessageId>) -> Option<Record> {
    let (id, reader) = (message?, pipeline.reader());
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
    let id = receipt::id(record.message.id);
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
    fn command_id(self) -> CommandId {
        match self {
            Self::Query => CommandId::QUERY_SM,
            Self::Cancel => CommandId::CANCEL_SM,
        }
    }

    fn failure(self) -> CommandStatus {
        match self {
            Self::Query => CommandStatus::RQUERYFAIL,
            Self::Cancel => CommandStatus::RCANCELFAIL,
        }
    }
}
