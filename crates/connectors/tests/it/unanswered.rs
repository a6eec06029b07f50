//! An answer that does not come in time leaves the outcome unknown, until it comes after all.

use domain::MessageId;
use domain::record::Answer;
use smpp_wire::status::CommandStatus;
use tokio::time::Instant;

use crate::lab::{Lab, accepted, seconds};

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_late_is_unknown_first_and_the_truth_later() {
    let (mut lab, mut vendor) = Lab::bound("window = 1\nresponse_timeout = \"2s\"").await;
    let sent = Instant::now();
    lab.submit(1);
    let submit = vendor.submit().await;
    let given_up = lab.answered().await;
    assert_eq!(given_up.answer, Answer::Unknown { line_lost: false });
    assert_eq!((given_up.took, given_up.slot.is_some()), (None, true));
    assert_eq!(sent.elapsed().as_secs(), 2);
    drop(given_up);

    lab.submit(2);
    vendor.submit().await;
    vendor.accept(&submit, "late");
    let late = lab.answered().await;
    assert_eq!((late.message, late.answer), (MessageId::from_u128(1), accepted("late")));
    assert!(late.slot.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_forty_minutes_still_settles_its_attempt_and_nothing_was_sent_again() {
    let (mut lab, mut vendor) = Lab::bound("window = 2").await;
    lab.submit(1);
    let first = vendor.submit().await;
    assert_eq!(lab.answer().await, Answer::Unknown { line_lost: false });
    for minute in 1..=40 {
        tokio::time::sleep(seconds(60)).await;
        lab.submit(1 + minute);
        let submit = vendor.submit().await;
        vendor.accept(&submit, "meanwhile");
        let answered = lab.answered().await;
        // Had the first text been sent again, it would have come before this one.
        assert_eq!(
            (answered.message, answered.answer),
            (MessageId::from_u128(1 + minute), accepted("meanwhile"))
        );
    }
    vendor.accept(&first, "late");
    let late = lab.answered().await;
    assert_eq!((late.message, late.answer), (MessageId::from_u128(1), accepted("late")));
    assert!(late.took.is_some_and(|took| took >= seconds(2400)), "{:?}", late.took);
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_late_is_refused_because_it_was_given_up() {
    let (mut lab, mut vendor) = Lab::bound("response_timeout = \"1s\"").await;
    lab.submit(1);
    let submit = vendor.submit().await;
    assert_eq!(lab.answer().await, Answer::Unknown { line_lost: false });
    tokio::time::sleep(seconds(5)).await;
    vendor.refuse(&submit, CommandStatus::RTHROTTLED);
    let code = "ESME_RTHROTTLED (0x00000058)".into();
    let class = Some(domain::ErrorClass::Throttle);
    assert_eq!(lab.answer().await, Answer::Rejected { code, class });
}

#[tokio::test(start_paused = true)]
async fn an_accepted_submit_may_have_no_id() {
    let (mut lab, mut vendor) = Lab::bound("").await;
    lab.submit(1);
    let submit = vendor.submit().await;
    vendor.accept(&submit, "");
    assert_eq!(lab.answer().await, Answer::Accepted { vendor_id: None });
}

#[tokio::test(start_paused = true)]
async fn a_status_that_nobody_knows_is_a_refusal_with_its_number() {
    let (mut lab, mut vendor) = Lab::bound("").await;
    lab.submit(1);
    let submit = vendor.submit().await;
    vendor.refuse(&submit, CommandStatus(0x412));
    assert_eq!(lab.answer().await, Answer::Rejected { code: "0x00000412".into(), class: None });
}
