//! Puts the parts of long messages together, and keeps what was taken for whoever asks.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::submission::{OwnedAddress, Submission};
use crate::fate::Course;

/// A whole message as the vendor took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Of the bind that it came on.
    pub system_id: String,
    /// The recipient's number in digits, and the sender as sent.
    pub to: String,
    pub from: String,
    pub from_ton: u8,
    pub text: String,
    /// Of how many submissions it was made, and the ids these were given, in the order of the parts.
    pub parts: usize,
    pub ids: Vec<String>,
    pub data_coding: u8,
    pub registered_delivery: u8,
    pub validity_period: String,
    /// When the last part came.
    pub at: Instant,
}

/// The messages of which parts are missing. Of too many the oldest is forgotten.
#[derive(Default)]
pub(super) struct Assemblies {
    open: HashMap<Key, Assembly>,
}

/// The messages that are whole, at most so many.
pub(super) struct Inbox {
    messages: VecDeque<Received>,
    memory: usize,
}

/// What tells the parts of one message from those of another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    system_id: Arc<str>,
    source: OwnedAddress,
    destination: OwnedAddress,
    reference: u16,
    total: u8,
}

struct Assembly {
    began: Instant,
    course: Course,
    parts: BTreeMap<u8, Part>,
}

struct Part {
    id: String,
    text: String,
}

/// An accepted submission.
pub(super) struct Accepted<'a> {
    pub(super) submission: &'a Submission,
    pub(super) system_id: &'a Arc<str>,
    pub(super) id: String,
    /// What would become of it if it were a message of its own.
    pub(super) course: Course,
    pub(super) now: Instant,
}

const MAX_OPEN: usize = 10_000;

impl Assemblies {
    /// The course that the message takes, and the message if it is whole now.
    pub(super) fn add(&mut self, accepted: Accepted<'_>) -> (Course, Option<Received>) {
        let Accepted { submission, id, course, now, .. } = &accepted;
        let Some(concatenation) = submission.concatenation.filter(|_| submission.is_part()) else {
            let part = Part { id: id.clone(), text: submission.text.clone() };
            return (*course, Some(received(&accepted, vec![part])));
        };
        let key = Key {
            system_id: Arc::clone(accepted.system_id),
            source: submission.source.clone(),
            destination: submission.destination.clone(),
            reference: concatenation.reference,
            total: concatenation.total,
        };
        self.make_room(&key);
        let assembly = self.open.entry(key.clone()).or_insert_with(|| Assembly {
            began: *now,
            course: *course,
            parts: BTreeMap::new(),
        });
        let course = assembly.course;
        assembly.parts.insert(concatenation.part, Part { id: id.clone(), text: submission.text.clone() });
        if assembly.parts.len() < usize::from(concatenation.total) {
            return (course, None);
        }
        let parts = self.open.remove(&key).map(|assembly| assembly.parts.into_values().collect());
        (course, Some(received(&accepted, parts.unwrap_or_default())))
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    fn make_room(&mut self, key: &Key) {
        if self.open.len() < MAX_OPEN || self.open.contains_key(key) {
            return;
        }
        let oldest = self.open.iter().min_by_key(|(_, assembly)| assembly.began).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            self.open.remove(&oldest);
        }
    }
}

impl Inbox {
    pub(super) fn new(memory: usize) -> Self {
        Self { messages: VecDeque::new(), memory }
    }

    pub(super) fn add(&mut self, message: Received) {
        if self.memory == 0 {
            return;
        }
        if self.messages.len() >= self.memory {
            self.messages.pop_front();
        }
        self.messages.push_back(message);
    }

    pub(super) fn all(&self) -> Vec<Received> {
        self.messages.iter().cloned().collect()
    }
}

fn received(accepted: &Accepted<'_>, parts: Vec<Part>) -> Received {
    let submission = accepted.submission;
    Received {
        system_id: accepted.system_id.to_string(),
        to: submission.recipient(),
        from: submission.source.text(),
        from_ton: submission.source.ton.into(),
        text: parts.iter().map(|part| part.text.as_str()).collect(),
        parts: parts.len(),
        ids: parts.into_iter().map(|part| part.id).collect(),
        data_coding: submission.data_coding,
        registered_delivery: submission.registered_delivery.0,
        validity_period: submission.validity_period.clone(),
        at: accepted.now,
    }
}
