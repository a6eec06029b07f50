//! What a route makes of a text belongs to its attempt, and the message keeps its own.

use super::*;
use crate::record::{NewText, Replacement};
use crate::rewritten::Edit;

fn rewritten(text: &str, segments: u8) -> Option<Box<Rewritten>> {
    let (encoding, edits) = (Encoding::Gsm7, vec![Edit::Prefix, Edit::Rewrite { at: 1, times: 3 }]);
    Some(Box::new(Rewritten { text: text.into(), encoding, segments, entry: Some(2), edits }))
}

fn dispatch_with(record: &mut Record, rewritten: Option<Box<Rewritten>>) -> Result<Effects, Refusal> {
    dispatch_of(record, rewritten, record.text_revision)
}

fn dispatch_of(
    record: &mut Record,
    rewritten: Option<Box<Rewritten>>,
    text_revision: u16,
) -> Result<Effects, Refusal> {
    let target = Target { rewritten, ..target("a") };
    let attempt = u16::try_from(record.attempts.len()).unwrap();
    record.apply(Input::Dispatch(Dispatch { attempt, target, text_revision, bind: 0, epoch: 1 }), at(1))
}

#[test]
fn an_attempt_has_the_parts_of_what_it_sends_and_is_kept_with_it() {
    let mut record = Case::default().record();
    dispatch_with(&mut record, rewritten("[Acme] text", 2)).unwrap();
    assert!(part_answer(&mut record, (1, 0), accepted()).is_empty());
    assert_eq!(part_answer(&mut record, (1, 1), accepted()), [Status::Submitted]);
    assert_eq!((record.message.segments, record.attempts[0].parts.len()), (1, 2));
    let bytes = minicbor::to_vec(&record).unwrap();
    assert_eq!(minicbor::decode::<Record>(&bytes).unwrap(), record);
    // The next attempt goes as its own route wants it.
    let mut record = Case::default().record();
    dispatch_with(&mut record, rewritten("[Acme] text", 2)).unwrap();
    for part in 0..2 {
        part_answer(&mut record, (1, part), rejected());
    }
    record.apply(Input::Try(next("b")), at(2)).unwrap();
    assert_eq!((record.attempts[1].rewritten.as_ref(), record.attempts[1].parts.len()), (None, 1));
}

#[test]
fn what_was_made_of_a_text_goes_with_it_when_it_is_replaced() {
    let mut record = Case::default().record();
    dispatch_with(&mut record, rewritten("[Acme] text", 1)).unwrap();
    record.apply(Input::Answer { attempt: 1, part: 0, answer: Answer::NotSent }, at(1)).unwrap();
    let new = NewText { text: "another".into(), encoding: Encoding::Gsm7, segments: 1 };
    let replacement = Replacement { text: Some(new), ..Replacement::default() };
    record.apply(Input::Replace(replacement), at(2)).unwrap();
    assert!(record.attempts.iter().all(|attempt| attempt.rewritten.is_none()), "{:?}", record.attempts);
}

#[test]
fn what_is_made_of_a_text_that_was_replaced_meanwhile_never_leaves() {
    let mut record = Case::default().record();
    let of_then = record.text_revision;
    let new = NewText { text: "another".into(), encoding: Encoding::Gsm7, segments: 1 };
    let replacement = Replacement { text: Some(new), ..Replacement::default() };
    record.apply(Input::Replace(replacement), at(1)).unwrap();
    let before = record.clone();
    let refused = dispatch_of(&mut record, rewritten("[Acme] text", 1), of_then);
    assert_eq!(refused, Err(Refusal::NotQueued));
    assert_eq!(record, before, "it waits, and is planned again");
    // Neither does one that the route would have left as it was.
    assert_eq!(dispatch_of(&mut record, None, of_then), Err(Refusal::NotQueued));
    dispatch_with(&mut record, rewritten("[Acme] another", 1)).unwrap();
}

#[test]
fn texts_go_together_and_all_else_stays() {
    let mut record = Case::default().record();
    dispatch_with(&mut record, rewritten("[Acme] text", 1)).unwrap();
    assert!(record.drop_texts());
    let kept = record.attempts[0].rewritten.as_ref().unwrap();
    assert_eq!((&*record.message.text, &*kept.text), ("", ""));
    assert_eq!(kept.in_words(), "content_by[2].prefix, content_by[2].rewrite[1]: 1 segment as gsm7");
    assert!(!record.drop_texts());
}
