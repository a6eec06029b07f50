//! What becomes of messages that were open in a backup.

use super::*;

fn restore(record: &mut Record, restored: Restored, seconds: u64) -> Vec<Status> {
    let effects = record.apply(Input::Restored(restored), at(seconds)).unwrap();
    effects.changes.iter().map(|change| change.status).collect()
}

#[test]
fn what_was_queued_is_sent_flagged_or_never() {
    let mut resumed = Case::default().record();
    assert_eq!(restore(&mut resumed, Restored::Resumed, 2), []);
    assert!(resumed.work().queued && resumed.attempts[0].possible_duplicate);
    dispatch(&mut resumed, 1, 3);
    assert_eq!(answer(&mut resumed, 1, accepted()), [Status::Submitted]);
    assert!(resumed.possible_duplicate());

    let mut withheld = Case::default().record();
    assert_eq!(restore(&mut withheld, Restored::Withheld, 2), [Status::Uncertain]);
    assert_eq!(withheld.work(), Work::default());
    // It was never dispatched here, and still its waiting ends.
    let end = at(600).plus(RECEIPT_HORIZON);
    assert_eq!(withheld.wake_at(), Some(end));
    withheld.apply(Input::Wake, end).unwrap();
    assert!(withheld.closed && withheld.status == Status::Uncertain);
}

#[test]
fn what_was_dispatched_is_settled_by_its_rule_or_never_sent_again() {
    let mut resumed = Case::default().record();
    dispatch(&mut resumed, 1, 1);
    assert_eq!(restore(&mut resumed, Restored::Resumed, 2), []);
    assert_eq!(resumed.cause, Some(Cause::Unknown { line_lost: true }));

    let mut withheld = Case::default().record();
    dispatch(&mut withheld, 1, 1);
    assert_eq!(restore(&mut withheld, Restored::Withheld, 2), [Status::Uncertain]);
    assert_eq!(withheld.work(), Work::default());
}

#[test]
fn under_hold_nothing_is_resumed() {
    let mut record = Case { on_unknown: OnUnknown::Hold, ..Case::default() }.record();
    assert_eq!(restore(&mut record, Restored::Resumed, 2), [Status::Uncertain]);
    assert_eq!(record.work(), Work::default());
}

#[test]
fn what_a_vendor_has_is_waited_for_and_never_followed_by_another_attempt_once_withheld() {
    use FailoverOn::{NoReceipt, Undelivered};
    let mut record = Case { failover_on: vec![Undelivered, NoReceipt], ..Case::default() }.record();
    dispatch(&mut record, 1, 1);
    answer(&mut record, 1, accepted());
    assert_eq!(restore(&mut record, Restored::Withheld, 10), []);
    record.apply(Input::Wake, at(60)).unwrap();
    assert_eq!((record.status, record.cause), (Status::Submitted, None));
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Undelivered)), [Status::Undelivered]);
    assert!(record.closed);
}

#[test]
fn what_waited_for_a_decision_is_flagged_or_uncertain() {
    for restored in [Restored::Resumed, Restored::Withheld] {
        let mut record = Case::default().record();
        dispatch(&mut record, 1, 1);
        answer(&mut record, 1, rejected());
        restore(&mut record, restored, 10);
        if restored == Restored::Withheld {
            assert_eq!((record.status, record.cause), (Status::Uncertain, None));
            continue;
        }
        record.apply(Input::Try(next("b")), at(10)).unwrap();
        assert!(record.attempts[1].possible_duplicate, "it may have been tried there before");
    }
}

#[test]
fn what_is_due_later_was_sent_by_nobody() {
    let mut record = Case { scheduled: true, ..Case::default() }.record();
    let before = record.clone();
    assert_eq!(restore(&mut record, Restored::Withheld, 59), []);
    assert_eq!(record, before);
    assert_eq!(restore(&mut record, Restored::Withheld, 60), [Status::Uncertain]);
    assert_eq!(record.work(), Work::default());
}

#[test]
fn to_say_it_twice_changes_nothing_and_what_is_withheld_stays_so() {
    let mut record = Case::default().record();
    restore(&mut record, Restored::Resumed, 2);
    let before = record.clone();
    restore(&mut record, Restored::Resumed, 3);
    assert_eq!(record, before);
    restore(&mut record, Restored::Withheld, 4);
    assert_eq!(record.status, Status::Uncertain);
    let before = record.clone();
    restore(&mut record, Restored::Resumed, 5);
    assert_eq!(record, before);
}
