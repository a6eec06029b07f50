//! Remembers which messages to demo numbers were asked for before, so that a second try can fare better.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::fate::Asked;

/// Which vendor was asked first for a message whose first try is to fail.
///
/// Vendors that share one make failover succeed whatever order the routes have: whoever is asked first fails, and goes
/// on failing for this message, and the next one delivers.
#[derive(Debug, Clone, Default)]
pub struct AskedFirst(Arc<Mutex<VecDeque<Entry>>>);

#[derive(Debug)]
struct Entry {
    question: Question,
    vendor: u64,
    at: Instant,
}

/// What tells one message to a demo number from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) fails: Fails,
    pub(crate) recipient: String,
    /// Empty for the parts of a long message: another vendor must take all of them, whichever it has seen.
    pub(crate) text: String,
}

/// Who gets to fail a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fails {
    /// Whoever is asked first, once.
    Once,
    /// The vendor that is asked first, whenever it is asked again.
    OneVendor,
}

/// A message that nobody asked for again is forgotten after this.
const MEMORY: Duration = Duration::from_secs(600);
const CAPACITY: usize = 10_000;

impl AskedFirst {
    pub(crate) fn ask(&self, question: Question, vendor: u64, now: Instant) -> Asked {
        let mut entries = self.0.lock();
        while entries.front().is_some_and(|entry| now.duration_since(entry.at) > MEMORY) {
            entries.pop_front();
        }
        let Some(known) = entries.iter().position(|entry| entry.question == question) else {
            if entries.len() >= CAPACITY {
                entries.pop_front();
            }
            entries.push_back(Entry { question, vendor, at: now });
            return Asked::First;
        };
        let same_vendor = entries.get(known).is_some_and(|entry| entry.vendor == vendor);
        if same_vendor && question.fails == Fails::OneVendor {
            return Asked::First;
        }
        // The parts of a long message are all one question, so it stays open for those to come.
        if !question.text.is_empty() {
            entries.remove(known);
        }
        Asked::Again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(fails: Fails, text: &str) -> Question {
        Question { fails, recipient: "12025550150".into(), text: text.into() }
    }

    #[test]
    fn whoever_is_asked_first_fails_and_the_next_one_does_not() {
        let (asked, now) = (AskedFirst::default(), Instant::now());
        let ask = |vendor, text| asked.ask(question(Fails::OneVendor, text), vendor, now);
        assert_eq!(ask(1, "a"), Asked::First);
        assert_eq!(ask(1, "a"), Asked::First);
        assert_eq!(ask(2, "b"), Asked::First);
        assert_eq!(ask(2, "a"), Asked::Again);
        assert_eq!(ask(2, "a"), Asked::First, "it is a new message once the first was taken");
        assert_eq!(ask(1, ""), Asked::First);
        assert_eq!((ask(2, ""), ask(2, "")), (Asked::Again, Asked::Again));
    }

    #[test]
    fn a_throttled_message_is_taken_the_second_time_even_by_the_same_vendor() {
        let (asked, now) = (AskedFirst::default(), Instant::now());
        let ask = || asked.ask(question(Fails::Once, "a"), 1, now);
        assert_eq!((ask(), ask(), ask()), (Asked::First, Asked::Again, Asked::First));
    }

    #[test]
    fn old_questions_are_forgotten() {
        let (asked, now) = (AskedFirst::default(), Instant::now());
        assert_eq!(asked.ask(question(Fails::OneVendor, "a"), 1, now), Asked::First);
        let later = now + MEMORY + Duration::from_secs(1);
        assert_eq!(asked.ask(question(Fails::OneVendor, "a"), 2, later), Asked::First);
    }
}
