//! The one place where a routing table is made: of a routing document and of all that the document refers to.
//!
//! A start, a reload, a version that is activated and whoever only asks what would be decided come here, so that a
//! document means the same wherever it is read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use domain::{AppId, ConnectionId, Timestamp, VendorId};
use routing::price::PriceLine;
use routing::settings::canonical;
use routing::table::Known;
use routing::{Path, Settings, Table};

use crate::digest::{self, Digest};

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

/// A document that was compiled, as the configuration file brings it.
#[derive(Clone, Debug)]
pub struct Routing {
    pub sources: Sources,
    pub surroundings: Surroundings,
    /// That of `sources`.
    pub table: Arc<Table>,
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
    /// The texts that nothing in the document names are dropped: they are no part of what it says.
    #[must_use]
    pub fn new(mut document: Settings, mut price_files: BTreeMap<String, Arc<str>>) -> Self {
        // Where the file lies says nothing of what is in it: a document is the same wherever it was read.
        for card in document.rate_cards.iter_mut().filter(|card| card.file.is_some()) {
            card.file = Some(format!("rates/{}.csv", card.id));
        }
        let named =
            |card: &String| document.rate_cards.iter().any(|known| known.id == *card && known.file.is_some());
        price_files.retain(|card, _| named(card));
        Self { text: canonical::text(&document).into(), document, price_files }
    }

    /// A hash of all that the document says, price files included.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.digest().finish()
    }

    fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        digest.add(&self.text);
        for (card, text) in &self.price_files {
            digest.add(card);
            digest.add(text);
        }
        digest
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
        match Table::compile(&self.document, &known, self.number(surroundings)) {
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

    /// What the policy's own tests find wrong with the table that was made of this document. `now` is for those that
    /// name no instant.
    #[must_use]
    pub fn test(&self, table: &Table, now: Timestamp) -> Vec<Problem> {
        let failures = routing::policy_tests::failures(&self.document, table, now).into_iter();
        failures
            .map(|failure| Problem { place: Place::Document(failure.path), message: failure.message })
            .collect()
    }

    /// What a table depends on beside what the document says: a JSON object, the same for the same.
    #[must_use]
    pub fn inputs(&self, surroundings: &Surroundings) -> String {
        let routes = self.document.routes.iter().map(|route| route.connection.as_str());
        let used: BTreeSet<&str> = routes.collect();
        let domains = surroundings.failure_domains.iter();
        let failure_domains: BTreeMap<&str, &str> = domains
            .map(|(connection, domain)| (connection.as_str(), domain.as_str()))
            .filter(|(connection, _)| used.contains(connection))
            .collect();
        let vendors = surroundings.vendors.iter();
        let vendors: BTreeMap<&str, &str> = vendors
            .map(|(connection, vendor)| (connection.as_str(), vendor.as_str()))
            .filter(|(connection, _)| used.contains(connection))
            .collect();
        serde_json::json!({ "failure_domains": failure_domains, "vendors": vendors }).to_string()
    }

    /// The surroundings that these inputs were taken from, as far as this document looks at them.
    ///
    /// # Errors
    /// When the inputs are none.
    pub fn surroundings(&self, inputs: &str) -> serde_json::Result<Surroundings> {
        #[derive(serde::Deserialize)]
        struct Inputs {
            failure_domains: BTreeMap<String, String>,
            vendors: BTreeMap<String, String>,
        }
        let Inputs { failure_domains, vendors } = serde_json::from_str(inputs)?;
        let Settings { routes, policy, .. } = &self.document;
        let apps = policy.rules.iter().flat_map(|rule| rule.matches.app.iter().flatten());
        Ok(Surroundings {
            connections: routes.iter().filter_map(|route| route.connection.parse().ok()).collect(),
            apps: apps.filter_map(|app| app.parse().ok()).collect(),
            vendors: vendors
                .into_iter()
                .filter_map(|(connection, vendor)| Some((connection.parse().ok()?, vendor.parse().ok()?)))
                .collect(),
            failure_domains: failure_domains
                .into_iter()
                .filter_map(|(connection, domain)| Some((connection.parse().ok()?, domain)))
                .collect(),
        })
    }

    /// The number of the table: that a plan carries.
    fn number(&self, surroundings: &Surroundings) -> u64 {
        let mut digest = self.digest();
        digest.add(&self.inputs(surroundings));
        digest::number(digest.finish())
    }
}
