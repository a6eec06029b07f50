//! What became of a message, in plain words.

use std::time::Duration;

use domain::attempt::{Attempt, Outcome, PartAnswer, State, Verdict};
use domain::event::{Event, Kind};
use domain::{ErrorClass, Record, RouteId, Stage, Status, Timestamp};

/// A few sentences for whoever asks where a message is.
pub(crate) fn story(record: &Record) -> String {
    let mut sentences = Vec::new();
    sentences.extend(beginning(record));
    let told = record.attempts.iter().filter(|attempt| attempt.state != State::Withdrawn);
    for (place, attempt) in told.enumerate() {
        let Path { passed, asked } = path(record, attempt);
        sentences.extend(passed.iter().map(passed_story));
        sentences.push(attempt_story(record, attempt, (place, asked)));
    }
    sentences.extend(end(record));
    if let Some(converted) = record.converted {
        let did = if converted.converted { "acted on it" } else { "did not act on it" };
        sentences.push(format!("The application says that the recipient {did}."));
    }
    sentences.join(" ")
}

/// The events of the trace, each a sentence.
pub(crate) fn events(record: &Record) -> impl Iterator<Item = String> {
    record.events.iter().enumerate().map(|(place, one)| event(record, one, place))
}

/// The event at that place among those of the record.
fn event(record: &Record, event: &Event, place: usize) -> String {
    let of = |number: u16| match route_then(record, number, place) {
        Some(route) => format!("attempt {number} on {route}"),
        None => format!("attempt {number}"),
    };
    match &event.kind {
        Kind::Status { status, .. } => format!("the message is {status}"),
        Kind::Queued { attempt } => format!("{} waits for a free slot", of(*attempt)),
        Kind::Moved { attempt, from } => format!("{} was headed for {from} before", of(*attempt)),
        Kind::Dispatched { attempt } => format!("{} is handed to its connection", of(*attempt)),
        Kind::Answered { attempt, outcome } => format!("{}: {}", of(*attempt), outcome_words(*outcome)),
        Kind::Throttled { attempt } => {
            format!("{}: the vendor asks to slow down, so it waits again", of(*attempt))
        }
        Kind::NotSent { attempt } => format!("{}: no byte left, so it waits again", of(*attempt)),
        Kind::AnsweredLate { attempt, outcome } => {
            format!("{}: the answer came late: {}", of(*attempt), outcome_words(*outcome))
        }
        Kind::Receipt { attempt, part, word } => {
            let several = record.attempt(*attempt).is_some_and(|attempt| attempt.parts.len() > 1);
            let part = if several { format!(", part {}", u16::from(*part) + 1) } else { String::new() };
            format!("{}{part}: the vendor's receipt says {word}", of(*attempt))
        }
        Kind::NoReceipt { attempt } => format!("{}: no receipt came in time", of(*attempt)),
        Kind::Withdrawn { attempt } => format!("{} is taken back before any byte left", of(*attempt)),
        Kind::Converted { converted: true } => {
            "the application says that the recipient acted on it".to_owned()
        }
        Kind::Converted { converted: false } => {
            "the application says that the recipient did not act on it".to_owned()
        }
        Kind::Exhausted => "no route is left to try".to_owned(),
        Kind::HorizonReached => "nothing more is expected of it".to_owned(),
        Kind::Retrying { attempt, at } => {
            format!("{}: the vendor's error may pass, so it is sent there again at {at}", of(*attempt))
        }
        Kind::Barred { attempt, class } => {
            format!("{}: by the vendor's error ({class}) no vendor is asked again", of(*attempt))
        }
        Kind::Replaced => "the application put another text or other times in place".to_owned(),
        Kind::Restored { resumed: true } => {
            "the store was restored from a backup; it is sent although it may have been before".to_owned()
        }
        Kind::Restored { resumed: false } => {
            "the store was restored from a backup; it may have been sent before and is not sent again"
                .to_owned()
        }
    }
}

/// The stable word of an event, and the attempt that it is about.
pub(crate) fn event_type(kind: &Kind) -> (&'static str, Option<u16>) {
    match kind {
        Kind::Status { .. } => ("status", None),
        Kind::Queued { attempt } => ("queued", Some(*attempt)),
        Kind::Moved { attempt, .. } => ("moved", Some(*attempt)),
        Kind::Dispatched { attempt } => ("dispatched", Some(*attempt)),
        Kind::Answered { attempt, .. } => ("answered", Some(*attempt)),
        Kind::Throttled { attempt } => ("throttled", Some(*attempt)),
        Kind::NotSent { attempt } => ("not_sent", Some(*attempt)),
        Kind::AnsweredLate { attempt, .. } => ("answered_late", Some(*attempt)),
        Kind::Receipt { attempt, .. } => ("receipt", Some(*attempt)),
        Kind::NoReceipt { attempt } => ("no_receipt", Some(*attempt)),
        Kind::Withdrawn { attempt } => ("withdrawn", Some(*attempt)),
        Kind::Converted { .. } => ("converted", None),
        Kind::Exhausted => ("exhausted", None),
        Kind::HorizonReached => ("horizon_reached", None),
        Kind::Restored { .. } => ("restored", None),
        Kind::Retrying { attempt, .. } => ("retrying", Some(*attempt)),
        Kind::Barred { attempt, .. } => ("barred", Some(*attempt)),
        Kind::Replaced => ("replaced", None),
    }
}

/// `180 ms`, `4.2 s`, `10 s`, `3 min`, `2 h 5 min`.
pub(crate) fn span(duration: Duration) -> String {
    let millis = duration.as_millis();
    let tenths = millis / 100;
    match duration.as_secs() {
        0 => format!("{millis} ms"),
        1..=59 if tenths.is_multiple_of(10) => format!("{} s", tenths / 10),
        1..=59 => format!("{}.{} s", tenths / 10, tenths % 10),
        seconds @ 60..=3599 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds @ 60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds if seconds / 60 % 60 == 0 => format!("{} h", seconds / 3600),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

fn beginning(record: &Record) -> Option<String> {
    let message = &record.message;
    if let Some(rejection) = &record.rejection {
        return Some(format!("Refused here, and given to no vendor: {rejection}."));
    }
    let send_at = message.send_at?;
    let waits = record.status == Status::Scheduled;
    Some(if waits { format!("Waits until {send_at}.") } else { format!("Scheduled for {send_at}.") })
}

/// Where an attempt was headed before its last route took it.
struct Path<'a> {
    passed: Vec<Passed<'a>>,
    /// How often the last route asked to slow down.
    asked: usize,
}

struct Passed<'a> {
    route: &'a RouteId,
    asked: usize,
}

fn path<'a>(record: &'a Record, attempt: &Attempt) -> Path<'a> {
    let mut path = Path { passed: Vec::new(), asked: 0 };
    for event in &record.events {
        if let Kind::Throttled { attempt: number } = &event.kind
            && *number == attempt.number
        {
            path.asked += 1;
        }
        if let Kind::Moved { attempt: number, from } = &event.kind
            && *number == attempt.number
        {
            path.passed.push(Passed { route: from, asked: std::mem::take(&mut path.asked) });
        }
    }
    path
}

/// Where the attempt was headed when the event at that place happened: it may have been moved since.
fn route_then(record: &Record, number: u16, place: usize) -> Option<&RouteId> {
    let later = record.events.iter().skip(place + 1).find_map(|event| {
        let Kind::Moved { attempt, from } = &event.kind else { return None };
        (*attempt == number).then_some(from)
    });
    later.or_else(|| record.attempt(number).map(|attempt| &attempt.route))
}

fn passed_story(passed: &Passed<'_>) -> String {
    match passed.asked {
        0 => format!("{} could not take it then.", passed.route),
        asked => format!("{} {}, so it went elsewhere.", passed.route, slow_down(asked)),
    }
}

fn slow_down(asked: usize) -> String {
    match asked {
        1 => "asked to slow down".to_owned(),
        times => format!("asked {times} times to slow down"),
    }
}

fn attempt_story(record: &Record, attempt: &Attempt, (place, asked): (usize, usize)) -> String {
    let route = &attempt.route;
    let Some(dispatched) = attempt.dispatched_at else {
        return match asked {
            0 => format!("Waits for a free slot of {} to go through {route}.", attempt.connection),
            asked => format!("{route} {}, and it waits to be sent there again.", slow_down(asked)),
        };
    };
    let after = |at: Timestamp| span(at.since(dispatched));
    // The first attempt that never got an answer is told from the vendor's side: that is what the reader asks about.
    let unanswered = attempt.outcome == Some(Outcome::Unknown) && attempt.receipt.is_none();
    if unanswered && place == 0 {
        let within =
            attempt.answered_at.map_or_else(|| "in time".to_owned(), |at| format!("within {}", after(at)));
        if let Some(failure) = attempt.failure() {
            let code = failure.code;
            return format!("{route} answered {code}, {}, so the text may have arrived there.", unclear());
        }
        return format!("{route} did not answer {within}, so the text may have arrived there.");
    }
    let again = if place == 0 { "Sent" } else { "Sent again" };
    let flag = if attempt.possible_duplicate { " (possible duplicate)" } else { "" };
    let slowed = if asked == 0 { String::new() } else { format!(" after it had {}", slow_down(asked)) };
    let mut clauses = vec![format!("{again} through {route}{slowed}{flag}")];
    clauses.extend(answer_clause(attempt, &after));
    clauses.extend(receipt_clause(record, attempt, dispatched));
    format!("{}.", clauses.join(", "))
}

fn answer_clause(attempt: &Attempt, after: &dyn Fn(Timestamp) -> String) -> Option<String> {
    let took = |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(" in {}", after(at)));
    Some(match attempt.outcome {
        None => "not answered yet".to_owned(),
        Some(Outcome::Accepted) => format!("accepted{}", took(attempt.answered_at)),
        Some(Outcome::Rejected) => {
            let some_went = attempt.parts.iter().any(|part| part.answer == Some(PartAnswer::Accepted));
            let after_some = if some_went { " after it had taken some of the parts" } else { "" };
            match refusal_code(attempt) {
                Some(code) => {
                    let meaning = meaning(attempt, Stage::Submit);
                    format!("refused with {code}{}{meaning}{after_some}", took(attempt.answered_at))
                }
                None => format!("refused{}{after_some}", took(attempt.answered_at)),
            }
        }
        Some(Outcome::Unknown) if attempt.receipt.is_some() => return None,
        Some(Outcome::Unknown) => match attempt.failure() {
            Some(failure) => {
                format!(
                    "answered with {}, {}, so the text may have arrived there too",
                    failure.code,
                    unclear()
                )
            }
            None => "no answer came, so the text may have arrived there too".to_owned(),
        },
    })
}

fn receipt_clause(record: &Record, attempt: &Attempt, dispatched: Timestamp) -> Option<String> {
    let since = attempt.answered_at.unwrap_or(dispatched);
    let later =
        |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(" {} later", span(at.since(since))));
    match attempt.receipt {
        Some(Verdict::Delivered) => Some(format!("delivered{}", later(attempt.receipt_at))),
        Some(Verdict::Undelivered) => {
            let word = receipt_word(attempt).map_or_else(String::new, |word| format!(" ({word})"));
            let meaning = meaning(attempt, Stage::Receipt);
            Some(format!("reported undelivered{word}{}{meaning}", later(attempt.receipt_at)))
        }
        Some(Verdict::Expired) => {
            Some(format!("reported expired by the vendor{}", later(attempt.receipt_at)))
        }
        None if attempt.outcome != Some(Outcome::Accepted) => None,
        None if attempt.given_up => {
            let waited = record.plan.as_ref().and_then(|plan| plan.terms.no_receipt_after());
            let waited =
                waited.map_or_else(|| "in time".to_owned(), |waited| format!("within {}", span(waited)));
            Some(format!("no receipt came {waited}"))
        }
        None => Some("no receipt yet".to_owned()),
    }
}

fn unclear() -> &'static str {
    ErrorClass::UnknownOutcome.explanation()
}

/// What an error means, where it means more than that the next route has its turn.
fn meaning(attempt: &Attempt, stage: Stage) -> String {
    let class = attempt.failure().filter(|failure| failure.stage == stage).and_then(|failure| failure.class);
    match class.filter(|class| *class != ErrorClass::FailOver) {
        Some(class) => format!(", {}", class.explanation()),
        None => String::new(),
    }
}

fn refusal_code(attempt: &Attempt) -> Option<&str> {
    let refused = attempt.parts.iter().find(|part| part.answer == Some(PartAnswer::Rejected))?;
    refused.vendor_code.as_deref()
}

fn receipt_word(attempt: &Attempt) -> Option<&str> {
    let failed = attempt.parts.iter().find(|part| part.receipt == Some(Verdict::Undelivered))?;
    failed.vendor_code.as_deref()
}

fn end(record: &Record) -> Option<String> {
    if let Some(at) = record.retry_at {
        return Some(format!("It is sent there again at {at}."));
    }
    let none_taken = !record.attempts.iter().any(|attempt| attempt.outcome == Some(Outcome::Accepted));
    match record.status {
        Status::Failed | Status::Undelivered if record.is_barred() => {
            Some("No vendor is asked again.".to_owned())
        }
        Status::Failed => Some("No vendor took it, and no route is left to try.".to_owned()),
        Status::Expired if none_taken => {
            Some(format!("Its validity ended at {} before a vendor took it.", record.message.expires_at))
        }
        Status::Canceled => Some("Canceled before any byte left.".to_owned()),
        Status::Uncertain => {
            Some("It is not sent again: a late answer or a receipt may still settle it.".to_owned())
        }
        Status::Accepted if record.cause.is_some() => Some("The next attempt is being decided.".to_owned()),
        Status::Expired
        | Status::Scheduled
        | Status::Accepted
        | Status::Submitted
        | Status::Delivered
        | Status::Read
        | Status::Undelivered
        | Status::Rejected => None,
    }
}

fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "the vendor accepted it",
        Outcome::Rejected => "the vendor refused it",
        Outcome::Unknown => "no answer came, the vendor may have it",
    }
}

#[cfg(test)]
mod tests;
