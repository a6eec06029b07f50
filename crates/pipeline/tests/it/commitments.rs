//! Commitments: what vendors accept is counted, the dearer vendor gets traffic until it is on pace, a restart forgets
//! nothing.

use std::time::Duration;

use domain::commitment::Unit;
use domain::money::Decimal;
use domain::{Record, Status};
use pipeline::{Agreed, Agreements, Request};
use routing::commitment::{Commitment, Period};

use crate::bench::{Bench, CONNECTIONS, Reply, path, request};

/// Acme is the cheapest, and borealis may count as cheaper by half of its price.
const PRICED: &str = r#"{ "strategy": "least_cost", "prices": ["0.04", "0.05", "0.20"],
    "commitments": { "worth_at_most": "0.5" } }"#;

fn promise(bench: &Bench, unit: Unit, promised: i64) {
    let connection = "borealis".parse().unwrap();
    let commitment = Commitment {
        period: Period::Month,
        unit,
        promised: Decimal::from(promised),
        starts: None,
        ends: None,
        elsewhere: Vec::new(),
    };
    let agreed = Agreed {
        vendor: "borealis".parse().unwrap(),
        connections: vec![connection],
        commitments: vec![commitment],
    };
    bench.pipeline.agree(Agreements { vendors: vec![agreed], ..Agreements::default() });
}

fn carried(bench: &Bench) -> String {
    bench.pipeline.promised()[0].pace.carried.normalize().to_string()
}

async fn sent(bench: &Bench) -> Record {
    let id = bench.send().await;
    bench.until_status(id, Status::Submitted).await
}

/// The clock of the bench stands at 2026-09-21T13:26:40Z: of 40 messages 27 are due.
#[tokio::test]
async fn the_dearer_vendor_behind_its_pace_has_the_traffic_until_it_is_on_pace_and_a_restart_forgets_nothing()
{
    let bench = Bench::with_rule(PRICED).await;
    assert_eq!(path(&sent(&bench).await)[0].0, "acme");
    promise(&bench, Unit::Messages, 40);
    let record = sent(&bench).await;
    assert_eq!(path(&record)[0].0, "borealis");
    let plan = record.plan.unwrap();
    let shadow = plan.routes[0].shadow_price.as_ref().unwrap();
    assert_eq!(
        shadow.to_string(),
        "a commitment to its vendor, 0 of 40 messages by 2026-10-01 00:00 UTC, 27 behind pace: counted as 0.025 EUR cheaper"
    );
    assert!(plan.routes[1].shadow_price.is_none());
    // The urgency at which borealis counts for less than acme is two fifths: 12 % faster than an even pace.
    let until_on_pace = async |bench: &Bench| {
        let mut count = 0;
        for _ in 0..60 {
            if path(&sent(bench).await)[0].0 == "borealis" {
                count += 1;
            }
            // How promises stand is looked at once a second, and whenever they are agreed.
            promise(bench, Unit::Messages, 40);
        }
        count
    };
    let count = until_on_pace(&bench).await;
    let pace = bench.pipeline.promised()[0].pace;
    assert_eq!(pace.carried, Decimal::from(count + 1));
    assert!(pace.urgency < 400 && (20..=27).contains(&(count + 1)), "{pace:?}");
    assert_eq!(path(&sent(&bench).await)[0].0, "acme");

    let bench = bench.restart().await;
    promise(&bench, Unit::Messages, 40);
    assert_eq!(carried(&bench), (count + 1).to_string());
    assert_eq!(path(&sent(&bench).await)[0].0, "acme");
    // What is not carried for some days is behind again.
    bench.advance(Duration::from_secs(6 * 86_400));
    promise(&bench, Unit::Messages, 40);
    assert_eq!(path(&sent(&bench).await)[0].0, "borealis");
}

#[tokio::test]
async fn segments_count_with_what_they_cost_when_the_vendor_accepted_them() {
    let bench = Bench::with_rule(PRICED).await;
    promise(&bench, Unit::Segments, 1000);
    // Two segments, of which the vendor refuses none.
    let long = Request { text: "x".repeat(200), ..request() };
    let id = bench.accept(long).await.unwrap().record.message.id;
    bench.until_status(id, Status::Submitted).await;
    assert_eq!(carried(&bench), "2");
    promise(&bench, Unit::Spend(domain::Currency::EUR), 1000);
    assert_eq!(carried(&bench), "0.1");
    promise(&bench, Unit::Spend("USD".parse().unwrap()), 1000);
    assert_eq!(carried(&bench), "0");
    promise(&bench, Unit::Messages, 1000);
    assert_eq!(carried(&bench), "1");
    // What is refused or never answered is not carried.
    bench.connection("borealis").script([Reply::Reject, Reply::Unknown { line_lost: false }]);
    for _ in 0..2 {
        let record = sent(&bench).await;
        assert_eq!(record.attempts.len(), 2);
    }
    assert_eq!(carried(&bench), "1");
    assert_eq!(CONNECTIONS[1], "borealis");
    // Within a second of its own, so that a process that is killed forgets no more than that.
    let reader = bench.pipeline.reader();
    let written = || {
        let rows = reader.carried(0).unwrap();
        let of = rows.iter().filter(|row| row.vendor.as_str() == "borealis");
        of.map(|row| (row.messages, row.segments, row.spend.normalize().to_string())).collect::<Vec<_>>()
    };
    bench.until_true("it is written", || written() == [(1, 2, "0.1".to_owned())]).await;
}
