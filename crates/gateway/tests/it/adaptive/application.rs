//! An application that sends codes and other texts to users of two operators, and reports who entered a code.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use simulator::handset::{self, Conversions, Handsets};
use simulator::personality::Spread;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{self, Client};

/// Requests under way at once.
const ROOM: usize = 200;

/// Sends until it is dropped.
pub(super) struct Application {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    rate: u32,
    prefixes: [&'static str; 2],
    target: Mutex<Option<Client>>,
    /// The id of each message with a code, by number and text.
    ids: Mutex<HashMap<(String, String), String>>,
    room: Arc<Semaphore>,
}

/// Users who soon enter the code that they were sent.
pub(super) fn handsets() -> (Handsets, Conversions) {
    Handsets::new(handset::Settings {
        conversion_rate: 0.8,
        conversion_delay: Spread::millis(500, 3000),
        memory: 200_000,
        ..handset::Settings::default()
    })
}

impl Application {
    pub(super) fn start(rate: u32, prefixes: [&'static str; 2], conversions: Conversions) -> Self {
        let shared = Arc::new(Shared {
            rate,
            prefixes,
            target: Mutex::default(),
            ids: Mutex::default(),
            room: Arc::new(Semaphore::new(ROOM)),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(send(Arc::clone(&shared)));
        tasks.spawn(convert(Arc::clone(&shared), conversions));
        Self { shared, _tasks: tasks }
    }

    pub(super) fn aim_at(&self, client: Option<&Client>) {
        *self.shared.target.lock() = client.cloned();
    }
}

async fn send(shared: Arc<Shared>) {
    let mut posts = JoinSet::new();
    let (begin, mut number) = (Instant::now(), 0_u64);
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        while posts.try_join_next().is_some() {}
        let due = (begin.elapsed().as_secs_f64() * f64::from(shared.rate)) as u64;
        let target = shared.target.lock().clone();
        let Some(client) = target else {
            number = due;
            continue;
        };
        while number < due {
            number += 1;
            // Of a gateway that does not keep up nobody asks more.
            let Ok(room) = Arc::clone(&shared.room).try_acquire_owned() else { continue };
            let (shared, client) = (Arc::clone(&shared), client.clone());
            posts.spawn(async move {
                shared.post(&client, number).await;
                drop(room);
            });
        }
    }
}

impl Shared {
    async fn post(&self, client: &Client, number: u64) {
        let prefix = self.prefixes[(number % 2) as usize];
        let to = format!("{prefix}{:06}", number % 1_000_000);
        let is_code = number % 4 < 2;
        let (class, text) = if is_code {
            ("otp", format!("Your code is {:07}", number + 1_000_000))
        } else {
            ("transactional", format!("Your order {number} is on its way"))
        };
        let body = json!({ "to": format!("+{to}"), "class": class, "text": text });
        // While the gateway is restarted nobody answers.
        let Ok(answer) = client::answer(client.posting("/v1/messages", &body)).await else { return };
        if let Some(id) = answer.body["id"].as_str().filter(|_| is_code) {
            self.ids.lock().insert((to, text), id.to_owned());
        }
    }

    async fn report(&self, message: (String, String)) {
        for _ in 0..NAMED_WITHIN {
            let id = self.ids.lock().remove(&message);
            let target = self.target.lock().clone();
            if let (Some(id), Some(client)) = (id, target) {
                let body = json!({ "message_id": id, "converted": true });
                // As above.
                drop(client::answer(client.posting("/v1/conversions", &body)).await);
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A user may be quicker than the answer that says how the message is called.
const NAMED_WITHIN: u32 = 100;

async fn convert(shared: Arc<Shared>, mut conversions: Conversions) {
    let mut reports = JoinSet::new();
    loop {
        let conversion = conversions.next().await;
        while reports.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        reports.spawn(async move { shared.report((conversion.to, conversion.text)).await });
    }
}
