//! A message as the API and the webhooks show it.

use domain::attempt::{Attempt, Failure, Part, PartAnswer, Verdict};
use domain::event::Kind;
use domain::message::OperatorSource;
use domain::plan::Drawn;
use domain::{ErrorClass, MessageId, Price, Record, Rewritten, Status, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// What the acceptance of a message answers.
#[derive(Debug, Serialize)]
pub(crate) struct Accepted<'a> {
    id: MessageId,
    status: &'static str,
    to: &'a str,
    from: Option<&'a str>,
    channel: &'static str,
    class: &'static str,
    reference: Option<&'a str>,
    metadata: Metadata<'a>,
    segments: u8,
    encoding: &'static str,
    country: Option<&'a str>,
    operator: Option<&'a str>,
    operator_source: Option<&'static str>,
    operator_known_at: Option<Timestamp>,
    route: Option<&'a str>,
    created_at: Timestamp,
    trace_url: TraceUrl<'a>,
}

/// Everything that is known of a message, short of its text and its story.
#[derive(Debug, Serialize)]
pub(crate) struct Whole<'a> {
    #[serde(flatten)]
    head: Accepted<'a>,
    send_at: Option<Timestamp>,
    expires_at: Timestamp,
    attempts: Vec<AttemptView<'a>>,
    possible_duplicate: bool,
    cost: Option<Price>,
    converted: Option<bool>,
    converted_at: Option<Timestamp>,
    rejection: Option<&'a str>,
    /// Nothing was to be learned with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_probe: bool,
    /// The error that decided, of one that was not delivered.
    error: Option<MessageError<'a>>,
}

/// What a vendor told that went wrong.
#[derive(Debug, Serialize)]
struct ErrorView<'a> {
    stage: &'static str,
    /// None where the error map does not know the code.
    class: Option<&'static str>,
    vendor_code: &'a str,
}

#[derive(Debug, Serialize)]
struct MessageError<'a> {
    attempt: u16,
    route: &'a str,
    #[serde(flatten)]
    error: ErrorView<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AttemptView<'a> {
    number: u16,
    route: &'a str,
    connection: &'a str,
    status: &'static str,
    outcome: Option<&'static str>,
    possible_duplicate: bool,
    /// No receipt came in time, and the message went on without it.
    given_up: bool,
    from: Option<&'a str>,
    queued_at: Timestamp,
    dispatched_at: Option<Timestamp>,
    answered_at: Option<Timestamp>,
    receipt_at: Option<Timestamp>,
    throttled: u16,
    /// Of the text that it sends.
    segments: usize,
    encoding: &'static str,
    /// What the route changed in the text; absent when nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    text_changes: Option<TextChanges<'a>>,
    cost: Option<Price>,
    /// Where a card was corrected after the attempt was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    rerated: Option<ReratedView<'a>>,
    error: Option<ErrorView<'a>>,
    /// Where the adaptive engine had a say.
    #[serde(skip_serializing_if = "Option::is_none")]
    draw: Option<DrawView>,
    parts: Vec<PartView<'a>>,
}

/// By what `cost` is another one than at first.
#[derive(Debug, Serialize)]
pub(crate) struct ReratedView<'a> {
    /// As it was rated when the attempt was made; None where no price was known then.
    first_cost: Option<Price>,
    rate_card: &'a str,
    version: u64,
    at: Timestamp,
}

/// What a route makes of a text: which of its rules changed it.
#[derive(Debug, Serialize)]
pub(crate) struct TextChanges<'a> {
    segments: u8,
    encoding: &'static str,
    edits: Vec<EditView>,
    /// Only for whoever brought the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct EditView {
    /// Where the route says it, such as `content_by[1].rewrite[0]`, counted from zero.
    rule: String,
    /// In how many places of the text, or of how many characters.
    times: u16,
}

/// How a route came to be taken. The arm is the attempt's connection and the message's operator.
#[derive(Debug, Serialize)]
pub(crate) struct DrawView {
    /// The version of the engine's table. A string: readers of JSON round large numbers.
    table: String,
    /// With which probability it was taken; 1 for an attempt that follows another.
    propensity: f64,
    flags: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct PartView<'a> {
    answer: Option<&'static str>,
    receipt: Option<&'static str>,
    vendor_message_id: Option<&'a str>,
    vendor_code: Option<&'a str>,
    class: Option<&'static str>,
}

/// The answer of the acceptance, also when it is asked for again long after: what has changed since is left out.
pub(crate) fn accepted<'a>(record: &'a Record, public_url: &'a str) -> Accepted<'a> {
    head(record, Moment { status: first_status(record), route: first_route(record), public_url })
}

/// The message as it is now.
pub(crate) fn whole<'a>(record: &'a Record, public_url: &'a str) -> Whole<'a> {
    whole_with_status(record, record.status, public_url)
}

/// The message as it is now, under a status that it had: for whoever is told of that change.
pub(crate) fn whole_with_status<'a>(record: &'a Record, status: Status, public_url: &'a str) -> Whole<'a> {
    let message = &record.message;
    let route = record.attempts.last().map(|attempt| attempt.route.as_str());
    Whole {
        head: head(record, Moment { status, route, public_url }),
        send_at: message.send_at,
        expires_at: message.expires_at,
        attempts: attempts(record),
        possible_duplicate: record.possible_duplicate(),
        cost: record.cost(),
        converted: record.converted.map(|converted| converted.converted),
        converted_at: record.converted.map(|converted| converted.at),
        rejection: record.rejection.as_deref(),
        no_probe: message.no_probe,
        error: message_error(record).filter(|_| !matches!(status, Status::Delivered | Status::Read)),
    }
}

pub(crate) fn attempts(record: &Record) -> Vec<AttemptView<'_>> {
    record.attempts.iter().map(|one| attempt(one, record)).collect()
}

struct Moment<'a> {
    status: Status,
    route: Option<&'a str>,
    public_url: &'a str,
}

fn head<'a>(record: &'a Record, moment: Moment<'a>) -> Accepted<'a> {
    let message = &record.message;
    Accepted {
        id: message.id,
        status: moment.status.as_str(),
        to: message.to.as_str(),
        from: message.from.as_ref().map(|from| from.as_str()),
        channel: message.channel.as_str(),
        class: message.class.as_str(),
        reference: message.reference.as_deref(),
        metadata: Metadata(message.metadata.as_deref()),
        segments: message.segments,
        encoding: message.encoding.as_str(),
        country: message.country.as_ref().map(|country| country.as_str()),
        operator: message.operator.as_deref(),
        operator_source: message.operator_source.map(OperatorSource::as_str),
        operator_known_at: message.operator_known_at,
        route: moment.route,
        created_at: message.created_at,
        trace_url: TraceUrl { public_url: moment.public_url, id: message.id },
    }
}

fn first_status(record: &Record) -> Status {
    let mut kinds = record.events.iter().map(|event| &event.kind);
    let first =
        kinds.find_map(|kind| if let Kind::Status { status, .. } = kind { Some(*status) } else { None });
    first.unwrap_or(record.status)
}

/// Where the first attempt was headed when the message was accepted: it may have been moved since.
fn first_route(record: &Record) -> Option<&str> {
    let mut kinds = record.events.iter().map(|event| &event.kind);
    let moved =
        kinds.find_map(
            |kind| if let Kind::Moved { attempt: 1, from } = kind { Some(from.as_str()) } else { None },
        );
    moved.or_else(|| record.attempts.first().map(|attempt| attempt.route.as_str()))
}

/// Of a message: without a word of its text.
fn text_changes(rewritten: &Rewritten) -> TextChanges<'_> {
    let edits = rewritten.edits.iter();
    TextChanges {
        segments: rewritten.segments,
        encoding: rewritten.encoding.as_str(),
        edits: edits.map(|edit| EditView { rule: rewritten.place(*edit), times: edit.times() }).collect(),
        text: None,
    }
}

/// For whoever brought the text to ask about it.
pub(crate) fn changed_text(rewritten: &Rewritten) -> TextChanges<'_> {
    TextChanges { text: Some(&rewritten.text), ..text_changes(rewritten) }
}

fn attempt<'a>(attempt: &'a Attempt, record: &Record) -> AttemptView<'a> {
    let rewritten = attempt.rewritten.as_deref();
    AttemptView {
        number: attempt.number,
        route: attempt.route.as_str(),
        connection: attempt.connection.as_str(),
        status: attempt.status(),
        outcome: attempt.outcome.map(|outcome| outcome.as_str()),
        possible_duplicate: attempt.possible_duplicate,
        given_up: attempt.given_up,
        from: attempt.sender.as_ref().map(|sender| sender.as_str()),
        queued_at: attempt.queued_at,
        dispatched_at: attempt.dispatched_at,
        answered_at: attempt.answered_at,
        receipt_at: attempt.receipt_at,
        throttled: attempt.throttled,
        segments: attempt.parts.len(),
        encoding: rewritten.map_or(record.message.encoding, |rewritten| rewritten.encoding).as_str(),
        text_changes: rewritten.map(text_changes),
        cost: attempt.cost(),
        rerated: attempt.rerated.as_deref().map(|rerated| ReratedView {
            first_cost: attempt.first_cost(),
            rate_card: rerated.rate_card.as_str(),
            version: rerated.version,
            at: rerated.at,
        }),
        error: attempt.failure().map(error),
        draw: attempt.drawn.map(draw),
        parts: attempt.parts.iter().map(part).collect(),
    }
}

fn draw(drawn: Drawn) -> DrawView {
    DrawView {
        table: drawn.table.to_string(),
        // As fine as it is kept.
        propensity: (drawn.propensity() * 10_000.0).round() / 10_000.0,
        flags: drawn.flags.names().collect(),
    }
}

fn part(part: &Part) -> PartView<'_> {
    PartView {
        answer: part.answer.map(answer_word),
        receipt: part.receipt.map(receipt_word),
        vendor_message_id: part.vendor_id.as_deref(),
        vendor_code: part.vendor_code.as_deref(),
        class: part.class.map(ErrorClass::as_str),
    }
}

fn error(failure: Failure<'_>) -> ErrorView<'_> {
    ErrorView {
        stage: failure.stage.as_str(),
        class: failure.class.map(ErrorClass::as_str),
        vendor_code: failure.code,
    }
}

fn message_error(record: &Record) -> Option<MessageError<'_>> {
    let (attempt, failure) = record.failure()?;
    Some(MessageError { attempt: attempt.number, route: attempt.route.as_str(), error: error(failure) })
}

fn answer_word(answer: PartAnswer) -> &'static str {
    match answer {
        PartAnswer::Accepted => "accepted",
        PartAnswer::Rejected => "rejected",
        PartAnswer::Unknown => "unknown",
        PartAnswer::Busy => "busy",
        PartAnswer::NotSent => "not_sent",
    }
}

fn receipt_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Delivered => "delivered",
        Verdict::Undelivered => "undelivered",
        Verdict::Expired => "expired",
    }
}

/// As the application wrote it; an empty object when it gave none.
#[derive(Debug)]
struct Metadata<'a>(Option<&'a str>);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = self.0.unwrap_or("{}");
        let raw: &RawValue = serde_json::from_str(raw).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

#[derive(Debug)]
struct TraceUrl<'a> {
    public_url: &'a str,
    id: MessageId,
}

impl Serialize for TraceUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}/v1/messages/{}/trace", self.public_url, self.id))
    }
}
