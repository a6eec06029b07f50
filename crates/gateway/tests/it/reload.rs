//! What SIGHUP does to connections: those that the file changes are opened, replaced or closed, and no others.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Behaviour, Vendor};

use crate::client::Client;
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const TO: &str = "+447700900123";

fn reload(gateway: &Gateway, folder: &Path, setup: &Setup) {
    std::fs::write(folder.join("strowger.toml"), setup.file()).unwrap();
    gateway.process.signal("HUP");
}

/// Sends so many messages to as many numbers.
async fn send(client: &Client, numbers: std::ops::Range<u32>) -> Vec<String> {
    let mut ids = Vec::new();
    for number in numbers {
        ids.push(client.send(&format!("+447700900{number}"), &format!("message {number}")).await);
    }
    ids
}

/// The texts that vendors got, in order, those that came twice twice.
fn texts(vendors: &[&Vendor]) -> Vec<String> {
    let mut texts: Vec<_> =
        vendors.iter().flat_map(|vendor| vendor.received()).map(|received| received.text).collect();
    texts.sort();
    texts
}

fn assert_each_once(vendors: &[&Vendor], count: usize) {
    let texts = texts(vendors);
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len(), "sent twice: {texts:?}");
    assert_eq!(texts.len(), count);
}

#[tokio::test]
async fn a_reload_that_changes_one_of_three_connections_binds_that_one_anew_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let slowly = Duration::from_millis(200);
    let (acme, borealis, cumulus) = tokio::join!(
        lab::answering_after(slowly),
        lab::answering_after(slowly),
        lab::answering_after(slowly)
    );
    let vendors = [&acme, &borealis, &cumulus];
    let with_acme = |lines: &str| {
        Setup::default()
            .vendor("acme", acme.addr().port(), lines)
            .vendor("borealis", borealis.addr().port(), "window = 5")
            .vendor("cumulus", cumulus.addr().port(), "window = 5")
            .evenly()
    };
    let gateway = Gateway::start(folder.path(), &with_acme("window = 5")).await;
    for vendor in vendors {
        vendor.until(|stats| stats.sessions > 0).await;
    }
    let mut ids = send(&gateway.client, 100..140).await;
    reload(&gateway, folder.path(), &with_acme("window = 4"));
    ids.extend(send(&gateway.client, 140..180).await);
    let stats = acme.until(|stats| stats.binds == 2).await;
    assert!(stats.sessions <= 1, "the old session goes before the new one comes");
    for id in &ids {
        let trace = gateway.client.settled(id, &["delivered"]).await;
        assert_eq!(trace["message"]["possible_duplicate"], false, "{trace}");
    }
    assert_each_once(&vendors, ids.len());
    let binds = vendors.map(|vendor| (vendor.stats().binds, vendor.stats().sessions));
    assert_eq!(binds, [(2, 1), (1, 1), (1, 1)]);
    assert!(vendors.iter().all(|vendor| vendor.stats().accepted > 0), "every vendor had its share");

    // What says the same in other words changes nothing.
    reload(&gateway, folder.path(), &with_acme("window = 4\nbinds = 1"));
    until("the file was read twice", async || {
        let log = gateway.process.log();
        (log.matches("the configuration was reloaded").count() == 2).then_some(())
    })
    .await;
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
    assert_eq!(vendors.map(|vendor| vendor.stats().binds), [2, 1, 1]);
}

#[tokio::test]
async fn a_connection_that_is_removed_gets_its_answers_and_its_backlog_goes_another_way() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::answering_after(Duration::from_secs(1)).await;
    let borealis = lab::vendor().await;
    let before = Setup::default().vendor("acme", acme.addr().port(), "window = 1");
    let after = Setup::default().vendor("borealis", borealis.addr().port(), "");
    let gateway = Gateway::start(folder.path(), &before).await;
    acme.until(|stats| stats.sessions > 0).await;
    let ids = send(&gateway.client, 100..106).await;
    acme.until(|stats| stats.submissions > 0).await;
    reload(&gateway, folder.path(), &after);
    let stats = acme.until(|stats| stats.sessions == 0).await;
    assert_eq!(stats.submissions, stats.accepted, "the line was left before the answer came");
    for id in &ids {
        // What acme took may have its receipt still to come, which nobody is there for any more.
        let trace = gateway.client.settled(id, &["delivered", "submitted"]).await;
        assert_eq!(trace["message"]["possible_duplicate"], false, "{trace}");
    }
    assert_each_once(&[&acme, &borealis], ids.len());
    assert!(borealis.stats().accepted > 0, "nothing was left to wait");
    assert_eq!(acme.stats().binds, 1);
    until("the metrics do not know the connection any more", async || {
        let metrics = gateway.client.bare(Method::GET, "/metrics").send().await.ok()?.text().await.ok()?;
        (!metrics.contains(r#"strowger_connection_up{connection="acme-main"}"#)).then_some(())
    })
    .await;

    // It may come back.
    reload(&gateway, folder.path(), &before);
    acme.until(|stats| stats.binds == 2).await;
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
    borealis.until(|stats| stats.sessions == 0).await;
}

#[tokio::test]
async fn what_a_replaced_connection_never_answers_is_unknown_and_sent_again_with_its_flag() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::Mute).await;
    let borealis = lab::vendor().await;
    let with_acme = |lines: &str| {
        Setup::default().vendor("acme", acme.addr().port(), lines).vendor(
            "borealis",
            borealis.addr().port(),
            "",
        )
    };
    let mut gateway = Gateway::start(folder.path(), &with_acme("response_timeout = \"2s\"")).await;
    for vendor in [&acme, &borealis] {
        vendor.until(|stats| stats.sessions > 0).await;
    }
    let id = gateway.client.send(TO, "hello").await;
    acme.until(|stats| stats.submissions > 0).await;
    reload(&gateway, folder.path(), &with_acme("response_timeout = \"3s\""));
    acme.until(|stats| stats.binds == 2).await;
    let trace = gateway.client.settled(&id, &["delivered"]).await;
    assert_eq!(trace["message"]["possible_duplicate"], true, "{trace}");
    assert_eq!(borealis.stats().binds, 1);

    // An end in the middle of a replacement is an end.
    gateway.client.send(TO, "hello again").await;
    acme.until(|stats| stats.submissions > 1).await;
    reload(&gateway, folder.path(), &with_acme("response_timeout = \"4s\""));
    gateway.process.logs("acme-main removed=false").await;
    gateway.process.signal("TERM");
    assert_eq!(gateway.process.end().await.code(), Some(0), "{}", gateway.process.log());
}

#[tokio::test]
async fn a_connection_that_cannot_be_opened_keeps_the_whole_configuration_and_what_takes_a_restart_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), "no certificate").unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    let before = Setup::default().vendor("acme", acme.addr().port(), "");
    let gateway = Gateway::start(folder.path(), &before).await;
    acme.until(|stats| stats.sessions > 0).await;
    let after = Setup::default()
        .vendor("borealis", borealis.addr().port(), "")
        .vendor("cumulus", lab::closed_port(), r#"tls = { ca = "ca.pem" }"#)
        .vendor("acme", acme.addr().port(), "window = 3");
    reload(&gateway, folder.path(), &after);
    gateway.process.logs("the configuration is kept, the new one cannot be put in place").await;
    gateway.process.logs("the connection cumulus-main cannot be opened").await;
    let explained =
        gateway.client.post("/v1/routing/explain", &json!({ "to": TO, "text": "hello" })).await.body;
    let routes: Vec<&Value> =
        explained["plan"].as_array().unwrap().iter().map(|plan| &plan["route"]).collect();
    assert_eq!(routes, ["acme-sms"]);
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
    assert_eq!((acme.stats().binds, borealis.stats().binds), (1, 0));

    reload(&gateway, folder.path(), &before.server("listen = \"127.0.0.1:1\"").store("path = \"elsewhere\""));
    gateway.process.logs("takes a restart: server.listen: 127.0.0.1:0 holds, not 127.0.0.1:1").await;
    gateway.process.logs("takes a restart: store.path").await;
}
