//! Claims: what waits for a stage, and what is due.

use std::sync::Arc;

use domain::plan::{FailoverOn, FailoverSet};
use domain::record::{Answer, Input};
use domain::{Class, Lane, MessageId, Record, Timestamp};
use store::{Claim, Waiting, Write, Writer};

use super::{Backend, Store};
use crate::sample::{
    DAY, Ids, MINUTE, NOON, accept, apply, at, delivered, dispatch, message, next_attempt, plan, step,
    submitted, write,
};

pub(crate) fn what_waits_is_claimed_lane_by_lane_page_by_page(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, .. } = backend.open();
    let [mut waiting, mut dispatched, mut undecided] = [(); 3].map(|()| Vec::new());
    for round in 0..5 {
        let [queued, sent, unanswered, open, closed] = [(); 5].map(|()| ids.at(NOON));
        step(&mut *writer, NOON, accept(message(queued)));
        for id in [sent, unanswered] {
            step(&mut *writer, NOON, accept(message(id)));
            step(&mut *writer, NOON, apply(id, dispatch(1, "acme")));
        }
        step(&mut *writer, NOON, apply(unanswered, unknown()));
        submitted(&mut *writer, message(open), &format!("open-{round}"));
        delivered(&mut *writer, message(closed), &format!("closed-{round}"));
        waiting.push(queued);
        dispatched.push(sent);
        undecided.push(unanswered);
    }
    drop(writer);
    let Store { mut writer, reader } = backend.open();
    assert_eq!(claimed(&mut *writer, |after| Claim::Dispatched { after }), dispatched);
    assert_eq!(claimed(&mut *writer, |after| Claim::Undecided { after }), undecided);
    let lanes = writer.lanes().unwrap();
    let [lane] = lanes.as_slice() else { panic!("{lanes:?}") };
    assert_eq!((lane.class, lane.app.as_str()), (Class::Otp, "shop"));
    assert_eq!(claimed(&mut *writer, |after| Claim::Waiting { lane: lane.clone(), after }), waiting);
    let summed = Waiting { lane: lane.clone(), messages: 5, oldest: waiting[0].created_at() };
    assert_eq!(reader.waiting().unwrap(), [summed]);
}

/// One that was tried elsewhere waits for others, and so in another lane.
pub(crate) fn a_message_waits_in_the_lane_of_its_routes(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, .. } = backend.open();
    let [fresh, tried] = [(); 2].map(|()| ids.at(NOON));
    step(&mut *writer, NOON, accept(message(fresh)));
    step(&mut *writer, NOON, accept(message(tried)));
    assert_eq!(writer.lanes().unwrap().len(), 1);
    step(&mut *writer, NOON, apply(tried, dispatch(1, "acme")));
    step(&mut *writer, NOON, apply(tried, unknown()));
    let record = step(&mut *writer, NOON, apply(tried, Input::Try(next_attempt("zenith"))));
    let lane = Lane::of(&record).unwrap();
    assert_eq!(writer.lanes().unwrap().len(), 2);
    assert_eq!(claimed(&mut *writer, |after| Claim::Waiting { lane: lane.clone(), after }), [tried]);
    step(&mut *writer, NOON, apply(tried, dispatch(2, "zenith")));
    assert_eq!(writer.lanes().unwrap().len(), 1);
}

fn unknown() -> Input {
    Input::Answer { attempt: 1, part: 0, answer: Answer::Unknown { line_lost: true } }
}

fn claimed(writer: &mut dyn Writer, claim: impl Fn(i64) -> Claim) -> Vec<MessageId> {
    let mut claimed = Vec::new();
    let mut after = 0;
    loop {
        let page = writer.claim(claim(after), 3).unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { return claimed };
        after = last.message.id.key();
        claimed.extend(page.iter().map(|record| record.message.id));
    }
}

pub(crate) fn the_most_overdue_is_claimed_first(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, .. } = backend.open();
    let minutes = [7, 3, 9, 1, 5];
    let expiring = minutes.map(|minute| {
        let mut message = message(ids.at(NOON));
        message.expires_at = at(minute * MINUTE);
        step(&mut *writer, NOON, accept(message)).message.id
    });
    assert_eq!(due(&mut *writer, at(MINUTE - 1)), []);
    assert_eq!(due(&mut *writer, at(6 * MINUTE)), [expiring[3], expiring[1], expiring[4]]);
    let limited = writer.claim(Claim::Due { now: at(6 * MINUTE) }, 2).unwrap();
    assert_eq!(limited.len(), 2);
    for id in [expiring[3], expiring[1], expiring[4]] {
        step(&mut *writer, at(6 * MINUTE), apply(id, Input::Wake));
    }
    assert_eq!(due(&mut *writer, at(6 * MINUTE)), []);
}

pub(crate) fn a_scheduled_message_is_due_at_its_time(backend: &impl Backend) {
    let mut scheduled = message(Ids::new().at(NOON));
    scheduled.send_at = Some(at(2 * DAY));
    scheduled.expires_at = at(3 * DAY);
    let id = scheduled.id;
    let (record, effects) = Record::accepted(scheduled, plan(), None);
    let Store { mut writer, .. } = backend.open();
    write(&mut *writer, NOON, [Write::Accept { record: Arc::new(record), effects, idempotency: None }]);
    assert_eq!(due(&mut *writer, at(2 * DAY - 1)), []);
    assert_eq!(due(&mut *writer, at(2 * DAY)), [id]);
}

pub(crate) fn what_nobody_settled_is_due_at_the_horizon(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, .. } = backend.open();
    submitted(&mut *writer, message(id), "v1");
    for early in [at(10 * MINUTE), at(DAY), at(7 * DAY - 1)] {
        assert_eq!(due(&mut *writer, early), []);
    }
    drop(writer);
    let Store { mut writer, .. } = backend.open();
    assert_eq!(due(&mut *writer, at(7 * DAY - 1)), []);
    assert_eq!(due(&mut *writer, at(7 * DAY)), [id]);
}

/// The time may move to later, be claimed for too early, and move back.
pub(crate) fn a_time_that_moves_is_never_missed(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let mut plan = plan();
    plan.terms.failover_on = FailoverSet::default().with(FailoverOn::NoReceipt).with(FailoverOn::Rejected);
    plan.terms.no_receipt_after_ms = Some(120_000);
    let (record, effects) = Record::accepted(message(id), plan, Some(next_attempt("acme")));
    let Store { mut writer, .. } = backend.open();
    write(&mut *writer, NOON, [Write::Accept { record: Arc::new(record), effects, idempotency: None }]);
    step(&mut *writer, NOON, apply(id, dispatch(1, "acme")));
    let rejected =
        Input::Answer { attempt: 1, part: 0, answer: Answer::Rejected { code: "1".into(), class: None } };
    step(&mut *writer, NOON, apply(id, rejected));
    assert_eq!(due(&mut *writer, at(3 * MINUTE)), []);
    step(&mut *writer, at(3 * MINUTE), apply(id, Input::Try(next_attempt("zenith"))));
    step(&mut *writer, at(3 * MINUTE), apply(id, dispatch(2, "zenith")));
    assert_eq!(due(&mut *writer, at(5 * MINUTE - 1)), []);
    assert_eq!(due(&mut *writer, at(5 * MINUTE)), [id]);
}

fn due(writer: &mut dyn Writer, now: Timestamp) -> Vec<MessageId> {
    let claimed = writer.claim(Claim::Due { now }, 100).unwrap();
    claimed.into_iter().map(|record| record.message.id).collect()
}
