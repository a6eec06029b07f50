//! Vendors behind a proxy that is not ours: SOCKS 5 and HTTP CONNECT, with a password and without.

use std::path::Path;

use crate::gateway::Gateway;
use crate::lab;
use crate::peer::Peer;
use crate::setup::Setup;

const TO: &str = "+447700900123";
const LOGIN: [&str; 2] = ["buyer", "pa:ss word"];

/// A message goes through the proxy to a vendor whose name the proxy looks up.
async fn carries(login: &[&str], proxy: impl FnOnce(u16, &Path) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let mut peer = Peer::proxy(folder.path(), login).await;
    let lines = proxy(peer.port, folder.path());
    let setup = Setup::default().vendor_at("acme", ("localhost", vendor.addr().port()), &lines);
    let gateway = Gateway::start(folder.path(), &setup).await;
    gateway.process.logs("bind is up").await;
    let said = peer.hear("said").await;
    assert!(said.as_str().unwrap().contains(&format!("localhost:{}", vendor.addr().port())), "{said}");
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
}

#[tokio::test]
async fn a_socks_proxy_carries_a_vendor() {
    carries(&[], |port, _| format!("proxy = \"socks5://127.0.0.1:{port}\"")).await;
}

#[tokio::test]
async fn a_socks_proxy_with_a_password_carries_a_vendor() {
    carries(&LOGIN, |port, folder| {
        std::fs::write(folder.join("password"), LOGIN[1]).unwrap();
        format!(
            "proxy = {{ url = \"socks5://buyer@127.0.0.1:{port}\", password = {{ file = \"password\" }} }}"
        )
    })
    .await;
}

#[tokio::test]
async fn an_http_proxy_carries_a_vendor() {
    carries(&[], |port, _| format!("proxy = \"http://127.0.0.1:{port}\"")).await;
}

#[tokio::test]
async fn an_http_proxy_with_a_password_carries_a_vendor() {
    carries(&LOGIN, |port, _| format!("proxy = \"http://buyer:pa%3Ass%20word@127.0.0.1:{port}\"")).await;
}

#[tokio::test]
async fn what_the_proxy_does_not_do_is_told_as_the_proxys() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::proxy(folder.path(), &LOGIN).await;
    let (port, closed) = (peer.port, lab::closed_port());
    let setup = Setup::default()
        .vendor("acme", lab::closed_port(), &format!("proxy = \"socks5://buyer:wrong@127.0.0.1:{port}\""))
        .vendor("borealis", lab::closed_port(), &format!("proxy = \"http://buyer:wrong@127.0.0.1:{port}\""))
        .vendor("cumulus", 2775, &format!("proxy = \"http://127.0.0.1:{closed}\""));
    let gateway = Gateway::start(folder.path(), &setup).await;
    for reason in [
        format!("the proxy 127.0.0.1:{port} did not connect us to 127.0.0.1 port"),
        "it answered 407".to_owned(),
        format!("the proxy 127.0.0.1:{closed} cannot be used"),
    ] {
        gateway.process.logs(&reason).await;
    }
    assert!(!gateway.process.log().contains("wrong"), "a password is in the log");
}
