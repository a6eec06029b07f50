//! What is known of recipients' operators beside the numbering plan: lists of the buyer's, and what was learnt.

use domain::Timestamp;
use domain::message::OperatorSource;

/// Which of the buyer's lists it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperatorListKind {
    /// Whose a number is.
    Numbers,
    /// Whose the numbers are that begin so.
    Prefixes,
    /// What a network is called, and where it is.
    Networks,
}

impl OperatorListKind {
    pub const ALL: [Self; 3] = [Self::Numbers, Self::Prefixes, Self::Networks];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Numbers => "numbers",
            Self::Prefixes => "prefixes",
            Self::Networks => "networks",
        }
    }
}

/// A list as it was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorList {
    pub kind: OperatorListKind,
    pub imported_at: Timestamp,
    /// The file as it was given; it was understood then.
    pub text: Box<str>,
}

/// What was found out about one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learnt {
    /// The digits of its E.164 form.
    pub number: u64,
    /// `Lookup` or `Receipt`; a number has one of each at most.
    pub source: OperatorSource,
    /// MCC and MNC; None when whoever was asked knows that there is none.
    pub operator: Option<Box<str>>,
    pub known_at: Timestamp,
    /// When it is no longer to be relied on.
    pub holds_until: Timestamp,
    /// The provider or the connection that said so.
    pub said_by: Box<str>,
    /// Whether the number was carried to this operator from another one; None when nobody said.
    pub ported: Option<bool>,
}
