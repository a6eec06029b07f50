//! Versions of the routing document, and which tables were made of them: so that a decision can be made again from what
//! its record says.

use domain::{OverrideId, Timestamp};

/// A version of the routing document. Its text never changes; what becomes of it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub summary: Summary,
    /// As it is kept; the store does not look into it.
    pub document: Box<str>,
    /// The texts that the document names, each by its SHA-256.
    pub texts: Vec<Named>,
}

/// All of a version but what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Counted from one, without a gap.
    pub number: u64,
    pub state: State,
    pub source: Source,
    /// Of the document and all texts that it names.
    pub hash: [u8; 32],
    /// The version that was active when this one was written.
    pub based_on: Option<u64>,
    /// Of a rollback: the version that it is equal to.
    pub equals: Option<u64>,
    pub comment: Box<str>,
    pub created: Deed,
    pub activated: Option<Deed>,
    /// Of one that is rolled out: for how many in ten thousand recipients.
    pub share: Option<u16>,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    pub at: Timestamp,
    pub by: Box<str>,
}

/// A text under the name that a document has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: Box<str>,
    pub hash: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Draft,
    /// At most one.
    Active,
    /// In force for a share of the recipients; at most one, and the active one for the others.
    RollingOut,
    /// It was active, and another one is.
    Superseded,
    /// A draft that nobody wants any more.
    Discarded,
}

/// Where a version comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The configuration file.
    File,
    Api,
    /// An earlier version.
    Rollback,
    /// An override that was made permanent.
    Override,
}

impl State {
    pub const ALL: [Self; 5] =
        [Self::Draft, Self::Active, Self::RollingOut, Self::Superseded, Self::Discarded];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::RollingOut => "rolling_out",
            Self::Superseded => "superseded",
            Self::Discarded => "discarded",
        }
    }
}

impl Source {
    pub const ALL: [Self; 4] = [Self::File, Self::Api, Self::Rollback, Self::Override];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Api => "api",
            Self::Rollback => "rollback",
            Self::Override => "override",
        }
    }
}

/// A change of versions, all of it in one commit.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    /// New ones, and those of which something has become, each in place of what is stored of it.
    pub put: Vec<Version>,
    /// Of the version that was active: it is superseded.
    pub supersede: Option<u64>,
    /// Texts that the new ones name. Those that are there already stay.
    pub texts: Vec<Box<str>>,
    /// What the configuration file says from now on: the hash of its routing document.
    pub imported: Option<[u8; 32]>,
    /// The table of the version that is active from now on.
    pub published: Option<Published>,
}

/// A table by the number that plans carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub number: u64,
    pub of: Origin,
    /// When it was put in place first.
    pub at: Timestamp,
}

/// What a table was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A version of the routing document.
    Version {
        number: u64,
        /// What it depends on beside the document; the store does not look into it.
        inputs: Box<str>,
    },
    /// Another table, with overrides laid over it.
    Overrides { base: u64, overrides: Vec<OverrideId> },
}
