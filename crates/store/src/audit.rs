//! The audit log: what was changed, by whom and why. Entries are only ever added, and each is bound to all before it.

use std::fmt;

use crate::operators::OperatorList;
use domain::{Key, MessageId, Override, Timestamp, record::Input};
use sha2::{Digest as _, Sha256};

/// A change that somebody made, with its entry: both in one commit, or neither.
#[derive(Clone, Debug)]
pub struct Change {
    pub what: Changed,
    /// What the log keeps of it: a JSON object. The store reads `at`, `actor.id`, `action` and `target` to search by.
    pub entry: Box<str>,
}

#[derive(Clone, Debug)]
pub enum Changed {
    /// A new override, or one that was reverted, in place of what is stored of it.
    Override(Override),
    /// Keys that are new or have changed, each in place of what is stored of it.
    Keys(Vec<Key>),
    /// A step of a record. When the record refuses it nothing was changed, and no entry is made.
    Step { message: MessageId, input: Input },
    /// The configuration that is obeyed from now on.
    Configuration(Imported),
    /// Versions of the routing document.
    Versions(Box<crate::Versions>),
    /// A list of operators, in place of the one of its kind.
    Operators(OperatorList),
    /// How a vendor writes its price lists.
    ListMapping(crate::ListMapping),
    /// What is done to the store as a whole, beside its records or right after.
    Noted,
}

/// What is known of the configuration that was read last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub version: u64,
    /// All that it says, without secrets: JSON.
    pub document: Box<str>,
}

/// Binds an entry to all that were made before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first entry is bound to.
    pub const START: Self = Self([0; 32]);

    /// The hash of the entry that comes after this one: SHA-256 over these 32 bytes, the number as 8 bytes with the
    /// most significant first, and the entry as it is written.
    #[must_use]
    pub fn next(self, number: u64, entry: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(number.to_be_bytes());
        hash.update(entry.as_bytes());
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: expected 64 hexadecimal digits")]
pub struct BadHash;

impl std::str::FromStr for Hash {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, BadHash> {
        let digits: Option<Vec<u8>> =
            text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(BadHash)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = pair.iter().fold(0, |value, digit| value << 4 | digit);
        }
        Ok(Self(bytes))
    }
}

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Counted from one, without a gap.
    pub number: u64,
    pub hash: Hash,
    pub entry: Box<str>,
}

/// Which entries. Every field given must match.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// The id of whoever made the change.
    pub actor: Option<Box<str>>,
    pub action: Option<Box<str>>,
    pub target: Option<Box<str>>,
    /// Made at or after.
    pub since: Option<Timestamp>,
    /// Made before.
    pub until: Option<Timestamp>,
    pub order: Order,
    pub limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The newest first: those with a smaller number than this.
    Before(u64),
    /// The oldest first: those with a larger number than this.
    After(u64),
}

impl Default for Order {
    fn default() -> Self {
        Self::Before(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_back_as_it_is_written() {
        let hash = Hash::START.next(1, "{}");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!("12".parse::<Hash>(), Err(BadHash));
        assert_eq!("g".repeat(64).parse::<Hash>(), Err(BadHash));
    }

    #[test]
    fn it_depends_on_what_came_before_on_the_number_and_on_every_letter() {
        let hash = Hash::START.next(1, "{}");
        assert_ne!(hash, hash.next(1, "{}"));
        assert_ne!(hash, Hash::START.next(2, "{}"));
        assert_ne!(hash, Hash::START.next(1, "{ }"));
    }
}
