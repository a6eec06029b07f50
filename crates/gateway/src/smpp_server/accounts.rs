//! Who may bind, how often, and how fast they may submit.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::AppId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use sha2::Sha256;
use tokio::time::Instant;

use super::Account;

pub(super) struct Accounts {
    by_system_id: ArcSwap<FxHashMap<String, Arc<Open>>>,
    /// By address. Locked for moments, at a bind.
    failures: Mutex<FxHashMap<IpAddr, Failures>>,
}

/// An account in use.
pub(super) struct Open {
    pub(super) account: Account,
    throughput: Option<Mutex<Bucket>>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// So many wrong binds from one address are a mistake; more are an attack, or a client without patience.
const FREE_FAILURES: u32 = 5;
/// After this long without another one they are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// The first wait after the free ones; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Addresses that are remembered: beyond this the forgotten ones are swept out.
const MAX_REMEMBERED: usize = 10_000;

impl Accounts {
    pub(super) fn new(accounts: &[Account]) -> Self {
        Self { by_system_id: ArcSwap::from_pointee(open(accounts)), failures: Mutex::default() }
    }

    pub(super) fn replace(&self, accounts: &[Account]) {
        self.by_system_id.store(Arc::new(open(accounts)));
    }

    /// The account, when name and password are right. Whoever failed too often from this address is told no without a
    /// look; an unknown name takes as long as a wrong password.
    pub(super) fn check(&self, peer: IpAddr, system_id: &[u8], password: &[u8]) -> Option<Arc<Open>> {
        if self.has_to_wait(peer) {
            return None;
        }
        let accounts = self.by_system_id.load();
        let found = std::str::from_utf8(system_id).ok().and_then(|system_id| accounts.get(system_id));
        let expected = found.map_or("", |open| open.account.password.reveal());
        let is_right = is_same(expected.as_bytes(), password);
        let open = found.filter(|_| is_right).cloned();
        let mut failures = self.failures.lock();
        if open.is_some() {
            failures.remove(&peer);
        } else {
            note_failure(&mut failures, peer);
        }
        open
    }

    /// False when the configuration has become another one since it was checked.
    pub(super) fn still_has(&self, open: &Open) -> bool {
        let accounts = self.by_system_id.load();
        let now = accounts.get(&open.account.system_id);
        now.is_some_and(|now| {
            now.account.password == open.account.password && now.account.app == open.account.app
        })
    }

    /// The account of an app.
    pub(super) fn of(&self, app: &AppId) -> Option<Account> {
        let accounts = self.by_system_id.load();
        accounts.values().find(|open| open.account.app == *app).map(|open| open.account.clone())
    }

    fn has_to_wait(&self, peer: IpAddr) -> bool {
        let failures = self.failures.lock();
        failures.get(&peer).is_some_and(|failures| failures.last.elapsed() < failures.wait())
    }
}

impl Failures {
    fn wait(&self) -> Duration {
        let Some(doubled) = self.count.checked_sub(FREE_FAILURES) else { return Duration::ZERO };
        FIRST_WAIT.saturating_mul(1 << doubled.min(6)).min(LONGEST_WAIT)
    }
}

fn note_failure(failures: &mut FxHashMap<IpAddr, Failures>, peer: IpAddr) {
    let now = Instant::now();
    if failures.len() >= MAX_REMEMBERED {
        failures.retain(|_, failures| now.duration_since(failures.last) < FORGOTTEN_AFTER);
    }
    let failed = failures.entry(peer).or_insert(Failures { count: 0, last: now });
    if now.duration_since(failed.last) >= FORGOTTEN_AFTER {
        failed.count = 0;
    }
    failed.count = failed.count.saturating_add(1);
    failed.last = now;
}

/// Takes as long whatever the difference: both are hashed under a key that nobody knows, and the hashes compared.
fn is_same(expected: &[u8], given: &[u8]) -> bool {
    let key: [u8; 32] = rand::random();
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
    let expected = mac.clone().chain_update(expected).finalize().into_bytes();
    mac.chain_update(given).verify(&expected).is_ok()
}

fn open(accounts: &[Account]) -> FxHashMap<String, Arc<Open>> {
    let open = |account: &Account| {
        let throughput = account.throughput.map(|rate| Mutex::new(Bucket::new(rate.per_second)));
        (account.system_id.clone(), Arc::new(Open { account: account.clone(), throughput }))
    };
    accounts.iter().map(open).collect()
}

impl Open {
    /// Whether the account may submit another message now.
    pub(super) fn takes_one(&self) -> bool {
        self.throughput.as_ref().is_none_or(|bucket| bucket.lock().takes_one(Instant::now()))
    }
}

/// What an account may still submit: it fills at its rate, and holds what a second brings.
struct Bucket {
    per_second: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn new(per_second: f64) -> Self {
        Self { per_second, tokens: per_second.max(1.0), at: Instant::now() }
    }

    fn takes_one(&mut self, now: Instant) -> bool {
        let since = now.duration_since(self.at).as_secs_f64();
        self.at = now;
        self.tokens = (self.tokens + since * self.per_second).min(self.per_second.max(1.0));
        let takes = self.tokens >= 1.0;
        if takes {
            self.tokens -= 1.0;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_and_no_more() {
        let mut bucket = Bucket::new(10.0);
        let began = bucket.at;
        let taken = |bucket: &mut Bucket, at| (0..100).filter(|_| bucket.takes_one(at)).count();
        assert_eq!(taken(&mut bucket, began), 10);
        assert_eq!(taken(&mut bucket, began + Duration::from_millis(250)), 2);
        // A quiet hour is not saved up.
        assert_eq!(taken(&mut bucket, began + Duration::from_secs(3600)), 10);
    }

    #[test]
    fn waits_begin_after_the_fifth_failure_and_double() {
        let wait = |count| Failures { count, last: Instant::now() }.wait().as_secs();
        assert_eq!([1, 4, 5, 6, 7, 11, 40].map(wait), [0, 0, 1, 2, 4, 60, 60]);
    }
}
