//! The end of a vendor.

use std::time::Duration;

use simulator::vendor::Settings;
use simulator::{Behaviour, Vendor};
use smpp_wire::session::{BindKind, CloseReason};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::client::Client;

#[tokio::test(start_paused = true)]
async fn shutdown_unbinds_every_session_and_ends_every_task() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let mut clients = Vec::new();
    for kind in [BindKind::Transmitter, BindKind::Receiver, BindKind::Transceiver] {
        clients.push(Client::bound(&vendor, kind).await);
    }
    let metrics = tokio::runtime::Handle::current().metrics();
    assert!(metrics.num_alive_tasks() > clients.len());
    vendor.shutdown().await;
    for client in &mut clients {
        assert_eq!(client.closed().await, CloseReason::PeerUnbound);
    }
    drop(clients);
    while metrics.num_alive_tasks() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(TcpStream::connect(vendor.addr()).await.is_err());
    assert_eq!(vendor.stats().sessions, 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_answer_is_cut() {
    let vendor = Vendor::start(Settings::default()).await.unwrap();
    let silent = vendor.connect();
    vendor.set(Behaviour::Mute);
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    client.submit("447700900010", b"hello");
    vendor.until(|stats| stats.unanswered == 1).await;
    let start = Instant::now();
    vendor.shutdown().await;
    assert!(start.elapsed() <= Duration::from_secs(3), "{:?}", start.elapsed());
    drop(silent);
}
