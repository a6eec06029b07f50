//! Codes that somebody has sent to numbers where nobody waits for one, to earn by each of them.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::configuration::KEY;

/// Codes a second.
pub(super) const RATE: u32 = 20;
/// A range of numbers in a row, none of which has an outcome of its own.
const FIRST: u32 = 710;
pub(super) const NUMBERS: u32 = 19;
/// Requests under way at once.
const ROOM: usize = 100;

/// Asks for codes through the application's own form until it is dropped.
pub(super) async fn send(url: String, http: reqwest::Client) {
    let mut every = interval(Duration::from_secs(1) / RATE);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut posts = JoinSet::new();
    for nth in 0_u32.. {
        every.tick().await;
        while posts.try_join_next().is_some() {}
        if posts.len() >= ROOM {
            continue;
        }
        let to = format!("+447700900{}", FIRST + nth % NUMBERS);
        let body =
            json!({ "to": to, "class": "otp", "text": format!("Your code is {:06}", nth % 1_000_000) });
        let request = http.post(format!("{url}/v1/messages")).bearer_auth(KEY);
        let request = request.header("content-type", "application/json").body(body.to_string());
        // What is refused is not asked for again.
        posts.spawn(async move { drop(request.send().await) });
    }
}
