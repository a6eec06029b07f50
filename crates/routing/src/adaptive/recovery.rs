//! Has an arm in trouble become what it was before, and since when?
//!
//! What was seen since the trouble began is explained in two ways: one rate all the time, that of the trouble, or some
//! rate at first and the healthy one from some second on. The log-likelihood ratio of the second to the first, for the
//! best such second, is the evidence. The rate of the trouble is estimated, so that a trouble that is partial is not
//! taken for its end.

/// The messages of a second: how many, each weighed by the chance that its answer would be here, and the answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) second: u32,
    pub(super) trials: f64,
    pub(super) successes: f64,
}

/// A trouble is at most this part of what is healthy.
const FALLEN: f64 = 0.7;
/// What a trouble usually is, of what is healthy, and the messages that this guess counts for.
const USUAL: f64 = 0.3;
const PRIOR: f64 = 6.0;

/// Of one arm and one kind of feedback.
#[derive(Debug)]
pub(super) struct Recovery {
    healthy: f64,
}

/// Trials and successes.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    trials: f64,
    successes: f64,
}

impl Recovery {
    /// `healthy` is the rate before the trouble.
    pub(super) fn new(healthy: f64) -> Self {
        Self { healthy: healthy.clamp(0.02, 0.97) }
    }

    /// The first second of the recovery, when its log-likelihood ratio is above the threshold. The trials are in the
    /// order of time.
    pub(super) fn found(&self, trials: impl Iterator<Item = Trial>, threshold: f64) -> Option<u32> {
        let trials: Vec<Trial> = trials.collect();
        let mut all = Sums { trials: PRIOR, successes: PRIOR * USUAL * self.healthy };
        for trial in &trials {
            all.add(trial);
        }
        let trouble = all.rate().min(FALLEN * self.healthy);
        let mut before = Sums { trials: PRIOR, successes: PRIOR * USUAL * self.healthy };
        let mut best = (threshold, None);
        for trial in &trials {
            let after =
                Sums { trials: all.trials - before.trials, successes: all.successes - before.successes };
            let healthy =
                before.likelihood(before.rate().min(FALLEN * self.healthy)) + after.likelihood(self.healthy);
            let ratio = healthy - before.likelihood(trouble) - after.likelihood(trouble);
            if ratio > best.0 {
                best = (ratio, Some(trial.second));
            }
            before.add(trial);
        }
        best.1
    }
}

impl Sums {
    fn add(&mut self, trial: &Trial) {
        // What comes sooner than expected is no more than what was sent.
        self.trials += trial.trials.max(trial.successes);
        self.successes += trial.successes;
    }

    fn rate(self) -> f64 {
        (self.successes / self.trials.max(1e-9)).clamp(0.005, 0.995)
    }

    fn likelihood(self, rate: f64) -> f64 {
        self.successes * rate.ln() + (self.trials - self.successes).max(0.0) * (1.0 - rate).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten messages a second, of which so many are answered, for so many seconds each.
    fn since(answered: &[(u32, f64)], threshold: f64) -> Option<u32> {
        let seconds = answered.iter().flat_map(|(seconds, successes)| (0..*seconds).map(|_| *successes));
        let trial = |(second, successes): (usize, f64)| Trial {
            second: u32::try_from(second).unwrap(),
            trials: 10.0,
            successes,
        };
        Recovery::new(0.9).found(seconds.enumerate().map(trial), threshold)
    }

    #[test]
    fn the_end_of_a_trouble_is_found_where_it_was() {
        assert_eq!(since(&[(40, 1.0)], 6.0), None);
        assert_eq!(since(&[(40, 1.0), (5, 9.0)], 6.0), Some(40));
    }

    #[test]
    fn a_trouble_that_is_partial_does_not_end_by_itself() {
        assert_eq!(since(&[(200, 5.0)], 6.0), None);
        assert_eq!(since(&[(100, 5.0), (10, 9.0)], 6.0), Some(100));
    }

    #[test]
    fn what_never_was_a_trouble_is_soon_found_to_be_none() {
        assert_eq!(since(&[(10, 9.0)], 6.0), Some(0));
    }
}
