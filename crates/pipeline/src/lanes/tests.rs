//! Who waits, who leaves and who makes room.

use std::time::Duration;

use domain::id::MessageIds;
use domain::plan::{FailoverSet, OnUnknown, Plan, PlannedRoute, Reason, Terms};
use domain::record::{NextAttempt, Target};
use domain::segment::Encoding;
use domain::status::StatusSet;
use domain::{Channel, ConnectionId, Message, Recipient, RouteId, RuleId};

use super::*;

const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// Makes messages of an app each, for a route of the app's name.
struct Maker {
    ids: MessageIds,
}

impl Maker {
    fn new() -> Self {
        Self { ids: MessageIds::new(0) }
    }

    fn record(&mut self, app: &str, validity: u64) -> Box<Record> {
        let message = Message {
            id: self.ids.next(START, 1),
            app: AppId::new(app).unwrap(),
            created_at: START,
            to: Recipient::from_e164("+12025550100").unwrap(),
            from: None,
            channel: Channel::Sms,
            class: Class::Otp,
            text: "Your code is 1234".into(),
            encoding: Encoding::Gsm7,
            segments: 1,
            country: None,
            operator: None,
            reference: None,
            metadata: None,
            send_at: None,
            expires_at: START.plus(Duration::from_secs(validity)),
            max_price: None,
            callback_url: None,
            notify: StatusSet::NONE,
        };
        let route = RouteId::new(app).unwrap();
        let terms = Terms {
            on_unknown: OnUnknown::NextRoute,
            failover_on: std::iter::empty().collect::<FailoverSet>(),
            wait_at_most_ms: 3000,
            no_receipt_after_ms: None,
            max_attempts: 3,
        };
        let plan = Plan {
            table: 1,
            rule: RuleId::new("all").unwrap(),
            terms,
            routes: vec![PlannedRoute { route: route.clone(), reason: Reason::Priority(1), price: None }],
            left_out: Vec::new(),
        };
        let connection = ConnectionId::new(app).unwrap();
        let target = Target { route, connection, sender: None, price: None };
        Box::new(Record::accepted(message, plan, Some(NextAttempt { target, reference: 1 })).0)
    }
}

/// Serves every lane; those of `dead` find no slot. Returns whose messages left.
fn serve(lanes: &mut Lanes, dead: &str) -> Vec<String> {
    let mut left = Vec::new();
    lanes.serve(|record| {
        if record.message.app.as_str() == dead {
            return Turn::Wait(record);
        }
        left.push(record.message.app.to_string());
        Turn::Taken
    });
    left
}

#[test]
fn a_full_backlog_of_one_lane_keeps_nobody_else_out() {
    let (mut lanes, mut maker) = (Lanes::with_room(10), Maker::new());
    for _ in 0..10 {
        assert!(lanes.push(maker.record("dead", 600)));
    }
    assert!(!lanes.push(maker.record("dead", 600)), "its own lane is the longest");
    assert!(lanes.push(maker.record("shop", 600)));
    assert_eq!((lanes.len(), serve(&mut lanes, "dead")), (10, vec!["shop".to_owned()]));
    assert_eq!(lanes.len(), 9);
    assert!(lanes.take_spilled() && !lanes.take_spilled());
}

#[test]
fn lanes_of_one_length_do_not_push_each_other_out() {
    let (mut lanes, mut maker) = (Lanes::with_room(2), Maker::new());
    assert!(lanes.push(maker.record("shop", 600)) && lanes.push(maker.record("bank", 600)));
    assert!(!lanes.push(maker.record("mall", 600)));
    assert_eq!(serve(&mut lanes, "nobody"), ["shop", "bank"]);
    assert_eq!(lanes.len(), 0);
}

#[test]
fn who_is_overdue_is_forgotten_though_no_slot_comes_free() {
    let (mut lanes, mut maker) = (Lanes::with_room(10), Maker::new());
    for validity in [60, 600, 60] {
        lanes.push(maker.record("dead", validity));
    }
    lanes.push(maker.record("shop", 60));
    lanes.forget_overdue(START.plus(Duration::from_secs(60)));
    assert_eq!(lanes.len(), 1);
    assert_eq!(serve(&mut lanes, "nobody"), ["dead"]);
    lanes.push(maker.record("shop", 600));
    assert_eq!(serve(&mut lanes, "nobody"), ["shop"]);
}
