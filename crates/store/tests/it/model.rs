//! Random inputs to random messages: the store is what a map of records would be that are stepped by the same
//! `apply`, however often it is tidied and opened again in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::attempt::Verdict;
use domain::plan::{FailoverOn, FailoverSet, OnUnknown};
use domain::record::{Answer, Input, NewText, ReceiptNews, Replacement, Work};
use domain::{Encoding, MessageId, Record, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use store::write::RECEIPTS_HELD;
use store::{Claim, Query, Sealed, Sealing, Write, Written};

use crate::sample::{HOUR, Ids, NOON, accepted, apply, dispatch, message, next_attempt, plan, receipt};
use crate::sqlite::Folder;
use crate::suite::{Backend, Store};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What happens, with which of the messages so far it happens to.
#[derive(Clone, Debug)]
enum Event {
    Accept { parts: u8, minutes: i64 },
    Apply { message: usize, input: Input },
    Answer { message: usize, attempt: u16, part: u8 },
    Receipt { message: usize, attempt: u16, part: u8, verdict: Option<Verdict> },
    Commit,
    Wait { millis: i64 },
    FindClosed,
    CopyClosed,
    RemoveSealed,
    Reopen,
}

fn event() -> impl Strategy<Value = Event> {
    let message = 0..6usize;
    let verdict = prop_oneof![
        Just(None),
        Just(Some(Verdict::Delivered)),
        Just(Some(Verdict::Undelivered)),
        Just(Some(Verdict::Expired))
    ];
    prop_oneof![
        3 => (1..3u8, 1..600i64).prop_map(|(parts, minutes)| Event::Accept { parts, minutes }),
        8 => (message.clone(), input()).prop_map(|(message, input)| Event::Apply { message, input }),
        6 => (message.clone(), 1..3u16, 0..2u8)
            .prop_map(|(message, attempt, part)| Event::Answer { message, attempt, part }),
        6 => (message, 1..3u16, 0..2u8, verdict)
            .prop_map(|(message, attempt, part, verdict)| Event::Receipt { message, attempt, part, verdict }),
        4 => Just(Event::Commit),
        3 => (1..2 * HOUR).prop_map(|millis| Event::Wait { millis }),
        3 => Just(Event::FindClosed),
        3 => Just(Event::CopyClosed),
        3 => Just(Event::RemoveSealed),
        1 => Just(Event::Reopen),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let answer =
        |answer: Answer| move |(attempt, part)| Input::Answer { attempt, part, answer: answer.clone() };
    let place = (1..3u16, 0..2u8);
    prop_oneof![
        6 => (1..3u16).prop_map(|attempt| dispatch(attempt, "acme")),
        1 => place.clone().prop_map(answer(Answer::Rejected { code: "0x45".into(), class: None })),
        1 => place.clone().prop_map(answer(Answer::Busy { code: "0x58".into(), class: domain::ErrorClass::Throttle })),
        1 => place.clone().prop_map(answer(Answer::Unknown { line_lost: true })),
        1 => place.prop_map(answer(Answer::NotSent)),
        2 => Just(Input::Try(next_attempt("acme"))),
        1 => Just(Input::Exhaust),
        2 => Just(Input::Wake),
        1 => Just(Input::Cancel),
        1 => Just(Input::Replace(two_segments())),
        1 => Just(Input::Convert { converted: true, at: NOON }),
        1 => Just(Input::Settle),
    ]
}

fn two_segments() -> Replacement {
    let text = NewText { text: "a".repeat(200).into(), encoding: Encoding::Gsm7, segments: 2 };
    Replacement { text: Some(text), expires_at: Some(NOON.plus(DAY)), ..Replacement::default() }
}

/// Every part has an id of its own, which a receipt may know before the answer brings it.
fn vendor_id(message: usize, attempt: u16, part: u8) -> String {
    format!("{message}-{attempt}-{part}")
}

type Place = (MessageId, u16, u8);

#[derive(Default)]
struct Model {
    records: BTreeMap<MessageId, Record>,
    vendor_ids: BTreeMap<String, Place>,
    held: Vec<(String, Timestamp, ReceiptNews)>,
    notices: u64,
}

/// What one operation came to, as far as both sides can say it.
#[derive(Debug, PartialEq)]
enum Came {
    Applied(Arc<Record>, Vec<domain::record::Change>),
    Refused(Arc<Record>),
    Held,
}

impl Model {
    fn accept(&mut self, record: &Record, changes: usize) {
        self.records.insert(record.message.id, record.clone());
        self.notices += changes as u64;
    }

    fn apply(&mut self, id: MessageId, input: &Input, now: Timestamp) -> Came {
        let record = self.records.get_mut(&id).unwrap();
        let mut changes = match record.apply(input.clone(), now) {
            Ok(effects) => effects.changes,
            Err(_) => return Came::Refused(Arc::new(record.clone())),
        };
        if let Input::Answer { attempt, part, answer: Answer::Accepted { vendor_id: Some(vendor_id) } } =
            input
        {
            self.vendor_ids.insert(vendor_id.to_string(), (id, *attempt, *part));
            let (waited, rest) = self.held.drain(..).partition(|(held, ..)| **held == **vendor_id);
            self.held = rest;
            for (_, _, receipt) in waited {
                let input = Input::Receipt { attempt: *attempt, part: *part, receipt };
                changes
                    .extend(record.apply(input, now).map_or_else(|_| Vec::new(), |effects| effects.changes));
            }
        }
        self.notices += changes.len() as u64;
        Came::Applied(Arc::new(record.clone()), changes)
    }

    fn receipt(&mut self, vendor_id: &str, news: ReceiptNews, now: Timestamp) -> Came {
        match self.vendor_ids.get(vendor_id).copied() {
            Some((id, attempt, part)) => {
                self.apply(id, &Input::Receipt { attempt, part, receipt: news }, now)
            }
            None => {
                self.held.push((vendor_id.to_owned(), now, news));
                Came::Held
            }
        }
    }

    fn tidy(&mut self, now: Timestamp) {
        self.held.retain(|(_, received_at, _)| received_at.plus(RECEIPTS_HELD) >= now);
    }
}

/// The store, and the model beside it.
struct Run {
    folder: Folder,
    store: Option<Store>,
    model: Model,
    ids: Ids,
    now: Timestamp,
    messages: Vec<MessageId>,
    batch: Vec<Write>,
    sealing: Option<Box<dyn Sealing>>,
    sealed: Option<Sealed>,
}

impl Run {
    fn new() -> Self {
        let folder = Folder::new();
        let store = Some(folder.open());
        // Ten hours before midnight: a run crosses days.
        Self {
            folder,
            store,
            model: Model::default(),
            ids: Ids::new(),
            now: NOON,
            messages: Vec::new(),
            batch: Vec::new(),
            sealing: None,
            sealed: None,
        }
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Accept { parts, minutes } => self.accept(*parts, *minutes),
            Event::Apply { message, input } => {
                if let Some(id) = self.messages.get(*message) {
                    self.batch.push(apply(*id, input.clone()));
                }
            }
            Event::Answer { message, attempt, part } => {
                if let Some(id) = self.messages.get(*message) {
                    self.batch
                        .push(apply(*id, accepted(*attempt, *part, &vendor_id(*message, *attempt, *part))));
                }
            }
            Event::Receipt { message, attempt, part, verdict } => {
                self.batch.push(receipt("acme", &vendor_id(*message, *attempt, *part), *verdict, self.now));
            }
            Event::Commit => self.commit(),
            Event::Wait { millis } => {
                self.commit();
                self.now = Timestamp::from_millis(self.now.as_millis() + millis);
            }
            Event::FindClosed => {
                let now = self.now;
                self.sealing = self.store().writer.find_closed(now, 3).unwrap();
                self.model.tidy(now);
            }
            Event::CopyClosed => {
                let copied = self.sealing.take().map(|sealing| sealing.copy().unwrap());
                self.sealed = copied.or_else(|| self.sealed.take());
            }
            // In one batch with whatever else is in it, which may change what was copied.
            Event::RemoveSealed => self.batch.extend(self.sealed.take().map(Write::Sealed)),
            Event::Reopen => {
                self.commit();
                self.store = None;
                (self.sealing, self.sealed) = (None, None);
                self.store = Some(self.folder.open());
            }
        }
    }

    fn accept(&mut self, parts: u8, minutes: i64) {
        let mut message = message(self.ids.at(self.now));
        message.segments = parts;
        message.expires_at = Timestamp::from_millis(self.now.as_millis() + minutes * 60_000);
        let mut plan = plan();
        plan.terms.on_unknown = OnUnknown::Resend;
        plan.terms.no_receipt_after_ms = Some(300_000);
        plan.terms.failover_on = [FailoverOn::Rejected, FailoverOn::Undelivered, FailoverOn::NoReceipt]
            .into_iter()
            .collect::<FailoverSet>();
        let (record, effects) = Record::accepted(message, plan, Some(next_attempt("acme")));
        self.messages.push(record.message.id);
        self.batch.push(Write::Accept { record: Arc::new(record), effects, idempotency: None });
    }

    fn commit(&mut self) {
        let now = self.now;
        let mut batch = std::mem::take(&mut self.batch);
        let expected: Vec<Option<Came>> = batch.iter().map(|write| self.expect(write)).collect();
        let written = self.store().writer.commit(&mut batch, now).unwrap();
        assert_eq!(written.len(), expected.len());
        for (written, expected) in written.into_iter().zip(expected) {
            assert_eq!(came(written), expected);
        }
    }

    fn expect(&mut self, write: &Write) -> Option<Came> {
        match write {
            Write::Accept { record, effects, .. } => {
                self.model.accept(record, effects.changes.len());
                None
            }
            Write::Apply { message, input } => Some(self.model.apply(*message, input, self.now)),
            Write::Receipt(receipt) => {
                Some(self.model.receipt(&receipt.vendor_id, receipt.news.clone(), self.now))
            }
            Write::Notice { .. }
            | Write::Change(_)
            | Write::Published(_)
            | Write::Part(_)
            | Write::Sealed(_)
            | Write::Learnt { .. }
            | Write::Counted(_)
            | Write::Carried(_)
            | Write::Adaptive(_) => None,
        }
    }

    fn compare(&mut self) {
        self.commit();
        let now = self.now;
        let Store { writer, reader } = self.store.as_mut().unwrap();
        let records = &self.model.records;
        for (id, record) in records {
            assert_eq!(reader.message(*id).unwrap().as_ref(), Some(record));
        }
        let found = reader.search(&Query { limit: 1000, ..Query::default() }).unwrap();
        assert!(found.records.iter().rev().eq(records.values()));
        assert_eq!(reader.notices_pending().unwrap(), self.model.notices);
        let mut working = writer.claim(Claim::Dispatched { after: 0 }, 1000).unwrap();
        working.extend(writer.claim(Claim::Undecided { after: 0 }, 1000).unwrap());
        for lane in writer.lanes().unwrap() {
            working.extend(writer.claim(Claim::Waiting { lane, after: 0 }, 1000).unwrap());
        }
        // None is missing, and none is claimed for two.
        working.sort_by_key(|record| record.message.id);
        let is_working = |record: &&Record| !record.closed && record.work() != Work::default();
        assert!(working.iter().eq(records.values().filter(is_working)));
        for later in [now, now.plus(8 * DAY)] {
            let mut due = writer.claim(Claim::Due { now: later }, 1000).unwrap();
            due.sort_by_key(|record| record.message.id);
            let is_due = |record: &&Record| record.wake_at().is_some_and(|at| at <= later);
            assert!(due.iter().eq(records.values().filter(is_due)));
        }
    }
}

fn came(written: Written) -> Option<Came> {
    match written {
        Written::Accepted { .. } | Written::Noted => None,
        Written::Applied { record, changes, notices } => {
            assert_eq!(notices.len(), changes.len());
            Some(Came::Applied(record, changes))
        }
        Written::Refused { record, .. } => Some(Came::Refused(record)),
        Written::Held => Some(Came::Held),
        other @ (Written::Replayed(_) | Written::KeyReused | Written::Missing) => {
            panic!("nothing asked for that: {other:?}")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_store_is_what_a_map_of_records_would_be(events in vec(event(), 1..60)) {
        let mut run = Run::new();
        for event in &events {
            run.take(event);
        }
        run.compare();
    }
}
