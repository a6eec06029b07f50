//! A text of several parts goes out part by part on one slot.

use std::time::Duration;

use connectors::{Answered, Connector, NoSlot};
use domain::ErrorClass;
use domain::record::Answer;
use smpp_wire::pdu::{Pdu, Received};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::Tag;

use crate::lab::{Lab, accepted, seconds, submission};
use crate::vendor::Vendor;

const FAIL_OVER: Option<ErrorClass> = Some(ErrorClass::FailOver);

/// The octets of the text, and whether they begin with a header.
fn text_of(submit: &Received) -> (Vec<u8>, bool) {
    let Pdu::SubmitSm(sm) = submit.pdu() else { panic!("no submit") };
    (sm.short_message.to_vec(), sm.esm_class.has_udh())
}

fn summary(answered: &Answered) -> (u8, Answer, bool) {
    (answered.part, answered.answer.clone(), answered.slot.is_some())
}

async fn submit_three_parts(extra: &str) -> (Lab, Vendor) {
    let (lab, vendor) = Lab::bound(extra).await;
    lab.client.submit(lab.reserve(), submission(1, &["one", "two", "three"]));
    (lab, vendor)
}

#[tokio::test(start_paused = true)]
async fn a_window_of_one_suffices_and_the_slot_comes_with_the_last_answer() {
    let (mut lab, mut vendor) = submit_three_parts("window = 1").await;
    for (number, text) in (1_u8..).zip(["one", "two", "three"]) {
        let submit = vendor.submit().await;
        let header = [5, 0, 3, 0x34, 3, number];
        assert_eq!(text_of(&submit), ([&header[..], text.as_bytes()].concat(), true));
        vendor.hears_nothing_for(seconds(1)).await;
        assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Busy);
        vendor.accept(&submit, text);
    }
    assert_eq!(summary(&lab.answered().await), (0, accepted("one"), false));
    assert_eq!(summary(&lab.answered().await), (1, accepted("two"), false));
    assert_eq!(summary(&lab.answered().await), (2, accepted("three"), true));
    lab.told.slots_free.recv().await.unwrap();
    lab.submit(2);
}

#[tokio::test(start_paused = true)]
async fn after_a_refused_part_the_rest_is_not_sent() {
    let (mut lab, mut vendor) = submit_three_parts("window = 5").await;
    let first = vendor.submit().await;
    vendor.accept(&first, "one");
    let second = vendor.submit().await;
    vendor.refuse(&second, CommandStatus::RINVDSTADR);
    let code = "ESME_RINVDSTADR (0x0000000B)".into();
    assert_eq!(summary(&lab.answered().await), (0, accepted("one"), false));
    assert_eq!(summary(&lab.answered().await), (1, Answer::Rejected { code, class: FAIL_OVER }, false));
    assert_eq!(summary(&lab.answered().await), (2, Answer::NotSent, true));
    vendor.hears_nothing_for(seconds(5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_throttled_first_part_leaves_the_text_to_be_queued_again() {
    let (mut lab, mut vendor) = submit_three_parts("window = 5").await;
    let first = vendor.submit().await;
    vendor.refuse(&first, CommandStatus::RTHROTTLED);
    let code = "ESME_RTHROTTLED (0x00000058)".into();
    assert_eq!(
        summary(&lab.answered().await),
        (0, Answer::Busy { code, class: ErrorClass::Throttle }, false)
    );
    assert_eq!(summary(&lab.answered().await), (1, Answer::NotSent, false));
    assert_eq!(summary(&lab.answered().await), (2, Answer::NotSent, true));
    vendor.hears_nothing_for(seconds(5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_throttled_later_part_is_sent_again_after_a_pause() {
    for status in [CommandStatus::RTHROTTLED, CommandStatus::RMSGQFUL] {
        let (mut lab, mut vendor) = submit_three_parts("window = 5").await;
        let first = vendor.submit().await;
        vendor.accept(&first, "one");
        let second = vendor.submit().await;
        vendor.refuse(&second, status);
        vendor.hears_nothing_for(Duration::from_millis(900)).await;
        let again = vendor.submit().await;
        assert_eq!(text_of(&again), text_of(&second));
        vendor.accept(&again, "two");
        let third = vendor.submit().await;
        vendor.accept(&third, "three");
        for id in ["one", "two", "three"] {
            assert_eq!(lab.answer().await, accepted(id));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_part_that_is_always_throttled_is_given_up_after_a_minute() {
    let (mut lab, mut vendor) = submit_three_parts("window = 1").await;
    let begun = tokio::time::Instant::now();
    let first = vendor.submit().await;
    vendor.accept(&first, "one");
    assert_eq!(lab.answer().await, accepted("one"));
    let answered = loop {
        tokio::select! {
            submit = vendor.submit() => vendor.refuse(&submit, CommandStatus::RMSGQFUL),
            answered = lab.answered() => break answered,
        }
    };
    let code = "ESME_RMSGQFUL (0x00000014)".into();
    let class = Some(ErrorClass::Pause);
    assert_eq!(summary(&answered), (1, Answer::Rejected { code, class }, false));
    assert_eq!(summary(&lab.answered().await), (2, Answer::NotSent, true));
    assert!((60..=130).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn parts_can_be_marked_by_sar_tlvs() {
    let (_lab, mut vendor) = submit_three_parts("long_messages = \"sar\"").await;
    for number in 1..=3 {
        let submit = vendor.submit().await;
        let Pdu::SubmitSm(sm) = submit.pdu() else { panic!("no submit") };
        assert!(!sm.esm_class.has_udh());
        assert_eq!(sm.tlvs.two_octets(Tag::SAR_MSG_REF_NUM), Some(0x1234));
        assert_eq!(sm.tlvs.octet(Tag::SAR_TOTAL_SEGMENTS), Some(3));
        assert_eq!(sm.tlvs.octet(Tag::SAR_SEGMENT_SEQNUM), Some(number));
        vendor.accept(&submit, "id");
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_goes_on_when_a_part_is_not_answered_and_the_session_lives() {
    let (mut lab, mut vendor) = submit_three_parts("window = 1\nresponse_timeout = \"1s\"").await;
    let first = vendor.submit().await;
    assert_eq!(summary(&lab.answered().await), (0, Answer::Unknown { line_lost: false }, false));
    let second = vendor.submit().await;
    vendor.refuse(&first, CommandStatus::RSYSERR);
    let code = "ESME_RSYSERR (0x00000008)".into();
    assert_eq!(summary(&lab.answered().await), (0, Answer::Rejected { code, class: FAIL_OVER }, false));
    vendor.accept(&second, "two");
    assert_eq!(summary(&lab.answered().await), (1, accepted("two"), false));
    assert_eq!(summary(&lab.answered().await), (2, Answer::NotSent, true));
}

#[tokio::test(start_paused = true)]
async fn a_part_that_waits_is_not_sent_when_its_bind_is_gone() {
    let (mut lab, mut vendor) = submit_three_parts("window = 1").await;
    let first = vendor.submit().await;
    vendor.accept(&first, "one");
    let second = vendor.submit().await;
    vendor.refuse(&second, CommandStatus::RMSGQFUL);
    assert_eq!(lab.answer().await, accepted("one"));
    vendor.hears_nothing_for(Duration::from_millis(500)).await;
    vendor.cut();
    assert_eq!(summary(&lab.answered().await), (1, Answer::NotSent, false));
    assert_eq!(summary(&lab.answered().await), (2, Answer::NotSent, true));
}
