//! IPv4 and IPv6 alike: one port for both, and vendors that are reached by either.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::{APP_PASSWORD, APP_SYSTEM_ID, Setup};

const TO: &str = "+447700900123";
const LOOPBACKS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The tests here cannot show anything without it, so they fail and say why.
fn need_ipv6() {
    if let Err(error) = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        panic!("this test needs IPv6 on the loopback interface, and this machine has none: {error}");
    }
}

/// The status with which a bind is answered.
async fn bind(address: SocketAddr) -> u32 {
    // bind_transceiver: length, command, status, sequence number; then who, the password, and what is left out.
    let body = format!("{APP_SYSTEM_ID}\0{APP_PASSWORD}\0\0\x34\0\0\0");
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut pdu: Vec<u8> = [length, 9, 0, 1].into_iter().flat_map(u32::to_be_bytes).collect();
    pdu.extend_from_slice(body.as_bytes());
    let mut line = TcpStream::connect(address).await.unwrap();
    line.write_all(&pdu).await.unwrap();
    let mut head = [0; 16];
    line.read_exact(&mut head).await.unwrap();
    u32::from_be_bytes(head[8..12].try_into().unwrap())
}

#[tokio::test]
async fn one_port_serves_both_families_at_the_api_and_at_the_smpp_door() {
    need_ipv6();
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let setup = setup.server("listen = \"[::]:0\"").smpp_listen("[::]:0");
    let mut gateway = Gateway::listening(folder.path(), &setup, &[]).await;
    let api = gateway.client.base().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let door = gateway.smpp_port().await;
    for loopback in LOOPBACKS {
        let client = Client::new(&format!("http://{}", SocketAddr::new(loopback, api)));
        assert!(client.bare(Method::GET, "/readyz").send().await.unwrap().status().is_success());
        client.send(TO, "hello").await;
        assert_eq!(bind(SocketAddr::new(loopback, door)).await, 0, "{loopback}");
    }
}

#[tokio::test]
async fn a_vendor_is_reached_by_an_ipv6_address_and_by_a_name_of_both_families() {
    need_ipv6();
    let folder = tempfile::tempdir().unwrap();
    let six = lab::vendor_with(|settings| settings.listen = (Ipv6Addr::LOCALHOST, 0).into()).await;
    // The name may have both families, and this vendor listens on IPv4 alone.
    let four = lab::vendor().await;
    let setup = Setup::default().vendor_at("acme", ("::1", six.addr().port()), "").vendor_at(
        "borealis",
        ("localhost", four.addr().port()),
        "",
    );
    let gateway = Gateway::start(folder.path(), &setup).await;
    for vendor in [&six, &four] {
        vendor.until(|stats| stats.sessions > 0).await;
    }
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
    assert_eq!(six.stats().accepted, 1);
}
