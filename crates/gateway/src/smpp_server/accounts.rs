//! Who may bind, from where, how often, and how fast they may submit.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use domain::AppId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use sha2::Sha256;
use tokio::time::Instant;

use super::Account;
use super::failures::Failures;

pub(super) struct Accounts {
    by_system_id: ArcSwap<FxHashMap<String, Arc<Open>>>,
    failures: Failures,
}

/// An account in use. It stays the same one as long as its name, password and app do, so that whatever else a reload
/// changes holds at once for those that are bound.
pub(super) struct Open {
    account: ArcSwap<Account>,
    /// Locked for moments, for each submission.
    throughput: Mutex<Option<Bucket>>,
}

/// Why a bind is refused: for the log alone, the client hears one answer to all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotLetIn {
    /// Nothing of it was looked at.
    FailedTooOften,
    WrongCredentials,
    WrongAddress,
}

impl Accounts {
    pub(super) fn new(accounts: &[Account]) -> Self {
        let opened = open(accounts, &FxHashMap::default());
        Self { by_system_id: ArcSwap::from_pointee(opened), failures: Failures::default() }
    }

    pub(super) fn replace(&self, accounts: &[Account]) {
        let opened = open(accounts, &self.by_system_id.load());
        self.by_system_id.store(Arc::new(opened));
    }

    /// The account, when name, password and address are right. Whoever failed too often from this address is told no
    /// without a look; an unknown name takes as long as a wrong password.
    pub(super) fn check(
        &self,
        peer: IpAddr,
        system_id: &[u8],
        password: &[u8],
    ) -> Result<Arc<Open>, NotLetIn> {
        let now = Instant::now();
        if self.failures.has_to_wait(peer, now) {
            return Err(NotLetIn::FailedTooOften);
        }
        let checked = self.find(peer, system_id, password);
        match checked {
            Ok(_) => self.failures.forget(peer),
            Err(_) => self.failures.note(peer, now),
        }
        checked
    }

    fn find(&self, peer: IpAddr, system_id: &[u8], password: &[u8]) -> Result<Arc<Open>, NotLetIn> {
        let accounts = self.by_system_id.load();
        let found = std::str::from_utf8(system_id).ok().and_then(|system_id| accounts.get(system_id));
        let account = found.map(|open| open.account());
        let expected = account.as_ref().map_or("", |account| account.password.reveal());
        let is_right = is_same(expected.as_bytes(), password);
        let (Some(open), Some(account), true) = (found, account, is_right) else {
            return Err(NotLetIn::WrongCredentials);
        };
        if account.ips.admits(peer) { Ok(Arc::clone(open)) } else { Err(NotLetIn::WrongAddress) }
    }

    /// False when the configuration has become another one since it was checked.
    pub(super) fn still_admits(&self, open: &Arc<Open>, peer: IpAddr) -> bool {
        let account = open.account();
        let accounts = self.by_system_id.load();
        let is_open = accounts.get(&account.system_id).is_some_and(|now| Arc::ptr_eq(now, open));
        is_open && account.ips.admits(peer)
    }

    /// The account of an app.
    pub(super) fn of(&self, app: &AppId) -> Option<Arc<Account>> {
        let accounts = self.by_system_id.load();
        accounts.values().map(|open| open.account.load_full()).find(|account| account.app == *app)
    }
}

/// Takes as long whatever the difference: both are hashed under a key that nobody knows, and the hashes compared.
fn is_same(expected: &[u8], given: &[u8]) -> bool {
    let key: [u8; 32] = rand::random();
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
    let expected = mac.clone().chain_update(expected).finalize().into_bytes();
    mac.chain_update(given).verify(&expected).is_ok()
}

/// Those that go on as they were are taken over from `before`.
fn open(accounts: &[Account], before: &FxHashMap<String, Arc<Open>>) -> FxHashMap<String, Arc<Open>> {
    let open =
        |account: &Account| match before.get(&account.system_id).filter(|open| open.goes_on_as(account)) {
            Some(open) => {
                open.change(account);
                Arc::clone(open)
            }
            None => Arc::new(Open::new(account)),
        };
    accounts.iter().map(|account| (account.system_id.clone(), open(account))).collect()
}

impl Open {
    fn new(account: &Account) -> Self {
        let throughput = account.throughput.map(|rate| Bucket::new(rate.per_second));
        Self { account: ArcSwap::from_pointee(account.clone()), throughput: Mutex::new(throughput) }
    }

    /// As the configuration has it now.
    pub(super) fn account(&self) -> Guard<Arc<Account>> {
        self.account.load()
    }

    fn goes_on_as(&self, account: &Account) -> bool {
        let now = self.account();
        now.password == account.password && now.app == account.app
    }

    fn change(&self, account: &Account) {
        let mut throughput = self.throughput.lock();
        match (throughput.as_mut(), account.throughput) {
            // What it has used up stays used up.
            (Some(bucket), Some(rate)) => bucket.per_second = rate.per_second,
            (Some(_) | None, rate) => *throughput = rate.map(|rate| Bucket::new(rate.per_second)),
        }
        self.account.store(Arc::new(account.clone()));
    }

    /// Whether the account may submit another message now.
    pub(super) fn takes_one(&self) -> bool {
        self.throughput.lock().as_mut().is_none_or(|bucket| bucket.takes_one(Instant::now()))
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
    use std::time::Duration;

    use super::*;
    use crate::config::Secret;
    use crate::network::Network;

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

    fn account(throughput: Option<&str>, ips: &[&str]) -> Account {
        Account {
            app: AppId::new("shop").unwrap(),
            system_id: "shop".to_owned(),
            password: Secret::new("secret"),
            max_binds: 1,
            reads_national: false,
            throughput: throughput.map(|rate| rate.parse().unwrap()),
            ips: ips.iter().map(|ip| ip.parse::<Network>().unwrap()).collect(),
        }
    }

    fn peer(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn what_a_reload_changes_holds_for_those_that_are_bound() {
        let accounts = Accounts::new(&[account(Some("2/s"), &[])]);
        let open = accounts.check(peer("192.0.2.1"), b"shop", b"secret").unwrap();
        let taken = |open: &Open| (0..100).filter(|_| open.takes_one()).count();
        assert!(taken(&open) < 10);
        accounts.replace(&[account(None, &[])]);
        assert_eq!(taken(&open), 100);
        accounts.replace(&[account(Some("5/s"), &[])]);
        assert!(taken(&open) < 20);
        assert!(accounts.still_admits(&open, peer("192.0.2.1")));
        accounts.replace(&[account(None, &["198.51.100.0/24"])]);
        assert!(!accounts.still_admits(&open, peer("192.0.2.1")));
        assert!(accounts.still_admits(&open, peer("198.51.100.7")));
        accounts.replace(&[Account { password: Secret::new("another"), ..account(None, &[]) }]);
        assert!(!accounts.still_admits(&open, peer("198.51.100.7")));
    }

    #[test]
    fn a_bind_from_elsewhere_fails_and_counts() {
        let accounts = Accounts::new(&[account(None, &["10.0.0.0/8"])]);
        let check = |address| accounts.check(peer(address), b"shop", b"secret").err();
        assert_eq!(check("10.1.2.3"), None);
        assert_eq!([0; 5].map(|_| check("192.0.2.1")), [Some(NotLetIn::WrongAddress); 5]);
        assert_eq!(check("192.0.2.1"), Some(NotLetIn::FailedTooOften));
        assert_eq!(check("10.1.2.3"), None);
    }
}
