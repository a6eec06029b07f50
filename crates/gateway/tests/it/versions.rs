//! Versions of the policy on a gateway that is killed, reloaded and commanded: the store's is the truth, the file is
//! imported when it changed, and nothing is half-applied.

use std::path::Path;

use serde_json::Value;
use simulator::Vendor;

use crate::client::ADMIN_KEY;
use crate::command_line::by;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::{PASSWORD, SYSTEM_ID, Setup};

const TO: &str = "+447700900123";

fn setup(acme: &Vendor, borealis: &Vendor) -> Setup {
    Setup::default()
        .vendor("acme", acme.addr().port(), "")
        .vendor("borealis", borealis.addr().port(), "")
        .rule("validity = \"1h\"")
}

async fn first_route(gateway: &Gateway) -> String {
    let plan = by(crate::client::APP_KEY, &gateway.client, &["explain", "--to", TO, "--json"]).await;
    plan.ended_with(0).json()["plan"][0]["route"].as_str().unwrap().to_owned()
}

async fn ops(gateway: &Gateway, arguments: &[&str]) -> crate::command_line::Done {
    by(ADMIN_KEY, &gateway.client, arguments).await
}

/// What is in force, dumped with the order of the routes turned round.
async fn turned(gateway: &Gateway, folder: &Path) -> String {
    let wanted = folder.join("wanted");
    let path = wanted.to_str().unwrap().to_owned();
    ops(gateway, &["config", "dump", "--out", &path]).await.ended_with(0);
    let file = wanted.join("policy.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let other = text.replace(r#"["acme-sms", "borealis-sms"]"#, r#"["borealis-sms", "acme-sms"]"#);
    assert_ne!(text, other);
    std::fs::write(file, other).unwrap();
    path
}

async fn active(gateway: &Gateway) -> Value {
    ops(gateway, &["policy", "list", "--json"]).await.ended_with(0).json()["active"].clone()
}

#[tokio::test]
async fn what_was_put_in_force_survives_a_kill_and_a_reload_until_the_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let setup = setup(&acme, &borealis);
    let gateway = Gateway::start(folder.path(), &setup).await;
    let wanted = turned(&gateway, folder.path()).await;
    let told = ops(&gateway, &["config", "diff", &wanted]).await.ended_with(10);
    assert!(told.stdout.starts_with("~ rule all "), "{}", told.stdout);
    ops(&gateway, &["config", "apply", &wanted, "--message", "borealis first"]).await.ended_with(0);
    assert_eq!(first_route(&gateway).await, "borealis-sms");
    ops(&gateway, &["config", "diff", &wanted]).await.ended_with(0);
    let file = folder.path().join("strowger.toml");
    ops(&gateway, &["config", "diff", file.to_str().unwrap()]).await.ended_with(10);

    gateway.kill();
    let gateway = Gateway::start(folder.path(), &setup).await;
    gateway.process.logs("the policy in force is not the one of the configuration file").await;
    assert_eq!((first_route(&gateway).await, active(&gateway).await), ("borealis-sms".to_owned(), 2.into()));
    gateway.process.signal("HUP");
    gateway.process.logs("the configuration was reloaded").await;
    assert_eq!(first_route(&gateway).await, "borealis-sms");

    let changed = Setup::default()
        .vendor("acme", acme.addr().port(), "")
        .vendor("borealis", borealis.addr().port(), "")
        .rule("validity = \"2h\"");
    gateway.kill();
    let gateway = Gateway::start(folder.path(), &changed).await;
    assert_eq!((first_route(&gateway).await, active(&gateway).await), ("acme-sms".to_owned(), 3.into()));
    let back = ops(&gateway, &["policy", "rollback", "2", "--reason", "as agreed", "--json"]).await;
    assert_eq!(back.ended_with(0).json()["number"], 4);
    assert_eq!(first_route(&gateway).await, "borealis-sms");
}

#[tokio::test]
async fn a_reload_without_what_the_policy_in_force_needs_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor().await;
    let port = acme.addr().port();
    let without = Setup::default().vendor("acme", port, "").file();
    // A second connection that no route of the file uses.
    let with = format!(
        "{without}\n[[vendors]]\nid = \"other\"\n[[vendors.connections]]\nid = \"other-main\"\nkind = \"smpp\"\n\
         host = \"127.0.0.1\"\nport = {port}\nsystem_id = \"{SYSTEM_ID}\"\npassword = \"{PASSWORD}\"\n"
    );
    let gateway = Gateway::start_from(folder.path(), &with).await;
    let more = folder.path().join("more.toml");
    std::fs::write(&more, "[[routes]]\nid = \"more\"\nconnection = \"other-main\"\n").unwrap();
    let applied = ops(&gateway, &["config", "apply", more.to_str().unwrap()]).await.ended_with(0);
    assert!(applied.stderr.contains("kept, though no file names it: route acme-sms"), "{}", applied.stderr);
    assert_eq!(active(&gateway).await, 2);

    std::fs::write(folder.path().join("strowger.toml"), &without).unwrap();
    gateway.process.signal("HUP");
    gateway.process.logs("no connection is called `other-main`").await;
    assert_eq!((first_route(&gateway).await, active(&gateway).await), ("acme-sms".to_owned(), 2.into()));
    let pruned = ops(&gateway, &["config", "apply", more.to_str().unwrap(), "--prune"]).await.ended_with(0);
    assert!(pruned.stdout.contains("route acme-sms is removed"), "{}", pruned.stdout);
}

#[tokio::test]
async fn commands_say_what_they_found_by_their_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let gateway = Gateway::start(folder.path(), &setup(&acme, &borealis)).await;
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let unreadable =
        file("unreadable.toml", "[[routes]]\nconection = \"acme-main\"\n[policy]\ndefault_class = 7\n");
    let told = ops(&gateway, &["config", "apply", &unreadable]).await.ended_with(3);
    assert!(
        told.stderr.contains("unreadable.toml:2: ") && told.stderr.contains("unreadable.toml:4: "),
        "{}",
        told.stderr
    );
    let unknown = file("unknown.toml", "[[routes]]\nid = \"x\"\nconnection = \"nobodys\"\n");
    let refused = ops(&gateway, &["config", "apply", &unknown]).await.ended_with(3);
    assert!(refused.stderr.contains("no connection is called `nobodys`"), "{}", refused.stderr);
    assert_eq!(active(&gateway).await, 1);
    let list = ops(&gateway, &["policy", "list", "--json"]).await.ended_with(0).json();
    assert_eq!(list["data"][0]["state"], "discarded");

    let drafted = ops(&gateway, &["policy", "draft", &unknown, "--json"]).await.ended_with(0).json();
    let number = drafted["number"].to_string();
    ops(&gateway, &["policy", "validate", &number]).await.ended_with(3);
    ops(&gateway, &["policy", "diff", &number]).await.ended_with(10);
    ops(&gateway, &["policy", "diff", "1", "--against", "1"]).await.ended_with(0);
    ops(&gateway, &["policy", "activate", &number]).await.ended_with(3);
    ops(&gateway, &["policy", "discard", &number]).await.ended_with(0);
    ops(&gateway, &["policy", "activate", &number]).await.ended_with(6);
    ops(&gateway, &["policy", "show", "99"]).await.ended_with(4);
    let english = ops(&gateway, &["policy", "show", "--english"]).await.ended_with(0);
    assert!(english.stdout.starts_with("all: "), "{}", english.stdout);
    by(crate::client::APP_KEY, &gateway.client, &["policy", "list"]).await.ended_with(5);
}

#[tokio::test]
async fn who_is_in_a_rollout_is_in_it_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let setup = setup(&acme, &borealis);
    let gateway = Gateway::start(folder.path(), &setup).await;
    let wanted = turned(&gateway, folder.path()).await;
    ops(&gateway, &["policy", "draft", &wanted]).await.ended_with(0);
    let rolled = ops(&gateway, &["policy", "rollout", "2", "--percent", "30"]).await.ended_with(0);
    assert!(rolled.stdout.contains("version 2 decides for 30 % of the recipients"), "{}", rolled.stdout);
    let before = firsts(&gateway).await;
    assert!(before.iter().any(|route| route == "borealis-sms"), "{before:?}");
    assert!(before.iter().any(|route| route == "acme-sms"), "{before:?}");

    gateway.kill();
    let gateway = Gateway::start(folder.path(), &setup).await;
    gateway.process.logs("a version is rolled out to a share of the recipients").await;
    assert_eq!(firsts(&gateway).await, before);
    gateway.process.signal("HUP");
    gateway.process.logs("the configuration was reloaded").await;
    assert_eq!(firsts(&gateway).await, before);
    ops(&gateway, &["policy", "abort", "2", "--reason", "late codes"]).await.ended_with(0);
    assert!(firsts(&gateway).await.iter().all(|route| route == "acme-sms"));
    ops(&gateway, &["policy", "abort", "2"]).await.ended_with(6);

    // To put a version in force takes no key that may look.
    let create = ["key", "create", "--admin", "keeper", "--scope", "configure"];
    let made = ops(&gateway, &create).await.ended_with(0);
    let keeper = made.stdout.trim();
    by(keeper, &gateway.client, &["policy", "list"]).await.ended_with(5);
    let active = by(keeper, &gateway.client, &["policy", "activate", "2"]).await.ended_with(0);
    assert!(active.stderr.contains("undo: strowger policy rollback 1 "), "{}", active.stderr);
}

/// The first route of each of some recipients.
async fn firsts(gateway: &Gateway) -> Vec<String> {
    let mut found = Vec::new();
    for number in 0..30 {
        let body = serde_json::json!({ "to": format!("+4477009001{number:02}"), "text": "hello" });
        let plan = gateway.client.post("/v1/routing/explain", &body).await;
        found.push(plan.body["plan"][0]["route"].as_str().unwrap().to_owned());
    }
    found
}

#[tokio::test]
async fn what_somebody_manages_is_neither_changed_nor_removed_in_passing() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let gateway = Gateway::start(folder.path(), &setup(&acme, &borealis)).await;
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let route =
        |id: &str, more: &str| format!("[[routes]]\nid = \"{id}\"\nconnection = \"acme-main\"\n{more}\n");
    let wanted = file("wanted.toml", &(route("one", "") + &route("two", "")));
    let apply = ["config", "apply", &wanted];
    ops(&gateway, &[&apply[..], &["--managed-by", "two words"]].concat()).await.ended_with(2);
    let applied = ops(&gateway, &[&apply[..], &["--managed-by", "terraform"]].concat()).await.ended_with(0);
    assert!(applied.stdout.contains("route one is added"), "{}", applied.stdout);
    assert_eq!(active(&gateway).await, 2);
    let text = ops(&gateway, &["policy", "show", "--text"]).await.ended_with(0).stdout;
    assert_eq!(text.matches("managed_by = \"terraform\"").count(), 2, "{text}");
    // What the files say is as it was, whoever asks.
    ops(&gateway, &[&apply[..], &["--managed-by", "terraform"]].concat()).await.ended_with(0);
    ops(&gateway, &apply).await.ended_with(0);
    assert_eq!(active(&gateway).await, 2);

    // Another changes a thing that is not his: refused as a whole, with the names.
    let changed = file("changed.toml", &(route("one", "countries = [\"DE\"]") + &route("three", "")));
    let by_git = ["config", "apply", &changed, "--managed-by", "git"];
    for command in
        [&["config", "apply", &changed][..], &by_git, &["policy", "draft", &changed, "--managed-by", "git"]]
    {
        let refused = ops(&gateway, command).await.ended_with(3);
        assert!(refused.stderr.contains("route one is managed by terraform: "), "{}", refused.stderr);
    }
    let diff = ops(&gateway, &["config", "diff", &changed]).await.ended_with(10);
    assert!(diff.stderr.contains("route one is managed by terraform"), "{}", diff.stderr);
    let both = r#"~ route one changes: managed_by is no longer "terraform"; countries is now"#;
    assert!(diff.stdout.contains(both), "{}", diff.stdout);
    // What the import of a configuration file would remove differs, whoever manages it.
    let none = file("none.toml", "");
    let diff = ops(&gateway, &["config", "diff", &none]).await.ended_with(10);
    assert!(diff.stdout.contains("route one is removed"), "{}", diff.stdout);
    let kept = "config apply keeps it: route one, managed by terraform";
    assert!(diff.stderr.contains(kept), "{}", diff.stderr);
    ops(&gateway, &["policy", "draft", &changed, "--take-over"]).await.ended_with(2);
    assert_eq!(active(&gateway).await, 2);
    let taken = ops(&gateway, &[&by_git[..], &["--take-over"]].concat()).await.ended_with(0);
    assert!(taken.stdout.contains("managed_by from \"terraform\" to \"git\""), "{}", taken.stdout);

    // Each removes what is his own.
    let pruned =
        ops(&gateway, &["config", "apply", &none, "--prune", "--managed-by", "git"]).await.ended_with(0);
    assert!(
        pruned.stderr.contains("route two, managed by terraform (--prune --managed-by terraform"),
        "{}",
        pruned.stderr
    );
    assert!(pruned.stderr.contains("route acme-sms (--prune without --managed-by"), "{}", pruned.stderr);
    let removed = |line: &str| pruned.stdout.contains(line);
    assert!(removed("route one is removed") && removed("route three is removed"), "{}", pruned.stdout);
    assert!(!removed("route two is removed"), "{}", pruned.stdout);

    // What was dumped and is applied unchanged is no change.
    let dump = folder.path().join("dump");
    let dump = dump.to_str().unwrap();
    ops(&gateway, &["config", "dump", "--out", dump]).await.ended_with(0);
    ops(&gateway, &["config", "diff", dump]).await.ended_with(0);
    ops(&gateway, &["config", "apply", dump, "--prune"]).await.ended_with(0);
    assert_eq!(active(&gateway).await, 4);
    let english = ops(&gateway, &["policy", "show", "--json"]).await.ended_with(0).json();
    assert_eq!(english["document"]["routes"][2]["managed_by"], "terraform");
}
