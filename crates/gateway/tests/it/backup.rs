//! A backup taken under load: everything that was acknowledged before it began is in it, and a store that was restored
//! from it sends nothing until it is told to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Vendor;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client::{self, ADMIN_KEY, Client};
use crate::command_line::{alone, by};
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const MESSAGES: usize = 300;
const ACKNOWLEDGED_BEFORE: usize = 120;
const APPLICATIONS: usize = 16;

/// A backup that was taken while a gateway worked, and the messages that were acknowledged before it began.
struct Taken {
    _folder: TempDir,
    backup: PathBuf,
    acknowledged: BTreeSet<String>,
    /// Keeps running, as nobody was told to stop it.
    _gateway: Gateway,
    _vendor: Vendor,
}

/// Some messages are over, some on the wire, some wait.
async fn taken_under_load() -> Taken {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::answering_after(Duration::from_millis(100)).await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "window = 5");
    let gateway = Gateway::start(folder.path(), &setup).await;
    let turns = Arc::new(Semaphore::new(APPLICATIONS));
    let mut posts = JoinSet::new();
    for number in 0..MESSAGES {
        let (client, turns) = (gateway.client.clone(), Arc::clone(&turns));
        posts.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            client.send(&format!("+447700900{number:03}"), &format!("message {number}")).await
        });
    }
    let mut acknowledged = BTreeSet::new();
    while acknowledged.len() < ACKNOWLEDGED_BEFORE {
        acknowledged.insert(posts.join_next().await.unwrap().unwrap());
    }
    let backup = folder.path().join("backup");
    let file = folder.path().join("strowger.toml");
    let command = ["db", "backup", "--config", text(&file), text(&backup), "--json"];
    let taken = alone(&command).await.ended_with(0);
    assert!(taken.stderr.contains("hot.db: "), "no progress is told: {}", taken.stderr);
    let manifest = &taken.json()["manifest"];
    assert!(manifest["messages"].as_u64().unwrap() >= ACKNOWLEDGED_BEFORE as u64, "{manifest}");
    while let Some(post) = posts.join_next().await {
        post.unwrap();
    }
    alone(&["db", "verify", text(&backup)]).await.ended_with(0);
    // Never over what is there.
    alone(&command).await.ended_with(6);
    Taken { _folder: folder, backup, acknowledged, _gateway: gateway, _vendor: vendor }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The backup as the store of another gateway, over another vendor.
struct Restored {
    folder: TempDir,
    vendor: Vendor,
    setup: Setup,
}

impl Restored {
    async fn of(backup: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vendor = lab::vendor().await;
        let setup = Setup::default().vendor("acme", vendor.addr().port(), "");
        let file = folder.path().join("strowger.toml");
        std::fs::write(&file, setup.file()).unwrap();
        let command = ["db", "restore", "--config", text(&file), "--from", text(backup)];
        alone(&command).await.ended_with(0);
        // Never over a store that is there.
        alone(&command).await.ended_with(6);
        Self { folder, vendor, setup }
    }

    async fn resumed(&self, what: &str) -> Gateway {
        Gateway::start_with(self.folder.path(), &self.setup, &["--resume", what]).await
    }

    async fn status(&self) -> Value {
        let file = self.folder.path().join("strowger.toml");
        alone(&["db", "status", "--config", text(&file), "--json"]).await.ended_with(0).json()
    }
}

async fn sends(client: &Client) {
    let id = client.send("+447700900999", "after the restore").await;
    let trace = client.settled(&id, &["delivered"]).await;
    assert_eq!(trace["message"]["possible_duplicate"], false);
}

#[tokio::test]
async fn a_restored_store_has_every_acknowledged_message_and_sends_nothing_until_told() {
    let taken = taken_under_load().await;
    let restored = Restored::of(&taken.backup).await;
    let mut gateway = Gateway::listening(restored.folder.path(), &restored.setup, &[]).await;
    let client = &gateway.client;
    let mut open = BTreeSet::new();
    for id in &taken.acknowledged {
        let message = client.message(id).await;
        if message["status"] != "delivered" {
            open.insert(id.clone());
        }
    }
    assert!(!open.is_empty(), "nothing was open when the backup was taken");
    let refused = client.posting("/v1/messages", &json!({ "to": "+447700900123", "text": "hello" }));
    let refused = client::answer(refused).await.unwrap();
    assert_eq!((refused.status, &refused.body["code"]), (503, &json!("on_hold")));
    for (method, path) in
        [(Method::POST, "/v1/overrides"), (Method::DELETE, "/v1/overrides/ovr_01k3z8q4x6v2j0yb7m5n9rtcwd")]
    {
        let flip = json!({ "from": "acme-sms", "to": "borealis-sms", "reason": "no binds" });
        let request =
            client.bare(method, path).bearer_auth(ADMIN_KEY).header("content-type", "application/json");
        let refused = client::answer(request.body(flip.to_string())).await.unwrap();
        assert_eq!((refused.status, &refused.body["code"]), (503, &json!("on_hold")), "{path}");
    }
    let ready = client.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.to_string().contains("on hold"), "{}", ready.body);
    gateway.process.logs("on hold").await;
    assert_eq!(restored.status().await["on_hold"], true);
    gateway.process.signal("TERM");
    assert_eq!(gateway.process.end().await.code(), Some(0), "{}", gateway.process.log());
    let stats = restored.vendor.stats();
    assert_eq!((stats.sessions, stats.submissions), (0, 0), "it spoke to a vendor");

    let gateway = restored.resumed("all").await;
    for id in &taken.acknowledged {
        let trace = gateway.client.settled(id, &["delivered", "submitted", "uncertain"]).await;
        let message = &trace["message"];
        let was_sent =
            trace["attempts"].as_array().unwrap().iter().any(|it| it["possible_duplicate"] == true);
        let was_waiting = open.contains(id) && message["status"] == "delivered";
        assert!(!was_waiting || was_sent, "sent again, and nothing says so: {trace}");
    }
    assert!(restored.vendor.stats().accepted > 0, "what waited was not sent");
    let command = ["audit", "list", "--json"];
    let listed = by(ADMIN_KEY, &gateway.client, &command).await.ended_with(0).json();
    let told: Vec<&Value> = listed["data"].as_array().unwrap().iter().map(|one| &one["entry"]).collect();
    let actions: Vec<&Value> = told.iter().map(|entry| &entry["action"]).collect();
    let first = ["store.restore", "configuration.load", "policy.import"];
    assert_eq!(actions[actions.len() - 3..], first, "{listed}");
    assert!(told.iter().any(|entry| entry["action"] == "store.resume" && entry["after"]["resumed"] == "all"));
    sends(&gateway.client).await;
    assert_eq!(restored.status().await["on_hold"], false);
}

#[tokio::test]
async fn what_is_not_resumed_is_uncertain_and_never_sent() {
    let taken = taken_under_load().await;
    let restored = Restored::of(&taken.backup).await;
    let mut gateway = restored.resumed("none").await;
    let mut uncertain = 0;
    for id in &taken.acknowledged {
        let message = gateway.client.message(id).await;
        let status = message["status"].as_str().unwrap();
        assert!(["delivered", "submitted", "uncertain"].contains(&status), "{message}");
        uncertain += usize::from(status == "uncertain");
    }
    assert!(uncertain > 0, "nothing waited when the backup was taken");
    sends(&gateway.client).await;
    assert_eq!(restored.vendor.stats().submissions, 1);

    // It is over: another start goes on as ever.
    gateway.process.signal("TERM");
    assert_eq!(gateway.process.end().await.code(), Some(0), "{}", gateway.process.log());
    let gateway = Gateway::start(restored.folder.path(), &restored.setup).await;
    sends(&gateway.client).await;
    assert_eq!(restored.vendor.stats().submissions, 2);
}

#[tokio::test]
async fn a_backup_without_a_damaged_day_is_finished_and_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let (store, backup, copy) =
        (folder.path().join("data"), folder.path().join("backup"), folder.path().join("copy"));
    drop(store::sqlite::open(&store, &store::sqlite::Options::default()).unwrap());
    std::fs::write(store.join("days/2026-03-01.db"), "not a database ".repeat(1000)).unwrap();
    let taken =
        alone(&["db", "backup", "--store", text(&store), text(&backup), "--json"]).await.ended_with(7);
    assert_eq!(taken.json()["manifest"]["not_copied"][0]["file"], "days/2026-03-01.db");
    assert!(taken.stderr.contains("days/2026-03-01.db"), "{}", taken.stderr);
    let verified = alone(&["db", "verify", text(&backup)]).await.ended_with(0);
    assert!(verified.stdout.contains("2026-03-01.db is not in the backup"), "{}", verified.stdout);
    let restore = ["db", "restore", "--store", text(&copy), "--from", text(&backup)];
    let restored = alone(&restore).await.ended_with(0);
    assert!(restored.stderr.contains("2026-03-01.db is not in the backup"), "{}", restored.stderr);
    alone(&["db", "verify", "--store", text(&copy)]).await.ended_with(0);
}

#[tokio::test]
async fn the_store_is_looked_after_from_the_command_line() {
    let taken = taken_under_load().await;
    let restored = Restored::of(&taken.backup).await;
    let file = restored.folder.path().join("strowger.toml");
    let config = text(&file);
    let store = restored.folder.path().join("data");
    let shown = alone(&["db", "status", "--store", text(&store)]).await.ended_with(0);
    assert!(shown.stdout.contains("on hold") && shown.stdout.contains("open messages"), "{}", shown.stdout);
    alone(&["db", "verify", "--config", config]).await.ended_with(0);
    alone(&["db", "verify", "--store", text(&restored.folder.path().join("nowhere"))]).await.ended_with(4);
    alone(&["db", "prune", "--config", config]).await.ended_with(2);
    alone(&["db", "prune", "--config", config, "--older-than", "1d"]).await.ended_with(3);
    let listed =
        alone(&["db", "prune", "--config", config, "--older-than", "7d", "--json"]).await.ended_with(0);
    assert_eq!(listed.json()["dropped"], false);
    let gateway = Gateway::listening(restored.folder.path(), &restored.setup, &[]).await;
    let prune = ["db", "prune", "--config", config, "--older-than", "7d", "--yes"];
    let refused = alone(&prune).await.ended_with(6);
    assert!(refused.stderr.contains("stop the gateway"), "{}", refused.stderr);
    drop(gateway);
    alone(&prune).await.ended_with(0);

    // One flipped bit is found, and no store is made of it.
    let damaged = taken.backup.join("hot.db");
    let mut bytes = std::fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    let found = alone(&["db", "verify", text(&taken.backup)]).await.ended_with(7);
    assert!(found.stdout.contains("checksum differs"), "{}", found.stdout);
    let elsewhere = restored.folder.path().join("elsewhere");
    let restore = ["db", "restore", "--store", text(&elsewhere), "--from", text(&taken.backup)];
    alone(&restore).await.ended_with(7);
    assert!(!elsewhere.exists());
}
