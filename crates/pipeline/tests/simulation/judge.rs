//! What was promised, and what was seen: every commit, submit, receipt and notice passes here as it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::attempt::{PartAnswer, State, Verdict};
use domain::record::{Answer, Input};
use domain::{AppId, ConnectionId, MessageId, Record};
use parking_lot::Mutex;
use store::{Write, Written};
use tokio::time::Instant;

#[derive(Default)]
pub(crate) struct Judge {
    seen: Mutex<Seen>,
    complaints: Mutex<Vec<String>>,
    log: Mutex<Vec<String>>,
}

/// (message, attempt, part)
pub(crate) type Place = (MessageId, u16, u8);

#[derive(Default)]
pub(crate) struct Seen {
    /// Each record as the last commit left it.
    pub(crate) records: BTreeMap<MessageId, Record>,
    /// Messages of which the application was told that they are accepted.
    pub(crate) acknowledged: BTreeSet<MessageId>,
    /// What the application was told for each idempotency key.
    keys: BTreeMap<(AppId, String), MessageId>,
    pub(crate) cancelled: BTreeSet<MessageId>,
    pub(crate) converted: BTreeMap<MessageId, bool>,
    /// What a vendor took, and whether it has said since that it failed.
    pub(crate) taken: BTreeMap<Place, bool>,
    /// Attempts that are dispatched without an outcome, by bind.
    open: BTreeMap<(ConnectionId, u16), BTreeSet<(MessageId, u16)>>,
    /// Receipts that a commit holds, by connection, vendor id and word.
    stored: BTreeMap<(ConnectionId, String, String), usize>,
    /// Receipts that were answered to the vendor.
    pub(crate) answered: Vec<(ConnectionId, String, Option<Verdict>)>,
    /// Answers that a connection of this process reported and no commit holds yet, and since when.
    answers: BTreeMap<(MessageId, u16, u8, String), Instant>,
    /// Notices that an endpoint answered to this process and no commit holds yet, and since when.
    heard: BTreeMap<i64, Instant>,
    /// How many records the last tidying moved.
    pub(crate) tidied: usize,
    /// Status changes that each application has heard of: its word for it, by sequence.
    pub(crate) told: BTreeMap<MessageId, BTreeMap<u16, domain::Status>>,
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn note(&self, at: Duration, line: impl FnOnce() -> String) {
        self.log.lock().push(format!("{:>10.3} {}", at.as_secs_f64(), line()));
    }

    pub(crate) fn complain(&self, complaint: String) {
        let mut complaints = self.complaints.lock();
        if complaints.len() < 20 {
            complaints.push(complaint);
        }
    }

    pub(crate) fn has_complaints(&self) -> bool {
        !self.complaints.lock().is_empty()
    }

    pub(crate) fn take(&self) -> (Vec<String>, Vec<String>) {
        (std::mem::take(&mut *self.complaints.lock()), std::mem::take(&mut *self.log.lock()))
    }

    pub(crate) fn seen<R>(&self, look: impl FnOnce(&mut Seen) -> R) -> R {
        look(&mut self.seen.lock())
    }

    /// A batch is durable, whether or not anybody is ever told.
    pub(crate) fn committed(
        &self,
        writes: &[Write],
        written: &[Written],
        windows: &BTreeMap<ConnectionId, usize>,
    ) {
        let mut seen = self.seen.lock();
        for (write, written) in writes.iter().zip(written) {
            if let Some(complaint) = seen.step(write, written) {
                self.complain(complaint);
            }
        }
        for ((connection, bind), open) in &seen.open {
            if open.len() > windows[connection] {
                self.complain(format!(
                    "{} attempts of bind {bind} of {connection} are dispatched without an outcome: {open:?}",
                    open.len()
                ));
            }
        }
    }

    /// What a process knew and did not write ended with it.
    pub(crate) fn process_ended(&self) {
        let mut seen = self.seen.lock();
        seen.answers.clear();
        seen.heard.clear();
    }

    pub(crate) fn answer_reported(&self, (message, attempt, part): Place, answer: &Answer) {
        let key = (message, attempt, part, format!("{answer:?}"));
        self.seen.lock().answers.insert(key, Instant::now());
    }

    pub(crate) fn notice_heard(&self, notice: i64) {
        self.seen.lock().heard.insert(notice, Instant::now());
    }

    /// The application is told that a message is accepted.
    pub(crate) fn acknowledged(&self, message: MessageId, key: Option<(AppId, String)>) {
        let mut seen = self.seen.lock();
        seen.acknowledged.insert(message);
        if let Some(key) = key {
            let first = *seen.keys.entry(key.clone()).or_insert(message);
            if first != message {
                self.complain(format!("key {key:?} gave {first} and then {message}"));
            }
        }
    }

    /// A vendor is told that its receipt is stored.
    pub(crate) fn receipt_answered(
        &self,
        connection: &ConnectionId,
        id: &str,
        word: &str,
        verdict: Option<Verdict>,
    ) {
        let mut seen = self.seen.lock();
        if !seen.stored.contains_key(&(connection.clone(), id.to_owned(), word.to_owned())) {
            self.complain(format!(
                "a receipt {word} for {id} of {connection} was answered before it was stored"
            ));
        }
        seen.answered.push((connection.clone(), id.to_owned(), verdict));
    }
}

impl Seen {
    fn step(&mut self, write: &Write, written: &Written) -> Option<String> {
        match write {
            Write::Apply { message, input: Input::Answer { attempt, part, answer } } => {
                self.answers.remove(&(*message, *attempt, *part, format!("{answer:?}")));
            }
            Write::Notice { id, .. } => {
                self.heard.remove(id);
            }
            Write::Accept { .. }
            | Write::Apply { .. }
            | Write::Receipt(_)
            | Write::Change(_)
            | Write::Part(_)
            | Write::Published(_)
            | Write::Sealed(_)
            | Write::Learnt { .. }
            | Write::Counted(_)
            | Write::Carried(_)
            | Write::Adaptive(_) => {}
        }
        if let Write::Receipt(receipt) = write {
            let key =
                (receipt.connection.clone(), receipt.vendor_id.to_string(), receipt.news.word.to_string());
            *self.stored.entry(key).or_default() += 1;
        }
        if let (
            Write::Apply { input: Input::Answer { attempt, part, answer }, .. },
            Written::Refused { record, .. },
        ) = (write, written)
            && fits(record, *attempt, *part)
        {
            return Some(format!("the answer {answer:?} of {attempt}/{part} was refused: {record:#?}"));
        }
        let record = match written {
            Written::Accepted { record, .. } | Written::Applied { record, .. } => record,
            Written::Missing => return missing(write),
            Written::Replayed(_)
            | Written::KeyReused
            | Written::Refused { .. }
            | Written::Held
            | Written::Noted => return None,
        };
        let id = record.message.id;
        let newest = self.records.last_key_value().map(|(id, _)| *id);
        if matches!(written, Written::Accepted { .. })
            && newest.is_some_and(|newest| newest.key() >= id.key())
        {
            return Some(format!("{id} is not above {newest:?}, which was before it"));
        }
        let before = self.records.insert(id, Record::clone(record));
        for attempt in &record.attempts {
            let bind = self.open.entry((attempt.connection.clone(), attempt.bind)).or_default();
            if attempt.state == State::Dispatched {
                bind.insert((id, attempt.number));
            } else {
                bind.remove(&(id, attempt.number));
            }
        }
        let is_settling = matches!(write, Write::Apply { input: Input::Settle, .. });
        let was_queued = |number: u16| {
            before
                .as_ref()
                .and_then(|before| before.attempt(number))
                .is_some_and(|a| a.state == State::Queued)
        };
        let settled = record
            .attempts
            .iter()
            .find(|attempt| is_settling && was_queued(attempt.number) && attempt.state == State::Answered);
        settled
            .map(|attempt| format!("attempt {} of {id} was queued and is settled as unknown", attempt.number))
    }

    /// What should have been written by now.
    pub(crate) fn unwritten(&self) -> Vec<String> {
        let is_late = |since: &Instant| since.elapsed() > Duration::from_secs(5);
        let answers = self.answers.iter().filter(|(_, since)| is_late(since));
        let heard = self.heard.iter().filter(|(_, since)| is_late(since));
        answers
            .map(|(answer, _)| format!("the answer {answer:?} was never written"))
            .chain(heard.map(|(notice, _)| format!("what became of notice {notice} was never written")))
            .collect()
    }

    /// Whether a vendor may have delivered an attempt before `attempt`.
    pub(crate) fn may_have_arrived_before(&self, message: MessageId, attempt: u16) -> bool {
        self.taken.range((message, 0, 0)..(message, attempt, 0)).any(|(_, failed)| !failed)
    }
}

/// Whether an answer to the part has to be taken: none is known yet.
fn fits(record: &Record, attempt: u16, part: u8) -> bool {
    record.attempt(attempt).is_some_and(|attempt| {
        let answer = attempt.parts.get(usize::from(part)).and_then(|part| part.answer);
        let is_out = attempt.state == State::Dispatched || attempt.state == State::Answered;
        is_out && (answer.is_none() || answer == Some(PartAnswer::Unknown))
    })
}

fn missing(write: &Write) -> Option<String> {
    match write {
        Write::Apply { message, .. } => Some(format!("{message} is stepped and is not in the store")),
        Write::Accept { .. }
        | Write::Receipt(_)
        | Write::Notice { .. }
        | Write::Change(_)
        | Write::Part(_)
        | Write::Published(_)
        | Write::Sealed(_)
        | Write::Learnt { .. }
        | Write::Counted(_)
        | Write::Carried(_)
        | Write::Adaptive(_) => None,
    }
}
