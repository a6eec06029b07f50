//! The states of a message as the application sees them.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

/// What became of a message so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Status {
    /// Waits for its `send_at`.
    #[n(0)]
    Scheduled,
    /// Durable here; no vendor has taken it yet.
    #[n(1)]
    Accepted,
    /// A vendor took it.
    #[n(2)]
    Submitted,
    #[n(3)]
    Delivered,
    #[n(4)]
    Read,
    /// A vendor's final no.
    #[n(5)]
    Undelivered,
    /// No vendor took it.
    #[n(6)]
    Failed,
    /// Its validity ended, here or at the vendor.
    #[n(7)]
    Expired,
    #[n(8)]
    Canceled,
    /// By us: the policy or a gate refused it.
    #[n(9)]
    Rejected,
    /// A vendor may have it; nothing will be sent again, a late answer or receipt settles it.
    #[n(10)]
    Uncertain,
}

impl Status {
    pub const ALL: [Self; 11] = [
        Self::Scheduled,
        Self::Accepted,
        Self::Submitted,
        Self::Delivered,
        Self::Read,
        Self::Undelivered,
        Self::Failed,
        Self::Expired,
        Self::Canceled,
        Self::Rejected,
        Self::Uncertain,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Accepted => "accepted",
            Self::Submitted => "submitted",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::Rejected => "rejected",
            Self::Uncertain => "uncertain",
        }
    }

    /// Nothing more is tried. A late delivery may still correct it.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Delivered
            | Self::Read
            | Self::Undelivered
            | Self::Failed
            | Self::Expired
            | Self::Canceled
            | Self::Rejected => true,
            Self::Scheduled | Self::Accepted | Self::Submitted | Self::Uncertain => false,
        }
    }

    /// A compact number for indexes and bit sets; stable, it is stored.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a status")]
pub struct BadStatus(pub String);

impl FromStr for Status {
    type Err = BadStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| BadStatus(text.to_owned()))
    }
}

/// A set of statuses: which changes an application wants to be told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct StatusSet(#[n(0)] u16);

impl StatusSet {
    pub const NONE: Self = Self(0);

    #[must_use]
    pub fn all() -> Self {
        Status::ALL.into_iter().fold(Self::NONE, Self::with)
    }

    #[must_use]
    pub fn with(self, status: Status) -> Self {
        Self(self.0 | 1 << status.code())
    }

    #[must_use]
    pub fn contains(self, status: Status) -> bool {
        self.0 & (1 << status.code()) != 0
    }
}
