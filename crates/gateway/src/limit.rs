//! A limit on how often something may be done: a bucket that fills at its rate and holds what one window brings.

use parking_lot::Mutex;
use tokio::time::Instant;

use domain::setting::Rate;

pub(crate) struct Limit {
    quota: u64,
    window_seconds: u64,
    rate: Rate,
    /// Locked for moments.
    bucket: Mutex<Bucket>,
}

struct Bucket {
    /// Below zero when more was taken at once than a window brings.
    tokens: f64,
    at: Instant,
}

/// How a limit stands, in the words of the `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) quota: u64,
    pub(crate) window_seconds: u64,
    pub(crate) remaining: u64,
    /// Until the whole quota is there again.
    pub(crate) reset_seconds: u64,
}

impl Limit {
    pub(crate) fn new(rate: Rate) -> Self {
        let (quota, window_seconds) = rate.as_quota();
        let bucket = Mutex::new(Bucket { tokens: quota as f64, at: Instant::now() });
        Self { quota, window_seconds, rate, bucket }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes `cost`, or says after how many seconds to ask again. What costs more than a window brings passes when the
    /// bucket is full, and is paid for afterwards.
    pub(crate) fn take(&self, cost: u64, now: Instant) -> Result<(), u64> {
        let mut bucket = self.bucket.lock();
        self.fill(&mut bucket, now);
        let needed = cost.min(self.quota) as f64;
        if bucket.tokens >= needed {
            bucket.tokens -= cost as f64;
            return Ok(());
        }
        Err((((needed - bucket.tokens) / self.rate.per_second).ceil() as u64).max(1))
    }

    pub(crate) fn standing(&self, now: Instant) -> Standing {
        let mut bucket = self.bucket.lock();
        self.fill(&mut bucket, now);
        Standing {
            quota: self.quota,
            window_seconds: self.window_seconds,
            remaining: bucket.tokens.max(0.0) as u64,
            reset_seconds: ((self.quota as f64 - bucket.tokens) / self.rate.per_second).ceil() as u64,
        }
    }

    fn fill(&self, bucket: &mut Bucket, now: Instant) {
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.at = bucket.at.max(now);
        bucket.tokens = (bucket.tokens + since * self.rate.per_second).min(self.quota as f64);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limit(rate: &str) -> (Limit, Instant) {
        let limit = Limit::new(rate.parse().unwrap());
        let began = limit.bucket.lock().at;
        (limit, began)
    }

    #[test]
    fn it_gives_its_rate_and_no_more() {
        let (limit, began) = limit("10/s");
        let taken = |at| (0..100).filter(|_| limit.take(1, at).is_ok()).count();
        assert_eq!(taken(began), 10);
        assert_eq!(limit.take(1, began), Err(1));
        assert_eq!(taken(began + Duration::from_millis(250)), 2);
        // A quiet hour is not saved up.
        assert_eq!(taken(began + Duration::from_secs(3600)), 10);
    }

    #[test]
    fn what_is_larger_than_a_window_passes_once_and_is_paid_for() {
        let (limit, began) = limit("10/s");
        assert_eq!(limit.take(100, began), Ok(()));
        assert_eq!(limit.take(1, began), Err(10));
        let standing = limit.standing(began);
        assert_eq!((standing.remaining, standing.reset_seconds), (0, 10));
        assert_eq!(limit.take(100, began + Duration::from_secs(9)), Err(1));
        assert_eq!(limit.take(100, began + Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn a_slow_rate_has_a_wide_window() {
        let (limit, began) = limit("30/min");
        assert_eq!(limit.take(30, began), Ok(()));
        assert_eq!(limit.take(1, began), Err(2));
        let Standing { quota, window_seconds, .. } = limit.standing(began);
        assert_eq!((quota, window_seconds), (30, 60));
    }
}
