//! What a route does with a message.

use std::time::Duration;

use domain::ErrorClass;
use domain::attempt::{PartAnswer, Verdict};

#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// No slot comes free for it: the next route is tried where the rule says so.
    NoSlot,
    Answered(Answered),
}

/// Times count from the dispatch. Of a text with more parts than are said here, the rest fare like the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    pub parts: Box<[PartAnswer]>,
    pub after: Duration,
    /// What came in the place of answers that had been given up.
    pub late: Option<(Box<[PartAnswer]>, Duration)>,
    /// Of parts that were taken. Empty or None: no receipt came.
    pub receipts: Box<[Option<Verdict>]>,
    pub receipt_after: Duration,
    /// What the refusals, or the receipts of parts that were taken, mean. Empty or None: nobody knows.
    pub classes: Box<[Option<ErrorClass>]>,
    /// Some of it nobody knows.
    pub is_assumed: bool,
}

impl Fate {
    /// Every part has this answer, and this receipt if it was taken.
    #[must_use]
    pub fn all(answer: PartAnswer, receipt: Option<Verdict>) -> Self {
        let answered = Answered {
            parts: [answer].into(),
            receipts: receipt.map(Some).into_iter().collect(),
            ..Answered::default()
        };
        Self::Answered(answered)
    }

    /// Delivered at once, for want of knowledge.
    pub(super) fn assumed() -> Self {
        let answered = Answered {
            parts: [PartAnswer::Accepted].into(),
            receipts: [Some(Verdict::Delivered)].into(),
            is_assumed: true,
            ..Answered::default()
        };
        Self::Answered(answered)
    }
}

/// What of a list holds for the part at this place.
pub(super) fn of_part<T: Copy>(all: &[T], part: usize) -> Option<T> {
    all.get(part).or_else(|| all.last()).copied()
}
