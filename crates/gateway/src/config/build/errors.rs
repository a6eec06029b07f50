//! The error map of a vendor.

use std::sync::Arc;

use connectors::smpp::errors::{Entry, Map, STANDARD, shipped};

use super::super::raw::Vendor;
use super::{Builder, Steps, below, item};

/// Every code that a connection meets and no shipped table knows is held against all of them.
const MOST_ENTRIES: usize = 1000;

impl Builder<'_> {
    pub(super) fn error_map(&mut self, vendor: &Vendor, at: &Steps) -> Arc<Map> {
        let at_entries = below(at, "errors");
        if vendor.errors.len() > MOST_ENTRIES {
            let message = format!("{} entries: give {MOST_ENTRIES} at most", vendor.errors.len());
            self.problem(&at_entries, message);
        }
        let mut read: Vec<(usize, Entry)> = Vec::new();
        for (index, raw) in vendor.errors.iter().enumerate() {
            let at = item(&at_entries, index);
            match Entry::read(&raw.stage, &raw.code, &raw.class, &raw.meaning) {
                Ok(entry) => {
                    if let Some((first, _)) = read.iter().find(|(_, earlier)| earlier.covers(&entry)) {
                        let message =
                            format!("never looked at: errors[{first}] takes all of `{}`", entry.written);
                        self.problem(&below(&at, "code"), message);
                    }
                    read.push((index, entry));
                }
                Err(wrong) => {
                    for (key, message) in wrong {
                        self.problem(&below(&at, key), message);
                    }
                }
            }
        }
        self.tables(vendor, &below(at, "errors_like"));
        Arc::new(Map::new(read.into_iter().map(|(_, entry)| entry).collect(), &vendor.errors_like))
    }

    fn tables(&mut self, vendor: &Vendor, at: &Steps) {
        for (index, name) in vendor.errors_like.iter().enumerate() {
            let at = item(at, index);
            let earlier = vendor.errors_like.iter().take(index);
            if name == STANDARD {
                self.problem(&at, format!("`{STANDARD}` holds for every vendor, below all others"));
            } else if !shipped().any(|known| known == name) {
                let known = shipped().collect::<Vec<_>>().join(", ");
                self.problem(&at, format!("`{name}` is not a shipped table: expected one of {known}"));
            } else if earlier.into_iter().any(|other| other == name) {
                self.problem(&at, format!("the table `{name}` is given already"));
            }
        }
    }
}
