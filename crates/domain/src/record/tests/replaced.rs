//! Another text or other times, as long as nothing has left.

use super::*;

fn text(segments: u8) -> Replacement {
    let text = NewText { text: "another text".into(), encoding: Encoding::Ucs2, segments };
    Replacement { text: Some(text), ..Replacement::default() }
}

fn replace(record: &mut Record, with: Replacement, seconds: u64) -> Result<Effects, Refusal> {
    record.apply(Input::Replace(with), at(seconds))
}

#[test]
fn the_text_of_a_waiting_message_is_replaced_with_its_segments() {
    let mut record = Case::default().record();
    let notify = StatusSet::NONE.with(Status::Delivered);
    assert_eq!(
        replace(&mut record, Replacement { notify: Some(notify), ..text(2) }, 1),
        Ok(Effects::default())
    );
    let Message { text: now, encoding, segments, .. } = &record.message;
    assert_eq!((&**now, *encoding, *segments), ("another text", Encoding::Ucs2, 2));
    assert_eq!((record.message.notify, record.message.expires_at), (notify, at(600)));
    assert_eq!(record.events.last().unwrap().kind, Kind::Replaced);
    // Each part of the other text has its answer.
    dispatch(&mut record, 1, 2);
    assert!(part_answer(&mut record, (1, 0), accepted()).is_empty());
    assert_eq!(part_answer(&mut record, (1, 1), accepted()), [Status::Submitted]);
}

#[test]
fn what_may_have_left_or_is_over_is_not_replaced() {
    let mut dispatched = Case::default().record();
    dispatch(&mut dispatched, 1, 1);
    let mut canceled = Case::default().record();
    canceled.apply(Input::Cancel, at(1)).unwrap();
    for mut record in [dispatched, canceled] {
        let before = record.clone();
        assert_eq!(replace(&mut record, text(1), 2), Err(Refusal::TooLate));
        assert_eq!(record, before);
    }
    // What a vendor was too busy for is nowhere.
    let mut throttled = Case::default().record();
    dispatch(&mut throttled, 1, 1);
    answer(&mut throttled, 1, Answer::Busy { code: "BUSY".into(), class: ErrorClass::Throttle });
    assert!(replace(&mut throttled, text(1), 3).is_ok());
}

#[test]
fn a_scheduled_message_gets_another_time_and_one_that_waits_for_a_slot_does_not() {
    let later = |seconds| Replacement { send_at: Some(at(seconds)), ..Replacement::default() };
    let mut record = Case { scheduled: true, ..Case::default() }.record();
    replace(&mut record, later(120), 1).unwrap();
    assert_eq!(record.wake_at(), Some(at(120)));
    record.apply(Input::Wake, at(60)).unwrap();
    assert_eq!(record.cause, None);
    record.apply(Input::Wake, at(120)).unwrap();
    assert_eq!(record.cause, Some(Cause::Due));
    // It came due, and nobody has decided on it yet.
    replace(&mut record, later(300), 121).unwrap();
    assert_eq!((record.cause, record.wake_at()), (None, Some(at(300))));
    assert_eq!(replace(&mut Case::default().record(), later(120), 1), Err(Refusal::TooLate));
}

#[test]
fn a_message_has_to_end_after_it_begins() {
    let ends = |seconds| Replacement { expires_at: Some(at(seconds)), ..Replacement::default() };
    let mut scheduled = Case { scheduled: true, ..Case::default() }.record();
    assert_eq!(replace(&mut scheduled, ends(60), 1), Err(Refusal::EndsTooSoon));
    let too_late = Replacement { send_at: Some(at(600)), ..Replacement::default() };
    assert_eq!(replace(&mut scheduled, too_late, 1), Err(Refusal::EndsTooSoon));
    let mut waiting = Case::default().record();
    assert_eq!(replace(&mut waiting, ends(5), 5), Err(Refusal::EndsTooSoon));
    replace(&mut waiting, ends(10), 5).unwrap();
    assert_eq!(waiting.wake_at(), Some(at(10)));
    waiting.apply(Input::Wake, at(10)).unwrap();
    assert_eq!(waiting.status, Status::Expired);
}
