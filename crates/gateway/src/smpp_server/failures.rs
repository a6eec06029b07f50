//! Addresses from which binds failed of late: the more often, the longer the next one has to wait.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

#[derive(Default)]
pub(super) struct Failures {
    /// Locked for moments, at a bind.
    by_address: Mutex<FxHashMap<IpAddr, Failed>>,
}

#[derive(Clone, Copy)]
struct Failed {
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
/// Addresses that are remembered: an attack from more of them is not stopped by remembering each.
const MAX_REMEMBERED: usize = 10_000;

impl Failures {
    pub(super) fn has_to_wait(&self, peer: IpAddr, now: Instant) -> bool {
        let by_address = self.by_address.lock();
        by_address.get(&whose(peer)).is_some_and(|failed| now.duration_since(failed.last) < failed.wait())
    }

    pub(super) fn note(&self, peer: IpAddr, now: Instant) {
        let mut by_address = self.by_address.lock();
        if by_address.len() >= MAX_REMEMBERED {
            make_room(&mut by_address, now);
        }
        let failed = by_address.entry(whose(peer)).or_insert(Failed { count: 0, last: now });
        if now.duration_since(failed.last) >= FORGOTTEN_AFTER {
            failed.count = 0;
        }
        failed.count = failed.count.saturating_add(1);
        failed.last = now;
    }

    pub(super) fn forget(&self, peer: IpAddr) {
        self.by_address.lock().remove(&whose(peer));
    }
}

impl Failed {
    fn wait(&self) -> Duration {
        let Some(doubled) = self.count.checked_sub(FREE_FAILURES) else { return Duration::ZERO };
        FIRST_WAIT.saturating_mul(1 << doubled.min(6)).min(LONGEST_WAIT)
    }
}

/// Whoever has one address of IPv6 has the other 2^64 of its network as well.
fn whose(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Those that are over go, and if that is not enough the older half of the rest: so that this is seldom done again.
fn make_room(by_address: &mut FxHashMap<IpAddr, Failed>, now: Instant) {
    by_address.retain(|_, failed| now.duration_since(failed.last) < FORGOTTEN_AFTER);
    if by_address.len() < MAX_REMEMBERED {
        return;
    }
    let mut times: Vec<Instant> = by_address.values().map(|failed| failed.last).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    by_address.retain(|_, failed| failed.last > *median);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_begin_after_the_fifth_failure_and_double() {
        let wait = |count| Failed { count, last: Instant::now() }.wait().as_secs();
        assert_eq!([1, 4, 5, 6, 7, 11, 40].map(wait), [0, 0, 1, 2, 4, 60, 60]);
    }

    fn failed(failures: &Failures, address: &str, times: usize) {
        (0..times).for_each(|_| failures.note(address.parse().unwrap(), Instant::now()));
    }

    #[test]
    fn an_address_waits_for_its_own_failures_and_a_network_of_ipv6_for_all_of_its() {
        let failures = Failures::default();
        let waits = |address: &str| failures.has_to_wait(address.parse().unwrap(), Instant::now());
        failed(&failures, "192.0.2.1", 5);
        failed(&failures, "2001:db8::1", 4);
        failed(&failures, "2001:db8::2", 1);
        assert!(waits("192.0.2.1") && waits("::ffff:192.0.2.1") && waits("2001:db8::3"));
        assert!(!waits("192.0.2.2") && !waits("2001:db8:0:1::1"));
        failures.forget("192.0.2.1".parse().unwrap());
        assert!(!waits("192.0.2.1"));
    }

    #[test]
    fn no_more_than_so_many_are_remembered_and_the_latest_are_among_them() {
        let failures = Failures::default();
        let address = |number: u32| IpAddr::from(std::net::Ipv4Addr::from_bits(number));
        let began = Instant::now();
        for number in 0..25_000 {
            failures.note(address(number), began + Duration::from_millis(number.into()));
            assert!(failures.by_address.lock().len() <= MAX_REMEMBERED);
        }
        let remembered = failures.by_address.lock();
        assert!((0..1000).all(|back| remembered.contains_key(&address(24_999 - back))));
    }
}
