//! Live traffic: what the applications of a company send, drawn from a seed.
//!
//! It only says what to send and when; whoever posts it keeps the time and speaks to the gateway.

mod texts;

use std::time::Duration;

use domain::Class;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::demo_number;

/// What the traffic is like.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub seed: u64,
    /// Requests a second, on average.
    pub rate: f64,
    /// How the classes share the traffic, in any unit.
    pub otp: u32,
    pub transactional: u32,
    pub marketing: u32,
    /// How many requests of a hundred go to a demo number; the others leave the outcome to the vendors.
    pub demo_numbers: u32,
}

/// An endless supply of requests.
#[derive(Debug)]
pub struct Traffic {
    settings: Settings,
    rng: StdRng,
    count: u64,
}

/// One message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// How long after the one before.
    pub pause: Duration,
    /// In E.164, with its `+`.
    pub to: String,
    pub class: Class,
    pub text: String,
    /// Counts the requests of this traffic from 1.
    pub number: u64,
}

impl Traffic {
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let rng = StdRng::seed_from_u64(settings.seed);
        Self { settings, rng, count: 0 }
    }

    /// Changes how many requests a second come from now on.
    pub fn set_rate(&mut self, rate: f64) {
        self.settings.rate = rate;
    }

    /// Draws the next request.
    pub fn draw(&mut self) -> Request {
        self.count = self.count.saturating_add(1);
        let class = self.class();
        Request {
            pause: self.pause(),
            to: self.recipient(),
            class,
            text: texts::draw(class, &mut self.rng),
            number: self.count,
        }
    }

    /// Requests come independently of each other, so their pauses are spread exponentially.
    fn pause(&mut self) -> Duration {
        let rate = self.settings.rate;
        let uniform: f64 = self.rng.random();
        let seconds = -(1.0 - uniform).ln() / rate;
        Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
    }

    fn class(&mut self) -> Class {
        let Settings { otp, transactional, marketing, .. } = self.settings;
        let total = otp.saturating_add(transactional).saturating_add(marketing).max(1);
        let drawn = self.rng.random_range(0..total);
        if drawn < otp {
            return Class::Otp;
        }
        if drawn < otp.saturating_add(transactional) { Class::Transactional } else { Class::Marketing }
    }

    fn recipient(&mut self) -> String {
        let wants_demo = self.rng.random_range(0..100) < self.settings.demo_numbers;
        loop {
            let number = if self.rng.random_bool(BRITISH) {
                format!("+447700900{:03}", self.rng.random_range(0..1000))
            } else {
                format!("+120255501{:02}", self.rng.random_range(0..100))
            };
            if demo_number::outcome(&number).is_some() != wants_demo {
                continue;
            }
            if !wants_demo || self.rng.random_bool(demo_share(&number)) {
                return number;
            }
        }
    }
}

/// How much of the traffic goes to the United Kingdom; the rest goes to the United States.
const BRITISH: f64 = 0.6;

/// Also what a rate of zero comes to.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Of the demo numbers most are those that deliver or leave it to chance, so that the rare outcomes stay rare.
fn demo_share(number: &str) -> f64 {
    match demo_number::outcome(number) {
        Some(demo_number::Outcome::Delivered | demo_number::Outcome::Random) => 1.0,
        Some(_) | None => 0.05,
    }
}

impl Iterator for Traffic {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        Some(self.draw())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 1, rate: 5.0, otp: 55, transactional: 30, marketing: 15, demo_numbers: 12 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use domain::Encoding;
    use domain::segment::segment;

    use super::*;
    use crate::demo_number::Outcome;

    #[test]
    fn the_seed_decides_everything() {
        let draw = |seed| Traffic::new(Settings { seed, ..Settings::default() }).take(50).collect::<Vec<_>>();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn traffic_is_mixed_and_reaches_only_fictional_numbers() {
        let requests: Vec<_> = Traffic::new(Settings::default()).take(4_000).collect();
        assert!(requests.iter().all(|request| demo_number::is_fictional(&request.to)));
        let share =
            |is: &dyn Fn(&Request) -> bool| requests.iter().filter(|request| is(request)).count() / 40;
        assert!((50..=60).contains(&share(&|request| request.class == Class::Otp)));
        assert!((10..=20).contains(&share(&|request| request.class == Class::Marketing)));
        assert!((9..=15).contains(&share(&|request| demo_number::outcome(&request.to).is_some())));
        assert!(share(&|request| segment(&request.text).encoding == Encoding::Ucs2) >= 2);
        assert!(share(&|request| segment(&request.text).segments.len() == 2) >= 4);
        assert!(requests.iter().all(|request| segment(&request.text).segments.len() <= 2));

        let mut outcomes: HashMap<Outcome, usize> = HashMap::new();
        for outcome in requests.iter().filter_map(|request| demo_number::outcome(&request.to)) {
            *outcomes.entry(outcome).or_default() += 1;
        }
        assert_eq!(outcomes.len(), demo_number::TABLE.len());
        assert!(outcomes[&Outcome::Delivered] > 5 * outcomes[&Outcome::VendorTimeout]);

        let seconds = requests.iter().map(|request| request.pause).sum::<Duration>().as_secs();
        assert!((750..=850).contains(&seconds), "4000 requests at 5 a second took {seconds} s");
    }

    #[test]
    fn a_rate_of_zero_waits_long() {
        let mut traffic = Traffic::new(Settings { rate: 0.0, ..Settings::default() });
        assert_eq!(traffic.draw().pause, LONGEST_PAUSE);
    }
}
