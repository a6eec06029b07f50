//! The line breaks, with or without a word, or cannot be had.

use std::time::Duration;

use simulator::Behaviour;
use smpp_wire::status::CommandStatus;

use super::stand::Stand;
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

#[tokio::test]
async fn a_line_that_breaks_or_says_nothing_more() {
    let mut stand = Stand::start().await;
    stand.survives(Behaviour::CutBeforeResponse).await;
    stand.survives(Behaviour::CutAfterResponse).await;
    stand.survives(Behaviour::Stall).await;
    stand.survives(Behaviour::HalfOpen).await;
    stand.has_its_whole_window().await;
}

#[tokio::test]
async fn binds_that_are_refused_or_do_not_last() {
    let mut stand = Stand::start().await;
    stand.survives(Behaviour::Flap(Duration::from_secs(1))).await;
    stand.survives(Behaviour::RefuseBinds(CommandStatus::RBINDFAIL)).await;
    stand.survives(Behaviour::RefuseBinds(CommandStatus::RALYBND)).await;
    assert!(!stand.gateway.process.log().contains(DENIED));
    stand.survives(Behaviour::RefuseBinds(CommandStatus::RINVPASWD)).await;
    stand.gateway.process.logs(DENIED).await;
    stand.has_its_whole_window().await;
}

#[tokio::test]
async fn a_wrong_password_is_told_where_people_look() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::RefuseBinds(CommandStatus::RINVPASWD)).await;
    let setup = Setup::default().vendor("acme", acme.addr().port(), "");
    let gateway = Gateway::start(folder.path(), &setup).await;
    until("the route says why it is down", async || {
        let route = gateway.client.get("/v1/routes").await.body["data"][0].take();
        let reason = route["reason"].as_str().unwrap_or_default();
        (route["state"] == "down" && reason.contains("ESME_RINVPASWD")).then_some(())
    })
    .await;
    until("the log says it, too", async || {
        let log = gateway.process.log();
        log.lines().any(|line| line.contains("ERROR") && line.contains(DENIED)).then_some(())
    })
    .await;
}

const DENIED: &str = "the vendor does not accept system_id or password";
