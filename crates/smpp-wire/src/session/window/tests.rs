//! Slots, sequence numbers and lateness.

use std::time::Duration;

use super::{Answered, LAST_SEQUENCE_NUMBER, Waiting, Window};
use crate::pdu::CommandId;

fn send(window: &mut Window<u32>, token: u32, deadline: u64) -> u32 {
    let number = window.next_number();
    let deadline = Duration::from_secs(deadline);
    window.add(Waiting { number, command_id: CommandId::SUBMIT_SM, token, deadline, starts_at: 0 });
    number.sequence
}

fn answer(window: &mut Window<u32>, sequence_number: u32) -> Option<(&'static str, u32)> {
    match window.answer(sequence_number, CommandId::SUBMIT_SM_RESP) {
        Answered::InTime(token) => Some(("in time", token)),
        Answered::Late(token) => Some(("late", token)),
        Answered::Nothing => None,
    }
}

#[test]
fn sequence_numbers_begin_at_one_and_wrap_after_the_last() {
    let mut window = Window::new(10, 10);
    assert_eq!(send(&mut window, 0, 1), 1);
    window.next_ordinal = LAST_SEQUENCE_NUMBER - 1;
    assert_eq!(window.next_number().sequence, 0x7FFF_FFFF);
    assert_eq!(window.next_number().sequence, 2);
}

#[test]
fn a_number_is_skipped_as_long_as_its_request_waits_or_is_remembered_as_late() {
    let mut window = Window::new(10, 10);
    let sent: Vec<u32> = (1..=3).map(|token| send(&mut window, token, u64::from(token))).collect();
    assert_eq!(sent, [1, 2, 3]);
    assert_eq!(window.time_out(Duration::from_secs(1)), Some(1));
    assert_eq!(answer(&mut window, 2), Some(("in time", 2)));

    window.next_ordinal = LAST_SEQUENCE_NUMBER;
    assert_eq!(window.next_number().sequence, 2);
    assert_eq!(window.next_number().sequence, 4);
}

#[test]
fn answers_in_any_order_find_their_requests() {
    let mut window = Window::new(3, 10);
    let sent: Vec<u32> = (0..3).map(|token| send(&mut window, token, 9)).collect();
    assert_eq!(window.free(), 0);
    for (sequence_number, token) in sent.iter().zip([0, 1, 2]).rev() {
        assert_eq!(answer(&mut window, *sequence_number), Some(("in time", token)));
        assert_eq!(answer(&mut window, *sequence_number), None);
    }
    assert_eq!(window.free(), 3);
}

#[test]
fn an_answer_of_another_kind_leaves_the_request_waiting() {
    let mut window = Window::new(3, 10);
    let sequence_number = send(&mut window, 7, 9);
    assert!(matches!(window.answer(sequence_number, CommandId::QUERY_SM_RESP), Answered::Nothing));
    assert!(matches!(window.answer(sequence_number, CommandId::GENERIC_NACK), Answered::InTime(7)));
}

#[test]
fn only_as_many_late_requests_are_remembered_as_asked_for() {
    let mut window = Window::new(10, 2);
    let sent: Vec<u32> = (0..3).map(|token| send(&mut window, token, 5)).collect();
    assert_eq!(window.time_out(Duration::from_secs(4)), None);
    for token in 0..3 {
        assert_eq!(window.time_out(Duration::from_secs(5)), Some(token));
    }
    assert_eq!(window.free(), 10);
    assert_eq!(answer(&mut window, sent[0]), None);
    assert_eq!(answer(&mut window, sent[1]), Some(("late", 1)));
    assert_eq!(answer(&mut window, sent[2]), Some(("late", 2)));
}

#[test]
fn a_smaller_window_takes_effect_as_slots_come_back() {
    let mut window = Window::new(3, 2);
    let sent: Vec<u32> = (0..3).map(|token| send(&mut window, token, 5)).collect();
    window.set_limit(1);
    assert_eq!(window.free(), 0);
    for sequence_number in &sent[..2] {
        answer(&mut window, *sequence_number);
    }
    assert_eq!(window.free(), 0);
    answer(&mut window, sent[2]);
    assert_eq!(window.free(), 1);
}
