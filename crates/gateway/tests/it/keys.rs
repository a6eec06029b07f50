//! Keys and the audit log as those outside see them: by the command line, through restarts and reloads, and in what is
//! left on the disk.

use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::client::{ADMIN_KEY, APP_KEY};
use crate::command_line::{alone, by};
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::{APP_PASSWORD, Setup, WEBHOOK_SECRET};

const TO: &str = "+447700900123";

/// Every file below the folder that holds the text.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else {
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_key_made_by_the_command_line_opens_through_a_crash_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let create =
        ["key", "create", "--app", "shop", "--label", "till", "--scope", "send,read", "--reason", "new"];
    let made = by(ADMIN_KEY, &gateway.client, &create).await.ended_with(0);
    let secret = made.stdout.trim();
    assert!(secret.starts_with("swk_") && !made.stderr.contains(secret), "{}", made.stderr);
    let send = ["send", "--to", TO, "--text", "hello", "--wait"];
    by(secret, &gateway.client, &send).await.ended_with(0);
    by(APP_KEY, &gateway.client, &["key", "list"]).await.ended_with(5);

    gateway.process.kill();
    let gateway = Gateway::start(folder.path(), &setup).await;
    by(secret, &gateway.client, &send).await.ended_with(0);
    let listed = by(ADMIN_KEY, &gateway.client, &["key", "list", "--json"]).await.ended_with(0).json();
    let id = listed["data"][0]["id"].as_str().unwrap();
    assert_eq!(
        (&listed["data"][0]["label"], &listed["data"][0]["state"]),
        (&"till".into(), &"active".into())
    );
    let rotated =
        by(ADMIN_KEY, &gateway.client, &["key", "rotate", id, "--overlap", "0s"]).await.ended_with(0);
    by(secret, &gateway.client, &send).await.ended_with(5);
    let next = rotated.stdout.trim();
    by(next, &gateway.client, &send).await.ended_with(0);
    let listed = by(ADMIN_KEY, &gateway.client, &["key", "list", "--state", "active", "--json"]).await;
    let id = listed.ended_with(0).json()["data"][0]["id"].as_str().unwrap().to_owned();
    by(ADMIN_KEY, &gateway.client, &["key", "revoke", &id, "--reason", "closed"]).await.ended_with(0);
    by(next, &gateway.client, &send).await.ended_with(5);
    let apps = by(ADMIN_KEY, &gateway.client, &["app", "list"]).await.ended_with(0);
    assert!(apps.stdout.contains("shop"), "{}", apps.stdout);
}

#[tokio::test]
async fn no_secret_is_left_in_the_data_the_log_or_the_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").webhook(9).door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let create = ["key", "create", "--app", "shop"];
    let made = by(ADMIN_KEY, &gateway.client, &create).await.ended_with(0);
    let made = made.stdout.trim();
    for key in [made, APP_KEY] {
        by(key, &gateway.client, &["send", "--to", TO, "--text", "hello", "--wait"]).await.ended_with(0);
    }
    by("swk_wrong-key", &gateway.client, &["message", "list"]).await.ended_with(5);
    let metrics = gateway.client.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("strowger_messages_total"), "{metrics}");
    gateway.process.signal("TERM");
    gateway.process.end().await;
    let log = gateway.process.log();
    let data = folder.path().join("data");
    for secret in [made, APP_KEY, ADMIN_KEY, WEBHOOK_SECRET, APP_PASSWORD, "swk_wrong-key"] {
        assert_eq!(files_with(&data, secret), [""; 0]);
        assert!(!log.contains(secret) && !metrics.contains(secret), "{secret} in {log}");
    }
    // What is there is found: the text of the messages.
    assert!(!files_with(&data, "hello").is_empty());
}

#[tokio::test]
async fn a_reload_is_told_in_the_audit_log_with_what_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(", max_binds = 4");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(", max_binds = 8");
    fs::write(folder.path().join("strowger.toml"), setup.file()).unwrap();
    gateway.process.signal("HUP");
    gateway.process.logs("reloaded").await;
    let listed = by(ADMIN_KEY, &gateway.client, &["audit", "list", "--json"]).await.ended_with(0).json();
    let entries = listed["data"].as_array().unwrap().iter().map(|one| &one["entry"]);
    // The start made the file's policy the first version, too, in an entry of its own.
    let entries: Vec<&Value> = entries.filter(|entry| entry["action"] == "configuration.load").collect();
    let doors: Vec<&Value> = entries.iter().map(|entry| &entry["actor"]["door"]).collect();
    assert_eq!(doors, ["reload", "start"]);
    let changed = |side: &str| &entries[0][side]["configuration"]["apps[shop].smpp.max_binds"];
    assert_eq!((changed("before"), changed("after")), (&Value::from(4), &Value::from(8)));
    let first = entries[1]["after"]["configuration"].to_string();
    assert!(first.contains("\"***\"") && !first.contains(ADMIN_KEY), "{first}");

    // The same file again changes nothing, neither now nor at the next start.
    gateway.process.signal("TERM");
    gateway.process.end().await;
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let verified = by(ADMIN_KEY, &gateway.client, &["audit", "verify", "--json"]).await.ended_with(0).json();
    assert_eq!(verified["entries"], 3, "{verified}");

    let exported = by(ADMIN_KEY, &gateway.client, &["audit", "export"]).await.ended_with(0).stdout;
    gateway.process.signal("TERM");
    gateway.process.end().await;
    let file = folder.path().join("audit.jsonl");
    let path = file.to_str().unwrap();
    let hash = verified["last_hash"].as_str().unwrap();
    fs::write(&file, &exported).unwrap();
    alone(&["audit", "verify", "--file", path, "--expect", hash]).await.ended_with(0);
    fs::write(&file, exported.replacen("\"door\":\"start\"", "\"door\":\"other\"", 1)).unwrap();
    let broken = alone(&["audit", "verify", "--file", path]).await.ended_with(7);
    assert!(broken.stderr.contains("entry 1"), "{}", broken.stderr);
    let cut: String = exported.lines().take(1).map(|line| format!("{line}\n")).collect();
    fs::write(&file, cut).unwrap();
    alone(&["audit", "verify", "--file", path]).await.ended_with(0);
    alone(&["audit", "verify", "--file", path, "--expect", hash]).await.ended_with(7);
}
