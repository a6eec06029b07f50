//! `kill -9` in the middle of traffic: nothing that was accepted is lost, and what may be double says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::Vendor;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client::{self, Client};
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const MESSAGES: usize = 300;
/// How many have their answer when the process dies; others are on their way in then.
const ACCEPTED_BEFORE: usize = 250;
const APPLICATIONS: usize = 16;

#[tokio::test]
async fn every_accepted_message_ends_well_or_says_that_it_may_not_have() {
    let folder = tempfile::tempdir().unwrap();
    // Slow enough that windows are full and messages wait when the process dies.
    let acme = lab::answering_after(Duration::from_millis(400)).await;
    let borealis = lab::answering_after(Duration::from_millis(400)).await;
    let setup = Setup::default().vendor("acme", acme.addr().port(), "window = 20").vendor(
        "borealis",
        borealis.addr().port(),
        "window = 20",
    );
    let gateway = Gateway::start(folder.path(), &setup).await;
    let mut accepted = BTreeMap::new();
    let mut posts = post_all(&gateway.client);
    while accepted.len() < ACCEPTED_BEFORE {
        let (number, answer) = posts.join_next().await.unwrap().unwrap();
        accepted.insert(number, answer.expect("it runs yet"));
    }
    gateway.kill();
    while let Some(post) = posts.join_next().await {
        let (number, answer) = post.unwrap();
        accepted.extend(answer.map(|id| (number, id)));
    }
    let taken_before = acme.stats().accepted + borealis.stats().accepted;
    assert!(taken_before < ACCEPTED_BEFORE as u64, "all was over before the process died");

    let gateway = Gateway::start(folder.path(), &setup).await;
    // Whoever got no answer asks again under the same key, as applications do.
    let mut posts = post_all(&gateway.client);
    while let Some(post) = posts.join_next().await {
        let (number, answer) = post.unwrap();
        let id = answer.expect("the gateway runs");
        let before = accepted.insert(number, id.clone());
        assert!(before.is_none_or(|before| before == id), "message {number} got a second id");
    }
    assert_eq!(accepted.len(), MESSAGES);
    check(&gateway.client, &accepted, &[acme, borealis]).await;
}

async fn check(client: &Client, accepted: &BTreeMap<usize, String>, vendors: &[Vendor]) {
    let mut doubtful = BTreeSet::new();
    for (number, id) in accepted {
        let message = until(&format!("{id} has ended"), async || {
            let message = client.message(id).await;
            matches!(message["status"].as_str(), Some("delivered" | "uncertain")).then_some(message)
        })
        .await;
        if message["status"] == "uncertain" || message["possible_duplicate"] == true {
            doubtful.insert(*number);
        }
    }
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for message in vendors.iter().flat_map(Vendor::received) {
        *arrived.entry(message.text).or_default() += 1;
    }
    for number in accepted.keys() {
        let times = arrived.get(&text(*number)).copied().unwrap_or_default();
        let is_doubtful = doubtful.contains(number);
        assert!(times == 1 || is_doubtful, "message {number} came {times} times, and nothing says so");
    }
    // Two windows of one bind each: no more than those can have been on the wire without an answer.
    assert!(doubtful.len() <= 40, "{} are in doubt", doubtful.len());
    println!("{} in doubt", doubtful.len());
}

/// Posts all messages from several applications at once; None where no answer came.
fn post_all(client: &Client) -> JoinSet<(usize, Option<String>)> {
    let turns = Arc::new(Semaphore::new(APPLICATIONS));
    let mut posts = JoinSet::new();
    for number in 0..MESSAGES {
        let (client, turns) = (client.clone(), Arc::clone(&turns));
        posts.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            (number, post(&client, number).await)
        });
    }
    posts
}

async fn post(client: &Client, number: usize) -> Option<String> {
    let body: Value = json!({ "to": format!("+447700900{number:03}"), "text": text(number) });
    let request = client.posting("/v1/messages", &body).header("idempotency-key", format!("crash-{number}"));
    let answer = client::answer(request).await.ok()?;
    assert_eq!(answer.status, 202, "{}", answer.body);
    Some(answer.body["id"].as_str().unwrap().to_owned())
}

fn text(number: usize) -> String {
    format!("message {number}")
}
