//! Durations counted into buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One counter for each bound, one for all above. The bounds, in microseconds, come with each call: they are constants
/// of the metric and need no room in each series.
pub(crate) struct Histogram<const BOUNDS: usize> {
    buckets: [AtomicU64; BOUNDS],
    above: AtomicU64,
    sum_micros: AtomicU64,
}

impl<const BOUNDS: usize> Default for Histogram<BOUNDS> {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU64::default()),
            above: AtomicU64::default(),
            sum_micros: AtomicU64::default(),
        }
    }
}

impl<const BOUNDS: usize> Histogram<BOUNDS> {
    pub(crate) fn record(&self, bounds: &[u64; BOUNDS], took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = bounds.iter().position(|bound| micros <= *bound);
        let bucket = at.and_then(|at| self.buckets.get(at)).unwrap_or(&self.above);
        bucket.fetch_add(1, Ordering::Relaxed);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many were at most as long as each bound, then how many there were.
    pub(crate) fn cumulative(&self) -> ([u64; BOUNDS], u64) {
        let mut sum = 0;
        let below = self.buckets.each_ref().map(|bucket| {
            sum += bucket.load(Ordering::Relaxed);
            sum
        });
        (below, sum + self.above.load(Ordering::Relaxed))
    }

    pub(crate) fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros.load(Ordering::Relaxed))
    }
}
