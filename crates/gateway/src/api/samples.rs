//! Messages with a past, for tests.

use domain::plan::{Exclusion, FailoverOn, LeftOutRoute, OnUnknown, Plan, PlannedRoute, Reason, Terms};
use domain::record::{Answer, Dispatch, Input, NextAttempt, ReceiptNews, Target};
use domain::status::StatusSet;
use domain::{
    AppId, Channel, Class, ConnectionId, Encoding, Message, MessageId, Price, Recipient, Record, RouteId,
    RuleId, Sender, Timestamp,
};

/// 2026-03-01T08:00:00.000Z: when each sample is accepted.
pub(crate) const START: i64 = 1_772_352_000_000;

/// A record and the time that it has come to.
pub(crate) struct Sample {
    pub(crate) record: Record,
    now: i64,
}

pub(crate) fn message() -> Message {
    Message {
        id: MessageId::from_u128((START as u128) << 80),
        app: AppId::new("shop").unwrap(),
        created_at: Timestamp::from_millis(START),
        to: Recipient::from_e164("+4915112345678").unwrap(),
        from: Some(Sender::Alphanumeric("SHOP".into())),
        channel: Channel::Sms,
        class: Class::Otp,
        text: "Your code is 123456".into(),
        encoding: Encoding::Gsm7,
        segments: 1,
        country: "DE".parse().ok(),
        operator: None,
        reference: Some("order-7".into()),
        metadata: Some(r#"{"order": 7}"#.into()),
        send_at: None,
        expires_at: Timestamp::from_millis(START + 600_000),
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

impl Sample {
    /// Accepted, and waiting for a slot of `acme-de`.
    pub(crate) fn accepted() -> Self {
        let next = NextAttempt { target: target("acme-de"), reference: 1 };
        let (record, _) = Record::accepted(message(), plan(), Some(next));
        Self { record, now: START }
    }

    pub(crate) fn after(mut self, millis: i64) -> Self {
        self.now += millis;
        self
    }

    pub(crate) fn apply(mut self, input: Input) -> Self {
        self.record.apply(input, Timestamp::from_millis(self.now)).unwrap();
        self
    }

    pub(crate) fn dispatch(self, attempt: u16, route: &str) -> Self {
        self.apply(Input::Dispatch(Dispatch {
            attempt,
            target: target(route),
            text_revision: 0,
            bind: 0,
            epoch: 1,
        }))
    }

    pub(crate) fn answer(self, attempt: u16, answer: Answer) -> Self {
        self.apply(Input::Answer { attempt, part: 0, answer })
    }

    pub(crate) fn accept(self, attempt: u16) -> Self {
        self.answer(attempt, Answer::Accepted { vendor_id: Some("7f3a09".into()) })
    }

    pub(crate) fn receipt(self, attempt: u16, verdict: domain::attempt::Verdict, word: &str) -> Self {
        let receipt = ReceiptNews { verdict: Some(verdict), word: word.into(), class: None };
        self.apply(Input::Receipt { attempt, part: 0, receipt })
    }

    pub(crate) fn next(self, route: &str) -> Self {
        self.apply(Input::Try(NextAttempt { target: target(route), reference: 2 }))
    }
}

fn target(route: &str) -> Target {
    Target {
        route: RouteId::new(route).unwrap(),
        connection: ConnectionId::new(&format!("{route}-main")).unwrap(),
        sender: Some(Sender::Alphanumeric("SHOP".into())),
        price: Some(price().into()),
        drawn: None,
        rewritten: None,
    }
}

fn price() -> Price {
    Price { amount: domain::money::parse_amount("0.0450").unwrap(), currency: "EUR".parse().unwrap() }
}

fn plan() -> Plan {
    let planned = |route: &str, place| PlannedRoute {
        route: RouteId::new(route).unwrap(),
        reason: Reason::Priority(place),
        price: Some(price().into()),
        drawn: None,
        shadow_price: None,
    };
    Plan {
        table: 3,
        rule: RuleId::new("otp-de").unwrap(),
        terms: Terms {
            on_unknown: OnUnknown::NextRoute,
            failover_on: [FailoverOn::Rejected, FailoverOn::Undelivered, FailoverOn::NoReceipt]
                .into_iter()
                .collect(),
            wait_at_most_ms: 3000,
            no_receipt_after_ms: Some(45_000),
            max_attempts: 3,
        },
        routes: vec![planned("acme-de", 1), planned("borealis-de", 2)],
        left_out: vec![LeftOutRoute {
            route: RouteId::new("cumulus-fr").unwrap(),
            because: Exclusion::Country,
            entry: None,
            capped: None,
            shortfall: None,
        }],
        flips: Vec::new(),
        steered: Vec::new(),
        pin: None,
        probing: None,
    }
}
