//! What a connection says of itself.

use connectors::Connector;
use connectors::connector::HealthState;
use smpp_wire::status::CommandStatus;

use crate::lab::Lab;

#[tokio::test(start_paused = true)]
async fn a_connection_tells_when_it_comes_up_and_why_it_is_down() {
    let mut lab = Lab::new("binds = 2");
    assert!(lab.client.health().is_down());
    let first = lab.vendor().await;
    let health = lab.told.health.recv().await.unwrap();
    assert_eq!((health.state, health.binds_up, health.binds), (HealthState::Up, 1, 2));
    let second = lab.vendor().await;
    assert_eq!(lab.told.health.recv().await.unwrap().binds_up, 2);

    first.cut();
    assert_eq!(lab.told.health.recv().await.unwrap().binds_up, 1);
    second.cut();
    let health = lab.told.health.recv().await.unwrap();
    let HealthState::Down { reason, .. } = health.state else { panic!("{health:?}") };
    assert_eq!(&*reason, "the other side closed the connection");
}

#[tokio::test(start_paused = true)]
async fn a_refused_bind_is_the_reason_and_not_the_beginning() {
    let mut lab = Lab::new("");
    let HealthState::Down { since, .. } = lab.client.health().state else { panic!("up") };
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let mut vendor = lab.line().await;
    vendor.bind(CommandStatus::RINVPASWD).await;
    let health = lab.told.health.recv().await.unwrap();
    let reason = "the bind was refused with ESME_RINVPASWD (0x0000000E)".into();
    assert_eq!(health.state, HealthState::Down { since, reason });
}
