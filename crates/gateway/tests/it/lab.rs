//! Our own simulated vendors, set up so that a test needs not wait for them.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use simulator::personality::{Conduct, Spread};
use simulator::vendor::{Account, Settings};
use simulator::{Behaviour, Vendor};

use crate::setup::{PASSWORD, SYSTEM_ID};

/// A prompt and honest vendor.
pub(crate) async fn vendor() -> Vendor {
    vendor_with(|_| {}).await
}

/// A vendor that treats every submission like this.
pub(crate) async fn vendor_that(behaviour: Behaviour) -> Vendor {
    let vendor = vendor().await;
    vendor.set(behaviour);
    vendor
}

/// An honest vendor that takes so long to answer.
pub(crate) async fn answering_after(latency: Duration) -> Vendor {
    vendor_with(|settings| settings.conduct.latency = Spread { least: latency, most: latency }).await
}

/// An honest vendor, changed in some way.
pub(crate) async fn vendor_with(change: impl FnOnce(&mut Settings)) -> Vendor {
    let soon = Spread::millis(30, 30);
    let conduct = Conduct { arrival_delay: soon, receipt_delay: soon, ..Conduct::default() };
    let account = Account { system_id: Some(SYSTEM_ID.to_owned()), password: Some(PASSWORD.to_owned()) };
    let mut settings = Settings { account, conduct, obeys_demo_numbers: false, ..Settings::default() };
    change(&mut settings);
    Vendor::start(settings).await.unwrap()
}

/// Where nobody listens.
pub(crate) fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
