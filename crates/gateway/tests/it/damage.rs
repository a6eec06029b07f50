//! Somebody or something changed the store's files: it starts without what is damaged, or says which file it is and
//! what can be done.

use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::client;
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;
use crate::trial;

const TO: &str = "+447700900123";
const PLACES: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_record_is_put_aside_and_counted_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::default().vendor("acme", lab::closed_port(), "");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let mut ids = Vec::new();
    for text in ["first text", "text to be damaged", "third text"] {
        ids.push(gateway.client.send(TO, text).await);
    }
    gateway.process.signal("TERM");
    gateway.process.end().await;
    // A start moves all that is in the log into the database, where it is to be damaged.
    Gateway::start(folder.path(), &setup).await.kill();
    let file = folder.path().join("data/hot.db");
    for beside in ["data/hot.db-wal", "data/hot.db-shm"] {
        fs::remove_file(folder.path().join(beside)).unwrap();
    }
    let mut bytes = fs::read(&file).unwrap();
    let damaged = b"text to be damaged";
    let places: Vec<usize> = (0..bytes.len()).filter(|place| bytes[*place..].starts_with(damaged)).collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place] ^= 1;
    }
    fs::write(&file, bytes).unwrap();

    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "");
    let gateway = Gateway::start(folder.path(), &setup).await;
    for whole in [&ids[0], &ids[2]] {
        gateway.client.settled(whole, &["delivered"]).await;
    }
    let metrics = gateway.client.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\nstrowger_store_damaged_records 1\n"), "{metrics}");
    gateway.process.logs("a damaged record is put aside").await;
    assert_eq!(vendor.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_file_is_damaged_it_starts_or_says_which_one_and_what_to_do() {
    let seed = trial::seed();
    let mut random = StdRng::seed_from_u64(seed);
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "");
    let original = filled(&setup).await;
    let mut refused = 0;
    for round in 0..PLACES {
        let folder = tempfile::tempdir().unwrap();
        copy(&original.path().join("data"), &folder.path().join("data"));
        let what = damage(&folder.path().join("data"), &mut random);
        println!("{round}: {what}");
        let log = match Gateway::try_start(folder.path(), &setup).await {
            Ok(mut gateway) => {
                let client = &gateway.client;
                drop(client::answer(client.request(Method::GET, "/v1/messages?limit=100")).await);
                drop(client::answer(client.posting("/v1/messages", &json!({ "to": TO, "text": "x" }))).await);
                let ended = gateway.process.ended();
                let log = gateway.process.log();
                gateway.process.kill();
                if ended.is_none() {
                    assert!(!log.contains("panicked"), "seed {seed}: {what}: {log}");
                    continue;
                }
                log
            }
            Err(log) => log,
        };
        refused += 1;
        assert!(!log.contains("panicked"), "seed {seed}: {what}: {log}");
        let last = log.lines().last().unwrap_or_default();
        assert!(last.contains("hot.db") && last.contains("restore"), "seed {seed}: {what}: {log}");
    }
    println!("{refused} of {PLACES} did not go on");
}

/// A store that was left by `kill -9`, with open and sealed messages and with logs beside the databases.
async fn filled(setup: &Setup) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path(), setup).await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(gateway.client.send(TO, &format!("message {number}")).await);
    }
    for id in &ids {
        gateway.client.settled(id, &["delivered"]).await;
    }
    let days = folder.path().join("data/days");
    until("a day is sealed", async || (!files(&days).is_empty()).then_some(())).await;
    gateway.kill();
    folder
}

/// Flips a bit, or cuts a file short.
fn damage(folder: &Path, random: &mut StdRng) -> String {
    let mut files: Vec<PathBuf> = ["hot.db", "hot.db-wal"].map(|name| folder.join(name)).into();
    files.extend(self::files(&folder.join("days")));
    files.retain(|file| fs::metadata(file).is_ok_and(|file| file.len() > 0));
    files.sort();
    let file = &files[random.random_range(0..files.len())];
    let mut bytes = fs::read(file).unwrap();
    let place = random.random_range(0..bytes.len());
    let what = if random.random() {
        bytes[place] ^= 1 << random.random_range(0..8);
        "a bit flipped"
    } else {
        bytes.truncate(place);
        "cut"
    };
    fs::write(file, bytes).unwrap();
    format!("{} {what} at {place}", file.strip_prefix(folder).unwrap().display())
}

/// Databases and their logs.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|file| !file.to_string_lossy().ends_with("-shm")).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
