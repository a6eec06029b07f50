//! Applications that send at a steady rate whatever the answers, and keep book of what was promised to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{self, Client};

/// Requests under way at once; who would send more skips a turn, so that a slow gateway is not buried.
const CONNECTIONS: usize = 256;
const TICK: Duration = Duration::from_millis(10);

/// Sends until it is dropped.
pub(crate) struct Load {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    rate: u32,
    /// Where the gateway is now; None while there is none.
    target: Mutex<Option<Client>>,
    ledger: Mutex<Ledger>,
    room: Arc<Semaphore>,
}

/// What was asked for and what was answered. Messages are numbered, and a number says all of a message.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    next: u64,
    /// The id that was acknowledged for each number.
    pub(crate) accepted: BTreeMap<u64, String>,
    /// Numbers that have a key, and whose answer never came.
    unanswered: BTreeSet<u64>,
    /// Refused for now: 503 or 429.
    pub(crate) refused: u64,
    /// Turns skipped for want of room.
    pub(crate) skipped: u64,
    /// What should not have happened.
    pub(crate) complaints: Vec<String>,
}

impl Load {
    pub(crate) fn start(rate: u32) -> Self {
        let shared = Arc::new(Shared {
            rate,
            target: Mutex::default(),
            ledger: Mutex::default(),
            room: Arc::new(Semaphore::new(CONNECTIONS)),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(run(Arc::clone(&shared)));
        Self { shared, _tasks: tasks }
    }

    /// Sends to this gateway from now on, or to nobody.
    pub(crate) fn aim_at(&self, target: Option<&Client>) {
        *self.shared.target.lock() = target.cloned();
    }

    /// Asks again under the same keys: for what was never answered, and for some of what was.
    pub(crate) async fn repeat(&self, client: &Client) {
        let numbers: Vec<u64> = {
            let ledger = self.shared.ledger.lock();
            let answered = ledger.accepted.keys().rev().copied().filter(|number| has_key(*number)).take(20);
            ledger.unanswered.iter().copied().chain(answered).collect()
        };
        let mut posts = JoinSet::new();
        for number in numbers {
            let (client, shared) = (client.clone(), Arc::clone(&self.shared));
            posts.spawn(async move { shared.post(&client, number).await });
        }
        posts.join_all().await;
    }

    /// Waits until nothing is under way.
    pub(crate) async fn quiet(&self) {
        let all = u32::try_from(CONNECTIONS).unwrap();
        drop(self.shared.room.acquire_many(all).await.unwrap());
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.ledger.lock().accepted.len()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.shared.ledger.lock().clone()
    }
}

async fn run(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(TICK);
    let mut posts = JoinSet::new();
    // Since when it sends, and how many it sent since.
    let mut sending: Option<(Instant, u64)> = None;
    loop {
        tick.tick().await;
        while posts.try_join_next().is_some() {}
        let Some(target) = shared.target.lock().clone() else {
            sending = None;
            continue;
        };
        let (since, sent) = sending.get_or_insert_with(|| (Instant::now(), 0));
        let due = (since.elapsed().as_secs_f64() * f64::from(shared.rate)) as u64;
        while *sent < due {
            *sent += 1;
            let Ok(room) = Arc::clone(&shared.room).try_acquire_owned() else {
                shared.ledger.lock().skipped += 1;
                continue;
            };
            let number = {
                let mut ledger = shared.ledger.lock();
                ledger.next += 1;
                ledger.next
            };
            let (target, shared) = (target.clone(), Arc::clone(&shared));
            posts.spawn(async move {
                shared.post(&target, number).await;
                drop(room);
            });
        }
    }
}

impl Shared {
    async fn post(&self, client: &Client, number: u64) {
        let to = format!("+447700{:06}", 900_000 + number % 1000);
        let body = json!({ "to": to, "text": text(number), "reference": number.to_string() });
        let mut request = client.posting("/v1/messages", &body);
        if has_key(number) {
            request = request.header("idempotency-key", format!("number-{number}"));
        }
        let answer = client::answer(request).await;
        let mut ledger = self.ledger.lock();
        match answer {
            Ok(answer) if answer.status == 202 => {
                let id = answer.body["id"].as_str().unwrap().to_owned();
                ledger.unanswered.remove(&number);
                if let Some(before) = ledger.accepted.insert(number, id.clone())
                    && before != id
                {
                    ledger.complaints.push(format!("{number} got the id {before} and then {id}"));
                }
            }
            Ok(answer) if matches!(answer.status, 429 | 503) => ledger.refused += 1,
            Ok(answer) => ledger.complaints.push(format!("{number}: {} {}", answer.status, answer.body)),
            // Nobody knows whether it was accepted. Without a key nobody can ask either.
            Err(_) if has_key(number) => drop(ledger.unanswered.insert(number)),
            Err(_) => {}
        }
    }
}

fn has_key(number: u64) -> bool {
    number.is_multiple_of(2)
}

/// Every tenth is a long text, of two parts.
pub(crate) fn text(number: u64) -> String {
    let rest = if number.is_multiple_of(10) { "long ".repeat(40) } else { "short".to_owned() };
    format!("message {number} {}", rest.trim_end())
}

pub(crate) fn short_text(number: u64) -> String {
    format!("message {number} by SMPP")
}

/// The number of a text that arrived.
pub(crate) fn number(text: &str) -> u64 {
    let word = text.split(' ').nth(1).unwrap_or_default();
    word.parse().unwrap_or_else(|_| panic!("nobody sent `{text}`"))
}
