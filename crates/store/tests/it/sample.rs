//! Messages and inputs to test with.

use std::sync::Arc;

use domain::address::Recipient;
use domain::attempt::Verdict;
use domain::id::MessageIds;
use domain::plan::{FailoverSet, OnUnknown, Plan, PlannedRoute, Reason, Terms};
use domain::record::{Answer, Dispatch, Input, NextAttempt, ReceiptNews, Target};
use domain::status::StatusSet;
use domain::{
    AppId, Channel, Class, ConnectionId, Encoding, Message, MessageId, Record, RouteId, RuleId, Timestamp,
};
use store::write::{Idempotency, Receipt};
use store::{Write, Writer, Written};

/// 2026-03-01T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_772_366_400_000);
pub(crate) const SECOND: i64 = 1000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) fn at(millis_after_noon: i64) -> Timestamp {
    Timestamp::from_millis(NOON.as_millis() + millis_after_noon)
}

/// A message that is told of everything, and its first attempt.
pub(crate) fn message(id: MessageId) -> Message {
    Message {
        id,
        app: AppId::new("shop").unwrap(),
        created_at: id.created_at(),
        to: Recipient::from_e164("+4915112345678").unwrap(),
        from: None,
        channel: Channel::Sms,
        class: Class::Otp,
        text: "Your code is 123456".into(),
        encoding: Encoding::Gsm7,
        segments: 1,
        country: None,
        operator: Some("26201".into()),
        reference: None,
        metadata: None,
        send_at: None,
        expires_at: id.created_at().plus(std::time::Duration::from_secs(600)),
        max_price: None,
        callback_url: None,
        notify: StatusSet::all(),
        by_smpp: None,
        operator_source: None,
        operator_known_at: None,
        has_link: false,
        no_probe: false,
    }
}

pub(crate) fn plan() -> Plan {
    Plan {
        table: 7,
        rule: RuleId::new("default").unwrap(),
        terms: Terms {
            on_unknown: OnUnknown::NextRoute,
            failover_on: FailoverSet::default(),
            wait_at_most_ms: 10_000,
            no_receipt_after_ms: None,
            max_attempts: 3,
        },
        routes: vec![PlannedRoute {
            route: RouteId::new("acme-de").unwrap(),
            reason: Reason::Priority(1),
            price: None,
            drawn: None,
            shadow_price: None,
        }],
        left_out: Vec::new(),
        flips: Vec::new(),
        steered: Vec::new(),
        pin: None,
        probing: None,
    }
}

pub(crate) fn target(connection: &str) -> Target {
    Target {
        route: RouteId::new(&format!("{connection}-de")).unwrap(),
        connection: ConnectionId::new(connection).unwrap(),
        sender: None,
        price: None,
        drawn: None,
        rewritten: None,
    }
}

pub(crate) fn next_attempt(connection: &str) -> NextAttempt {
    NextAttempt { target: target(connection), reference: 1 }
}

pub(crate) fn dispatch(attempt: u16, connection: &str) -> Input {
    Input::Dispatch(Dispatch { attempt, target: target(connection), text_revision: 0, bind: 1, epoch: 1 })
}

pub(crate) fn accepted(attempt: u16, part: u8, vendor_id: &str) -> Input {
    Input::Answer { attempt, part, answer: Answer::Accepted { vendor_id: Some(vendor_id.into()) } }
}

pub(crate) fn receipt(
    connection: &str,
    vendor_id: &str,
    verdict: Option<Verdict>,
    received_at: Timestamp,
) -> Write {
    Write::Receipt(Receipt {
        connection: ConnectionId::new(connection).unwrap(),
        vendor_id: vendor_id.into(),
        news: ReceiptNews { verdict, word: "WORD".into(), class: None },
        received_at,
    })
}

pub(crate) fn accept(message: Message) -> Write {
    accept_with(message, None)
}

pub(crate) fn accept_with(message: Message, idempotency: Option<Idempotency>) -> Write {
    let (record, effects) = Record::accepted(message, plan(), Some(next_attempt("acme")));
    Write::Accept { record: Arc::new(record), effects, idempotency }
}

pub(crate) fn key(text: &str, fingerprint: u8) -> Option<Idempotency> {
    Some(Idempotency { key: text.into(), fingerprint: [fingerprint; 32] })
}

pub(crate) fn apply(message: MessageId, input: Input) -> Write {
    Write::Apply { message, input }
}

/// Ids, whose random half is not random.
pub(crate) struct Ids(MessageIds);

impl Ids {
    pub(crate) fn new() -> Self {
        Self(MessageIds::new(0))
    }

    pub(crate) fn at(&mut self, now: Timestamp) -> MessageId {
        self.0.next(now, 0x5eed)
    }
}

pub(crate) fn write(
    writer: &mut dyn Writer,
    now: Timestamp,
    writes: impl IntoIterator<Item = Write>,
) -> Vec<Written> {
    let mut batch: Vec<Write> = writes.into_iter().collect();
    let written = writer.commit(&mut batch, now).unwrap();
    assert!(batch.is_empty(), "a batch that was written is drained");
    written
}

/// Writes one operation that stores or steps a record, and returns it.
pub(crate) fn step(writer: &mut dyn Writer, now: Timestamp, operation: Write) -> Record {
    match write(writer, now, [operation]).pop() {
        Some(Written::Accepted { record, .. } | Written::Applied { record, .. }) => {
            Arc::unwrap_or_clone(record)
        }
        other => panic!("neither accepted nor applied: {other:?}"),
    }
}

/// A message that was dispatched on `acme` and that the vendor calls `vendor_id`.
pub(crate) fn submitted(writer: &mut dyn Writer, message: Message, vendor_id: &str) -> Record {
    let (id, now) = (message.id, message.created_at);
    step(writer, now, accept(message));
    step(writer, now, apply(id, dispatch(1, "acme")));
    step(writer, now, apply(id, accepted(1, 0, vendor_id)))
}

/// The same, and delivered: closed.
pub(crate) fn delivered(writer: &mut dyn Writer, message: Message, vendor_id: &str) -> Record {
    let now = message.created_at;
    submitted(writer, message, vendor_id);
    step(writer, now, receipt("acme", vendor_id, Some(Verdict::Delivered), now))
}
