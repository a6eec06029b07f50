//! The session lives, and submits are answered wrongly, late or not at all.

use std::time::Duration;

use simulator::Behaviour;
use smpp_wire::status::CommandStatus;

use super::stand::Stand;

#[tokio::test]
async fn a_vendor_that_does_not_take_submits() {
    let mut stand = Stand::start().await;
    stand.survives(Behaviour::Mute).await;
    stand.survives(Behaviour::THROTTLE).await;
    stand.survives(Behaviour::QUEUE_FULL).await;
    stand.survives(Behaviour::Refuse(CommandStatus::RSYSERR)).await;
    // Longer than the response timeout.
    stand.survives(Behaviour::SlowResponses(Duration::from_secs(4))).await;
    stand.has_its_whole_window().await;
}
