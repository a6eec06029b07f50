//! Proxies that misbehave as no real one does, and TLS through one. What is a proxy here is the vendor, too: behind its
//! answer it speaks for whom it was asked for.

use connectors::connector::HealthState;
use connectors::smpp::{Client, Running};
use smpp_wire::status::CommandStatus;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::lab::{Told, recorder, settings, start};
use crate::tls::{acceptor, issuer, write};
use crate::vendor::Vendor;

struct Proxied {
    told: Told,
    _client: std::sync::Arc<Client>,
    running: Running,
    listener: TcpListener,
}

/// A client whose connections come to the listener, for the vendor `vendor.example`.
async fn proxied(scheme: &str, more: &str) -> Proxied {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut settings = settings(&format!("proxy = \"{scheme}://{address}\"\n{more}"));
    settings.host = "vendor.example".to_owned();
    let (recorder, told) = recorder();
    let (client, running) = Client::start(start(settings, recorder)).unwrap();
    Proxied { told, _client: client, running, listener }
}

/// The head of the request.
async fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn tls_with_the_vendor_goes_through_the_proxy() {
    let (ours, folder) = (issuer(), tempfile::tempdir().unwrap());
    let ca = write(folder.path(), "ca.pem", &ours.pem());
    let tls = format!("tls = {{ ca = \"{ca}\", server_name = \"localhost\" }}");
    let mut client = proxied("http", &tls).await;
    let (mut socket, _) = client.listener.accept().await.unwrap();
    let head = head(&mut socket).await;
    assert!(head.starts_with("CONNECT vendor.example:2775 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Host: vendor.example:2775\r\n") && !head.contains("Authorization"), "{head}");
    socket.write_all(b"HTTP/1.0 200 Connection established\r\n\r\n").await.unwrap();
    let stream = acceptor(&ours, None).accept(socket).await.unwrap();
    let mut vendor = Vendor::on(stream);
    vendor.bind(CommandStatus::ROK).await;
    assert_eq!(client.told.health.recv().await.unwrap().binds_up, 1);
    client.running.shutdown().await;
}

#[tokio::test]
async fn a_vendor_of_another_ca_is_told_apart_from_the_proxy() {
    let (ours, theirs, folder) = (issuer(), issuer(), tempfile::tempdir().unwrap());
    let ca = write(folder.path(), "ca.pem", &ours.pem());
    let mut client =
        proxied("http", &format!("tls = {{ ca = \"{ca}\", server_name = \"localhost\" }}")).await;
    let (mut socket, _) = client.listener.accept().await.unwrap();
    head(&mut socket).await;
    socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    assert!(acceptor(&theirs, None).accept(socket).await.is_err());
    let reason = reason(&mut client).await;
    assert!(
        reason.starts_with("no TLS with vendor.example port 2775 through the proxy 127.0.0.1:"),
        "{reason}"
    );
    assert!(reason.contains("invalid peer certificate"), "{reason}");
}

async fn reason(client: &mut Proxied) -> String {
    let health = client.told.health.recv().await.unwrap();
    let HealthState::Down { reason, .. } = health.state else { panic!("{health:?}") };
    reason.to_string()
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_none_is_named_with_what_it_said() {
    let http: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 100\r\n\r\n", "it answered 403 Forbidden"),
        (b"HTTP/1.1 302 Found\r\nlocation: /\r\n\r\n", "it answered 302 Found"),
        (b"220 mail.example ESMTP\r\n", "it does not speak HTTP"),
        (b"", "it does not speak HTTP"),
    ];
    let socks: [(&[u8], &str); 4] = [
        (b"\x05\xff", "does not support"),
        (b"\x05\x00\x05\x02\x00\x01\0\0\0\0\0\0", "not allowed"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ""),
        (b"", "io error"),
    ];
    let all = http.map(|case| ("http", case)).into_iter().chain(socks.map(|case| ("socks5", case)));
    for (scheme, (answer, because)) in all {
        let mut client = proxied(scheme, "").await;
        let (mut socket, _) = client.listener.accept().await.unwrap();
        socket.read_u8().await.unwrap();
        socket.write_all(answer).await.unwrap();
        socket.shutdown().await.unwrap();
        let reason = reason(&mut client).await;
        let expected = format!("the proxy {} did not connect us", client.listener.local_addr().unwrap());
        assert!(reason.starts_with(&expected) && reason.contains(because), "{because}: {reason}");
    }
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_left_after_the_connect_timeout() {
    for scheme in ["http", "socks5"] {
        let mut client = proxied(scheme, "connect_timeout = \"200ms\"").await;
        let (_socket, _) = client.listener.accept().await.unwrap();
        let reason = reason(&mut client).await;
        assert!(reason.ends_with("did not connect us to vendor.example port 2775 in time"), "{reason}");
    }
}
