//! Changes of the policy that meet: with a configuration that lacks something, and with one whose client has gone.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use axum::http::StatusCode;
use domain::ConnectionId;
use serde_json::{Value, json};
use store::{Change, Changed};
use tokio::time::timeout;

use super::stand::{self, KEEPER, READER, Stand};
use crate::tables::Routing;
use crate::versions::{By, Draft, Told};

async fn draft(stand: &Stand, more: &str) -> Value {
    let text = stand.get(READER, "/v1/policies/active?format=toml").await.text;
    let body = json!({ "toml": format!("{text}{more}") });
    let answer = stand.post(KEEPER, "/v1/policies", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.fits("Policy")
}

async fn reload(stand: &Stand, file: &Routing) {
    let next = stand.api.versions.prepare(&stand.api.pipeline, file).await.unwrap();
    let tables = stand.api.versions.adopt(&stand.api.pipeline, next).await.unwrap();
    stand.api.pipeline.reconfigure(tables, stand::apps(), store::Retention::default());
}

#[tokio::test]
async fn a_rollout_that_lacks_a_connection_is_still_the_one_that_is_rolled_out() {
    let stand = Stand::start().await;
    let mut with_spare = stand::routing();
    with_spare.surroundings.connections.push(ConnectionId::new("spare-main").unwrap());
    reload(&stand, &with_spare).await;
    let spare = "\n[[routes]]\nid = \"spare-de\"\nconnection = \"spare-main\"\n";
    assert_eq!(draft(&stand, spare).await["number"], 2);
    assert_eq!(draft(&stand, "").await["number"], 3);
    let few = json!({ "percent": 5 });
    stand.post(KEEPER, "/v1/policies/2/rollout", &few).await.fits("Policy");

    reload(&stand, &stand::routing()).await;
    for refused in ["/v1/policies/3/rollout", "/v1/policies/3/activate"] {
        let body = if refused.ends_with("rollout") { few.clone() } else { json!({}) };
        let problem = stand.post(KEEPER, refused, &body).await.problem("policy_conflict");
        assert!(problem["detail"].as_str().unwrap().contains("version 2 is rolled out"), "{problem}");
    }
    let kept = stand.get(READER, "/v1/policies/2").await.fits("WholePolicy");
    assert_eq!((&kept["state"], &kept["percent"]), (&json!("rolling_out"), &json!(5.0)));
    stand.post(KEEPER, "/v1/policies/2/activate", &json!({})).await.problem("policy_invalid");

    stand.delete(KEEPER, "/v1/policies/2/rollout").await.fits("Policy");
    stand.post(KEEPER, "/v1/policies/3/activate", &json!({})).await.fits("Policy");
}

#[tokio::test]
async fn a_change_whose_client_has_gone_holds_its_turn_until_it_is_durable() {
    let stand = Stand::start().await;
    let (pipeline, versions) = (&stand.api.pipeline, &stand.api.versions);
    // Until it is let go, nothing is committed.
    let (go, wait) = sync_channel::<()>(0);
    let (held, holds) = tokio::sync::oneshot::channel();
    let what = Change { what: Changed::Noted, entry: "{}".into() };
    let mut holding = pin!(pipeline.change(what, move || {
        held.send(()).unwrap();
        wait.recv().unwrap_err();
    }));
    assert!(futures_util::future::poll_immediate(&mut holding).await.is_none());
    holds.await.unwrap();

    let (is_queued, another_is) = (AtomicBool::new(false), AtomicBool::new(false));
    let note = |flag: &AtomicBool| {
        flag.store(true, Ordering::Relaxed);
        Box::<str>::from("{}")
    };
    let first_entry = |_: &Told<'_>| note(&is_queued);
    let second_entry = |_: &Told<'_>| note(&another_is);
    let wanted = |comment: &str| Draft {
        document: stand::routing().sources.document,
        price_files: BTreeMap::new(),
        comment: comment.into(),
        source: store::versions::Source::Api,
        based_on: None,
    };
    {
        let by = By { id: "first", entry: &first_entry };
        let mut first = Box::pin(versions.draft(pipeline, wanted("first"), by));
        while !is_queued.load(Ordering::Relaxed) {
            assert!(timeout(Duration::from_millis(5), &mut first).await.is_err());
        }
    }
    let by = By { id: "second", entry: &second_entry };
    let mut second = Box::pin(versions.draft(pipeline, wanted("second"), by));
    assert!(timeout(Duration::from_millis(300), &mut second).await.is_err());
    assert!(!another_is.load(Ordering::Relaxed), "it was made of what the first one changes");
    drop(go);
    assert_eq!(second.await.unwrap().number, 3);
    let found = stand.get(READER, "/v1/policies").await.fits("PolicyList");
    let told: Vec<&Value> = found["data"].as_array().unwrap().iter().map(|one| &one["comment"]).collect();
    assert_eq!(told, ["second", "first", ""]);
}
