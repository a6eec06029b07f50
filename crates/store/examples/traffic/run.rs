//! Messages through the real writer, from acceptance to their sealed file, with what that took.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::address::Recipient;
use domain::attempt::Verdict;
use domain::id::MessageIds;
use domain::plan::{FailoverSet, OnUnknown, Plan, PlannedRoute, Reason, Terms};
use domain::record::{Answer, Dispatch, Input, NextAttempt, ReceiptNews, Target};
use domain::status::StatusSet;
use domain::{
    AppId, Channel, Class, ConnectionId, Encoding, Message, MessageId, Record, RouteId, RuleId, Sender,
    Status, Timestamp,
};
use store::write::Receipt;
use store::{NoticeOutcome, Write, Writer, Written};

pub(crate) const BATCH: usize = 128;

#[derive(Default)]
pub(crate) struct Run {
    pub(crate) sent: usize,
    /// Milliseconds since the start.
    pub(crate) now: i64,
    ids: Option<MessageIds>,
    submitted: Vec<MessageId>,
    answered: Vec<MessageId>,
    notices: Vec<i64>,
    pub(crate) commit_nanos: u64,
    pub(crate) tidy_nanos: u64,
}

impl Run {
    /// One commit as the pipeline makes them: what vendors and applications said, then new messages.
    pub(crate) fn commit(&mut self, writer: &mut dyn Writer) {
        let mut batch = self.news();
        self.now += 20;
        let now = self.now();
        let ids = self.ids.get_or_insert_with(|| MessageIds::new(now.as_millis() << 16));
        for _ in 0..BATCH {
            let id = ids.next(now, self.sent as u64);
            batch.push(accept(message(id, self.sent), now));
            self.sent += 1;
        }
        self.write(writer, batch);
    }

    pub(crate) fn drain(&mut self, writer: &mut dyn Writer) {
        while !(self.submitted.is_empty() && self.answered.is_empty() && self.notices.is_empty()) {
            let batch = self.news();
            self.write(writer, batch);
        }
        self.tidy(writer);
    }

    fn news(&mut self) -> Vec<Write> {
        let now = self.now();
        let mut batch = Vec::with_capacity(8 * BATCH);
        batch.extend(self.notices.drain(..).map(|id| Write::Notice { id, outcome: NoticeOutcome::Told }));
        batch.extend(self.answered.drain(..).map(|id| {
            Write::Receipt(Receipt {
                connection: ConnectionId::new("acme-1").unwrap(),
                vendor_id: vendor_id(id),
                news: ReceiptNews {
                    verdict: Some(Verdict::Delivered),
                    word: "DELIVRD 000".into(),
                    class: None,
                },
                received_at: now,
            })
        }));
        self.answered = std::mem::take(&mut self.submitted);
        batch.extend(self.answered.iter().map(|id| {
            let answer = Answer::Accepted { vendor_id: Some(vendor_id(*id)) };
            Write::Apply { message: *id, input: Input::Answer { attempt: 1, part: 0, answer } }
        }));
        batch
    }

    fn write(&mut self, writer: &mut dyn Writer, mut batch: Vec<Write>) {
        let before = thread_nanos();
        let written = writer.commit(&mut batch, self.now()).unwrap();
        self.commit_nanos += thread_nanos() - before;
        for written in written {
            match written {
                Written::Accepted { record, notices } => {
                    self.submitted.push(record.message.id);
                    self.notices.extend(notices.iter().map(|notice| notice.id));
                }
                Written::Applied { notices, .. } => {
                    self.notices.extend(notices.iter().map(|notice| notice.id));
                }
                Written::Noted => {}
                other @ (Written::Replayed(_)
                | Written::KeyReused
                | Written::Refused { .. }
                | Written::Missing
                | Written::Held) => unreachable!("nothing asked for {other:?}"),
            }
        }
    }

    pub(crate) fn tidy(&mut self, writer: &mut dyn Writer) {
        let before = thread_nanos();
        while writer.tidy(self.now(), 2000).unwrap() > 0 {}
        self.tidy_nanos += thread_nanos() - before;
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_772_366_400_000 + self.now)
    }
}

/// As long and as random as a UUID: nothing about it is in order.
pub(crate) fn vendor_id(id: MessageId) -> Box<str> {
    let mixed = (id.as_u128() ^ (id.as_u128() >> 64)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    format!("{:032x}", mixed ^ (mixed >> 64)).into()
}

fn accept(message: Message, now: Timestamp) -> Write {
    let target = Target {
        route: RouteId::new("acme-1-de").unwrap(),
        connection: ConnectionId::new("acme-1").unwrap(),
        sender: message.from.clone(),
        price: None,
        drawn: None,
        rewritten: None,
    };
    let next = NextAttempt { target: target.clone(), reference: 1 };
    let (mut record, effects) = Record::accepted(message, plan(), Some(next));
    record
        .apply(Input::Dispatch(Dispatch { attempt: 1, target, text_revision: 0, bind: 1, epoch: 1 }), now)
        .unwrap();
    Write::Accept { record: Arc::new(record), effects, idempotency: None }
}

pub(crate) fn message(id: MessageId, number: usize) -> Message {
    let notify = [Status::Submitted, Status::Delivered, Status::Undelivered, Status::Failed];
    Message {
        id,
        app: AppId::new("shop").unwrap(),
        created_at: id.created_at(),
        to: Recipient::from_e164(&format!("+49151{:08}", (number * 7_919) % 100_000_000)).unwrap(),
        from: Some(Sender::Alphanumeric("Example".into())),
        channel: Channel::Sms,
        class: Class::Otp,
        text: format!("Your verification code is {number:06}. Do not share it with anybody.").into(),
        encoding: Encoding::Gsm7,
        segments: 1,
        country: "DE".parse().ok(),
        operator: Some("26201".into()),
        reference: Some(format!("order-{number}").into()),
        metadata: None,
        send_at: None,
        expires_at: id.created_at().plus(Duration::from_secs(600)),
        max_price: None,
        callback_url: None,
        notify: notify.into_iter().fold(StatusSet::NONE, StatusSet::with),
        by_smpp: None,
        operator_source: None,
        operator_known_at: None,
        has_link: false,
        no_probe: false,
    }
}

fn plan() -> Plan {
    let routes = ["acme-1-de", "zenith-de", "backup-de"].map(|route| PlannedRoute {
        route: RouteId::new(route).unwrap(),
        reason: Reason::Priority(1),
        price: None,
        drawn: None,
        shadow_price: None,
    });
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
        routes: routes.into(),
        left_out: Vec::new(),
        flips: Vec::new(),
        steered: Vec::new(),
        pin: None,
        probing: None,
    }
}

pub(crate) fn thread_nanos() -> u64 {
    first_number(Path::new("/proc/thread-self/schedstat"))
}

pub(crate) fn process_nanos() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks.map(|task| first_number(&task.unwrap().path().join("schedstat"))).sum()
}

fn first_number(file: &Path) -> u64 {
    fs::read_to_string(file).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

pub(crate) fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(
            |entry| {
                if entry.path().is_dir() { bytes_in(&entry.path()) } else { entry.metadata().unwrap().len() }
            },
        )
        .sum()
}
