//! How long to wait before a vendor is tried again.
//!
//! A line that breaks comes back within moments, so it is tried again soon, with full jitter lest all binds come at
//! once, and however long it was gone its return is noticed within seconds. A vendor that does not know the name or the
//! password will not know them a moment later either, and many lock an account that goes on trying: there the wait
//! starts at seconds, grows to minutes, and jitter only lengthens it. Any other refusal passes, as when the vendor still
//! counts the session of a line that broke; but some vendors say no more than "bind failed" of a wrong password, so
//! those who go on saying it are believed to mean that.

use std::time::Duration;

use rand::{Rng, RngExt};

const NETWORK_FIRST: Duration = Duration::from_millis(100);
const NETWORK_MOST: Duration = Duration::from_secs(5);
const REFUSED_FIRST: Duration = Duration::from_secs(1);
const REFUSED_MOST: Duration = Duration::from_secs(5);
const DENIED_FIRST: Duration = Duration::from_secs(5);
const DENIED_MOST: Duration = Duration::from_secs(300);
/// So many binds in a row may fail without a reason, for some three quarters of a minute, before the account is suspected.
const UNEXPLAINED_MOST: u32 = 10;
/// A session that lived this long shows that things are well again.
const LIVED: Duration = Duration::from_secs(10);

/// What the last try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection, or one that broke.
    Network,
    /// The vendor answered the bind with an error that may pass.
    Refused,
    /// The vendor says that the bind failed, and not why.
    Unexplained,
    /// The vendor does not know the name or the password.
    Denied,
}

/// Counts the failures in a row of one session.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    network: u32,
    refused: u32,
    denied: u32,
}

impl Backoff {
    /// The session had been bound for so long when it ended.
    pub(super) fn lived(&mut self, lifetime: Duration) {
        if lifetime >= LIVED {
            *self = Self::default();
        }
    }

    /// How long to wait after one more failure.
    pub(super) fn after<R: Rng>(&mut self, failure: Failure, rng: &mut R) -> Duration {
        match failure {
            Failure::Network => {
                let most = doubled(NETWORK_FIRST, self.network, NETWORK_MOST);
                self.network = self.network.saturating_add(1);
                most.mul_f64(rng.random_range(0.0..=1.0))
            }
            Failure::Unexplained if self.refused >= UNEXPLAINED_MOST => self.after(Failure::Denied, rng),
            Failure::Refused | Failure::Unexplained => {
                let least = doubled(REFUSED_FIRST, self.refused, REFUSED_MOST);
                self.refused = self.refused.saturating_add(1);
                lengthened(least, rng)
            }
            Failure::Denied => {
                let least = doubled(DENIED_FIRST, self.denied, DENIED_MOST);
                self.denied = self.denied.saturating_add(1);
                lengthened(least, rng)
            }
        }
    }
}

fn lengthened<R: Rng>(least: Duration, rng: &mut R) -> Duration {
    least.mul_f64(rng.random_range(1.0..=1.2))
}

fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times)).min(most)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn assert_waits(failure: Failure, backoff: &mut Backoff, seconds: &[u64]) {
        let mut rng = StdRng::seed_from_u64(1);
        for least in seconds {
            let wait = backoff.after(failure, &mut rng);
            let least = Duration::from_secs(*least);
            assert!(wait >= least && wait <= least.mul_f64(1.2), "{wait:?}");
        }
    }

    #[test]
    fn a_broken_line_is_tried_soon_and_never_later_than_some_seconds() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut backoff = Backoff::default();
        for most in [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000] {
            assert!(backoff.after(Failure::Network, &mut rng) <= Duration::from_millis(most));
        }
    }

    #[test]
    fn a_name_or_password_that_is_not_known_waits_five_seconds_then_twice_as_long_up_to_minutes() {
        let waits = [5, 10, 20, 40, 80, 160, 300, 300, 300];
        assert_waits(Failure::Denied, &mut Backoff::default(), &waits);
    }

    #[test]
    fn a_refusal_that_may_pass_is_tried_again_within_seconds_for_ever() {
        let waits = [1, 2, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5];
        assert_waits(Failure::Refused, &mut Backoff::default(), &waits);
    }

    #[test]
    fn a_bind_that_goes_on_failing_without_a_reason_is_tried_ever_more_seldom() {
        let waits = [1, 2, 4, 5, 5, 5, 5, 5, 5, 5, 5, 10, 20, 40, 80, 160, 300, 300];
        assert_waits(Failure::Unexplained, &mut Backoff::default(), &waits);
    }

    #[test]
    fn only_a_session_that_lived_forgets_the_failures() {
        let mut backoff = Backoff::default();
        assert_waits(Failure::Denied, &mut backoff, &[5, 10, 20, 40, 80]);
        backoff.lived(Duration::from_secs(1));
        assert_waits(Failure::Denied, &mut backoff, &[160]);
        backoff.lived(LIVED);
        assert_waits(Failure::Denied, &mut backoff, &[5]);
    }
}
