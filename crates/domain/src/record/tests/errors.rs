//! What each class of a vendor's errors leads to.

use super::*;

fn refused(class: ErrorClass) -> Answer {
    Answer::Rejected { code: "CODE".into(), class: Some(class) }
}

fn bad_receipt(record: &mut Record, (attempt, part): (u16, u8), class: ErrorClass) -> Vec<Status> {
    let verdict = Some(Verdict::Undelivered);
    let receipt = ReceiptNews { verdict, word: "UNDELIV err:1".into(), class: Some(class) };
    let effects = record.apply(Input::Receipt { attempt, part, receipt }, at(5)).unwrap();
    effects.changes.iter().map(|change| change.status).collect()
}

fn dispatched(case: Case) -> Record {
    let mut record = case.record();
    dispatch(&mut record, 1, 1);
    record
}

fn kinds(record: &Record) -> Vec<&Kind> {
    record.events.iter().map(|event| &event.kind).collect()
}

#[test]
fn the_class_of_a_refusal_says_what_happens_next() {
    use ErrorClass::*;
    for (class, cause, waits, status) in [
        // A text that was refused for its pace after a part of it was taken.
        (Throttle, Some(Cause::Rejected), false, Status::Accepted),
        (Pause, Some(Cause::Rejected), false, Status::Accepted),
        (Retry, None, true, Status::Accepted),
        (FailOver, Some(Cause::Rejected), false, Status::Accepted),
        (Sender, Some(Cause::Rejected), false, Status::Accepted),
        (PermanentNumber, None, false, Status::Failed),
        (PermanentContent, None, false, Status::Failed),
        (Fraud, None, false, Status::Failed),
        (OptOut, None, false, Status::Failed),
    ] {
        let mut record = dispatched(Case::default());
        answer(&mut record, 1, refused(class));
        assert_eq!(
            (record.cause, record.retry_at.is_some(), record.status),
            (cause, waits, status),
            "{class}"
        );
        assert_eq!(record.closed, class.is_final(), "{class}");
        let failure = record.attempts[0].failure().unwrap();
        assert_eq!((failure.stage, failure.class, failure.code), (Stage::Submit, Some(class), "CODE"));
    }
}

#[test]
fn the_class_of_a_receipt_says_what_happens_next() {
    use ErrorClass::*;
    for (class, cause, waits, status) in [
        (Retry, None, true, Status::Submitted),
        (FailOver, Some(Cause::Undelivered), false, Status::Submitted),
        (Sender, Some(Cause::Undelivered), false, Status::Submitted),
        (PermanentNumber, None, false, Status::Undelivered),
        (PermanentContent, None, false, Status::Undelivered),
        (Fraud, None, false, Status::Undelivered),
        (OptOut, None, false, Status::Undelivered),
    ] {
        let mut record = dispatched(Case::default());
        answer(&mut record, 1, accepted());
        bad_receipt(&mut record, (1, 0), class);
        assert_eq!(
            (record.cause, record.retry_at.is_some(), record.status),
            (cause, waits, status),
            "{class}"
        );
        let failure = record.attempts[0].failure().unwrap();
        assert_eq!(
            (failure.stage, failure.class, failure.code),
            (Stage::Receipt, Some(class), "UNDELIV err:1")
        );
    }
}

#[test]
fn an_error_that_may_pass_is_waited_for_twice_and_then_another_route_has_its_turn() {
    let mut record = dispatched(Case::default());
    answer(&mut record, 1, refused(ErrorClass::Retry));
    assert_eq!(record.retry_at, Some(at(2).plus(RETRY_AFTER[0])));
    assert_eq!((record.work(), record.wake_at()), (Work::default(), record.retry_at));
    record.apply(Input::Wake, at(3)).unwrap();
    assert_eq!(record.cause, None, "it is too early");
    record.apply(Input::Wake, at(7)).unwrap();
    assert_eq!((record.cause, record.retry_at), (Some(Cause::Retry), None));
    record.apply(Input::Try(next("a")), at(7)).unwrap();
    dispatch(&mut record, 2, 8);
    // The third is the last that the rule allows, and another route was not tried.
    answer(&mut record, 2, refused(ErrorClass::Retry));
    assert_eq!((record.cause, record.retry_at), (Some(Cause::Rejected), None));
}

#[test]
fn where_there_is_no_other_route_all_attempts_are_for_the_one() {
    let mut record = dispatched(Case { failover_on: vec![], ..Case::default() });
    for attempt in 1..3 {
        answer(&mut record, attempt, refused(ErrorClass::Retry));
        let due = record.retry_at.unwrap();
        assert_eq!(due, at(2).plus(RETRY_AFTER[usize::from(attempt) - 1]));
        record.apply(Input::Wake, due).unwrap();
        record.apply(Input::Try(next("a")), due).unwrap();
        dispatch(&mut record, attempt + 1, 40);
    }
    assert_eq!(answer(&mut record, 3, refused(ErrorClass::Retry)), [Status::Failed]);
}

#[test]
fn a_message_that_waits_for_its_route_can_expire() {
    let mut record = dispatched(Case { validity: 20, ..Case::default() });
    answer(&mut record, 1, refused(ErrorClass::Retry));
    let effects = record.apply(Input::Wake, at(20)).unwrap();
    assert_eq!(effects.changes[0].status, Status::Expired);
    assert!(record.closed && record.retry_at.is_none());
    // One that would be due only then is not waited for.
    let mut record = dispatched(Case { validity: 7, ..Case::default() });
    answer(&mut record, 1, refused(ErrorClass::Retry));
    assert_eq!((record.cause, record.retry_at), (Some(Cause::Rejected), None));
}

#[test]
fn a_receipt_is_not_retried_where_the_rule_does_not_go_on_after_receipts() {
    for class in [ErrorClass::Retry, ErrorClass::FailOver, ErrorClass::Sender] {
        let mut record = dispatched(Case { failover_on: vec![FailoverOn::Rejected], ..Case::default() });
        answer(&mut record, 1, accepted());
        assert_eq!(bad_receipt(&mut record, (1, 0), class), [Status::Undelivered], "{class}");
    }
}

#[test]
fn an_error_without_an_outcome_is_as_good_as_no_answer() {
    let unclear = || Answer::Unclear { code: "CODE".into() };
    let mut record = dispatched(Case::default());
    answer(&mut record, 1, unclear());
    assert_eq!(record.cause, Some(Cause::Unknown { line_lost: false }));
    let failure = record.attempts[0].failure().unwrap();
    assert_eq!((failure.class, failure.code), (Some(ErrorClass::UnknownOutcome), "CODE"));
    record.apply(Input::Try(next("b")), at(3)).unwrap();
    assert!(record.attempts[1].possible_duplicate);
    // A receipt knows better.
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Delivered)), [Status::Delivered]);
    assert_eq!(record.attempts[0].failure(), None);
    let mut record = dispatched(Case { on_unknown: OnUnknown::Hold, ..Case::default() });
    assert_eq!(answer(&mut record, 1, unclear()), [Status::Uncertain]);
}

#[test]
fn the_strongest_part_decides_however_late_it_is() {
    let mut record = dispatched(Case { segments: 2, ..Case::default() });
    part_answer(&mut record, (1, 0), accepted());
    part_answer(&mut record, (1, 1), Answer::Accepted { vendor_id: Some("v2".into()) });
    bad_receipt(&mut record, (1, 0), ErrorClass::FailOver);
    record.apply(Input::Try(next("b")), at(5)).unwrap();
    assert_eq!(bad_receipt(&mut record, (1, 1), ErrorClass::OptOut), [Status::Undelivered]);
    assert_eq!(record.attempts[1].state, State::Withdrawn);
    assert_eq!(record.attempts[0].error_class(), Some(ErrorClass::OptOut));
    let barred = Kind::Barred { attempt: 1, class: ErrorClass::OptOut };
    assert!(kinds(&record).contains(&&barred), "{:?}", record.events);
}

#[test]
fn what_is_barred_is_not_sent_again_when_another_attempt_comes_back() {
    let mut record = dispatched(Case { failover_on: vec![FailoverOn::NoReceipt], ..Case::default() });
    answer(&mut record, 1, accepted());
    record.apply(Input::Wake, at(50)).unwrap();
    record.apply(Input::Try(next("b")), at(50)).unwrap();
    dispatch(&mut record, 2, 51);
    // The attempt is out; what the first vendor says meanwhile bars what would follow it.
    assert_eq!(bad_receipt(&mut record, (1, 0), ErrorClass::Fraud), []);
    assert_eq!(
        answer(&mut record, 2, Answer::Busy { code: "BUSY".into(), class: ErrorClass::Throttle }),
        [Status::Undelivered]
    );
    assert!(record.closed);
}

#[test]
fn a_part_that_is_refused_for_good_bars_what_a_missing_receipt_asked_for() {
    let failover_on = vec![FailoverOn::NoReceipt];
    let mut record = dispatched(Case { failover_on, segments: 2, ..Case::default() });
    record.apply(Input::Wake, at(50)).unwrap();
    assert_eq!(record.cause, Some(Cause::NoReceipt));
    // The other part has no answer yet.
    answer(&mut record, 1, refused(ErrorClass::PermanentNumber));
    assert!(record.is_barred());
    assert_eq!((record.cause, record.closed), (None, false));
}

/// The second attempt of the record waits for its route; the first one asked for it.
fn waits_for_its_second_route(record: &mut Record) {
    record.apply(Input::Try(next("b")), at(50)).unwrap();
    dispatch(record, 2, 51);
    answer(record, 2, refused(ErrorClass::Retry));
    assert!(record.retry_at.is_some());
}

#[test]
fn an_acceptance_that_comes_late_takes_back_the_wait_for_another_route() {
    let mut record = dispatched(Case::default());
    answer(&mut record, 1, unknown(false));
    waits_for_its_second_route(&mut record);
    assert_eq!(answer(&mut record, 1, accepted()), [Status::Submitted]);
    assert_eq!((record.retry_at, record.cause), (None, None));
}

#[test]
fn a_wait_for_a_route_outlives_bad_news_of_an_older_attempt() {
    let failover_on = vec![FailoverOn::NoReceipt, FailoverOn::Rejected, FailoverOn::Undelivered];
    let mut record = dispatched(Case { failover_on, ..Case::default() });
    answer(&mut record, 1, accepted());
    record.apply(Input::Wake, at(50)).unwrap();
    waits_for_its_second_route(&mut record);
    bad_receipt(&mut record, (1, 0), ErrorClass::FailOver);
    assert_eq!((record.retry_at.is_some(), record.cause), (true, None));
    let due = record.retry_at.unwrap();
    record.apply(Input::Wake, due).unwrap();
    assert_eq!((record.retry_at, record.cause), (None, Some(Cause::Retry)));
}

#[test]
fn a_delivery_is_believed_over_a_final_error() {
    let mut record = dispatched(Case::default());
    answer(&mut record, 1, accepted());
    assert_eq!(bad_receipt(&mut record, (1, 0), ErrorClass::PermanentNumber), [Status::Undelivered]);
    assert_eq!(receipt(&mut record, 1, Some(Verdict::Delivered)), [Status::Delivered]);
    assert!(!record.is_barred());
}

#[test]
fn a_restored_message_that_waited_for_its_route_is_sent_or_withheld_as_was_said() {
    for (restored, status) in [(Restored::Resumed, Status::Accepted), (Restored::Withheld, Status::Uncertain)]
    {
        let mut record = dispatched(Case::default());
        answer(&mut record, 1, refused(ErrorClass::Retry));
        record.apply(Input::Restored(restored), at(3)).unwrap();
        assert_eq!((record.status, record.retry_at.is_some()), (status, restored == Restored::Resumed));
    }
}
