//! A vendor that cannot keep up is sent less, for a while.

use connectors::connector::HealthState;
use connectors::{Connector, NoSlot};
use domain::record::Answer;
use smpp_wire::status::CommandStatus;
use tokio::time::Instant;

use crate::lab::{Lab, seconds, submission};
use crate::vendor::Vendor;

/// How many submits leave in the next second, all of them accepted at once.
async fn sent_in_a_second(lab: &mut Lab, vendor: &mut Vendor) -> u32 {
    let end = Instant::now() + seconds(1);
    let mut sent = 0;
    while Instant::now() < end {
        let slot = lab.slot().await;
        sent += 1;
        lab.client.submit(slot, submission(1, &["hello"]));
        let submit = vendor.submit().await;
        vendor.accept(&submit, "id");
        lab.answered().await;
    }
    sent
}

#[tokio::test(start_paused = true)]
async fn the_rate_falls_by_half_when_the_vendor_is_throttled_and_recovers_over_seconds() {
    let (mut lab, mut vendor) = Lab::bound("window = 5\nthroughput = \"100/s\"").await;
    sent_in_a_second(&mut lab, &mut vendor).await;
    let before = sent_in_a_second(&mut lab, &mut vendor).await;
    assert!((98..=102).contains(&before), "{before}");

    let slot = lab.slot().await;
    lab.client.submit(slot, submission(1, &["hello"]));
    let submit = vendor.submit().await;
    vendor.refuse(&submit, CommandStatus::RTHROTTLED);
    let code = "ESME_RTHROTTLED (0x00000058)".into();
    assert_eq!(lab.answer().await, Answer::Busy { code, class: domain::ErrorClass::Throttle });
    assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Busy);
    assert_eq!(lab.client.health().state, HealthState::Throttled);

    let after = sent_in_a_second(&mut lab, &mut vendor).await;
    assert!((45..=58).contains(&after), "{after}");
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(lab.client.health().state, HealthState::Up);
    let recovered = sent_in_a_second(&mut lab, &mut vendor).await;
    assert!((98..=112).contains(&recovered), "{recovered}");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_pauses_its_bind_and_no_other() {
    let mut lab = Lab::new("binds = 2\nwindow = 2");
    let mut vendors = [lab.vendor().await, lab.vendor().await];
    let slot = lab.reserve();
    let bind = slot.bind;
    lab.client.submit(slot, submission(1, &["hello"]));
    let submit = vendors[usize::from(bind)].submit().await;
    vendors[usize::from(bind)].refuse(&submit, CommandStatus::RMSGQFUL);
    let code = "ESME_RMSGQFUL (0x00000014)".into();
    assert_eq!(lab.answer().await, Answer::Busy { code, class: domain::ErrorClass::Pause });

    let paused = Instant::now();
    let others = [lab.reserve(), lab.reserve()];
    assert!(others.iter().all(|slot| slot.bind != bind));
    assert_eq!(lab.client.health().state, HealthState::Up);
    assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Busy);
    lab.told.slots_free.recv().await.unwrap();
    assert_eq!(lab.reserve().bind, bind);
    assert_eq!(paused.elapsed().as_millis().div_ceil(100), 10);
}
