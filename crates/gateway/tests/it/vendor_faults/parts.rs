//! A long message of which one part fails: all of it goes again on one route, or, where nothing may come twice, none.

use serde_json::Value;
use simulator::{Behaviour, Vendor};
use smpp_wire::status::CommandStatus;

use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const TO: &str = "+447700900123";

const REFUSED: Behaviour = Behaviour::RefusePart(2, CommandStatus::RSYSERR);
const CUT: Behaviour = Behaviour::CutAtPart(2);

/// Long enough for three parts.
fn long_text() -> String {
    "Please read this to its end. ".repeat(15)
}

/// What became of a long message whose second part fails at the first of two vendors.
struct Tried {
    trace: Value,
    acme: Vendor,
    borealis: Vendor,
}

impl Tried {
    async fn new(fault: Behaviour, rule: &str, status: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (acme, borealis) = (lab::vendor_that(fault).await, lab::vendor().await);
        let setup = Setup::default()
            .vendor("acme", acme.addr().port(), "")
            .vendor("borealis", borealis.addr().port(), "")
            .rule(rule);
        let gateway = Gateway::start(folder.path(), &setup).await;
        for vendor in [&acme, &borealis] {
            vendor.until(|stats| stats.sessions > 0).await;
        }
        let id = gateway.client.send(TO, &long_text()).await;
        let trace = gateway.client.settled(&id, &[status]).await;
        Self { trace, acme, borealis }
    }

    fn answers(&self, attempt: usize) -> Vec<&str> {
        let parts = self.trace["attempts"][attempt]["parts"].as_array().unwrap().iter();
        parts.map(|part| part["answer"].as_str().unwrap()).collect()
    }
}

#[tokio::test]
async fn all_parts_go_again_on_the_next_route() {
    for (fault, answer) in [(REFUSED, "rejected"), (CUT, "unknown")] {
        let tried = Tried::new(fault, "", "delivered").await;
        assert_eq!(tried.answers(0), ["accepted", answer, "not_sent"]);
        assert_eq!(tried.answers(1), ["accepted", "accepted", "accepted"]);
        assert_eq!(tried.trace["attempts"][1]["route"], "borealis-sms");
        assert_eq!(tried.trace["message"]["possible_duplicate"], true);
        assert_eq!((tried.acme.stats().accepted, tried.acme.received().len()), (1, 0));
        let received = tried.borealis.received();
        assert_eq!((received.len(), received[0].parts, &received[0].text), (1, 3, &long_text()));
    }
}

#[tokio::test]
async fn what_must_not_come_twice_stays_uncertain() {
    for fault in [REFUSED, CUT] {
        let tried = Tried::new(fault, r#"on_unknown = "hold""#, "uncertain").await;
        assert_eq!(tried.trace["attempts"].as_array().unwrap().len(), 1);
        assert_eq!((tried.acme.stats().accepted, tried.borealis.stats().submissions), (1, 0));
    }
}

/// Under the old reference the vendor would put the new parts together with the old ones.
#[tokio::test]
async fn on_the_same_route_the_parts_have_a_new_reference() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor().await;
    let setup = Setup::default().vendor("acme", acme.addr().port(), "").rule(r#"on_unknown = "resend""#);
    let gateway = Gateway::start(folder.path(), &setup).await;
    acme.until(|stats| stats.sessions > 0).await;
    acme.set_for(TO, CUT);
    acme.set(Behaviour::RefuseBinds(CommandStatus::RALYBND));
    let id = gateway.client.send(TO, &long_text()).await;
    acme.until(|stats| stats.unanswered > 0).await;
    acme.set_for(TO, Behaviour::Usual);
    acme.set(Behaviour::Usual);
    gateway.client.settled(&id, &["delivered"]).await;
    assert_eq!(acme.stats().accepted, 4);
    let received = acme.received();
    assert_eq!((received.len(), &received[0].text), (1, &long_text()));
    assert_eq!(acme.incomplete(), 1, "the first part of the first try waits for others of its reference");
}
