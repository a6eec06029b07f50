//! The SMPP door's ports: TLS beside the plain one, proxies that say for whom they connect, and who may come from where.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use smpp_wire::pdu::Pdu;
use smpp_wire::status::CommandStatus;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::gateway::Gateway;
use crate::lab;
use crate::setup::{APP_PASSWORD, Setup};
use crate::wire::{Wire, id_of, submission};

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A proxy, and whoever is not let in.
const PROXY: u8 = 3;
const ELSEWHERE: u8 = 2;

fn issuer() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for localhost with its key.
fn identity(issuer: &Issuer) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, issuer).unwrap(), key)
}

/// Puts the door's certificate into its folder.
fn certify(folder: &Path, issuer: &Issuer) {
    let (certificate, key) = identity(issuer);
    std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

/// Shakes hands as a client that trusts `issuer`, with a certificate of `ours` if there is one.
async fn secured(
    socket: TcpStream,
    issuer: &Issuer,
    ours: Option<&Issuer>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match ours {
        Some(ours) => {
            let (certificate, key) = identity(ours);
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

async fn tls_line(port: u16, issuer: &Issuer, ours: Option<&Issuer>) -> Wire<TlsStream<TcpStream>> {
    let plain = Wire::dial(port).await;
    Wire::over(secured(plain.socket, issuer, ours).await.unwrap())
}

fn with_tls(more: &str) -> String {
    format!(r#"tls = {{ listen = "127.0.0.1:0", cert = "cert.pem", key = "key.pem"{more} }}"#)
}

#[tokio::test]
async fn both_ports_are_served_and_a_renewed_certificate_needs_no_restart() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let ours = issuer();
    certify(folder.path(), &ours);
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("").door_with(&with_tls(""));
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let (plain_port, port) = (gateway.smpp_port().await, gateway.smpp_tls_port().await);
    let mut plain = Wire::dial(plain_port).await;
    let mut secure = tls_line(port, &ours, None).await;
    assert_eq!(plain.bind(APP_PASSWORD).await, CommandStatus::ROK);
    assert_eq!(secure.bind(APP_PASSWORD).await, CommandStatus::ROK);
    let long = "a text of many segments. ".repeat(40);
    let payload = smpp_wire::tlv::Tag::MESSAGE_PAYLOAD;
    let mut tlvs = smpp_wire::tlv::TlvBuffer::new();
    tlvs.push(payload, long.as_bytes()).unwrap();
    let mut message = submission("447700900201", "");
    message.tlvs = tlvs.as_tlvs();
    id_of(&secure.ask(&Pdu::SubmitSm(message)).await);
    let arrived =
        crate::deadline::until("it has arrived", async || vendor.received().into_iter().next()).await;
    assert_eq!(arrived.text, long);

    // One that cannot be used changes nothing.
    std::fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    gateway.process.signal("HUP");
    gateway.process.logs("certificate is kept").await;
    assert_eq!(tls_line(port, &ours, None).await.bind(APP_PASSWORD).await, CommandStatus::ROK);
    let others = issuer();
    certify(folder.path(), &others);
    gateway.process.signal("HUP");
    crate::deadline::until("the new one is shown", async || {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        secured(socket, &others, None).await.ok().map(|_| ())
    })
    .await;
    // Whoever was there stays.
    id_of(&secure.ask(&Pdu::SubmitSm(submission("447700900201", "hello"))).await);
}

#[tokio::test]
async fn where_clients_are_asked_who_they_are_only_those_of_our_ca_are_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let (ours, theirs) = (issuer(), issuer());
    certify(folder.path(), &ours);
    std::fs::write(folder.path().join("clients.pem"), theirs.pem()).unwrap();
    let tls = with_tls(r#", client_ca = "clients.pem""#);
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("").door_with(&tls);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_tls_port().await;
    for stranger in [None, Some(&ours)] {
        // A client may learn only after its own half of the handshake that it is not wanted.
        let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        if let Ok(stream) = secured(socket, &ours, stranger).await {
            assert!(Wire::over(stream).next().await.is_none());
        }
    }
    assert_eq!(tls_line(port, &ours, Some(&theirs)).await.bind(APP_PASSWORD).await, CommandStatus::ROK);
}

#[tokio::test]
async fn a_port_with_tls_may_be_the_only_one() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let ours = issuer();
    certify(folder.path(), &ours);
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("").door_with(&with_tls(""));
    let only_tls = setup.file().replace("[smpp_server]\nlisten = \"127.0.0.1:0\"\n", "[smpp_server]\n");
    let mut gateway = Gateway::start_from(folder.path(), &only_tls).await;
    let port = gateway.smpp_tls_port().await;
    assert_eq!(tls_line(port, &ours, None).await.bind(APP_PASSWORD).await, CommandStatus::ROK);
    assert!(!gateway.process.log().contains("serving SMPP address"));
}

#[tokio::test]
async fn an_account_is_bound_from_its_networks_alone_and_a_reload_ends_who_is_outside() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let from = r#", ips = ["127.0.0.1", "127.0.0.4/30"]"#;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(from);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;
    let mut outside = Wire::dial_from(ELSEWHERE, port).await;
    assert_eq!(outside.bind(APP_PASSWORD).await, CommandStatus::RBINDFAIL);
    outside.closed().await;
    let mut stays = Wire::dial(port).await;
    let mut goes = Wire::dial_from(5, port).await;
    assert_eq!(stays.bind(APP_PASSWORD).await, CommandStatus::ROK);
    assert_eq!(goes.bind(APP_PASSWORD).await, CommandStatus::ROK);
    let file = folder.path().join("strowger.toml");
    std::fs::write(&file, setup.file().replace(r#", "127.0.0.4/30""#, "")).unwrap();
    gateway.process.signal("HUP");
    let unbind = goes.next().await.unwrap();
    assert_eq!(unbind.command_id(), smpp_wire::pdu::CommandId::UNBIND);
    id_of(&stays.ask(&Pdu::SubmitSm(submission("447700900201", "hello"))).await);
}

/// What a proxy says of whom it connects for, in version 2.
fn binary(command: u8, source: [u8; 4]) -> Vec<u8> {
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    [&signature[..], &[0x20 | command, 0x11, 0, 12], &source, &[127, 0, 0, 1, 0x04, 0xD2, 0x0A, 0xD7]]
        .concat()
}

#[tokio::test]
async fn behind_a_proxy_the_address_that_it_names_counts() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let ours = issuer();
    certify(folder.path(), &ours);
    let lines = format!("proxy_protocol = [\"127.0.0.{PROXY}\"]\n{}", with_tls(""));
    let from = r#", ips = ["192.0.2.0/24", "127.0.0.1"]"#;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(from).door_with(&lines);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let (port, tls_port) = (gateway.smpp_port().await, gateway.smpp_tls_port().await);
    let text = |source: &str| format!("PROXY TCP4 {source} 127.0.0.1 1234 2775\r\n").into_bytes();
    let bound = async |header: &[u8]| {
        let mut line = Wire::dial_from(PROXY, port).await;
        line.socket.write_all(header).await.unwrap();
        line.bind(APP_PASSWORD).await
    };
    assert_eq!(bound(&text("192.0.2.7")).await, CommandStatus::ROK);
    assert_eq!(bound(&binary(1, [192, 0, 2, 8])).await, CommandStatus::ROK);
    assert_eq!(bound(&text("198.51.100.7")).await, CommandStatus::RBINDFAIL);
    // The proxy's own, which is not listed.
    assert_eq!(bound(&binary(0, [192, 0, 2, 8])).await, CommandStatus::RBINDFAIL);
    assert_eq!(bound(b"PROXY UNKNOWN\r\n").await, CommandStatus::RBINDFAIL);
    gateway.process.logs("peer=198.51.100.7:1234").await;

    // Failures count for the client, not for the proxy.
    for _ in 0..6 {
        assert_eq!(bound(&text("198.51.100.8")).await, CommandStatus::RBINDFAIL);
    }
    assert_eq!(bound(&text("192.0.2.7")).await, CommandStatus::ROK);

    let mut silent_about_it = Wire::dial_from(PROXY, port).await;
    silent_about_it.send(&Pdu::SubmitSm(submission("447700900201", "hello"))).await;
    silent_about_it.closed().await;
    // From elsewhere no header is read.
    let mut direct = Wire::dial(port).await;
    assert_eq!(direct.bind(APP_PASSWORD).await, CommandStatus::ROK);

    let mut proxied = Wire::dial_from(PROXY, tls_port).await;
    proxied.socket.write_all(&binary(1, [192, 0, 2, 9])).await.unwrap();
    let mut secure = Wire::over(secured(proxied.socket, &ours, None).await.unwrap());
    assert_eq!(secure.bind(APP_PASSWORD).await, CommandStatus::ROK);
}
