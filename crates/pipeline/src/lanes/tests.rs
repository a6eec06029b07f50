//! Who waits, who leaves and who makes room.

use std::sync::Arc;
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

    fn record(&mut self, app: &str, class: Class, validity: u64) -> Arc<Record> {
        let message = Message {
            id: self.ids.next(START, 1),
            app: AppId::new(app).unwrap(),
            created_at: START,
            to: Recipient::from_e164("+12025550100").unwrap(),
            from: None,
            channel: Channel::Sms,
            class,
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
            by_smpp: None,
            operator_source: None,
            operator_known_at: None,
            has_link: false,
            no_probe: false,
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
            routes: vec![PlannedRoute {
                route: route.clone(),
                reason: Reason::Priority(1),
                price: None,
                drawn: None,
                shadow_price: None,
            }],
            left_out: Vec::new(),
            flips: Vec::new(),
            steered: Vec::new(),
            pin: None,
            probing: None,
        };
        let connection = ConnectionId::new(app).unwrap();
        let target = Target { route, connection, sender: None, price: None, drawn: None, rewritten: None };
        Arc::new(Record::accepted(message, plan, Some(NextAttempt { target, reference: 1 })).0)
    }
}

fn connection(id: &str) -> ConnectionId {
    ConnectionId::new(id).unwrap()
}

/// Serves every lane with this many slots; those of `dead` find none. Returns whose messages left.
fn serve_with(lanes: &mut Lanes, wake: &Wake, dead: &str, mut slots: usize) -> Vec<String> {
    let mut left = Vec::new();
    lanes.serve(wake, |record| {
        let app = record.message.app.to_string();
        if app == dead || slots == 0 {
            let wanted = Wanted { connection: connection(&app), is_up: app != dead };
            return Turn::Wait(Waits { record, wanted: vec![wanted], is_mixed: false });
        }
        slots -= 1;
        left.push(app);
        Turn::Taken
    });
    left
}

fn serve(lanes: &mut Lanes, dead: &str) -> Vec<String> {
    serve_with(lanes, &Wake::All, dead, usize::MAX)
}

fn count(left: &[String], app: &str) -> usize {
    left.iter().filter(|left| *left == app).count()
}

#[test]
fn a_lane_that_finds_no_slot_keeps_nobody_else_out() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    for _ in 0..10 {
        lanes.push(maker.record("dead", Class::Otp, 600));
    }
    lanes.push(maker.record("shop", Class::Otp, 600));
    assert_eq!(serve(&mut lanes, "dead"), ["shop"]);
    assert!(
        !lanes.want(&connection("shop")) && !lanes.want(&connection("dead")),
        "nobody waits for a slot of these"
    );
    assert_eq!(serve(&mut lanes, "nobody").len(), 10);
    assert!(lanes.is_empty());
}

#[test]
fn apps_of_a_class_share_slots_evenly_also_when_they_come_one_by_one() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    for _ in 0..400 {
        lanes.push(maker.record("shop", Class::Otp, 600));
    }
    for _ in 0..400 {
        lanes.push(maker.record("bank", Class::Otp, 600));
    }
    let left: Vec<String> = (0..300).flat_map(|_| serve_with(&mut lanes, &Wake::All, "nobody", 1)).collect();
    assert_eq!((count(&left, "shop"), count(&left, "bank")), (150, 150));
}

#[test]
fn no_class_starves() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    for _ in 0..3000 {
        lanes.push(maker.record("codes", Class::Otp, 600));
        lanes.push(maker.record("bills", Class::Transactional, 600));
        lanes.push(maker.record("offers", Class::Marketing, 600));
    }
    let left: Vec<String> = (0..260).flat_map(|_| serve_with(&mut lanes, &Wake::All, "nobody", 10)).collect();
    let share = |app| count(&left, app) * 26 / left.len();
    assert_eq!((share("codes"), share("bills"), share("offers")), (16, 8, 2));
}

#[test]
fn who_was_away_catches_up_on_little() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    for _ in 0..1000 {
        lanes.push(maker.record("shop", Class::Otp, 600));
    }
    assert_eq!(serve_with(&mut lanes, &Wake::All, "nobody", 500).len(), 500);
    for _ in 0..1000 {
        lanes.push(maker.record("bank", Class::Otp, 600));
    }
    let left = serve_with(&mut lanes, &Wake::All, "nobody", 100);
    assert!((50..=60).contains(&count(&left, "bank")), "{}", count(&left, "bank"));
}

#[test]
fn a_lane_is_looked_at_again_when_what_it_waits_for_comes_free() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    lanes.push(maker.record("shop", Class::Otp, 600));
    assert!(lanes.want(&connection("any")), "nobody knows yet what it wants");
    assert_eq!(serve_with(&mut lanes, &Wake::All, "nobody", 0).len(), 0);
    assert!(lanes.want(&connection("shop")) && !lanes.want(&connection("any")));
    let freed = |id| Wake::Connections([connection(id)].into_iter().collect());
    assert_eq!(serve_with(&mut lanes, &freed("bank"), "nobody", 9).len(), 0);
    assert_eq!(serve_with(&mut lanes, &freed("shop"), "nobody", 9), ["shop"]);
}

/// As the store does: the next of those that it lists for the lane. It lists those whose dispatch is under way, too.
fn fetch(lanes: &mut Lanes, refill: Refill, stored: &[Arc<Record>]) {
    let waiting = stored.iter().filter(|record| record.message.id.key() > refill.after);
    let page = waiting.take(refill.limit).map(|record| (**record).clone()).collect();
    lanes.refilled(refill, page);
}

#[test]
fn what_does_not_fit_waits_in_the_store_and_comes_back_page_by_page() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    let all: Vec<Arc<Record>> =
        (0..=ROOM + 1000).map(|_| maker.record("dead", Class::Marketing, 600)).collect();
    for record in &all {
        lanes.push(record.clone());
    }
    assert!(lanes.known.len() <= ROOM, "{}", lanes.known.len());
    serve(&mut lanes, "dead");
    assert!(lanes.refills().is_empty(), "a lane that cannot send needs no more");
    let (mut left, mut pages) = (0, 0);
    loop {
        left += serve(&mut lanes, "nobody").len();
        let refills = lanes.refills();
        if refills.is_empty() {
            break;
        }
        for refill in refills {
            assert!(lanes.refills().is_empty(), "one page at a time");
            fetch(&mut lanes, refill, &all);
            pages += 1;
        }
    }
    assert_eq!(left, all.len());
    // All of it once, and once more because somebody was left to the store before it began.
    assert!(pages <= 2 * (all.len() / PAGE + 2), "{pages}");
    for record in &all {
        lanes.left(record.message.id);
    }
    assert!(lanes.is_empty() && lanes.known.is_empty() && lanes.records == 0 && lanes.claimed == 0);
}

#[test]
fn a_page_that_a_damaged_record_left_short_is_not_the_last() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    let stored: Vec<Arc<Record>> = (0..10).map(|_| maker.record("shop", Class::Otp, 600)).collect();
    lanes.wait_in_the_store(Lane::of(&stored[0]).unwrap());
    let first = lanes.refills().pop().unwrap();
    lanes.refilled(first, stored[..4].iter().map(|record| (**record).clone()).collect());
    let second = lanes.refills().pop().expect("there may be more");
    fetch(&mut lanes, second, &stored);
    assert_eq!(serve(&mut lanes, "nobody").len(), 10);
}

#[test]
fn few_pages_are_on_their_way_at_once() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    for app in 0..20 {
        let record = maker.record(&format!("app{app}"), Class::Otp, 600);
        lanes.wait_in_the_store(Lane::of(&record).unwrap());
    }
    let refills = lanes.refills();
    assert_eq!((refills.len(), lanes.refills().len()), (MAX_CLAIMED, 0));
    for refill in refills {
        lanes.refilled(refill, Vec::new());
    }
    assert_eq!(lanes.refills().len(), MAX_CLAIMED);
}

/// After a change of the table those of one lane may want different things: here every other one has a route.
#[test]
fn in_a_mixed_lane_nobody_waits_behind_those_who_cannot_be_sent() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    let stored: Vec<Arc<Record>> = (0..2000).map(|_| maker.record("shop", Class::Otp, 600)).collect();
    let can_be_sent: FxHashSet<MessageId> = stored[1500..].iter().map(|record| record.message.id).collect();
    lanes.wait_in_the_store(Lane::of(&stored[0]).unwrap());
    let mut left = 0;
    for _ in 0..400 {
        for refill in lanes.refills() {
            fetch(&mut lanes, refill, &stored);
        }
        lanes.serve(&Wake::All, |record| {
            if !can_be_sent.contains(&record.message.id) {
                return Turn::Wait(Waits { record, wanted: Vec::new(), is_mixed: true });
            }
            left += 1;
            Turn::Taken
        });
    }
    assert_eq!(left, 500, "those far behind in the store have left");
    assert!(lanes.records <= PAGE + LOW, "{} are in memory", lanes.records);
}

#[test]
fn who_is_overdue_is_forgotten_though_no_slot_comes_free() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    for validity in [60, 600, 60] {
        lanes.push(maker.record("dead", Class::Otp, validity));
    }
    lanes.push(maker.record("shop", Class::Otp, 60));
    lanes.forget_overdue(START.plus(Duration::from_secs(60)));
    assert_eq!(lanes.records, 1);
    assert_eq!(serve(&mut lanes, "nobody"), ["dead"]);
    lanes.push(maker.record("shop", Class::Otp, 600));
    assert_eq!(serve(&mut lanes, "nobody"), ["shop"]);
}

#[test]
fn a_message_that_got_more_time_while_it_waits_is_not_forgotten_at_its_old_end() {
    let (mut lanes, mut maker) = (Lanes::default(), Maker::new());
    let mut record = maker.record("shop", Class::Otp, 10);
    lanes.push(Arc::clone(&record));
    Arc::make_mut(&mut record).message.expires_at = START.plus(Duration::from_secs(600));
    lanes.renew(&record);
    lanes.forget_overdue(START.plus(Duration::from_secs(60)));
    assert_eq!(serve(&mut lanes, "nobody"), ["shop"]);
    // One that does not wait here is not taken in.
    lanes.renew(&maker.record("bank", Class::Otp, 600));
    assert!(lanes.is_empty());
}
