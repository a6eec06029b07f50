//! The engine in the gateway's terms: plans with reasons through `choose`, news, and what is made of it once a second.

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{ConnectionId, Timestamp, VerdictId};
use routing::learning::{Answer, Beliefs, Destination, Learner, News, What};
use routing::{Choice, Facts, HealthView, Table, choose};

use crate::clock::{Costs, timed};
use crate::world::{Failure, Message, Random, policy, table};

const RULES: usize = 1_000;
/// To which messages go, in each of 20 countries: with the 10 connections 10,000 arms.
const OPERATORS: usize = 50;
const RATE: usize = 2_000;
const WARM_UP: usize = 90;
const MEASURED: usize = 10;
/// Receipts come after so many seconds.
const RECEIPT: usize = 4;
const DECISIONS: usize = 50_000;
const BEGAN: i64 = 1_767_225_600_000;

/// In seconds.
pub(crate) struct Measured {
    /// With a plan that is dropped again.
    pub(crate) decision: f64,
    /// Of single ones, by the wall clock.
    pub(crate) median: f64,
    pub(crate) slow: f64,
    pub(crate) news: f64,
    /// The engine's tick, and what is believed as `choose` reads it.
    pub(crate) second: f64,
}

pub(crate) struct Gateway {
    table: Arc<Table>,
    learner: Learner,
    health: Health,
    messages: Vec<Message>,
    receipts: Vec<Vec<News>>,
    arms: HashSet<(ConnectionId, Destination)>,
    random: Random,
    second: usize,
}

struct Health {
    down: [ConnectionId; 2],
    beliefs: Beliefs,
}

impl HealthView for Health {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        self.down.contains(connection)
    }

    fn beliefs(&self) -> Option<&Beliefs> {
        Some(&self.beliefs)
    }
}

impl Gateway {
    /// One that has learned.
    pub(crate) fn new() -> Result<Self, Failure> {
        let table = Arc::new(table(&policy(RULES, &["adaptive"]))?);
        let mut random = Random(7);
        let messages: Result<Vec<Message>, Failure> =
            (0..DECISIONS).map(|_| Message::random(&mut random, RULES, OPERATORS)).collect();
        let began = Timestamp::from_millis(BEGAN);
        let mut gateway = Self {
            learner: Learner::new(Arc::clone(&table), began, 1),
            table,
            health: Health { down: ["c1".parse()?, "c4".parse()?], beliefs: Beliefs::default() },
            messages: messages?,
            receipts: vec![Vec::new(); RECEIPT],
            arms: HashSet::new(),
            random,
            second: 0,
        };
        for _ in 0..WARM_UP {
            gateway.pass_second();
        }
        Ok(gateway)
    }

    pub(crate) fn words(&self) -> String {
        let arms = self.arms.len();
        format!("{RULES} rules, all adaptive, {arms} arms, {RATE} messages a second")
    }

    pub(crate) fn measure(&mut self) -> Measured {
        let (mut news, mut seconds) = (Costs::default(), Costs::default());
        for _ in 0..MEASURED {
            let (of_news, of_second) = self.pass_second();
            news.add(of_news.0, of_news.1);
            seconds.add(of_second, 1);
        }
        let health = &self.health;
        let facts: Vec<Facts<'_>> =
            self.messages.iter().zip(0..).map(|(message, nth)| facts(message, nth, self.second)).collect();
        let (took, ()) = timed(|| {
            for facts in &facts {
                drop(black_box(choose(black_box(facts), &self.table, health)));
            }
        });
        let one = |facts: &Facts<'_>| {
            let began = Instant::now();
            let choice = black_box(choose(black_box(facts), &self.table, health));
            let took = began.elapsed().as_secs_f64();
            drop(choice);
            took
        };
        let mut walls: Vec<f64> = facts.iter().map(one).collect();
        walls.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| walls.get(walls.len() * percent / 100).copied().unwrap_or_default();
        Measured {
            decision: took.as_secs_f64() / facts.len() as f64,
            median: at(50),
            slow: at(99),
            news: news.mean(),
            second: seconds.mean(),
        }
    }

    /// A second of traffic, the tick and the table: what the news took and how many they were, and what the rest took.
    fn pass_second(&mut self) -> ((Duration, u64), Duration) {
        self.second += 1;
        let mut news = std::mem::take(&mut self.receipts[self.second % RECEIPT]);
        let mut receipts = Vec::new();
        let now = instant(self.second);
        for _ in 0..RATE {
            let message = &self.messages[self.random.below(DECISIONS)];
            let facts = facts(message, self.random.below(usize::MAX) as u64, self.second);
            let Ok(Choice { targets, drawn_from, .. }) = choose(&facts, &self.table, &self.health) else {
                continue;
            };
            let to = Destination::new(facts.country, facts.operator);
            let of = |what| News { at: now, app: facts.app.clone(), class: facts.class, to, what };
            news.push(of(What::Wanted { allowed: drawn_from }));
            // Any of them, so that every arm has traffic.
            let Some(target) = targets.get(self.random.below(targets.len().max(1))) else { continue };
            let connection = target.connection.clone();
            self.arms.insert((connection.clone(), to));
            news.push(of(What::Answered {
                connection: connection.clone(),
                segments: 1,
                answer: Answer::Accepted,
                is_test: false,
            }));
            receipts.push(of(What::Receipt { connection, sent_at: now, delivered: true }));
        }
        for (nth, receipt) in receipts.iter_mut().enumerate() {
            receipt.at = instant(self.second + RECEIPT);
            if let What::Receipt { delivered, .. } = &mut receipt.what {
                *delivered = !nth.is_multiple_of(16);
            }
        }
        self.receipts[self.second % RECEIPT] = receipts;
        let (heard_in, ()) = timed(|| {
            for news in &news {
                self.learner.hear(news);
            }
        });
        let (second_in, beliefs) = timed(|| {
            drop(self.learner.tick(now, || VerdictId::from_u128(0)));
            self.learner.publish()
        });
        if let Some(beliefs) = beliefs {
            self.health.beliefs = beliefs;
        }
        ((heard_in, news.len() as u64), second_in)
    }
}

/// Those of the message, at that second, with a draw of its own.
fn facts(message: &Message, nth: u64, second: usize) -> Facts<'_> {
    Facts { now: instant(second), chance: nth.wrapping_mul(0x9e37_79b9_7f4a_7c15), ..message.facts() }
}

fn instant(second: usize) -> Timestamp {
    Timestamp::from_millis(BEGAN + second as i64 * 1000)
}
