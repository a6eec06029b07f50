//! The keys that were made here: as the store has them, and as requests find them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use domain::key::State;
use domain::setting::Rate;
use domain::{Key, KeyId, Timestamp};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::OwnedMutexGuard;

use super::auth::Grant;
use crate::limit::Limit;
use crate::network::{Network, Networks};

type Open = FxHashMap<[u8; 32], Arc<Grant>>;

#[derive(Default)]
pub(crate) struct KeyRing {
    /// What the store has. Locked by whoever changes or lists keys, never on the way of a message.
    all: Mutex<BTreeMap<KeyId, Key>>,
    /// Those that may still open.
    open: ArcSwap<Open>,
    turns: Arc<tokio::sync::Mutex<()>>,
}

/// Held from the look at a key until its change is in force: no other change comes between.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl KeyRing {
    pub(crate) fn new(keys: Vec<Key>, default_limit: Option<Rate>) -> Self {
        let ring = Self::default();
        ring.put(keys, default_limit);
        ring
    }

    pub(crate) async fn turn(&self) -> Turn {
        Arc::clone(&self.turns).lock_owned().await
    }

    pub(crate) fn find(&self, hash: &[u8; 32]) -> Option<Arc<Grant>> {
        self.open.load().get(hash).cloned()
    }

    pub(crate) fn get(&self, id: KeyId) -> Option<Key> {
        self.all.lock().get(&id).cloned()
    }

    /// The newest first.
    pub(crate) fn list(&self) -> Vec<Key> {
        self.all.lock().values().rev().cloned().collect()
    }

    /// When the key was used last since the start.
    pub(crate) fn last_used(&self, key: &Key) -> Option<Timestamp> {
        let used = self.find(&key.hash)?.last_used.load(Ordering::Relaxed);
        (used > 0).then(|| Timestamp::from_millis(used))
    }

    /// Takes over keys that are new or have changed, and are durable.
    pub(crate) fn put(&self, changed: Vec<Key>, default_limit: Option<Rate>) {
        let mut all = self.all.lock();
        let mut open = Open::clone(&self.open.load());
        for key in changed {
            open_or_shut(&mut open, &key, default_limit);
            all.insert(key.id, key);
        }
        self.open.store(Arc::new(open));
    }

    /// Another limit for keys that have none of their own.
    pub(crate) fn limit(&self, default_limit: Option<Rate>) {
        let all = self.all.lock();
        let mut open = Open::clone(&self.open.load());
        all.values().for_each(|key| open_or_shut(&mut open, key, default_limit));
        self.open.store(Arc::new(open));
    }
}

fn open_or_shut(open: &mut Open, key: &Key, default_limit: Option<Rate>) {
    let before = open.remove(&*key.hash);
    // Its end is looked at with each use; one that was revoked need not be found at all.
    if key.state(key.created_at) != State::Revoked {
        open.insert(*key.hash, Arc::new(grant(key, before.as_deref(), default_limit)));
    }
}

fn grant(key: &Key, before: Option<&Grant>, default_limit: Option<Rate>) -> Grant {
    // What was saved had been checked.
    let networks: Networks = key.networks.iter().filter_map(|text| text.parse::<Network>().ok()).collect();
    let grant = Grant::new(key.owner.clone(), &key.scopes);
    let last_used = before.map_or(0, |before| before.last_used.load(Ordering::Relaxed));
    grant.last_used.store(last_used, Ordering::Relaxed);
    let rate = key.limit.or(default_limit);
    // What was used of the same limit stays used.
    let kept = before.and_then(|before| before.limit.clone()).filter(|limit| rate == Some(limit.rate()));
    Grant {
        id: Some(key.id),
        networks,
        expires_at: key.expires_at,
        limit: kept.or_else(|| rate.map(Limit::new).map(Arc::new)),
        ..grant
    }
}
