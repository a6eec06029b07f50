//! How long to wait before a vendor is tried again.
//!
//! A line that breaks comes back within moments, so it is tried again soon, with full jitter lest all binds come at
//! once. A vendor that refuses a bind will refuse the next one too, and many lock an account that goes on trying: there
//! the wait starts at seconds, grows to minutes, and jitter only lengthens it.

use std::time::Duration;

use rand::{Rng, RngExt};

const NETWORK_FIRST: Duration = Duration::from_millis(100);
const NETWORK_MOST: Duration = Duration::from_secs(30);
const REFUSED_FIRST: Duration = Duration::from_secs(5);
const REFUSED_MOST: Duration = Duration::from_secs(300);
/// A session that lived this long shows that things are well again.
const LIVED: Duration = Duration::from_secs(10);

/// What the last try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection, or one that broke.
    Network,
    /// The vendor answered the bind with an error.
    Refused,
}

/// Counts the failures in a row of one session.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    network: u32,
    refused: u32,
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
            Failure::Refused => {
                let least = doubled(REFUSED_FIRST, self.refused, REFUSED_MOST);
                self.refused = self.refused.saturating_add(1);
                least.mul_f64(rng.random_range(1.0..=1.2))
            }
        }
    }
}

fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times)).min(most)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_broken_line_is_tried_soon_and_never_later_than_half_a_minute() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut backoff = Backoff::default();
        for most in [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000] {
            assert!(backoff.after(Failure::Network, &mut rng) <= Duration::from_millis(most));
        }
    }

    #[test]
    fn a_refused_bind_waits_five_seconds_then_twice_as_long_up_to_minutes() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut backoff = Backoff::default();
        for least in [5, 10, 20, 40, 80, 160, 300, 300, 300] {
            let wait = backoff.after(Failure::Refused, &mut rng);
            let least = Duration::from_secs(least);
            assert!(wait >= least && wait <= least.mul_f64(1.2), "{wait:?}");
        }
    }

    #[test]
    fn only_a_session_that_lived_forgets_the_failures() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.after(Failure::Refused, &mut rng);
        }
        backoff.lived(Duration::from_secs(1));
        assert!(backoff.after(Failure::Refused, &mut rng) >= Duration::from_secs(160));
        backoff.lived(LIVED);
        assert!(backoff.after(Failure::Refused, &mut rng) <= Duration::from_secs(6));
    }
}
