//! The one place where a routing table is made: of a routing document and of all that the document refers to.
//!
//! A start, a reload, a version that is activated and whoever only asks what would be decided come here, so that a
//! document means the same wherever it is read.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use domain::{AppId, ConnectionId, VendorId};
use routing::price::PriceLine;
use routing::table::Known;
use routing::{Path, Settings, Table};
use sha2::{Digest as _, Sha256};

/// A routing document, with the texts that it names: from these alone the same table can be made again, however long
/// after.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    pub document: Settings,
    /// The document as it is kept. Two documents that say the same are written the same.
    pub text: Arc<str>,
    /// What the files of the rate cards hold, by the id of the card.
    pub price_files: BTreeMap<String, Arc<str>>,
}

/// What a document refers to and the configuration file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    pub connections: Vec<ConnectionId>,
    pub apps: Vec<AppId>,
    /// Whose each connection is.
    pub vendors: Vec<(ConnectionId, VendorId)>,
    /// What connections share that fail together: the failure domain of their vendor, or else the vendor itself.
    pub failure_domains: HashMap<ConnectionId, String>,
}

/// Something that keeps a document from being used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Problem {
    pub place: Place,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Document(Path),
    PriceFile {
        card: String,
        /// Counted from one.
        line: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(path) => path.fmt(f),
            Self::PriceFile { card, line } => write!(f, "the price file of `{card}`, line {line}"),
        }
    }
}

impl Sources {
    /// A hash of all that the document says, price files included.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            // With its length, so that no two lists of texts run into the same bytes.
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        };
        add(&self.text);
        for (card, text) in &self.price_files {
            add(card);
            add(text);
        }
        hash.finalize().into()
    }

    /// The table of this document, under a number that is another one when anything in it is.
    ///
    /// # Errors
    /// With every problem of the document and of its price files.
    pub fn compile(&self, surroundings: &Surroundings) -> Result<Table, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut price_files: HashMap<String, Vec<PriceLine>> = HashMap::new();
        for (card, text) in &self.price_files {
            match routing::price::parse_csv(text) {
                Ok(lines) => drop(price_files.insert(card.clone(), lines)),
                Err(wrong) => problems.extend(wrong.into_iter().map(|line| Problem {
                    place: Place::PriceFile { card: card.clone(), line: line.line },
                    message: line.message,
                })),
            }
        }
        let Surroundings { connections, apps, vendors, failure_domains } = surroundings;
        let known = Known { connections, apps, failure_domains, price_files: &price_files };
        match Table::compile(&self.document, &known, self.number()) {
            Ok(table) if problems.is_empty() => Ok(table.of_vendors(vendors.iter().cloned())),
            Ok(_) => Err(problems),
            Err(wrong) => {
                problems.extend(wrong.into_iter().map(|problem| Problem {
                    place: Place::Document(problem.path),
                    message: problem.message,
                }));
                Err(problems)
            }
        }
    }

    /// The number of the table: that a plan carries.
    fn number(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.hash();
        // The store keeps it as a signed number.
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1
    }
}
