//! The command line, as people and scripts use it: exit codes, stdout and stderr.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use simulator::{Behaviour, Vendor};
use smpp_wire::status::CommandStatus;

use crate::client::{ADMIN_KEY, APP_KEY, Client};
use crate::deadline::{LIMIT, until};
use crate::gateway::{Gateway, strowger};
use crate::lab;
use crate::process::Process;
use crate::setup::Setup;

const TO: &str = "+447700900123";

/// A command that has ended.
pub(crate) struct Done {
    code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }

    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// Runs a command to its end. It may not take longer than anything here.
pub(crate) async fn run(command: Command) -> Done {
    let mut limited = Command::new("timeout");
    limited.arg(LIMIT.as_secs().to_string()).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let output = tokio::task::spawn_blocking(move || limited.output().unwrap()).await.unwrap();
    let Output { status, stdout, stderr } = output;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

/// A command without a gateway.
pub(crate) async fn alone(arguments: &[&str]) -> Done {
    let mut command = strowger();
    command.args(arguments);
    run(command).await
}

/// A command of the app, to this gateway.
async fn to(client: &Client, arguments: &[&str]) -> Done {
    by(APP_KEY, client, arguments).await
}

/// A command of whoever has the key, to this gateway.
pub(crate) async fn by(key: &str, client: &Client, arguments: &[&str]) -> Done {
    let mut command = strowger();
    command.args(arguments).env("STROWGER_ENDPOINT", client.base()).env("STROWGER_API_KEY", key);
    run(command).await
}

/// A gateway with one prompt vendor that is bound.
async fn gateway(folder: &Path) -> (Gateway, Vendor) {
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "");
    let gateway = Gateway::start(folder, &setup).await;
    vendor.until(|stats| stats.sessions > 0).await;
    (gateway, vendor)
}

#[tokio::test]
async fn config_validate_names_each_problem_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("strowger.toml");
    let good = Setup::default().vendor("acme", 2775, "").file();
    std::fs::write(&file, &good).unwrap();
    let path = file.to_str().unwrap();
    let valid = alone(&["config", "validate", "--config", path]).await.ended_with(0);
    assert!(valid.stdout.contains("is valid"), "{}", valid.stdout);

    let bad = good.replace("port = 2775", "port = 2775\nwindwo = 10\nthroughput = \"fast\"");
    let bad = bad.replace("connection = \"acme-main\"", "connection = \"acme-mian\"");
    std::fs::write(&file, &bad).unwrap();
    let refused = alone(&["config", "validate", "--config", path]).await.ended_with(3);
    for (key, line) in [("windwo", "windwo = 10"), ("throughput", "throughput = \"fast\"")] {
        let number = 1 + bad.lines().position(|found| found == line).unwrap();
        let place = format!("{path}:{number}: ");
        let told = refused.stdout.lines().find(|told| told.starts_with(&place));
        assert!(told.is_some_and(|told| told.contains(key)), "{key}: {}", refused.stdout);
    }
    assert!(refused.stdout.contains("window"), "it suggests the right key: {}", refused.stdout);
    alone(&["serve", "--config", path]).await.ended_with(3);
    alone(&["config", "validate", "--config", "/nowhere/strowger.toml"]).await.ended_with(3);
}

#[tokio::test]
async fn config_validate_finds_what_does_not_fit_together() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("strowger.toml");
    let bad = Setup::default().vendor("acme", 2775, "").rule("max_price = \"ten\"").file();
    let bad = bad.replace("connection = \"acme-main\"", "connection = \"acme-mian\"");
    std::fs::write(&file, &bad).unwrap();
    let path = file.to_str().unwrap();
    let refused = alone(&["config", "validate", "--config", path]).await.ended_with(3);
    for (key, line) in [("connection", "connection = \"acme-mian\""), ("max_price", "max_price = \"ten\"")] {
        let number = 1 + bad.lines().position(|found| found == line).unwrap();
        let place = format!("{path}:{number}: ");
        let told = refused.stdout.lines().find(|told| told.starts_with(&place));
        assert!(told.is_some_and(|told| told.contains(key)), "{key}: {}", refused.stdout);
    }
}

#[tokio::test]
async fn config_schema_is_a_json_schema() {
    let schema = alone(&["config", "schema"]).await.ended_with(0).json();
    assert!(
        schema["$schema"].as_str().is_some_and(|dialect| dialect.contains("json-schema.org")),
        "{schema}"
    );
    assert!(schema["properties"]["vendors"].is_object());
}

#[tokio::test]
async fn send_waits_for_the_delivery_and_the_trace_tells_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, vendor) = gateway(folder.path()).await;
    let client = &gateway.client;
    let sent = to(client, &["send", "--to", TO, "--text", "hello", "--wait", "--json"]).await.ended_with(0);
    let message = sent.json();
    assert_eq!(message["status"], "delivered");
    assert_eq!(vendor.received()[0].text, "hello");
    let id = message["id"].as_str().unwrap();

    let told = to(client, &["message", "trace", id]).await.ended_with(0);
    for clause in [id, "delivered", "acme-sms", "accepted in"] {
        assert!(told.stdout.contains(clause), "`{clause}` in {}", told.stdout);
    }
    let got = to(client, &["message", "get", id, "--json"]).await.ended_with(0);
    assert_eq!(got.json()["id"], id);
    let listed = to(client, &["message", "list", "--to", TO]).await.ended_with(0);
    assert!(listed.stdout.contains(id), "{}", listed.stdout);
    to(client, &["message", "get", "msg_00000000000000000000000000"]).await.ended_with(4);
    let refused = to(client, &["send", "--to", "+4477", "--text", "x"]).await.ended_with(3);
    assert!(refused.stderr.contains("invalid_recipient") && refused.stdout.is_empty(), "{}", refused.stderr);
}

#[tokio::test]
async fn send_wait_ends_with_seven_when_it_was_not_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, vendor) = gateway(folder.path()).await;
    vendor.set(Behaviour::Refuse(CommandStatus::RINVDSTADR));
    let sent = to(&gateway.client, &["send", "--to", TO, "--text", "hello", "--wait"]).await.ended_with(7);
    assert!(sent.stdout.contains("failed"), "{}", sent.stdout);
}

#[tokio::test]
async fn explain_and_routes_show_where_a_message_would_go() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, vendor) = gateway(folder.path()).await;
    let client = &gateway.client;
    let explained = to(client, &["explain", "--to", TO, "--class", "otp"]).await.ended_with(0);
    assert!(
        explained.stdout.contains("acme-sms") && explained.stdout.contains("rule all"),
        "{}",
        explained.stdout
    );
    let document = to(client, &["explain", "--to", TO, "--json"]).await.ended_with(0).json();
    assert_eq!(document["plan"][0]["route"], "acme-sms");
    let routes = to(client, &["route", "list"]).await.ended_with(0);
    assert!(routes.stdout.contains("acme-sms") && routes.stdout.contains("acme-main"), "{}", routes.stdout);
    assert_eq!(vendor.stats().submissions, 0, "it sends nothing");
}

#[tokio::test]
async fn route_flip_and_revert_say_what_they_did() {
    let folder = tempfile::tempdir().unwrap();
    let setup =
        Setup::default().vendor("acme", lab::closed_port(), "").vendor("borealis", lab::closed_port(), "");
    let gateway = Gateway::start(folder.path(), &setup).await;
    let client = &gateway.client;
    let flip = ["route", "flip", "acme-sms", "borealis-sms", "--reason", "receipts drop"];
    to(client, &flip).await.ended_with(5);
    by(ADMIN_KEY, client, &flip[..4]).await.ended_with(2);
    let misspelt = ["route", "flip", "acme-sms", "borealis-sm", "--reason", "x"];
    let misspelt = by(ADMIN_KEY, client, &misspelt).await.ended_with(3);
    assert!(misspelt.stderr.contains("did you mean `borealis-sms`?"), "{}", misspelt.stderr);

    let made = by(ADMIN_KEY, client, &[&flip[..], &["--for", "2h"]].concat()).await.ended_with(0);
    let id = made.stdout.split(' ').next().unwrap();
    assert!(made.stdout.contains("acme-sms is flipped to borealis-sms for "), "{}", made.stdout);
    assert!(made.stderr.contains(&format!("undo: strowger route revert {id}")), "{}", made.stderr);
    by(ADMIN_KEY, client, &flip).await.ended_with(6);
    let listed = to(client, &["route", "list"]).await.ended_with(0);
    assert!(listed.stdout.contains("to borealis-sms, 1h 59m left"), "{}", listed.stdout);
    assert!(listed.stdout.contains("by ops: receipts drop"), "{}", listed.stdout);
    let explained = to(client, &["explain", "--to", TO]).await.ended_with(0);
    for sentence in ["stands in for acme-sms, flipped to it until", "left out: flipped to borealis-sms until"]
    {
        assert!(explained.stdout.contains(sentence), "{}", explained.stdout);
    }

    let over = by(ADMIN_KEY, client, &["route", "revert", "acme-sms", "--json"]).await.ended_with(0).json();
    assert_eq!((&over["id"], &over["state"]), (&json!(id), &json!("reverted")));
    by(ADMIN_KEY, client, &["route", "revert", "acme-sms"]).await.ended_with(4);
    by(ADMIN_KEY, client, &["route", "revert", id]).await.ended_with(0);
    by(ADMIN_KEY, client, &["route", "revert", "ovr_00000000000000000000000000"]).await.ended_with(4);
}

#[tokio::test]
async fn every_kind_of_override_says_how_to_undo_it() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::default()
        .vendor("acme", lab::closed_port(), "")
        .vendor("borealis", lab::closed_port(), "")
        .evenly();
    let gateway = Gateway::start(folder.path(), &setup).await;
    let client = &gateway.client;
    let reason = ["--reason", "works"];
    let otp = [&["--class", "otp,transactional", "--operator", "208-01"][..], &reason].concat();
    let made = [
        [&["route", "flip", "acme-sms", "borealis-sms"][..], &otp].concat(),
        [&["route", "suspend", "acme-sms"][..], &reason].concat(),
        [&["route", "suspend", "--vendor", "acme"][..], &reason].concat(),
        [&["route", "weight", "acme-sms", "5"][..], &reason].concat(),
        [&["vendor", "maintenance", "add", "acme", "--from", "2026-01-01T00:00:00Z"][..], &reason].concat(),
    ];
    let dry = by(ADMIN_KEY, client, &[&made[0][..], &["--dry-run"]].concat()).await.ended_with(0);
    assert!(dry.stdout.contains("nothing was changed"), "{}", dry.stdout);
    assert!(dry.stderr.contains("capacity: borealis-main is down, 0 of 1 binds"), "{}", dry.stderr);
    let mut ids = Vec::new();
    for arguments in &made[..4] {
        let one = by(ADMIN_KEY, client, arguments).await.ended_with(0);
        let id = one.stdout.split(' ').next().unwrap().to_owned();
        assert!(one.stderr.contains(&format!("undo: strowger route revert {id}")), "{}", one.stderr);
        by(ADMIN_KEY, client, arguments).await.ended_with(6);
        ids.push(id);
    }
    // Without an end, and with a begin that has passed.
    by(ADMIN_KEY, client, &made[4]).await.ended_with(2);
    by(ADMIN_KEY, client, &[&made[4][..], &["--until", "2026-01-02T00:00:00Z"]].concat()).await.ended_with(3);

    let listed = by(ADMIN_KEY, client, &["route", "revert"]).await.ended_with(0);
    for (id, does) in ids.iter().zip(["flip acme-sms", "suspend route", "suspend vendor", "weight 5"]) {
        let line = listed.stdout.lines().find(|line| line.starts_with(id.as_str())).unwrap();
        assert!(line.contains(does), "{line}");
    }
    assert!(listed.stdout.contains("(class otp, transactional; operator 208-01)"), "{}", listed.stdout);
    let several = by(ADMIN_KEY, client, &["route", "revert", "acme-sms"]).await.ended_with(6);
    assert!(several.stderr.contains(&ids[1]), "{}", several.stderr);
    by(ADMIN_KEY, client, &["route", "resume", "acme-sms"]).await.ended_with(0);
    by(ADMIN_KEY, client, &["route", "resume", "acme"]).await.ended_with(0);
    by(ADMIN_KEY, client, &["route", "revert", &ids[3]]).await.ended_with(0);
    by(ADMIN_KEY, client, &["route", "revert", "acme-sms"]).await.ended_with(0);
    let over = by(ADMIN_KEY, client, &["route", "overrides", "--state", "reverted", "--json"]).await;
    assert_eq!(over.ended_with(0).json()["data"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_vendor_shows_its_contract_and_its_maintenance() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::default().vendor("acme", lab::closed_port(), "");
    let contract = "\n[vendors.contract]\nnumber = \"MSA-7\"\nends = \"2999-12-31\"\nnotice_days = 30\n";
    let setup = setup.route(contract);
    let gateway = Gateway::start(folder.path(), &setup).await;
    let client = &gateway.client;
    let add =
        ["vendor", "maintenance", "add", "acme", "--until", "2999-01-01T00:00:00Z", "--reason", "database"];
    by(ADMIN_KEY, client, &add).await.ended_with(3);
    // The gateway's own clock says when an hour is over.
    let suspend = ["route", "suspend", "acme-sms", "--for", "1h", "--reason", "works", "--json"];
    let hour = by(ADMIN_KEY, client, &suspend).await.ended_with(0).json();
    let soon = hour["expires_at"].as_str().unwrap();
    let add = ["vendor", "maintenance", "add", "acme", "--until", soon, "--wait", "--reason", "database"];
    let made = by(ADMIN_KEY, client, &add).await.ended_with(0);
    let id = made.stdout.split(' ').next().unwrap();
    let listed = by(ADMIN_KEY, client, &["vendor", "maintenance", "list"]).await.ended_with(0);
    assert!(listed.stdout.contains(id), "{}", listed.stdout);
    let vendors = by(ADMIN_KEY, client, &["vendor", "list"]).await.ended_with(0);
    for text in ["MSA-7", "2999-12-31", "2999-12-01"] {
        assert!(vendors.stdout.contains(text), "{}", vendors.stdout);
    }
    let shown = by(ADMIN_KEY, client, &["vendor", "show", "acme"]).await.ended_with(0);
    assert!(shown.stdout.contains("database"), "{}", shown.stdout);
    by(ADMIN_KEY, client, &["vendor", "show", "nobody"]).await.ended_with(4);
    by(ADMIN_KEY, client, &["vendor", "maintenance", "remove", id]).await.ended_with(0);
}

#[tokio::test]
async fn check_asks_the_running_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, _vendor) = gateway(folder.path()).await;
    let file = folder.path().join("strowger.toml");
    let arguments = ["check", "--config", file.to_str().unwrap(), "--online"];
    to(&gateway.client, &arguments).await.ended_with(0);
    let document = to(&gateway.client, &[&arguments[..], &["--json"]].concat()).await.ended_with(0).json();
    assert_eq!(document["ready"]["status"], "ready");
    assert_eq!(document["problems"], json!([]));
    let nobody = Client::new(&format!("http://127.0.0.1:{}", lab::closed_port()));
    to(&nobody, &arguments).await.ended_with(8);
}

#[tokio::test]
async fn what_goes_wrong_has_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, _vendor) = gateway(folder.path()).await;
    let nobody = Client::new(&format!("http://127.0.0.1:{}", lab::closed_port()));
    let unreachable = to(&nobody, &["message", "list"]).await.ended_with(8);
    assert!(unreachable.stderr.contains("STROWGER_ENDPOINT"), "{}", unreachable.stderr);
    let mut stranger = strowger();
    stranger.args(["message", "list"]).env("STROWGER_ENDPOINT", gateway.client.base());
    run(stranger).await.ended_with(5);
    alone(&["sned"]).await.ended_with(2);
    alone(&["send", "--to", TO]).await.ended_with(2);
    let help = alone(&["--help"]).await.ended_with(0);
    assert!(help.stdout.contains("Exit codes"), "{}", help.stdout);
}

#[tokio::test]
async fn sim_smsc_is_a_vendor_that_a_gateway_can_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut sim = strowger();
    sim.args(["sim", "smsc", "--listen", "127.0.0.1:0", "--id-format", "hex", "--dlr-delay-ms", "50"]);
    let mut sim = Process::start("sim", &mut sim, folder.path());
    let address = sim.says("listens on ").await;
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let gateway = Gateway::start(folder.path(), &Setup::default().vendor("acme", port, "")).await;
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
    sim.signal("INT");
    assert_eq!(sim.end().await.code(), Some(0));
}

#[tokio::test]
async fn sim_smsc_misbehaves_for_as_long_as_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut sim = strowger();
    sim.args(["sim", "smsc", "--listen", "127.0.0.1:0", "--dlr-delay-ms", "50"]);
    sim.args(["--fault", "queue-full", "--fault-for", "2"]);
    let mut sim = Process::start("sim", &mut sim, folder.path());
    let address = sim.says("listens on ").await;
    sim.says("the fault begins ").await;
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let setup = Setup::default().vendor("acme", port, "");
    let gateway = Gateway::start(folder.path(), &setup).await;
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
    sim.says("the fault is over ").await;
}

#[tokio::test]
async fn the_demo_delivers() {
    let demo = ["demo", "--listen", "127.0.0.1:0", "--rate", "20", "--exit-after", "5", "--json"];
    let summary = alone(&demo).await.ended_with(0).json();
    assert!(summary["delivered"].as_u64().unwrap() > 0, "{summary}");
    assert!(summary["webhooks"].as_u64().unwrap() > 0, "{summary}");
}

#[tokio::test]
async fn caps_are_listed_with_what_they_have_counted() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let rules = "[[caps]]\nid = \"acme-day\"\nconnection = \"acme-main\"\nlimit = 8\nper = \"day\"\n\n[[policy.rules]]\nid = \"all\"\nroutes = [\"acme-sms\"]\n";
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").rules(rules);
    let gateway = Gateway::start(folder.path(), &setup).await;
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
    let told = by(ADMIN_KEY, &gateway.client, &["caps"]).await.ended_with(0);
    assert!(told.stdout.starts_with("CAP "), "{}", told.stdout);
    let row = told.stdout.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row[..7], ["acme-day", "1", "acme-main", "1", "8", "day", "12.5"], "{}", told.stdout);
    let listed = by(ADMIN_KEY, &gateway.client, &["caps", "list", "--json"]).await.ended_with(0).json();
    assert_eq!((&listed["data"][0]["counted"], &listed["data"][0]["waiting"]), (&json!(1), &json!(0)));
    by(APP_KEY, &gateway.client, &["caps"]).await.ended_with(5);
}

#[tokio::test]
async fn how_messages_fare_is_told_by_connection_and_operator() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, _vendor) = gateway(folder.path()).await;
    let nothing = by(ADMIN_KEY, &gateway.client, &["route", "stats"]).await.ended_with(0);
    assert!(nothing.stderr.contains("nothing is known"), "{}", nothing.stderr);
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
    let known = until("the message is heard of", async || {
        let known = by(ADMIN_KEY, &gateway.client, &["route", "stats", "--json"]).await.ended_with(0).json();
        let is_told = known["data"][0]["receipts"]["messages"] == 1.0;
        is_told.then(|| known["data"][0].clone())
    })
    .await;
    assert_eq!((&known["connection"], &known["routes"]), (&json!("acme-main"), &json!(["acme-sms"])));
    assert_eq!((&known["state"], &known["arrives"]), (&json!("little_known"), &Value::Null), "{known}");
    let told = by(ADMIN_KEY, &gateway.client, &["route", "stats", "--country", "GB"]).await.ended_with(0);
    assert!(told.stdout.lines().nth(1).unwrap().starts_with("acme-main "), "{}", told.stdout);
    let other = by(ADMIN_KEY, &gateway.client, &["route", "stats", "--country", "FR"]).await.ended_with(0);
    assert_eq!(other.stdout.lines().count(), 1, "{}", other.stdout);
    by(ADMIN_KEY, &gateway.client, &["route", "stats", "--country", "Germany"]).await.ended_with(3);
    by(APP_KEY, &gateway.client, &["route", "stats"]).await.ended_with(5);
}
