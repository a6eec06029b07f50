//! What became of each message, as the load, the vendors and the sink saw it, on one clock.
//!
//! All of them run on one thread, so a cell is enough: every method takes it and gives it back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::profile::Message;

/// Shared by all who take notes.
#[derive(Clone)]
pub(crate) struct Ledger {
    pages: Rc<RefCell<Pages>>,
    began: Instant,
}

struct Pages {
    entries: Vec<Entry>,
    /// Requests without a 202, by what came instead.
    refusals: BTreeMap<String, u64>,
    accepted: u64,
    /// Submissions and webhooks of messages that nobody sent.
    strays: u64,
}

/// Microseconds since the ledger began; zero for what has not happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(u64);

/// One message. Of a text in two parts the last part counts where nothing else is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) message: Message,
    /// When it was to be sent.
    pub(crate) due: Moment,
    pub(crate) asked: Moment,
    /// When the 202 came.
    pub(crate) accepted: Moment,
    /// When a vendor was first handed its first part.
    pub(crate) on_wire: Moment,
    /// When the vendor that took it wrote its answer, and its receipt.
    pub(crate) answered: Moment,
    pub(crate) reported: Moment,
    pub(crate) told_submitted: Moment,
    pub(crate) told_delivered: Moment,
    /// The vendor that was handed it last.
    pub(crate) vendor: u8,
    pub(crate) refusals: u8,
    pub(crate) parts_taken: u8,
}

/// A webhook of the two kinds that the profile asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Submitted,
    Delivered,
}

/// What a vendor is to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Take,
    Refuse,
}

/// What of the accepted messages is not as it must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) sent: u64,
    pub(crate) accepted: u64,
    pub(crate) refusals: BTreeMap<String, u64>,
    /// Accepted, and never taken whole by a vendor.
    pub(crate) unseen: u64,
    /// Taken, and never reported by the vendor: then the bench itself has failed.
    pub(crate) unreported: u64,
    /// Taken and reported, and one of the webhooks never came.
    pub(crate) untold: u64,
    /// More parts were taken than the text has.
    pub(crate) doubled: u64,
    pub(crate) strays: u64,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let pages = Pages { entries: Vec::new(), refusals: BTreeMap::new(), accepted: 0, strays: 0 };
        Self { pages: Rc::new(RefCell::new(pages)), began: Instant::now() }
    }

    pub(crate) fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    /// Rounded up to one: zero says that nothing happened.
    pub(crate) fn moment(&self, at: Instant) -> Moment {
        let since = at.saturating_duration_since(self.began).as_micros();
        Moment(u64::try_from(since).unwrap_or(u64::MAX).max(1))
    }

    /// Begins a message, whose number is its place.
    pub(crate) fn send(&self, due: Option<Instant>, make: impl FnOnce(u32) -> Message) -> Message {
        let asked = self.now();
        let mut pages = self.pages.borrow_mut();
        let number = u32::try_from(pages.entries.len()).unwrap_or(u32::MAX);
        let message = make(number);
        let due = due.map_or(asked, |due| self.moment(due));
        pages.entries.push(Entry::new(message, due, asked));
        message
    }

    pub(crate) fn accepted(&self, number: u32) {
        let now = self.now();
        let mut pages = self.pages.borrow_mut();
        pages.accepted += 1;
        pages.with(number, |entry| entry.accepted = now);
    }

    pub(crate) fn refused(&self, how: &str) {
        let mut pages = self.pages.borrow_mut();
        *pages.refusals.entry(how.to_owned()).or_default() += 1;
    }

    /// A part came to a vendor, which takes it unless the profile wants this message to fail over.
    pub(crate) fn submitted(&self, number: u32, vendor: u8, at: Instant) -> Verdict {
        let at = self.moment(at);
        let mut verdict = Verdict::Take;
        self.pages.borrow_mut().with(number, |entry| {
            if entry.on_wire == Moment::default() {
                entry.on_wire = at;
            }
            entry.vendor = vendor;
            if entry.message.fails_over && entry.refusals == 0 {
                entry.refusals = 1;
                verdict = Verdict::Refuse;
                return;
            }
            entry.parts_taken = entry.parts_taken.saturating_add(1);
        });
        verdict
    }

    /// A message that a vendor took whole, told afterwards.
    pub(crate) fn took_whole(&self, number: u32, vendor: u8, at: Instant) {
        let at = self.moment(at);
        self.pages.borrow_mut().with(number, |entry| {
            if entry.on_wire == Moment::default() || at < entry.on_wire {
                entry.on_wire = at;
                entry.vendor = vendor;
            }
            entry.parts_taken = entry.parts_taken.saturating_add(entry.message.parts());
        });
    }

    pub(crate) fn answered(&self, number: u32) {
        let now = self.now();
        self.pages.borrow_mut().with(number, |entry| entry.answered = now);
    }

    pub(crate) fn reported(&self, number: u32) {
        let now = self.now();
        self.pages.borrow_mut().with(number, |entry| entry.reported = now);
    }

    /// A webhook came; of one that comes again the first counts.
    pub(crate) fn told(&self, number: u32, told: Told) {
        let now = self.now();
        self.pages.borrow_mut().with(number, |entry| {
            let moment = match told {
                Told::Submitted => &mut entry.told_submitted,
                Told::Delivered => &mut entry.told_delivered,
            };
            if *moment == Moment::default() {
                *moment = now;
            }
        });
    }

    pub(crate) fn stray(&self) {
        self.pages.borrow_mut().strays += 1;
    }

    pub(crate) fn count(&self) -> u64 {
        self.pages.borrow().entries.len() as u64
    }

    pub(crate) fn accepted_count(&self) -> u64 {
        self.pages.borrow().accepted
    }

    /// Goes through all messages in the order in which they were begun.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&[Entry]) -> T) -> T {
        read(&self.pages.borrow().entries)
    }

    pub(crate) fn judge(&self) -> Judgement {
        let pages = self.pages.borrow();
        let mut judgement = Judgement {
            sent: pages.entries.len() as u64,
            refusals: pages.refusals.clone(),
            strays: pages.strays,
            ..Judgement::default()
        };
        for entry in pages.entries.iter().filter(|entry| entry.accepted.happened()) {
            judgement.accepted += 1;
            let parts = entry.message.parts();
            judgement.unseen += u64::from(entry.parts_taken < parts);
            judgement.doubled += u64::from(entry.parts_taken > parts);
            let told = entry.told_submitted.happened() && entry.told_delivered.happened();
            let taken_and_untold = entry.parts_taken >= parts && !told;
            judgement.unreported += u64::from(taken_and_untold && !entry.reported.happened());
            judgement.untold += u64::from(taken_and_untold && entry.reported.happened());
        }
        judgement
    }
}

impl Pages {
    fn with(&mut self, number: u32, note: impl FnOnce(&mut Entry)) {
        match self.entries.get_mut(number as usize) {
            Some(entry) => note(entry),
            None => self.strays += 1,
        }
    }
}

impl Entry {
    fn new(message: Message, due: Moment, asked: Moment) -> Self {
        let never = Moment::default();
        Self {
            message,
            due,
            asked,
            accepted: never,
            on_wire: never,
            answered: never,
            reported: never,
            told_submitted: never,
            told_delivered: never,
            vendor: u8::MAX,
            refusals: 0,
            parts_taken: 0,
        }
    }

    /// What the application waits for its answer.
    pub(crate) fn api(&self) -> Option<Duration> {
        self.accepted.since(self.due)
    }

    /// From the arrival of the 202 to that of the first part at a vendor. What a vendor had before its sender was
    /// answered took no time.
    pub(crate) fn accept_to_wire(&self) -> Option<Duration> {
        let both = self.accepted.happened() && self.on_wire.happened();
        both.then(|| self.on_wire.since(self.accepted).unwrap_or_default())
    }
}

impl Moment {
    pub(crate) fn happened(self) -> bool {
        self != Self::default()
    }

    /// None unless both happened, in this order.
    pub(crate) fn since(self, earlier: Self) -> Option<Duration> {
        let both = self.happened() && earlier.happened();
        both.then(|| self.0.checked_sub(earlier.0)).flatten().map(Duration::from_micros)
    }
}

impl Judgement {
    /// Messages that were accepted and are not accounted for, and requests that went wrong.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut failures: Vec<String> =
            self.refusals.iter().map(|(how, count)| format!("{count} requests got {how}")).collect();
        let mut note = |count: u64, what: &str| {
            if count > 0 {
                failures.push(format!("{count} {what}"));
            }
        };
        note(self.unseen, "accepted messages were never seen whole by a vendor");
        note(self.unreported, "messages were never reported by the bench's own vendor");
        note(self.untold, "messages whose webhooks did not all come");
        note(self.doubled, "messages were taken more than once");
        note(self.strays, "submissions or webhooks of no message that was sent");
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    fn entry(ledger: &Ledger, number: u32) {
        let message = ledger.send(None, |number| Message { fails_over: false, ..profile::message(number) });
        assert_eq!(message.number, number);
    }

    #[tokio::test]
    async fn a_message_that_no_vendor_saw_or_whose_webhook_is_missing_is_told() {
        let ledger = Ledger::new();
        for number in 0..3 {
            entry(&ledger, number);
            ledger.accepted(number);
        }
        for number in 1..3 {
            assert_eq!(ledger.submitted(number, 0, Instant::now()), Verdict::Take);
            ledger.told(number, Told::Submitted);
        }
        ledger.told(2, Told::Delivered);
        assert_eq!(ledger.judge().unreported, 1);
        ledger.reported(1);
        let judgement = ledger.judge();
        assert_eq!((judgement.accepted, judgement.unseen, judgement.unreported), (3, 1, 0));
        assert_eq!((judgement.untold, judgement.failures().len()), (1, 2));
    }

    #[tokio::test]
    async fn what_nobody_sent_and_what_came_twice_is_told() {
        let ledger = Ledger::new();
        entry(&ledger, 0);
        ledger.accepted(0);
        ledger.submitted(0, 0, Instant::now());
        ledger.submitted(0, 1, Instant::now());
        ledger.submitted(9, 0, Instant::now());
        let judgement = ledger.judge();
        assert_eq!((judgement.doubled, judgement.strays), (1, 1));
    }

    #[tokio::test]
    async fn a_message_that_is_to_fail_over_is_refused_once() {
        let ledger = Ledger::new();
        ledger.send(None, |number| Message { fails_over: true, ..profile::message(number) });
        assert_eq!(ledger.submitted(0, 0, Instant::now()), Verdict::Refuse);
        assert_eq!(ledger.submitted(0, 1, Instant::now()), Verdict::Take);
    }
}
