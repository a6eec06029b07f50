//! What the pipeline refuses, as problems.

use domain::RouteId;
use domain::plan::Exclusion;
use pipeline::{NotWritten, Refused};

use super::code::Code;
use super::problem::Problem;

/// A store that cannot write is asked again this soon; overload passes sooner than that.
const RETRY_SECONDS: u32 = 1;
const RESTART_SECONDS: u32 = 5;
/// Somebody has to decide something.
const HOLD_SECONDS: u32 = 60;

pub(crate) fn problem(refused: Refused) -> Problem {
    let detail = refused.to_string();
    match refused {
        Refused::UnknownApp(_) => Problem::new(Code::Unauthorized, detail),
        Refused::ChannelNotServed(_) => Problem::field(Code::ChannelNotServed, "#/channel", detail),
        Refused::EmptyText => Problem::field(Code::EmptyText, "#/text", detail),
        Refused::TextTooLong { .. } => Problem::field(Code::TextTooLong, "#/text", detail),
        Refused::BadNumber(bad) => Problem::field(Code::InvalidRecipient, "#/to", bad.to_string()),
        Refused::InvalidNumber => Problem::field(Code::InvalidRecipient, "#/to", detail),
        Refused::BadValidity => Problem::field(Code::InvalidValidity, "#/validity", detail),
        Refused::BadSchedule => Problem::field(Code::InvalidSendAt, "#/send_at", detail),
        Refused::NoRule => Problem::new(Code::NoRule, detail),
        Refused::NoRoute { left_out } => Problem::new(Code::NoRoute, no_route(&detail, &left_out)),
        Refused::KeyReused => Problem::new(Code::IdempotencyKeyReused, detail),
        Refused::KeyInFlight => Problem::new(Code::IdempotencyKeyInFlight, detail).retry_after(RETRY_SECONDS),
        Refused::NotWritten(reason) => not_written(reason),
    }
}

pub(crate) fn not_written(reason: NotWritten) -> Problem {
    let detail = reason.to_string();
    match reason {
        NotWritten::Overloaded => Problem::new(Code::Overloaded, detail).retry_after(RETRY_SECONDS),
        NotWritten::Unavailable => Problem::new(Code::StoreUnavailable, detail).retry_after(RETRY_SECONDS),
        NotWritten::Broken => Problem::new(Code::StoreUnavailable, detail).retry_after(RESTART_SECONDS),
        NotWritten::OnHold => Problem::new(Code::OnHold, detail).retry_after(HOLD_SECONDS),
        NotWritten::Stopping => Problem::new(Code::ShuttingDown, detail).retry_after(RESTART_SECONDS),
    }
}

fn no_route(detail: &str, left_out: &[(RouteId, Exclusion)]) -> String {
    let reasons = left_out.iter().map(|(route, because)| format!("{route}: {}", because.explanation()));
    let reasons: Vec<String> = reasons.collect();
    if reasons.is_empty() { detail.to_owned() } else { format!("{detail} ({})", reasons.join("; ")) }
}
