//! Numbers kept for each thing of the configuration that has a name.

use std::hash::Hash;
use std::sync::Arc;

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

/// Read-locked to count, write-locked once for each new name. No lock is held while counting waits for anything.
pub(crate) struct ByName<K, V> {
    all: RwLock<FxHashMap<K, Arc<V>>>,
}

impl<K, V> Default for ByName<K, V> {
    fn default() -> Self {
        Self { all: RwLock::default() }
    }
}

impl<K: Clone + Eq + Hash + Ord, V: Default> ByName<K, V> {
    pub(crate) fn with(&self, name: &K, count: impl FnOnce(&V)) {
        if let Some(of) = self.all.read().get(name) {
            count(of);
            return;
        }
        count(self.all.write().entry(name.clone()).or_default());
    }

    pub(crate) fn sorted(&self) -> Vec<(K, Arc<V>)> {
        let mut all: Vec<_> =
            self.all.read().iter().map(|(name, of)| (name.clone(), Arc::clone(of))).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }
}
