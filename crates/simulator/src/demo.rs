//! The vendors of the demo: one of each personality, with the same handsets behind them.

use std::io;
use std::sync::Arc;

use domain::Timestamp;
use futures_util::future::join_all;

use crate::asked::AskedFirst;
use crate::handset::{self, Conversions, Handsets};
use crate::personality::Personality;
use crate::vendor::{Account, Settings, Vendor};

/// What a bind to any of them has to say.
pub const SYSTEM_ID: &str = "strowger";
pub const PASSWORD: &str = "demo";

/// One running vendor of each personality.
pub struct Demo {
    pub vendors: Vec<DemoVendor>,
    pub handsets: Handsets,
}

/// A running vendor, and what it is like.
#[derive(Clone)]
pub struct DemoVendor {
    pub personality: Personality,
    pub vendor: Arc<Vendor>,
}

impl Demo {
    /// Starts all of them on free ports; the conversions are to be reported to the gateway.
    pub async fn start(seed: u64, now: Timestamp) -> io::Result<(Self, Conversions)> {
        let (handsets, conversions) =
            Handsets::new(handset::Settings { seed, ..handset::Settings::default() });
        let asked_first = AskedFirst::default();
        let mut vendors = Vec::new();
        for (number, personality) in (1..).zip(Personality::ALL) {
            let vendor = Vendor::start(Settings {
                account: Account {
                    system_id: Some(SYSTEM_ID.to_owned()),
                    password: Some(PASSWORD.to_owned()),
                },
                // Vendors with one seed would all have bad luck with the same messages.
                seed: seed.wrapping_add(number),
                started_at: now,
                handsets: Some(handsets.clone()),
                asked_first: asked_first.clone(),
                ..Settings::of(personality)
            })
            .await?;
            vendors.push(DemoVendor { personality, vendor: Arc::new(vendor) });
        }
        Ok((Self { vendors, handsets }, conversions))
    }

    pub async fn shutdown(&self) {
        join_all(self.vendors.iter().map(|demo| demo.vendor.shutdown())).await;
    }
}
