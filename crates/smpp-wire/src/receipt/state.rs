//! The words that receipts have for the states of a message, and which states are the last.

use crate::tlv::MessageState;

/// The words met in `stat:`, the one that we write first in each row.
const WORDS: [(MessageState, &[&str]); 10] = [
    (MessageState::Scheduled, &["SCHEDLD", "SCHEDULED", "SCHEDUL"]),
    (
        MessageState::Enroute,
        &["ENROUTE", "EN_ROUTE", "BUFFERD", "BUFFRED", "BUFFERED", "QUEUED", "PENDING", "SENT", "SUBMITD"],
    ),
    (MessageState::Delivered, &["DELIVRD", "DELIVERED", "DELIVERD", "DELIVRED"]),
    (MessageState::Expired, &["EXPIRED"]),
    (MessageState::Deleted, &["DELETED"]),
    (
        MessageState::Undeliverable,
        &[
            "UNDELIV",
            "UNDELIVERABLE",
            "UNDELIVERED",
            "UNDELIVRD",
            "UNDELIVERD",
            "UNDELVD",
            "UNDLVRD",
            "FAILED",
            "NOROUTE",
        ],
    ),
    (MessageState::Accepted, &["ACCEPTD", "ACCEPTED", "ACKED"]),
    (MessageState::Unknown, &["UNKNOWN"]),
    (MessageState::Rejected, &["REJECTD", "REJECTED", "BLOCKED"]),
    (MessageState::Skipped, &["SKIPPED"]),
];

impl MessageState {
    /// The state that a word stands for, in any case; `None` for a word we do not know, which judges nothing.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        WORDS
            .into_iter()
            .find(|(_, words)| words.iter().any(|known| known.eq_ignore_ascii_case(word)))
            .map(|(state, _)| state)
    }

    /// The word that we write, seven letters as the usual text has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        WORDS
            .into_iter()
            .find(|(state, _)| *state == self)
            .and_then(|(_, words)| words.first().copied())
            .unwrap_or("UNKNOWN")
    }

    /// Whether the vendor will say no more. Some vendors stop at `Accepted`; that is a setting of the connection.
    ///
    /// `Unknown` is not final: not knowing is neither success nor failure, and a later receipt may know.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Delivered
            | Self::Expired
            | Self::Deleted
            | Self::Undeliverable
            | Self::Rejected
            | Self::Skipped => true,
            Self::Scheduled | Self::Enroute | Self::Accepted | Self::Unknown | Self::Other(_) => false,
        }
    }
}
