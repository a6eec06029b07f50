//! What is counted comes out, in a text that Prometheus reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use connectors::Health;
use connectors::connector::HealthState;
use domain::Lane;

use super::*;

fn snapshot() -> Snapshot {
    let down = HealthState::Down { since: tokio::time::Instant::now(), reason: Arc::from("refused") };
    Snapshot {
        overrides: 2,
        caps: vec![pipeline::CapStanding {
            cap: "acme-day".parse().unwrap(),
            is_rolled_out: false,
            per: routing::settings::Period::Day,
            limit: 8,
            counted: Some(3),
            until: None,
            used: Decimal::new(375, 3),
            is_full: false,
            passed_over: 0,
            classes: Vec::new(),
            routes: Vec::new(),
        }],
        connections: vec![
            (connection("acme-main"), Health { state: HealthState::Up, binds_up: 2, binds: 2 }),
            (connection("borealis"), Health { state: down, binds_up: 0, binds: 1 }),
        ],
        is_writing: true,
        is_broken: false,
        failure: None,
        commits_failed: 2,
        put_aside: 1,
        verdicts: vec![VerdictKind::SilentDrop],
        news_lost: 3,
        promised: vec![Promised {
            vendor: "acme".parse().unwrap(),
            period: routing::commitment::Period::Month,
            days: routing::commitment::Days {
                from: "2026-11-01".parse().unwrap(),
                until: "2026-12-01".parse().unwrap(),
            },
            pace: domain::commitment::Pace {
                unit: domain::commitment::Unit::Messages,
                promised: 3000.into(),
                carried: 1000.into(),
                due: 1500.into(),
                until: Timestamp::from_millis(1_796_083_200_000),
                urgency: 1000,
            },
        }],
    }
}

fn connection(id: &str) -> ConnectionId {
    ConnectionId::new(id).unwrap()
}

fn filled() -> String {
    let metrics = Metrics::default();
    let route = RouteId::new("acme-de").unwrap();
    metrics.status_changed(Channel::Sms, Class::Otp, Status::Delivered);
    metrics.status_changed(Channel::Sms, Class::Otp, Status::Delivered);
    metrics.attempt_answered(&route, Outcome::Rejected);
    metrics.receipt(&route, "delivered", Duration::from_millis(4200));
    metrics.receipt(&route, "submitted", Duration::from_millis(100));
    metrics.submit_took(&connection("acme-main"), Duration::from_millis(3));
    metrics.decision_took(Duration::from_micros(7));
    metrics.committed(128, Duration::from_millis(4));
    metrics.receipt_held(&connection("acme-main"));
    metrics.notice_told(true);
    metrics.verdict(VerdictKind::SilentDrop, VerdictStage::Raised);
    let lane = Lane::parse("otp shop all acme-de acme-de").unwrap();
    let waiting = vec![Waiting { lane, messages: 3, oldest: Timestamp::from_millis(1000) }];
    let damage = Damage { records: Some(4), days: 1 };
    metrics.text(&snapshot(), Some(&Backlog { waiting, webhooks: 9 }), damage, Timestamp::from_millis(3500))
}

#[test]
fn what_is_counted_comes_out() {
    let text = filled();
    for line in [
        r#"strowger_messages_total{channel="sms",class="otp",status="delivered"} 2"#,
        r#"strowger_attempts_total{route="acme-de",outcome="rejected"} 1"#,
        r#"strowger_verdicts_total{kind="silent_drop",stage="raised"} 1"#,
        r#"strowger_commitment_behind_ratio{vendor="acme",period="month",unit="messages"} 0.1667"#,
        r#"strowger_verdicts_open{kind="silent_drop"} 1"#,
        "strowger_adaptive_news_lost_total 3",
        r#"strowger_receipts_total{route="acme-de",status="delivered"} 1"#,
        r#"strowger_receipts_total{route="acme-de",status="pending"} 1"#,
        r#"strowger_receipt_delay_seconds_bucket{route="acme-de",le="2"} 1"#,
        r#"strowger_receipt_delay_seconds_bucket{route="acme-de",le="5"} 2"#,
        r#"strowger_receipt_delay_seconds_bucket{route="acme-de",le="+Inf"} 2"#,
        r#"strowger_receipt_delay_seconds_sum{route="acme-de"} 4.3"#,
        r#"strowger_submit_duration_seconds_count{connection="acme-main"} 1"#,
        r#"strowger_receipts_held_total{connection="acme-main"} 1"#,
        r#"strowger_connection_up{connection="acme-main"} 1"#,
        r#"strowger_connection_up{connection="borealis"} 0"#,
        "strowger_store_writable 1",
        "strowger_store_commits_failed_total 2",
        "strowger_store_put_aside_total 1",
        "strowger_store_damaged_records 4",
        "strowger_store_damaged_days 1",
        r#"strowger_queue_depth{class="otp"} 3"#,
        r#"strowger_queue_depth{class="marketing"} 0"#,
        r#"strowger_queue_oldest_seconds{class="otp"} 2.5"#,
        r#"strowger_webhook_pending 9"#,
        r#"strowger_webhooks_total{result="told"} 1"#,
        r#"strowger_decision_duration_seconds_bucket{le="0.00001"} 1"#,
        r#"strowger_store_commit_duration_seconds_bucket{le="0.005"} 1"#,
        r#"strowger_store_operations_total 128"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    assert!(text.contains("strowger_build_info{version="));
}

#[test]
fn the_text_is_well_formed() {
    let text = filled();
    let mut families = BTreeSet::new();
    let mut series = BTreeSet::new();
    let mut family = String::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap().to_owned();
            assert!(families.insert(family.clone()), "{family} comes twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(&family), "{line} under {family}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(series.insert(name.to_owned()), "{name} comes twice");
        }
    }
}

#[test]
fn a_store_that_cannot_be_asked_costs_its_own_families() {
    let text = Metrics::default().text(&snapshot(), None, Damage::default(), Timestamp::from_millis(0));
    assert!(!text.contains("webhook_pending") && !text.contains("queue_depth"));
    assert!(!text.contains("damaged_records") && text.contains("strowger_store_writable"));
    assert!(text.contains("strowger_build_info"));
}
