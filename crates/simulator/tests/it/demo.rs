//! The vendors of the demo work together.

use domain::Timestamp;
use simulator::{Demo, Personality, demo, demo_number};
use smpp_wire::session::BindKind;
use smpp_wire::status::CommandStatus;

use crate::client::{Client, Credentials};

const CREDENTIALS: Credentials = Credentials { system_id: demo::SYSTEM_ID, password: demo::PASSWORD };

#[tokio::test(start_paused = true)]
async fn a_message_that_the_first_vendor_fails_is_delivered_by_any_other() {
    let (demo, mut conversions) = Demo::start(1, Timestamp::from_millis(1_767_225_600_000)).await.unwrap();
    let mut clients = Vec::new();
    for vendor in &demo.vendors {
        clients.push(Client::bound_as(CREDENTIALS, &vendor.vendor, BindKind::Transceiver).await);
    }
    let to = "447700900150";
    assert_eq!(demo_number::outcome(to), Some(demo_number::Outcome::VendorError));
    let vendors = clients.len();
    assert_eq!(vendors, Personality::ALL.len());
    for first in 0..vendors {
        let text = format!("Your code is 10000{first}");
        assert_eq!(clients[first].send(to, text.as_bytes()).await.status, CommandStatus::RSYSERR);
        let next = &mut clients[(first + 1) % vendors];
        assert_eq!(next.send(to, text.as_bytes()).await.status, CommandStatus::ROK);
    }
    let conversion = conversions.next().await;
    assert!(conversion.to == to && conversion.text.starts_with("Your code is 10000"), "{conversion:?}");
    demo.shutdown().await;
    let sessions: u64 = demo.vendors.iter().map(|vendor| vendor.vendor.stats().sessions).sum();
    assert_eq!((sessions, demo.handsets.arrivals().len()), (0, vendors));
}
