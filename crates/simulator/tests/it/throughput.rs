//! The throughput that a vendor grants.

use std::time::Duration;

use simulator::Vendor;
use simulator::vendor::Settings;
use smpp_wire::session::BindKind;
use smpp_wire::status::CommandStatus;

use crate::client::Client;

#[tokio::test(start_paused = true)]
async fn too_many_submissions_a_second_are_throttled() {
    let vendor = Vendor::start(Settings { throughput: Some(5.0), ..Settings::default() }).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(client.send("447700900010", b"hello").await.status);
    }
    assert_eq!(statuses[..5], [CommandStatus::ROK; 5]);
    assert_eq!(statuses[5..], [CommandStatus::RTHROTTLED; 3]);
    let stats = vendor.stats();
    assert_eq!((stats.submissions, stats.accepted, stats.throttled, stats.refused), (8, 5, 3, 0));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(client.send("447700900010", b"hello").await.status, CommandStatus::ROK);
    assert_eq!(vendor.received().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_vendor_with_too_much_to_do_says_that_its_queue_is_full() {
    let vendor = Vendor::start(Settings { capacity: 2, ..Settings::default() }).await.unwrap();
    let mut client = Client::bound(&vendor, BindKind::Transceiver).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client.send("447700900010", b"hello").await.status);
    }
    assert_eq!(statuses, [CommandStatus::ROK, CommandStatus::ROK, CommandStatus::RMSGQFUL]);
    vendor.until(|stats| stats.receipts_acknowledged == 2).await;
    assert_eq!(client.send("447700900010", b"hello").await.status, CommandStatus::ROK);
}
