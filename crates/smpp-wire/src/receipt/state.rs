//! The states of a message at the message centre: the octet, the words, and which of them are the last.

/// What became of a message, as the `message_state` octet counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageState {
    Scheduled,
    Enroute,
    Delivered,
    Expired,
    Deleted,
    Undeliverable,
    Accepted,
    /// The vendor says that it does not know.
    Unknown,
    Rejected,
    Skipped,
    /// A state that SMPP does not have.
    Other(u8),
}

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
    #[must_use]
    pub fn from_octet(octet: u8) -> Self {
        match octet {
            0 => Self::Scheduled,
            1 => Self::Enroute,
            2 => Self::Delivered,
            3 => Self::Expired,
            4 => Self::Deleted,
            5 => Self::Undeliverable,
            6 => Self::Accepted,
            7 => Self::Unknown,
            8 => Self::Rejected,
            9 => Self::Skipped,
            other => Self::Other(other),
        }
    }

    #[must_use]
    pub fn octet(self) -> u8 {
        match self {
            Self::Scheduled => 0,
            Self::Enroute => 1,
            Self::Delivered => 2,
            Self::Expired => 3,
            Self::Deleted => 4,
            Self::Undeliverable => 5,
            Self::Accepted => 6,
            Self::Unknown => 7,
            Self::Rejected => 8,
            Self::Skipped => 9,
            Self::Other(octet) => octet,
        }
    }

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
