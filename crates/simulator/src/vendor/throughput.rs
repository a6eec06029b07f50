//! The throughput that a vendor grants: a bucket that holds what one second allows.

use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Throughput {
    per_second: f64,
    allowance: f64,
    at: Instant,
}

impl Throughput {
    pub(super) fn new(per_second: f64, now: Instant) -> Self {
        Self { per_second, allowance: per_second.max(1.0), at: now }
    }

    /// Takes one submission in, unless that were too many.
    pub(super) fn allows_one(&mut self, now: Instant) -> bool {
        let gained = now.duration_since(self.at).as_secs_f64() * self.per_second;
        self.allowance = (self.allowance + gained).min(self.per_second.max(1.0));
        self.at = now;
        let allowed = self.allowance >= 1.0;
        if allowed {
            self.allowance -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_allows_what_a_second_holds_and_then_as_much_as_time_brings() {
        let start = Instant::now();
        let mut throughput = Throughput::new(2.0, start);
        let mut allowed = |millis| throughput.allows_one(start + Duration::from_millis(millis));
        assert_eq!([allowed(0), allowed(0), allowed(0)], [true, true, false]);
        assert_eq!([allowed(500), allowed(500)], [true, false]);
        assert_eq!([allowed(60_000), allowed(60_000), allowed(60_000)], [true, true, false]);
    }
}
