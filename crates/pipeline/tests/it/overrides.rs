//! Overrides: from the next message on, for all that wait, over when they say so, and as durable as a message.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::overrides::{Action, Scope, State, Suspended};
use domain::plan::Exclusion;
use domain::{Override, RouteId, Status};
use pipeline::{Clock as _, Name, NotSteered, NotWritten, Steer};

use crate::bench::{Bench, Fault, Reply, path};

/// Who finds no slot waits for it for ever.
const WAITS: &str = r#"{ "failover": { "on": ["rejected"] } }"#;
const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

fn entry(before: Option<&Override>, after: &Override) -> Box<str> {
    format!(r#"{{"target":"{}","is_new":{}}}"#, after.id, before.is_none()).into()
}

fn flip(bench: &Bench, from: &str, to: &str) -> Steer {
    let route = |id| RouteId::new(id).unwrap();
    Steer {
        action: Action::Flip { from: route(from), to: route(to) },
        reason: "receipts drop".into(),
        by: "ops".into(),
        expires_at: bench.clock.now().plus(HALF_AN_HOUR),
        scope: Scope::default(),
        starts_at: None,
    }
}

async fn flipped(bench: &Bench, from: &str, to: &str) -> Override {
    bench.pipeline.steer(flip(bench, from, to), &entry).await.unwrap()
}

async fn refusal(bench: &Bench, from: &str, to: &str) -> NotSteered {
    bench.pipeline.steer(flip(bench, from, to), &entry).await.unwrap_err()
}

/// The route of the one attempt of the next message.
async fn next_route(bench: &Bench) -> String {
    let id = bench.send().await;
    let record = bench.until_status(id, Status::Submitted).await;
    record.attempts[0].route.to_string()
}

#[tokio::test]
async fn all_that_waits_goes_by_the_other_route_and_so_does_the_next() {
    let bench = Bench::with_rule(WAITS).await;
    bench.connection("acme").full.store(true, Ordering::SeqCst);
    let waiting = [bench.send().await, bench.send().await, bench.send().await];
    let one = flipped(&bench, "acme", "cumulus").await;
    assert_eq!(one.state(bench.clock.now()), State::Active);
    for id in waiting {
        let record = bench.until_status(id, Status::Submitted).await;
        assert_eq!(path(&record), [("cumulus".to_owned(), "submitted")]);
    }
    let id = bench.send().await;
    let record = bench.until_status(id, Status::Submitted).await;
    let plan = record.plan.unwrap();
    assert_eq!(plan.left_out[0].because, Exclusion::Flipped);
    assert_eq!((plan.flips[0].id, &*plan.flips[0].reason), (one.id, "receipts drop"));
    assert_ne!(plan.table, 1);
    assert!(bench.connection("acme").submitted.lock().is_empty());

    bench.connection("acme").full.store(false, Ordering::SeqCst);
    let reverted = bench.pipeline.revert(one.id, "night", &entry).await.unwrap().unwrap();
    assert_eq!(&*reverted.reverted.as_ref().unwrap().by, "night");
    assert_eq!(next_route(&bench).await, "acme");
    assert_eq!(bench.pipeline.reader().find_override(one.id).unwrap(), Some(reverted));
    assert_eq!(bench.pipeline.revert(one.id, "night", &entry).await, Ok(None));
}

#[tokio::test]
async fn it_is_over_by_the_clock_also_while_nothing_can_be_written() {
    let bench = Bench::new().await;
    flipped(&bench, "acme", "cumulus").await;
    assert_eq!(next_route(&bench).await, "cumulus");
    bench.advance(HALF_AN_HOUR - Duration::from_millis(1));
    assert_eq!(bench.pipeline.overrides().len(), 1);
    bench.set_fault(Some(Fault::DiskFull));
    bench.advance(Duration::from_millis(1));
    let base = Bench::new().await.pipeline.table().version();
    bench.until_true("its table is gone", || bench.pipeline.table().version() == base).await;
    assert!(bench.pipeline.overrides().is_empty());
}

#[tokio::test]
async fn it_survives_a_restart_and_one_that_ended_meanwhile_does_not() {
    let bench = Bench::new().await;
    let one = flipped(&bench, "acme", "cumulus").await;
    let other = flipped(&bench, "borealis", "cumulus").await;
    bench.pipeline.revert(other.id, "ops", &entry).await.unwrap();
    let bench = bench.restart().await;
    assert_eq!(bench.pipeline.overrides(), [one]);
    assert_eq!(next_route(&bench).await, "cumulus");
    bench.advance(HALF_AN_HOUR - Duration::from_millis(500));
    let bench = bench.restart().await;
    assert!(bench.pipeline.overrides().is_empty());
    assert_eq!(next_route(&bench).await, "acme");
}

#[tokio::test]
async fn what_cannot_be_written_has_no_effect_and_bars_nothing() {
    let bench = Bench::new().await;
    bench.set_fault(Some(Fault::DiskFull));
    let refused = refusal(&bench, "acme", "cumulus").await;
    assert!(matches!(refused, NotSteered::NotWritten(NotWritten::Unavailable)), "{refused}");
    assert!(bench.pipeline.overrides().is_empty());
    bench.set_fault(None);
    let one = flipped(&bench, "acme", "cumulus").await;
    bench.set_fault(Some(Fault::DiskFull));
    bench.pipeline.revert(one.id, "ops", &entry).await.unwrap_err();
    assert_eq!(bench.pipeline.overrides(), std::slice::from_ref(&one));
    bench.set_fault(None);
    assert!(bench.pipeline.revert(one.id, "ops", &entry).await.unwrap().is_some());
}

#[tokio::test]
async fn only_one_of_two_at_once_is_made() {
    let bench = Bench::new().await;
    let (one, other) = tokio::join!(
        bench.pipeline.steer(flip(&bench, "acme", "cumulus"), &entry),
        bench.pipeline.steer(flip(&bench, "acme", "borealis"), &entry)
    );
    let made = one.unwrap();
    assert!(matches!(other, Err(NotSteered::Conflict { with, .. }) if with == made.id), "{other:?}");
}

#[tokio::test]
async fn who_reverts_at_once_hears_the_same() {
    let bench = Bench::new().await;
    let one = flipped(&bench, "acme", "cumulus").await;
    let (first, second) = tokio::join!(
        bench.pipeline.revert(one.id, "ops", &entry),
        bench.pipeline.revert(one.id, "night", &entry)
    );
    let first = first.unwrap().unwrap();
    assert_eq!(second.unwrap().as_ref(), Some(&first));
    assert_eq!(bench.pipeline.reader().find_override(one.id).unwrap(), Some(first));
}

#[tokio::test]
async fn what_leads_nowhere_or_in_a_circle_is_refused() {
    let bench = Bench::new().await;
    let unknown = refusal(&bench, "acme", "cumulu").await;
    assert!(matches!(unknown, NotSteered::Unknown { name: Name::To, .. }));
    assert_eq!(unknown.to_string(), "no route is called `cumulu`: did you mean `cumulus`?");
    assert!(matches!(refusal(&bench, "acme", "acme").await, NotSteered::SameRoute(_)));
    for seconds in [0, 31 * 86_400] {
        let expires_at = bench.clock.now().plus(Duration::from_secs(seconds));
        let refused =
            bench.pipeline.steer(Steer { expires_at, ..flip(&bench, "acme", "cumulus") }, &entry).await;
        assert!(matches!(refused, Err(NotSteered::BadExpiry)), "{refused:?}");
    }
    flipped(&bench, "acme", "borealis").await;
    assert!(refusal(&bench, "acme", "cumulus").await.to_string().contains("revert that first"));
    for from in ["borealis", "cumulus"] {
        let refused = refusal(&bench, from, "acme").await.to_string();
        assert!(refused.contains("`acme` is itself flipped to `borealis`"), "{refused}");
    }
    // The stand-in may fail, too: the chain is followed.
    flipped(&bench, "borealis", "cumulus").await;
    assert_eq!(next_route(&bench).await, "cumulus");
}

#[tokio::test]
async fn nothing_is_sent_again_on_the_route_that_was_left() {
    let bench = Bench::with_rule(r#"{ "on_unknown": "resend" }"#).await;
    bench.connection("acme").script([Reply::Silence]);
    let id = bench.send().await;
    bench.until(id, |record| record.attempts.len() == 1 && !record.work().queued).await;
    flipped(&bench, "acme", "cumulus").await;
    let bench = bench.restart().await;
    let record = bench.until_status(id, Status::Submitted).await;
    let routes: Vec<String> = record.attempts.iter().map(|attempt| attempt.route.to_string()).collect();
    assert_eq!(routes, ["acme", "cumulus"]);
}

#[tokio::test]
async fn a_store_on_hold_keeps_its_overrides_and_takes_none() {
    let bench = Bench::new().await;
    let one = flipped(&bench, "acme", "cumulus").await;
    let restored = bench.restored().await;
    assert!(restored.pipeline.is_on_hold());
    let refused = refusal(&restored, "borealis", "cumulus").await;
    assert!(matches!(refused, NotSteered::NotWritten(NotWritten::OnHold)), "{refused}");
    assert_eq!(restored.pipeline.revert(one.id, "ops", &entry).await, Err(NotWritten::OnHold));
    assert_eq!(restored.pipeline.overrides(), std::slice::from_ref(&one));
    assert_eq!(restored.pipeline.reader().find_override(one.id).unwrap(), Some(one));
}

fn suspension(bench: &Bench, route: &str) -> Steer {
    let action = Action::Suspend(Suspended::Route(RouteId::new(route).unwrap()));
    Steer { action, ..flip(bench, "acme", "cumulus") }
}

#[tokio::test]
async fn what_waits_for_a_suspended_route_goes_on_to_the_next() {
    let bench = Bench::with_rule(WAITS).await;
    bench.connection("acme").full.store(true, Ordering::SeqCst);
    let waiting = [bench.send().await, bench.send().await];
    bench.pipeline.steer(suspension(&bench, "acme"), &entry).await.unwrap();
    for id in waiting {
        let record = bench.until_status(id, Status::Submitted).await;
        assert_ne!(record.attempts[0].route.as_str(), "acme");
    }
    assert!(bench.connection("acme").submitted.lock().is_empty());
}

#[tokio::test]
async fn what_has_no_other_route_waits_over_a_restart_until_one_is_resumed() {
    let bench = Bench::new().await;
    let mut suspended = Vec::new();
    for route in ["acme", "borealis", "cumulus"] {
        suspended.push(bench.pipeline.steer(suspension(&bench, route), &entry).await.unwrap());
    }
    let id = bench.send().await;
    let record = bench.until(id, |record| record.work().queued).await;
    assert!(record.plan.unwrap().left_out.iter().all(|left| left.because == Exclusion::Suspended));
    let bench = bench.restart().await;
    assert_eq!(bench.pipeline.overrides(), suspended);
    assert_eq!(bench.pipeline.reader().message(id).unwrap().unwrap().status, Status::Accepted);
    bench.pipeline.revert(suspended[1].id, "ops", &entry).await.unwrap();
    let record = bench.until_status(id, Status::Submitted).await;
    assert_eq!(path(&record), [("borealis".to_owned(), "submitted")]);
}

#[tokio::test]
async fn one_that_is_planned_begins_by_the_clock_and_can_be_taken_back_before() {
    let bench = Bench::new().await;
    let planned = |seconds| {
        let start = bench.clock.now().plus(Duration::from_secs(seconds));
        Steer { starts_at: Some(start), ..flip(&bench, "acme", "cumulus") }
    };
    let one = bench.pipeline.steer(planned(600), &entry).await.unwrap();
    assert_eq!((bench.pipeline.overrides().len(), bench.pipeline.planned().len()), (0, 1));
    assert_eq!(next_route(&bench).await, "acme");
    let refused = bench.pipeline.steer(planned(700), &entry).await;
    assert!(matches!(refused, Err(NotSteered::Conflict { with, .. }) if with == one.id), "{refused:?}");
    for seconds in [0, 401 * 86_400] {
        let refused = bench.pipeline.steer(planned(seconds), &entry).await;
        assert!(matches!(refused, Err(NotSteered::BadStart)), "{refused:?}");
    }
    assert!(bench.pipeline.revert(one.id, "ops", &entry).await.unwrap().is_some());
    assert!(bench.pipeline.planned().is_empty());

    bench.pipeline.steer(planned(600), &entry).await.unwrap();
    let before = bench.pipeline.table().version();
    bench.advance(Duration::from_secs(600));
    bench.until_true("it holds", || bench.pipeline.table().version() != before).await;
    assert_eq!(next_route(&bench).await, "cumulus");
}

#[tokio::test]
async fn flips_whose_scopes_have_nothing_in_common_stand_side_by_side() {
    let bench = Bench::new().await;
    let of = |operator: &str, to: &str| {
        let scope = Scope { operators: vec![operator.into()], ..Scope::default() };
        Steer { scope, ..flip(&bench, "acme", to) }
    };
    let one = bench.pipeline.steer(of("262-01", "cumulus"), &entry).await.unwrap();
    bench.pipeline.steer(of("262-02", "borealis"), &entry).await.unwrap();
    let refused = bench.pipeline.steer(flip(&bench, "acme", "borealis"), &entry).await.unwrap_err();
    assert!(matches!(refused, NotSteered::Conflict { with, .. } if with == one.id), "{refused}");
    let refused = refused.to_string();
    assert!(refused.contains("on 262-01"), "{refused}");
    let bench = bench.restart().await;
    assert_eq!(bench.pipeline.overrides().len(), 2);
}

#[tokio::test]
async fn nothing_is_flipped_to_what_is_suspended() {
    let bench = Bench::new().await;
    let one = bench.pipeline.steer(suspension(&bench, "cumulus"), &entry).await.unwrap();
    let refused = refusal(&bench, "acme", "cumulus").await;
    assert!(matches!(refused, NotSteered::Conflict { with, .. } if with == one.id), "{refused}");
    // In the other order it must be possible: nothing is more urgent.
    flipped(&bench, "acme", "borealis").await;
    bench.pipeline.steer(suspension(&bench, "borealis"), &entry).await.unwrap();
}
