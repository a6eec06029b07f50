//! The keys of which a problem is told.

use std::collections::BTreeSet;

/// A key is written as in `apps[0].webhook.url`.
#[derive(Default)]
pub(super) struct Told(BTreeSet<String>);

impl Told {
    pub(super) fn add(&mut self, key: String) {
        self.0.insert(key);
    }

    /// Whether a problem is told of the key or of what it is in.
    pub(super) fn covers(&self, key: &str) -> bool {
        let ends = key.match_indices(['.', '[']).map(|(end, _)| end).chain([key.len()]);
        ends.filter_map(|end| key.get(..end)).any(|outer| self.0.contains(outer))
    }

    /// Whether a problem is told of the key, of what it is in or of something in it.
    pub(super) fn concerns(&self, key: &str) -> bool {
        let holds = |opening: char| {
            let inner = format!("{key}{opening}");
            self.0.range(inner.clone()..).next().is_some_and(|told| told.starts_with(&inner))
        };
        self.covers(key) || holds('.') || holds('[')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_around_and_inside_is_concerned_and_what_is_beside_is_not() {
        let mut told = Told::default();
        told.add("apps[1].webhook".to_owned());
        for key in ["apps[1].webhook", "apps[1].webhook.url"] {
            assert!(told.covers(key), "{key}");
        }
        for key in ["apps", "apps[1]"] {
            assert!(told.concerns(key) && !told.covers(key), "{key}");
        }
        for key in ["apps[1].web", "apps[1].webhooks", "apps[10]", "apps[0].webhook", ""] {
            assert!(!told.concerns(key), "{key}");
        }
    }
}
