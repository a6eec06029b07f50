//! What a reader is told of messages with different pasts.

use super::super::samples::{START, Sample, message};
use super::*;
use domain::record::{Answer, Input};

#[test]
fn a_message_that_just_arrives_is_a_short_story() {
    let sample = Sample::accepted().dispatch(1, "acme-de").after(180).accept(1).after(4200);
    let sample = sample.receipt(1, Verdict::Delivered, "DELIVRD");
    assert_eq!(story(&sample.record), "Sent through acme-de, accepted in 180 ms, delivered 4.2 s later.");
}

#[test]
fn a_silent_vendor_and_the_one_after_it_are_both_told() {
    let sample = Sample::accepted().dispatch(1, "acme-de").after(10_000);
    let sample = sample.answer(1, Answer::Unknown { line_lost: false }).next("borealis-de");
    let sample = sample.dispatch(2, "borealis-de").after(180).accept(2).after(4200);
    let sample = sample.receipt(2, Verdict::Delivered, "DELIVRD");
    assert_eq!(
        story(&sample.record),
        "acme-de did not answer within 10 s, so the text may have arrived there. \
         Sent again through borealis-de (possible duplicate), accepted in 180 ms, delivered 4.2 s later."
    );
}

#[test]
fn refusals_and_missing_receipts_say_why_it_went_on() {
    let sample = Sample::accepted().dispatch(1, "acme-de").after(20);
    let sample = sample.answer(1, Answer::Rejected { code: "0x0b invalid destination".into(), class: None });
    let sample = sample.next("borealis-de").dispatch(2, "borealis-de").after(50).accept(2).after(45_000);
    let sample = sample.apply(Input::Wake);
    assert_eq!(
        story(&sample.record),
        "Sent through acme-de, refused with 0x0b invalid destination in 20 ms. \
         Sent again through borealis-de, accepted in 50 ms, no receipt came within 45 s."
    );
    let sample = sample.apply(Input::Exhaust);
    assert_eq!(sample.record.status, Status::Submitted);
}

#[test]
fn what_still_waits_is_told_as_waiting() {
    let sample = Sample::accepted();
    assert_eq!(story(&sample.record), "Waits for a free slot of acme-de-main to go through acme-de.");
    let sample = sample.dispatch(1, "acme-de");
    assert_eq!(story(&sample.record), "Sent through acme-de, not answered yet.");
    let sample =
        sample.after(5).answer(1, Answer::Busy { code: "throttled".into(), class: ErrorClass::Throttle });
    assert_eq!(story(&sample.record), "acme-de asked to slow down, and it waits to be sent there again.");
}

#[test]
fn a_route_that_asked_to_slow_down_is_told_of_when_another_took_it() {
    let busy = || Answer::Busy { code: "throttled".into(), class: ErrorClass::Throttle };
    let sample = Sample::accepted().dispatch(1, "acme-de").after(5).answer(1, busy());
    let sample = sample.dispatch(1, "acme-de").after(5).answer(1, busy());
    let sample = sample.dispatch(1, "borealis-de").after(5).answer(1, busy());
    assert_eq!(
        story(&sample.record),
        "acme-de asked 2 times to slow down, so it went elsewhere. \
         borealis-de asked to slow down, and it waits to be sent there again."
    );
    let sample = sample.dispatch(1, "borealis-de").after(50).accept(1);
    assert_eq!(
        story(&sample.record),
        "acme-de asked 2 times to slow down, so it went elsewhere. \
         Sent through borealis-de after it had asked to slow down, accepted in 50 ms, no receipt yet."
    );
    let told: Vec<String> = events(&sample.record).filter(|told| told.contains("slow down")).collect();
    assert_eq!(
        told,
        [
            "attempt 1 on acme-de: the vendor asks to slow down, so it waits again",
            "attempt 1 on acme-de: the vendor asks to slow down, so it waits again",
            "attempt 1 on borealis-de: the vendor asks to slow down, so it waits again",
        ]
    );
}

#[test]
fn a_route_that_could_not_take_it_is_told_of() {
    let sample = Sample::accepted().dispatch(1, "borealis-de").after(50).accept(1);
    assert_eq!(
        story(&sample.record),
        "acme-de could not take it then. Sent through borealis-de, accepted in 50 ms, no receipt yet."
    );
    assert!(
        events(&sample.record).any(|told| told == "attempt 1 on borealis-de was headed for acme-de before")
    );
}

#[test]
fn how_it_ended_is_told_last() {
    let canceled = Sample::accepted().after(100).apply(Input::Cancel);
    assert_eq!(story(&canceled.record), "Canceled before any byte left.");
    let expired = Sample::accepted().after(600_000).apply(Input::Wake);
    assert_eq!(
        story(&expired.record),
        "Its validity ended at 2026-03-01T08:10:00.000Z before a vendor took it."
    );
    let failed = Sample::accepted()
        .dispatch(1, "acme-de")
        .after(3)
        .answer(1, Answer::Rejected { code: "x".into(), class: None });
    let failed = failed.apply(Input::Exhaust);
    assert_eq!(
        story(&failed.record),
        "Sent through acme-de, refused with x in 3 ms. No vendor took it, and no route is left to try."
    );
    let undelivered = Sample::accepted().dispatch(1, "acme-de").after(3).accept(1).after(2000);
    let undelivered = undelivered.receipt(1, Verdict::Undelivered, "UNDELIV 001").apply(Input::Exhaust);
    let undelivered =
        undelivered.apply(Input::Convert { converted: false, at: Timestamp::from_millis(START + 9000) });
    assert_eq!(
        story(&undelivered.record),
        "Sent through acme-de, accepted in 3 ms, reported undelivered (UNDELIV 001) 2 s later. \
         The application says that the recipient did not act on it."
    );
    let (rejected, _) = Record::rejected(message(), "no rule of the policy matches this message");
    assert_eq!(
        story(&rejected),
        "Refused here, and given to no vendor: no rule of the policy matches this message."
    );
}

#[test]
fn every_event_has_a_sentence_of_its_own() {
    let sample = Sample::accepted().dispatch(1, "acme-de").after(20).accept(1).after(100);
    let sample = sample.receipt(1, Verdict::Delivered, "DELIVRD");
    let told: Vec<String> = events(&sample.record).collect();
    assert_eq!(
        told,
        [
            "the message is accepted",
            "attempt 1 on acme-de waits for a free slot",
            "attempt 1 on acme-de is handed to its connection",
            "attempt 1 on acme-de: the vendor accepted it",
            "the message is submitted",
            "attempt 1 on acme-de: the vendor's receipt says DELIVRD",
            "the message is delivered",
        ]
    );
}

#[test]
fn spans_are_as_exact_as_a_reader_needs() {
    for (millis, told) in [
        (0, "0 ms"),
        (180, "180 ms"),
        (4200, "4.2 s"),
        (10_000, "10 s"),
        (59_999, "59.9 s"),
        (180_000, "3 min"),
        (200_000, "3 min 20 s"),
        (7_200_000, "2 h"),
        (7_500_000, "2 h 5 min"),
    ] {
        assert_eq!(span(Duration::from_millis(millis)), told);
    }
}

#[test]
fn what_an_error_means_is_told_and_what_follows_from_it() {
    let refused = |class| Answer::Rejected { code: "0x00000412".into(), class: Some(class) };
    let sample = || Sample::accepted().dispatch(1, "acme-de").after(20);
    let barred = sample().answer(1, refused(ErrorClass::OptOut));
    assert_eq!(
        story(&barred.record),
        "Sent through acme-de, refused with 0x00000412 in 20 ms, which says that the recipient has opted out. \
         No vendor is asked again."
    );
    assert_eq!(
        events(&barred.record).nth(4).unwrap(),
        "attempt 1 on acme-de: by the vendor's error (opt_out) no vendor is asked again"
    );
    let waits = sample().answer(1, refused(ErrorClass::Retry));
    assert_eq!(
        story(&waits.record),
        "Sent through acme-de, refused with 0x00000412 in 20 ms, which may pass. \
         It is sent there again at 2026-03-01T08:00:05.020Z."
    );
    let unclear = sample().answer(1, Answer::Unclear { code: "0x00000412".into() });
    assert_eq!(
        story(&unclear.record),
        "acme-de answered 0x00000412, which does not say whether the vendor has it, so the text may have arrived there. \
         The next attempt is being decided."
    );
}
