//! What has to be true once all is quiet.

use domain::attempt::{Outcome, State, Verdict};
use domain::event::Kind;
use domain::{Record, Status};

use crate::judge::Seen;
use crate::world::World;

/// Whether an endpoint says that it is not to be asked again.
pub(crate) fn is_gone(url: &str) -> bool {
    url.starts_with("http://bank.")
}

/// The status changes of a record: number and status.
pub(crate) fn changes(record: &Record) -> Vec<(u16, Status)> {
    record
        .events
        .iter()
        .filter_map(|event| {
            if let Kind::Status { status, sequence } = event.kind { Some((sequence, status)) } else { None }
        })
        .collect()
}

/// When nothing has gone wrong for a while every stage has done what it had to.
pub(crate) fn nothing_is_late(world: &World) {
    let now = world.wall();
    let complaints = world.judge.seen(|seen| {
        let records = seen.records.values();
        let late = records.filter_map(|record| {
            let work = record.work();
            let rests = record.events.last().is_some_and(|event| now.since(event.at).as_secs() > 5);
            let overdue = record.wake_at().is_some_and(|at| now.since(at).as_secs() > 5);
            (rests && (work.queued || work.decide || work.dispatched || overdue))
                .then(|| format!("it is late ({work:?}, overdue: {overdue}): {record:#?}"))
        });
        late.chain(seen.unwritten()).collect::<Vec<_>>()
    });
    for complaint in complaints {
        world.complain(complaint);
    }
}

pub(crate) fn at_the_end(world: &World) {
    let Some(process) = world.process() else {
        world.complain("no process is there at the end".to_owned());
        return;
    };
    for binds in &process.binds {
        let taken = binds.slots_taken();
        if taken > 0 {
            world.complain(format!("{taken} slots of {} are still taken", binds.id()));
        }
    }
    match process.reader.waiting() {
        Ok(waiting) if waiting.is_empty() => {}
        waiting => world.complain(format!("somebody still waits: {waiting:?}")),
    }
    if process.reader.notices_pending().ok() != Some(0) {
        world.complain(format!("{:?} notices are still there", process.reader.notices_pending()));
    }
    if process.reader.damaged().ok() != Some(0) {
        world.complain("a record is damaged".to_owned());
    }
    let complaints = world.judge.seen(|seen| {
        let mut complaints = Vec::new();
        if seen.tidied > 0 {
            complaints.push(format!("{} closed records were moved again", seen.tidied));
        }
        for id in &seen.acknowledged {
            if !seen.records.contains_key(id) {
                complaints.push(format!("{id} was accepted and was never stored"));
            }
        }
        for (id, expected) in &seen.records {
            match process.reader.message(*id) {
                Ok(Some(record)) if record == *expected => {
                    complaints.extend(
                        of_record(seen, &record)
                            .into_iter()
                            .map(|complaint| format!("{complaint}: {record:#?}")),
                    );
                }
                Ok(found) => complaints.push(format!("in place of {expected:#?} there is {found:#?}")),
                Err(error) => complaints.push(format!("{id} cannot be read: {error}")),
            }
        }
        complaints.extend(of_receipts(seen));
        complaints.extend(of_keys(seen));
        complaints
    });
    for complaint in complaints {
        world.complain(complaint);
    }
}

fn of_record(seen: &Seen, record: &Record) -> Vec<String> {
    let id = record.message.id;
    let mut complaints = Vec::new();
    let mut claim = |holds: bool, what: &str| {
        if !holds {
            complaints.push(what.to_owned());
        }
    };
    let taken = seen.taken.range((id, 0, 0)..=(id, u16::MAX, u8::MAX));
    let may_have_arrived = taken.clone().any(|(_, failed)| !failed);
    let was_taken = taken.count() > 0;
    let is_one_part = record.message.segments == 1;
    let any_outcome = |outcome| record.attempts.iter().any(|attempt| attempt.outcome == Some(outcome));
    claim(record.closed, "it never ends");
    match record.status {
        Status::Scheduled | Status::Accepted => claim(false, "it waits for ever"),
        Status::Submitted => {
            claim(was_taken && any_outcome(Outcome::Accepted), "it is submitted and no vendor took it");
        }
        Status::Uncertain => {
            claim(
                any_outcome(Outcome::Unknown) || !is_one_part,
                "it is uncertain and every outcome is known",
            );
        }
        Status::Delivered | Status::Read => {
            let is_delivered = |attempt: &domain::Attempt| attempt.receipt == Some(Verdict::Delivered);
            claim(record.attempts.iter().any(is_delivered), "it is delivered and no receipt says so");
        }
        Status::Failed => claim(!may_have_arrived || !is_one_part, "it failed and a vendor has it"),
        Status::Undelivered => {
            claim(was_taken, "it is undelivered and no vendor took it");
        }
        Status::Expired => {
            let mut parts = record.attempts.iter().flat_map(|attempt| &attempt.parts);
            let is_told = parts.any(|part| part.receipt.is_some());
            claim(is_told || !was_taken || !is_one_part, "it expired and a vendor has it");
        }
        Status::Canceled => claim(!was_taken, "it was taken back and a vendor has it"),
        Status::Rejected => claim(!seen.acknowledged.contains(&id), "it was accepted and rejected"),
    }
    let delivered = record.attempts.iter().any(|attempt| attempt.receipt == Some(Verdict::Delivered));
    claim(!delivered || record.status == Status::Delivered, "a receipt says delivered");
    claim(!seen.cancelled.contains(&id) || record.status == Status::Canceled, "it was taken back");
    if let Some(converted) = seen.converted.get(&id) {
        claim(
            record.converted.is_some_and(|told| told.converted == *converted),
            "its conversion is not there",
        );
    }
    let told = seen.told.get(&id);
    let is_gone = record.message.callback_url.as_deref().is_some_and(is_gone);
    let mut last = 0;
    for (sequence, status) in changes(record) {
        claim(sequence > last, "its changes are not in order");
        last = sequence;
        let is_told = told.and_then(|told| told.get(&sequence)) == Some(&status);
        claim(
            is_told || is_gone || !record.message.notify.contains(status),
            &format!("change {sequence} was never told"),
        );
    }
    claim(
        record.attempts.iter().all(|attempt| attempt.state != State::Dispatched),
        "an attempt has no outcome",
    );
    complaints
}

/// A receipt that was answered is in its record, if anybody knows whose it is.
fn of_receipts(seen: &Seen) -> Vec<String> {
    let mut complaints = Vec::new();
    for (connection, vendor_id, verdict) in &seen.answered {
        let Some(verdict) = verdict else { continue };
        let attempts = seen.records.values().flat_map(|record| &record.attempts);
        let parts =
            attempts.filter(|attempt| attempt.connection == *connection).flat_map(|attempt| &attempt.parts);
        for part in parts.filter(|part| part.vendor_id.as_deref() == Some(vendor_id.as_str())) {
            if part.receipt != Some(*verdict) && part.receipt != Some(Verdict::Delivered) {
                complaints.push(format!(
                    "the receipt {verdict:?} for {vendor_id} of {connection} is lost: {part:?}"
                ));
            }
        }
    }
    complaints
}

/// A text is unlike every other, so a repeated request shows.
fn of_keys(seen: &Seen) -> Vec<String> {
    let mut by_text = std::collections::BTreeMap::new();
    for record in seen.records.values().filter(|record| record.status != Status::Rejected) {
        by_text.entry(&record.message.text).or_insert_with(Vec::new).push(record.message.id);
    }
    let twice = by_text.into_iter().filter(|(_, ids)| ids.len() > 1);
    twice.map(|(text, ids)| format!("{ids:?} have one text: {text}")).collect()
}
