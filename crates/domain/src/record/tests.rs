//! The rules of a record, case by case.

use std::time::Duration;

use super::*;
use crate::attempt::{Outcome, PartAnswer};
use crate::id::MessageIds;
use crate::message::{Channel, Class};
use crate::plan::{FailoverOn, FailoverSet, OnUnknown, PlannedRoute, Reason, Terms};
use crate::segment::Encoding;
use crate::status::StatusSet;
use crate::{AppId, Recipient, RuleId, Stage};

mod any_order;
mod errors;
mod replaced;
mod rerated;
mod restored;
mod rewritten;

const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn target(route: &str) -> Target {
    Target {
        route: RouteId::new(route).unwrap(),
        connection: ConnectionId::new(&format!("{route}-main")).unwrap(),
        sender: None,
        price: None,
        drawn: None,
        rewritten: None,
    }
}

fn next(route: &str) -> NextAttempt {
    NextAttempt { target: target(route), reference: 1 }
}

struct Case {
    on_unknown: OnUnknown,
    failover_on: Vec<FailoverOn>,
    segments: u8,
    scheduled: bool,
    /// In seconds.
    validity: u64,
}

impl Default for Case {
    fn default() -> Self {
        use FailoverOn::{Busy, Rejected, Unavailable, Undelivered};
        Self {
            on_unknown: OnUnknown::NextRoute,
            failover_on: vec![Rejected, Busy, Unavailable, Undelivered],
            segments: 1,
            scheduled: false,
            validity: 600,
        }
    }
}

impl Case {
    fn record(self) -> Record {
        let message = Message {
            id: MessageIds::new(0).next(START, 1),
            app: AppId::new("shop").unwrap(),
            created_at: START,
            to: Recipient::from_e164("+4915112345678").unwrap(),
            from: None,
            channel: Channel::Sms,
            class: Class::Otp,
            text: "Your code is 1234".into(),
            encoding: Encoding::Gsm7,
            segments: self.segments,
            country: "DE".parse().ok(),
            operator: None,
            reference: None,
            metadata: None,
            send_at: self.scheduled.then(|| at(60)),
            expires_at: at(self.validity),
            max_price: None,
            callback_url: None,
            notify: StatusSet::all(),
            by_smpp: None,
            operator_source: None,
            operator_known_at: None,
            has_link: false,
            no_probe: false,
        };
        let terms = Terms {
            on_unknown: self.on_unknown,
            failover_on: self.failover_on.iter().copied().collect::<FailoverSet>(),
            wait_at_most_ms: 3000,
            no_receipt_after_ms: Some(45_000),
            max_attempts: 3,
        };
        let route = |name: &str, place| PlannedRoute {
            route: RouteId::new(name).unwrap(),
            reason: Reason::Priority(place),
            price: None,
            drawn: None,
            shadow_price: None,
        };
        let plan = Plan {
            table: 1,
            rule: RuleId::new("otp").unwrap(),
            terms,
            routes: vec![route("a", 1), route("b", 2)],
            left_out: Vec::new(),
            flips: Vec::new(),
            steered: Vec::new(),
            pin: None,
            probing: None,
        };
        let first = (!self.scheduled).then(|| next("a"));
        Record::accepted(message, plan, first).0
    }
}

fn dispatch(record: &mut Record, attempt: u16, seconds: u64) {
    let target = record.attempt(attempt).map(|attempt| target(attempt.route.as_str())).unwrap();
    let text_revision = record.text_revision;
    let dispatch = Dispatch { attempt, target, text_revision, bind: 0, epoch: 1 };
    record.apply(Input::Dispatch(dispatch), at(seconds)).unwrap();
}

fn answer(record: &mut Record, attempt: u16, answer: Answer) -> Vec<Status> {
    part_answer(record, (attempt, 0), answer)
}

fn part_answer(record: &mut Record, (attempt, part): (u16, u8), answer: Answer) -> Vec<Status> {
    let effects = record.apply(Input::Answer { attempt, part, answer }, at(2)).unwrap();
    effects.changes.iter().map(|change| change.status).collect()
}

fn receipt(record: &mut Record, attempt: u16, verdict: Option<Verdict>) -> Vec<Status> {
    part_receipt(record, (attempt, 0), verdict)
}

fn part_receipt(record: &mut Record, (attempt, part): (u16, u8), verdict: Option<Verdict>) -> Vec<Status> {
    let receipt = ReceiptNews { verdict, word: "WORD".into(), class: None };
    let effects = record.apply(Input::Receipt { attempt, part, receipt }, at(5)).unwrap();
    effects.changes.iter().map(|change| change.status).collect()
}

fn accepted() -> Answer {
    Answer::Accepted { vendor_id: Some("v1".into()) }
}

fn rejected() -> Answer {
    Answer::Rejected { code: "ESME_RSUBMITFAIL".into(), class: None }
}

#[test]
fn a_message_is_accepted_submitted_delivered_and_closed() {
    let mut record = Case::default().record();
    assert_eq!((record.status, record.sequence), (Status::Accepted, 1));
    assert!(record.work().queued);
    dispatch(&mut record, 1, 1);
    assert_eq!(answer(&mut record, 1, accepted()), [Status::Submitted]);
    assert_eq!(receipt(&mut record, 1, None), []);
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Delivered)), [Status::Delivered]);
    assert!(record.closed && record.wake_at().is_none());
    assert_eq!(record.sequence, 3);
}

#[test]
fn a_record_reads_back_from_its_stored_form() {
    let mut record = Case { segments: 2, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    part_answer(&mut record, (1, 0), accepted());
    part_answer(&mut record, (1, 1), rejected());
    let stored = minicbor::to_vec(&record).unwrap();
    assert_eq!(minicbor::decode::<Record>(&stored).unwrap(), record);
}

#[test]
fn a_refusal_asks_for_the_next_route_and_the_last_refusal_fails_the_message() {
    let mut record = Case::default().record();
    dispatch(&mut record, 1, 1);
    assert_eq!(answer(&mut record, 1, rejected()), []);
    assert_eq!(record.cause, Some(Cause::Rejected));
    record.apply(Input::Try(next("b")), at(2)).unwrap();
    assert!(!record.attempts[1].possible_duplicate, "a refused text cannot arrive twice");
    dispatch(&mut record, 2, 2);
    answer(&mut record, 2, rejected());
    let effects = record.apply(Input::Exhaust, at(3)).unwrap();
    assert_eq!(effects.changes[0].status, Status::Failed);
    assert!(record.closed);
}

#[test]
fn without_the_word_rejected_a_refusal_is_final() {
    let mut record = Case { failover_on: vec![FailoverOn::Busy], ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    assert_eq!(answer(&mut record, 1, rejected()), [Status::Failed]);
}

#[test]
fn an_unknown_outcome_goes_on_flagged_and_a_late_answer_still_counts() {
    let mut record = Case::default().record();
    dispatch(&mut record, 1, 1);
    assert_eq!(answer(&mut record, 1, Answer::Unknown { line_lost: false }), []);
    assert_eq!(record.cause, Some(Cause::Unknown { line_lost: false }));
    record.apply(Input::Try(next("b")), at(12)).unwrap();
    assert!(record.attempts[1].possible_duplicate);
    assert_eq!(answer(&mut record, 1, accepted()), [Status::Submitted]);
    assert_eq!(record.attempts[0].outcome, Some(Outcome::Accepted));
    // The delivery by the first attempt takes back the second, which has not left yet.
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Delivered)), [Status::Delivered]);
    assert_eq!(record.attempts[1].state, State::Withdrawn);
    assert!(record.closed);
}

#[test]
fn a_late_answer_before_the_decision_makes_it_needless() {
    let mut record = Case::default().record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, Answer::Unknown { line_lost: false });
    assert_eq!(answer(&mut record, 1, accepted()), [Status::Submitted]);
    assert_eq!(record.apply(Input::Try(next("b")), at(12)), Err(Refusal::NothingToDecide));
}

#[test]
fn hold_never_sends_again_and_a_late_answer_settles_it() {
    let mut record = Case { on_unknown: OnUnknown::Hold, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    assert_eq!(answer(&mut record, 1, Answer::Unknown { line_lost: true }), [Status::Uncertain]);
    assert!(!record.work().decide && !record.closed);
    assert_eq!(answer(&mut record, 1, accepted()), [Status::Submitted]);
}

#[test]
fn hold_stays_uncertain_when_a_part_was_refused_after_another_went() {
    let mut record = Case { on_unknown: OnUnknown::Hold, segments: 2, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    assert_eq!(part_answer(&mut record, (1, 0), accepted()), []);
    assert_eq!(part_answer(&mut record, (1, 1), rejected()), [Status::Uncertain]);
    assert!(!record.work().decide);
}

#[test]
fn a_long_text_of_which_a_part_was_refused_is_sent_again_whole_and_flagged() {
    let mut record = Case { segments: 3, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    part_answer(&mut record, (1, 0), accepted());
    part_answer(&mut record, (1, 1), rejected());
    part_answer(&mut record, (1, 2), Answer::NotSent);
    assert_eq!(record.cause, Some(Cause::Rejected));
    record.apply(Input::Try(next("b")), at(3)).unwrap();
    assert!(record.attempts[1].possible_duplicate);
    assert_eq!(record.attempts[1].parts.len(), 3);
}

#[test]
fn a_long_text_is_delivered_when_every_part_is() {
    let mut record = Case { segments: 2, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    part_answer(&mut record, (1, 0), accepted());
    assert_eq!(part_answer(&mut record, (1, 1), accepted()), [Status::Submitted]);
    assert_eq!(part_receipt(&mut record, (1, 1), Some(Verdict::Delivered)), []);
    assert_eq!(part_receipt(&mut record, (1, 0), Some(Verdict::Delivered)), [Status::Delivered]);
}

#[test]
fn throttling_and_unsent_bytes_put_the_same_attempt_back_unflagged_and_uncounted() {
    let mut record = Case::default().record();
    for reply in
        [Answer::Busy { code: "ESME_RTHROTTLED".into(), class: ErrorClass::Throttle }, Answer::NotSent]
    {
        dispatch(&mut record, 1, 1);
        assert_eq!(answer(&mut record, 1, reply), []);
        assert!(record.work().queued && record.counted_attempts() == 0);
        assert!(!record.attempts[0].possible_duplicate);
    }
    assert_eq!(record.attempts[0].throttled, 1);
}

#[test]
fn a_failed_receipt_goes_on_and_when_nothing_is_left_is_final_until_a_late_delivery() {
    let mut record = Case::default().record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, accepted());
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Undelivered)), []);
    assert_eq!(record.cause, Some(Cause::Undelivered));
    let effects = record.apply(Input::Exhaust, at(6)).unwrap();
    assert_eq!(effects.changes[0].status, Status::Undelivered);
    assert!(record.closed);
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Delivered)), [Status::Delivered]);
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Undelivered)), []);
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Delivered)), []);
    assert_eq!(record.status, Status::Delivered);
}

#[test]
fn after_a_vendor_said_that_nothing_was_delivered_the_next_attempt_is_no_duplicate() {
    let mut record = Case::default().record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, accepted());
    receipt(&mut record, 1, Some(Verdict::Undelivered));
    record.apply(Input::Try(next("b")), at(6)).unwrap();
    assert!(!record.attempts[1].possible_duplicate);
}

#[test]
fn a_missing_receipt_gives_the_attempt_up_and_the_message_stays_submitted_when_nothing_is_left() {
    let on = vec![FailoverOn::NoReceipt];
    let mut record = Case { failover_on: on, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, accepted());
    assert_eq!(record.wake_at(), Some(at(46)));
    record.apply(Input::Wake, at(45)).unwrap();
    assert!(!record.work().decide);
    record.apply(Input::Wake, at(46)).unwrap();
    assert_eq!(record.cause, Some(Cause::NoReceipt));
    record.apply(Input::Exhaust, at(46)).unwrap();
    assert_eq!(record.status, Status::Submitted);
    assert_eq!(record.wake_at(), Some(at(1).plus(RECEIPT_HORIZON)));
    record.apply(Input::Wake, at(1).plus(RECEIPT_HORIZON)).unwrap();
    assert!(record.closed && record.status == Status::Submitted);
}

#[test]
fn what_comes_after_the_horizon_settles_a_closed_record_and_never_opens_it() {
    let horizon = at(1).plus(RECEIPT_HORIZON);
    for (first, late, settled) in [
        (accepted(), None, Status::Undelivered),
        (unknown(false), Some(rejected()), Status::Failed),
        (unknown(false), Some(accepted()), Status::Submitted),
    ] {
        let mut record = Case { validity: 5 * RECEIPT_HORIZON.as_secs(), ..Case::default() }.record();
        dispatch(&mut record, 1, 1);
        answer(&mut record, 1, first);
        if record.cause.is_some() {
            record.apply(Input::Exhaust, at(2)).unwrap();
        }
        record.apply(Input::Wake, horizon).unwrap();
        assert!(record.closed && !record.status.is_final());
        let changes = match late {
            Some(late) => answer(&mut record, 1, late),
            None => receipt(&mut record, 1, Some(Verdict::Undelivered)),
        };
        assert_eq!(changes, [settled]);
        assert!(record.closed && record.work() == Work::default());
    }
}

#[test]
fn what_waits_when_its_validity_ends_expires() {
    let mut record = Case::default().record();
    assert_eq!(record.wake_at(), Some(at(600)));
    let effects = record.apply(Input::Wake, at(600)).unwrap();
    assert_eq!(effects.changes[0].status, Status::Expired);
    assert!(record.closed);
    let late = Dispatch { attempt: 1, target: target("a"), text_revision: 0, bind: 0, epoch: 1 };
    assert_eq!(record.apply(Input::Dispatch(late), at(601)), Err(Refusal::TooLate));
}

#[test]
fn a_scheduled_message_comes_due_and_gets_its_first_attempt() {
    let mut record = Case { scheduled: true, ..Case::default() }.record();
    assert_eq!((record.status, record.wake_at()), (Status::Scheduled, Some(at(60))));
    record.apply(Input::Wake, at(60)).unwrap();
    assert_eq!(record.cause, Some(Cause::Due));
    let effects = record.apply(Input::Try(next("a")), at(60)).unwrap();
    assert_eq!(effects.changes[0].status, Status::Accepted);
    assert!(record.work().queued);
}

#[test]
fn a_message_can_be_cancelled_until_a_byte_may_have_left() {
    let mut waiting = Case::default().record();
    assert_eq!(waiting.apply(Input::Cancel, at(1)).unwrap().changes[0].status, Status::Canceled);
    assert!(waiting.closed);
    let mut dispatched = Case::default().record();
    dispatch(&mut dispatched, 1, 1);
    assert_eq!(dispatched.apply(Input::Cancel, at(1)), Err(Refusal::TooLate));
}

#[test]
fn what_an_ended_process_had_dispatched_is_unknown() {
    let mut record = Case { segments: 2, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    part_answer(&mut record, (1, 0), accepted());
    record.apply(Input::Settle, at(9)).unwrap();
    assert_eq!(record.attempts[0].outcome, Some(Outcome::Unknown));
    assert_eq!(record.cause, Some(Cause::Unknown { line_lost: true }));
}

#[test]
fn an_attempt_that_moves_to_another_route_says_so() {
    let mut record = Case::default().record();
    let dispatch = Dispatch { attempt: 1, target: target("b"), text_revision: 0, bind: 3, epoch: 9 };
    record.apply(Input::Dispatch(dispatch), at(4)).unwrap();
    assert_eq!(record.attempts[0].route.as_str(), "b");
    assert!(
        record
            .events
            .iter()
            .any(|event| matches!(&event.kind, Kind::Moved { from, .. } if from.as_str() == "a"))
    );
}

#[test]
fn a_receipt_settles_an_unknown_outcome() {
    let mut record = Case { on_unknown: OnUnknown::Hold, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, Answer::Unknown { line_lost: true });
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Delivered)), [Status::Delivered]);
    assert_eq!(record.attempts[0].outcome, Some(Outcome::Accepted));
}

#[test]
fn the_events_of_an_endlessly_throttled_message_are_bounded() {
    let mut record = Case::default().record();
    for _ in 0..1000 {
        dispatch(&mut record, 1, 1);
        answer(&mut record, 1, Answer::Busy { code: "ESME_RTHROTTLED".into(), class: ErrorClass::Throttle });
    }
    assert!(record.events.len() <= MAX_EVENTS + 4);
}

fn unknown(line_lost: bool) -> Answer {
    Answer::Unknown { line_lost }
}

#[test]
fn a_late_refusal_asks_for_nothing_while_a_later_attempt_is_still_waited_for() {
    let mut record = Case::default().record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, unknown(false));
    record.apply(Input::Try(next("b")), at(2)).unwrap();
    answer(&mut record, 1, rejected());
    assert_eq!(record.cause, None, "the second attempt is queued");
    dispatch(&mut record, 2, 3);
    answer(&mut record, 2, rejected());
    assert_eq!(record.cause, Some(Cause::Rejected), "the last attempt that was waited for asks");
}

#[test]
fn an_unknown_outcome_asks_for_nothing_once_the_attempt_was_given_up_for_another() {
    let on = vec![FailoverOn::NoReceipt, FailoverOn::Rejected];
    let mut record = Case { failover_on: on, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    record.apply(Input::Wake, at(46)).unwrap();
    assert_eq!(record.cause, Some(Cause::NoReceipt));
    record.apply(Input::Try(next("b")), at(46)).unwrap();
    dispatch(&mut record, 2, 46);
    answer(&mut record, 1, unknown(false));
    assert_eq!(record.cause, None);
    answer(&mut record, 2, rejected());
    assert_eq!(record.cause, Some(Cause::Rejected));
}

#[test]
fn a_failed_receipt_of_an_attempt_that_was_given_up_leaves_the_later_one_its_time() {
    let on = vec![FailoverOn::NoReceipt, FailoverOn::Undelivered];
    let mut record = Case { failover_on: on, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, accepted());
    record.apply(Input::Wake, at(46)).unwrap();
    record.apply(Input::Try(next("b")), at(46)).unwrap();
    dispatch(&mut record, 2, 46);
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Undelivered)), []);
    assert_eq!(record.cause, None);
    answer(&mut record, 2, accepted());
    assert_eq!(receipt(&mut record, 2, Some(Verdict::Undelivered)), []);
    assert_eq!(record.cause, Some(Cause::Undelivered));
}

#[test]
fn a_missing_receipt_asks_for_nothing_while_a_later_attempt_has_time() {
    let on = vec![FailoverOn::NoReceipt];
    let mut record = Case { failover_on: on, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, unknown(false));
    record.apply(Input::Try(next("b")), at(11)).unwrap();
    dispatch(&mut record, 2, 11);
    answer(&mut record, 2, accepted());
    answer(&mut record, 1, accepted());
    record.apply(Input::Wake, at(46)).unwrap();
    assert!(record.attempts[0].given_up && record.cause.is_none());
    record.apply(Input::Wake, at(56)).unwrap();
    assert_eq!(record.cause, Some(Cause::NoReceipt));
}

#[test]
fn an_attempt_that_was_given_up_and_comes_back_unsent_is_not_sent_beside_its_successor() {
    let on = vec![FailoverOn::NoReceipt];
    let mut record = Case { failover_on: on, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    record.apply(Input::Wake, at(46)).unwrap();
    record.apply(Input::Try(next("b")), at(46)).unwrap();
    answer(&mut record, 1, Answer::NotSent);
    let states: Vec<State> = record.attempts.iter().map(|attempt| attempt.state).collect();
    assert_eq!(states, [State::Withdrawn, State::Queued]);
}

#[test]
fn an_attempt_that_was_given_up_and_comes_back_unsent_is_followed_when_nothing_else_was_tried() {
    let on = vec![FailoverOn::NoReceipt];
    let mut record = Case { failover_on: on, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    record.apply(Input::Wake, at(46)).unwrap();
    record.apply(Input::Exhaust, at(46)).unwrap();
    assert_eq!(record.status, Status::Accepted);
    answer(&mut record, 1, Answer::Busy { code: "ESME_RTHROTTLED".into(), class: ErrorClass::Throttle });
    assert_eq!(record.cause, Some(Cause::NoReceipt));
    record.apply(Input::Try(next("a")), at(47)).unwrap();
    assert!(record.work().queued && !record.attempts[1].possible_duplicate);
}

#[test]
fn a_late_answer_takes_back_the_attempt_that_was_to_replace_it() {
    let mut record = Case::default().record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, unknown(false));
    record.apply(Input::Try(next("b")), at(2)).unwrap();
    assert_eq!(answer(&mut record, 1, accepted()), [Status::Submitted]);
    assert!(!record.work().queued);
    receipt(&mut record, 1, Some(Verdict::Undelivered));
    assert_eq!(record.cause, Some(Cause::Undelivered));
}

#[test]
fn a_failed_receipt_before_the_last_answer_counts_once_the_answers_are_there() {
    let mut record = Case { segments: 2, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    part_answer(&mut record, (1, 0), accepted());
    assert_eq!(part_receipt(&mut record, (1, 0), Some(Verdict::Undelivered)), []);
    assert_eq!(record.cause, None, "the rest of the text is still going out");
    part_answer(&mut record, (1, 1), accepted());
    assert_eq!(record.cause, Some(Cause::Undelivered));

    let final_no = Case { segments: 2, failover_on: vec![FailoverOn::Busy], ..Case::default() };
    let mut record = final_no.record();
    dispatch(&mut record, 1, 1);
    part_answer(&mut record, (1, 0), accepted());
    part_receipt(&mut record, (1, 0), Some(Verdict::Undelivered));
    assert_eq!(part_answer(&mut record, (1, 1), accepted()), [Status::Submitted, Status::Undelivered]);
}

#[test]
fn hold_sends_nothing_again_of_which_a_part_may_have_arrived() {
    let mut record = Case { on_unknown: OnUnknown::Hold, segments: 2, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    part_answer(&mut record, (1, 0), accepted());
    part_answer(&mut record, (1, 1), accepted());
    part_receipt(&mut record, (1, 0), Some(Verdict::Delivered));
    assert_eq!(part_receipt(&mut record, (1, 1), Some(Verdict::Undelivered)), [Status::Undelivered]);
    assert_eq!(record.cause, None);
}

#[test]
fn hold_goes_on_when_the_vendor_says_that_nothing_arrived() {
    let mut record = Case { on_unknown: OnUnknown::Hold, segments: 2, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    part_answer(&mut record, (1, 0), accepted());
    part_answer(&mut record, (1, 1), unknown(false));
    assert_eq!(record.status, Status::Uncertain);
    assert_eq!(part_receipt(&mut record, (1, 0), Some(Verdict::Undelivered)), [Status::Undelivered]);
    let mut record = Case { on_unknown: OnUnknown::Hold, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, accepted());
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Undelivered)), []);
    assert_eq!(record.cause, Some(Cause::Undelivered));
}

#[test]
fn the_late_answer_of_a_part_counts_although_another_part_was_refused() {
    let mut record = Case { on_unknown: OnUnknown::Hold, segments: 2, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    part_answer(&mut record, (1, 0), unknown(false));
    assert_eq!(part_answer(&mut record, (1, 1), rejected()), [Status::Uncertain]);
    let mut taken = record.clone();
    part_answer(&mut taken, (1, 0), accepted());
    assert_eq!(taken.attempts[0].parts[0].vendor_id.as_deref(), Some("v1"));
    assert_eq!((taken.status, taken.cause), (Status::Uncertain, None));
    part_answer(&mut record, (1, 0), rejected());
    assert_eq!(record.cause, Some(Cause::Rejected), "nothing of it is out");
}

#[test]
fn the_last_attempt_given_up_leaves_the_status_that_the_others_add_up_to() {
    let on = vec![FailoverOn::NoReceipt];
    let mut record = Case { failover_on: on, ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, unknown(false));
    record.apply(Input::Try(next("b")), at(590)).unwrap();
    dispatch(&mut record, 2, 590);
    answer(&mut record, 2, accepted());
    answer(&mut record, 1, accepted());
    record.apply(Input::Wake, at(60)).unwrap();
    receipt(&mut record, 1, Some(Verdict::Undelivered));
    assert_eq!(record.status, Status::Submitted);
    let effects = record.apply(Input::Wake, at(640)).unwrap();
    assert_eq!(effects.changes[0].status, Status::Undelivered);
}
