//! The handsets at the far end: which texts really reached them, and which users then enter the code they were sent.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;

use crate::agenda::Agenda;
use crate::fate::chance;
use crate::personality::Spread;

/// How the users behave.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub seed: u64,
    /// How many of the users who got a code enter it, and how long after it arrived.
    pub conversion_rate: f64,
    pub conversion_delay: Spread,
    /// A user who waited longer than this for the text has given up.
    pub patience: Duration,
    /// How many arrivals are remembered, and how many conversions may wait to be taken.
    pub memory: usize,
}

/// All handsets there are; vendors that share them deliver to the same ones. Cheap to clone.
#[derive(Clone)]
pub struct Handsets(Arc<Shared>);

/// What the users do, to be reported to whoever sent the texts.
pub struct Conversions(Arc<Shared>);

/// A text that reaches a handset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The number in digits.
    pub to: String,
    pub from: String,
    pub text: String,
    /// How long the vendor had it.
    pub after: Duration,
    /// When it reaches the handset, which may be still to come.
    pub at: Instant,
}

/// A user entered the code of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The number in digits, and the text: together they tell the message, as each code is sent once.
    pub to: String,
    pub text: String,
    pub at: Instant,
}

struct Shared {
    settings: Settings,
    state: Mutex<State>,
    conversions: Agenda<Conversion>,
}

struct State {
    rng: StdRng,
    arrivals: VecDeque<Arrival>,
    /// A code is entered once, by however many ways it arrived.
    seen: HashSet<(String, String)>,
}

impl Handsets {
    /// The handsets, and what their users do.
    #[must_use]
    pub fn new(settings: Settings) -> (Self, Conversions) {
        let state = State {
            rng: StdRng::seed_from_u64(settings.seed),
            arrivals: VecDeque::new(),
            seen: HashSet::new(),
        };
        let conversions = Agenda::new(settings.memory);
        let shared = Arc::new(Shared { settings, state: Mutex::new(state), conversions });
        (Self(Arc::clone(&shared)), Conversions(shared))
    }

    /// Takes a text in. A user who converts is told of later by the `Conversions`.
    pub fn arrive(&self, arrival: Arrival) {
        let conversion = self.0.state.lock().conversion(&arrival, &self.0.settings);
        if let Some(conversion) = conversion
            && self.0.conversions.put(conversion.at, conversion).is_err()
        {
            tracing::debug!("nobody takes the conversions; one was dropped");
        }
    }

    /// What reached the handsets until now, the latest last.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        let now = Instant::now();
        let state = self.0.state.lock();
        state.arrivals.iter().filter(|arrival| arrival.at <= now).cloned().collect()
    }
}

impl Conversions {
    /// Waits until the next user enters a code. It may be dropped at any point without losing anything.
    pub async fn next(&mut self) -> Conversion {
        self.0.conversions.next().await
    }
}

impl State {
    fn conversion(&mut self, arrival: &Arrival, settings: &Settings) -> Option<Conversion> {
        while self.arrivals.len() >= settings.memory.max(1) {
            let forgotten = self.arrivals.pop_front()?;
            self.seen.remove(&(forgotten.to, forgotten.text));
        }
        self.arrivals.push_back(arrival.clone());
        let is_new = self.seen.insert((arrival.to.clone(), arrival.text.clone()));
        // Both are drawn for every text, so that one text more or less does not change the users of all others.
        let converts = chance(&mut self.rng, settings.conversion_rate);
        let delay = settings.conversion_delay.draw(&mut self.rng);
        let has_reason = is_new && has_code(&arrival.text) && arrival.after <= settings.patience;
        let at = arrival.at.checked_add(delay)?;
        (converts && has_reason).then(|| Conversion {
            to: arrival.to.clone(),
            text: arrival.text.clone(),
            at,
        })
    }
}

/// Whether a text holds four to eight digits in a row.
fn has_code(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| (4..=8).contains(&digits.len()))
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            conversion_rate: 0.9,
            conversion_delay: Spread::millis(4_000, 20_000),
            patience: Duration::from_secs(60),
            memory: 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(text: &str, after: Duration) -> Arrival {
        let (to, from) = ("447700900010".to_owned(), "SHOP".to_owned());
        Arrival { to, from, text: text.to_owned(), after, at: Instant::now() + after }
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_enters_each_code_once_and_in_time() {
        let settings = Settings { conversion_rate: 1.0, ..Settings::default() };
        let (handsets, mut conversions) = Handsets::new(settings);
        let start = Instant::now();
        let second = Duration::from_secs(1);
        for (text, after) in [
            ("Sale! 20 % off", second),
            ("Your code is 482913", second),
            ("Your code is 482913", second),
            ("Your code is 111111", Duration::from_secs(90)),
            ("Your code is 555555", Duration::from_secs(50)),
        ] {
            handsets.arrive(arrival(text, after));
        }
        assert!(handsets.arrivals().is_empty());
        assert_eq!(conversions.next().await.text, "Your code is 482913");
        assert!((5..=21).contains(&start.elapsed().as_secs()));
        assert_eq!(handsets.arrivals().len(), 3);
        assert_eq!(conversions.next().await.text, "Your code is 555555");
        let nothing_more = tokio::time::timeout(Duration::from_secs(600), conversions.next()).await;
        assert!(nothing_more.is_err());
    }
}
