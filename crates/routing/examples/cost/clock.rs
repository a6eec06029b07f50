//! What the thread itself used of the processor, whatever else the machine does.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What `work` took, and what it came to.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = now();
    let result = work();
    (now().saturating_sub(began), result)
}

fn now() -> Duration {
    let at = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(at.tv_sec), u32::try_from(at.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

/// The middle one, and the least and the most.
pub(crate) fn spread(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_unstable_by(f64::total_cmp);
    let at = |place: usize| figures.get(place).copied().unwrap_or(f64::NAN);
    [at(figures.len() / 2), at(0), at(figures.len().saturating_sub(1))]
}

#[derive(Default)]
pub(crate) struct Costs {
    took: Duration,
    count: u64,
}

impl Costs {
    pub(crate) fn add(&mut self, took: Duration, count: u64) {
        self.took += took;
        self.count += count;
    }

    /// In seconds.
    pub(crate) fn mean(&self) -> f64 {
        self.took.as_secs_f64() / self.count.max(1) as f64
    }
}
