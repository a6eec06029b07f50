//! Stage three: a waiting attempt gets a slot, its dispatch becomes durable, its bytes leave, its answer is stored.
//!
//! The plan of a waiting message is made again each time it is looked at, from the table and the health of now: so a
//! dead connection or a changed policy moves the backlog, too.

use std::sync::Arc;
use std::time::Duration;

use connectors::connector::Passed;
use connectors::{Answered, NoSlot, Slot, Submission};
use domain::attempt::{Attempt, State};
use domain::event::{Event, Kind};
use domain::record::{Answer, Dispatch, Input, Refusal, Target};
use domain::{CapId, ConnectionId, ErrorClass, Record, Stage, rewritten};
use routing::Table;
use routing::settings::Pass;
use store::{Write, Written};
use tokio::time::Instant;

use crate::caps::Taken;
use crate::core::Core;
use crate::lanes::{Turn, Waits, Wake, Wanted};
use crate::learn::Told;
use crate::next::{self, facts};
use crate::observe::VendorError;
use crate::recent::Before;
use crate::worker;
use crate::writer::{NotWritten, Urgency};

/// How often waiting messages are looked at when nothing changes but the time: the grain of `wait_at_most`.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How often overdue messages are taken out of the lanes.
const FORGET_EVERY: Duration = Duration::from_secs(1);

/// Serves the lanes whenever a message is queued or a slot comes free, until it is dropped.
pub(crate) async fn run(core: Arc<Core>) {
    let (mut looked_at, mut forgot_at) = (Instant::now(), Instant::now());
    loop {
        if core.nobody_waits() {
            core.dispatch.woken().await;
        } else {
            // Too late is no harm: what wakes the dispatcher stays noted.
            drop(tokio::time::timeout(LOOK_AGAIN, core.dispatch.woken()).await);
        }
        let mut wake = core.dispatch.take();
        if looked_at.elapsed() >= LOOK_AGAIN {
            wake = Wake::All;
            looked_at = Instant::now();
        }
        if forgot_at.elapsed() >= FORGET_EVERY {
            core.with_lanes(|lanes| lanes.forget_overdue(core.clock.now()));
            forgot_at = Instant::now();
        }
        serve(&core, &wake);
    }
}

fn serve(core: &Arc<Core>, wake: &Wake) {
    if core.nobody_waits() || !core.writer.is_writing() {
        return;
    }
    let mut placed = Vec::new();
    let tables = core.tables.load();
    let refills = core.with_lanes(|lanes| {
        lanes.serve(wake, |record| match place_queued(core, &record) {
            Ok((dispatch, room)) => {
                placed.push((record, dispatch, room));
                Turn::Taken
            }
            Err(Missed { wanted, others_may_go }) => {
                let table = tables.of(&record.message.to).version();
                let is_of_now =
                    record.plan.as_ref().is_none_or(|plan| plan.table == table && !plan.is_drawn());
                let is_mixed = others_may_go || !is_of_now;
                Turn::Wait(Waits { record, wanted, is_mixed })
            }
        });
        lanes.refills()
    });
    // Outside the lock: what cannot be written is queued again.
    for (record, dispatch, room) in placed {
        dispatch_durably(core, record, dispatch, room);
    }
    for refill in refills {
        worker::refill(core, refill);
    }
}

/// A slot, and what caps counted with it.
struct Room {
    slot: Slot,
    taken: Taken,
}

/// Nothing takes the message now.
#[derive(Default)]
struct Missed {
    /// The connections that had no slot.
    wanted: Vec<Wanted>,
    /// A cap that counts by the kind of the sender is in the way: the next of the lane may have another one.
    others_may_go: bool,
}

fn place_queued(core: &Core, record: &Record) -> Result<(Dispatch, Room), Missed> {
    let attempt = record.attempts.iter().find(|attempt| attempt.state == State::Queued);
    let attempt = attempt.ok_or_else(Missed::default)?;
    let (target, room) = place(core, record, attempt)?;
    let (bind, epoch) = (room.slot.bind, room.slot.epoch);
    let text_revision = record.text_revision;
    Ok((Dispatch { attempt: attempt.number, target, text_revision, bind, epoch }, room))
}

/// Finds the first route of now that has a slot. Each route before it must have had its `wait_at_most`.
///
/// # Errors
/// With the connections that had none.
fn place(core: &Core, record: &Record, attempt: &Attempt) -> Result<(Target, Room), Missed> {
    let Some(plan) = &record.plan else { return Err(Missed::default()) };
    let terms = &plan.terms;
    let now = core.clock.now();
    let waited = now.since(attempt.queued_at);
    let fleet = core.fleet.load();
    let tables = core.tables.load();
    let table = tables.of(&record.message.to);
    let (targets, others_may_go) = candidates(core, table, record, attempt);
    let mut missed = Missed { wanted: Vec::new(), others_may_go };
    for (index, target) in targets.into_iter().enumerate() {
        // Before the slot: one that goes back at once would wake whoever waits for it.
        let no_slot = match core.caps.take(table, &target, &record.message, now) {
            Ok(taken) => match fleet.get(&target.connection).map(|connector| connector.reserve()) {
                Some(Ok(slot)) => return Ok((target, Room { slot, taken })),
                Some(Err(no_slot)) => {
                    taken.give_back();
                    no_slot
                }
                None => {
                    taken.give_back();
                    NoSlot::Down
                }
            },
            Err(full) => {
                missed.others_may_go |= full.tells_senders_apart;
                NoSlot::Busy
            }
        };
        let had_its_wait = waited >= terms.wait_at_most() * (u32::try_from(index).unwrap_or(u32::MAX) + 1);
        let is_known_down =
            no_slot == NoSlot::Down && routing::HealthView::is_down(&**fleet, &target.connection);
        missed.wanted.push(Wanted { connection: target.connection, is_up: no_slot == NoSlot::Busy });
        if !next::goes_on(terms, no_slot) || !(had_its_wait || is_known_down) {
            break;
        }
    }
    Err(missed)
}

/// The routes that the message may take now, best first; and whether one is left out for what its sender is.
fn candidates(core: &Core, table: &Table, record: &Record, attempt: &Attempt) -> (Vec<Target>, bool) {
    let (before, now) = (core.before_attempt(record), core.clock.now());
    let standing = core.standing();
    let choose = |before: &Before| routing::choose(&facts(&record.message, before, now), table, &standing);
    let choice = core.choose_with_claim(&record.message, before.clone(), choose);
    let facts = facts(&record.message, &before, now);
    let left_out = choice.iter().flat_map(|choice| &choice.plan.left_out);
    let mut capped = left_out.filter_map(|left_out| left_out.capped.as_ref());
    let by_sender = |id: &CapId| table.caps().iter().any(|cap| cap.id == *id && cap.tells_senders_apart());
    let others_may_go = capped.any(|capped| by_sender(&capped.cap));
    (next::of_queued(record, attempt, &facts, table, choice), others_may_go)
}

fn dispatch_durably(core: &Arc<Core>, record: Arc<Record>, dispatch: Dispatch, room: Room) {
    let Room { slot, taken } = room;
    let attempt = dispatch.attempt;
    let write = Write::Apply { message: record.message.id, input: Input::Dispatch(dispatch) };
    let after = Arc::clone(core);
    let then = move |result: Result<Written, NotWritten>| {
        after.with_lanes(|lanes| lanes.left(record.message.id));
        match result {
            Ok(Written::Applied { record, .. }) => hand_over(&after, &record, attempt, slot),
            // Another attempt waits by now, and may have found this one standing in its place.
            Ok(Written::Refused { refusal: Refusal::NotQueued, record }) if record.work().queued => {
                drop(slot);
                taken.give_back();
                worker::follow_record(&after, record, Vec::new());
            }
            // Cancelled or expired while it waited: the slot goes back, and nothing leaves.
            Ok(other) => {
                drop(slot);
                taken.give_back();
                worker::follow(&after, Ok(other));
            }
            Err(_) => {
                drop(slot);
                taken.give_back();
                after.enqueue(record);
            }
        }
    };
    core.writer.write(Urgency::Offer, write, Box::new(then));
}

/// The dispatch is durable: the text goes to the connection that the slot belongs to.
pub(crate) fn hand_over(core: &Arc<Core>, record: &Record, attempt: u16, slot: Slot) {
    let Some(attempt) = record.attempt(attempt) else { return };
    let fleet = core.fleet.load();
    let Some(connector) = fleet.get(&attempt.connection) else {
        take_back(core, record, attempt);
        return;
    };
    core.left(record, attempt);
    connector.submit(slot, submission(core, record, attempt));
}

/// The connection left the configuration between the dispatch and here: no byte has left.
fn take_back(core: &Arc<Core>, record: &Record, attempt: &Attempt) {
    let dispatched_at = attempt.dispatched_at.unwrap_or(attempt.queued_at);
    let message = &record.message;
    for part in 0..u8::try_from(attempt.parts.len()).unwrap_or(u8::MAX) {
        core.caps.not_sent(core.tables.load().of(&message.to), attempt, message.class, dispatched_at);
        core.step(
            record.message.id,
            Input::Answer { attempt: attempt.number, part, answer: Answer::NotSent },
        );
    }
}

fn submission(core: &Core, record: &Record, attempt: &Attempt) -> Submission {
    let message = &record.message;
    let (text, encoding) = match &attempt.rewritten {
        Some(rewritten) => (&rewritten.text, rewritten.encoding),
        None => (&message.text, message.encoding),
    };
    Submission {
        message: message.id,
        attempt: attempt.number,
        to: message.to.clone(),
        from: attempt.sender.clone(),
        encoding,
        parts: rewritten::parts_of(text),
        reference: attempt.reference,
        validity: message.expires_at.since(core.clock.now()),
        passed: passed(core, record, attempt),
    }
}

/// What the attempt's route passes on now. Nothing where it left the configuration meanwhile.
fn passed(core: &Core, record: &Record, attempt: &Attempt) -> Passed {
    let Some(written) = record.message.by_smpp.as_deref() else { return Passed::default() };
    let tables = core.tables.load();
    let table = tables.of(&record.message.to);
    let passes = |what| table.route(&attempt.route).is_some_and(|route| route.pass.contains(&what));
    let addresses = passes(Pass::Addresses);
    Passed {
        priority: passes(Pass::Priority).then_some(written.priority),
        service_type: (passes(Pass::ServiceType) && !written.service_type.is_empty())
            .then(|| written.service_type.as_slice().into()),
        source: addresses.then(|| written.source.clone()),
        destination: addresses.then(|| written.destination.clone()),
        tlvs: if passes(Pass::Tlvs) { written.tlvs.as_slice().into() } else { Box::default() },
    }
}

/// Answers of a connection, in one batch: each is in the writer's queue before its slot goes back.
pub(crate) fn answered(core: &Arc<Core>, connection: &ConnectionId, batch: &mut Vec<Answered>) {
    for Answered { message, attempt, part, answer, took, slot } in batch.drain(..) {
        if let Some(took) = took {
            core.observer.submit_took(connection, took);
        }
        if let Some((code, class)) = error_of(&answer) {
            let (stage, message, at) = (Stage::Submit, Some(message), core.clock.now());
            core.observer.vendor_error(VendorError { connection, stage, code, class, message, at });
        }
        let told = Told::of(&answer);
        let is_accepted = matches!(answer, Answer::Accepted { .. });
        let is_unsent = matches!(answer, Answer::NotSent);
        let write = Write::Apply { message, input: Input::Answer { attempt, part, answer } };
        let after = Arc::clone(core);
        let then = move |result: Result<Written, NotWritten>| {
            if is_accepted {
                count(&after, &result, attempt);
            }
            observe(&after, &result, attempt, told);
            if is_unsent {
                uncount(&after, &result, attempt);
            }
            worker::follow(&after, result);
        };
        core.writer.write(Urgency::News, write, Box::new(then));
        drop(slot);
    }
}

/// The vendor's words and what they mean, where it told of an error.
fn error_of(answer: &Answer) -> Option<(&str, Option<ErrorClass>)> {
    match answer {
        Answer::Rejected { code, class } => Some((code, *class)),
        Answer::Unclear { code } => Some((code, Some(ErrorClass::UnknownOutcome))),
        Answer::Busy { code, class } => Some((code, Some(*class))),
        Answer::Accepted { .. } | Answer::Unknown { .. } | Answer::NotSent => None,
    }
}

/// A vendor accepted a segment, and that is stored.
fn count(core: &Core, result: &Result<Written, NotWritten>, attempt: u16) {
    let Ok(Written::Applied { record, .. }) = result else { return };
    if let Some(attempt) = record.attempt(attempt) {
        core.commitments.count(attempt, core.clock.now());
    }
}

/// A part that did not leave is no longer counted towards caps, before its message is looked at again.
fn uncount(core: &Core, result: &Result<Written, NotWritten>, number: u16) {
    let Ok(Written::Applied { record, .. }) = result else { return };
    let Some(attempt) = record.attempt(number) else { return };
    // The attempt itself knows no more of it once it waits again.
    let is_dispatch = |event: &&Event| event.kind == Kind::Dispatched { attempt: number };
    let Some(dispatch) = record.events.iter().rev().find(is_dispatch) else { return };
    let message = &record.message;
    core.caps.not_sent(core.tables.load().of(&message.to), attempt, message.class, dispatch.at);
}

fn observe(core: &Core, result: &Result<Written, NotWritten>, attempt: u16, told: Told) {
    let Ok(Written::Applied { record, .. }) = result else { return };
    let Some(attempt) = record.attempt(attempt) else { return };
    core.feedback.answered(record, attempt, told, core.clock.now());
    if let (State::Answered, Some(outcome)) = (attempt.state, attempt.outcome) {
        core.observer.attempt_answered(&attempt.route, outcome);
    }
}
