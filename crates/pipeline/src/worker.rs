//! What comes next: looks at what a durable write left and hands each work item to its stage.

use std::sync::Arc;

use connectors::Slot;
use domain::record::Input;
use domain::{MessageId, Record};
use store::{Claim, Notice, Write, Written};
use tokio::sync::oneshot;

use crate::core::Core;
use crate::writer::{NotWritten, Urgency};
use crate::{decide, notify, submit};

const FIRST_ATTEMPT: u16 = 1;
/// Records claimed from the store per page.
const PAGE: usize = 2000;

/// Follows up a step of a record.
pub(crate) fn follow(core: &Arc<Core>, result: Result<Written, NotWritten>) {
    match result {
        Ok(Written::Applied { record, changes, notices }) => {
            for change in changes {
                core.observer.status_changed(record.message.channel, record.message.class, change.status);
            }
            follow_record(core, record, notices);
        }
        // The record went on in another way meanwhile, and whoever stepped it has followed that up.
        Ok(Written::Refused { .. } | Written::Missing | Written::Noted | Written::Held) => {}
        Ok(other @ (Written::Accepted { .. } | Written::Replayed(_) | Written::KeyReused)) => {
            tracing::error!(?other, "the store answered a step with something else");
        }
        // Only a broken or stopping store refuses news; at the next start the record is found as it was.
        Err(not_written) => tracing::warn!(%not_written, "a step was not written"),
    }
}

/// Follows up an acceptance; with a slot its first attempt is dispatched already and its bytes may leave.
pub(crate) fn follow_accepted(
    core: &Arc<Core>,
    record: Box<Record>,
    notices: Vec<Notice>,
    slot: Option<Slot>,
) {
    core.observer.status_changed(record.message.channel, record.message.class, record.status);
    match slot {
        Some(slot) => {
            notify_of(core, &record, notices);
            submit::hand_over(core, &record, FIRST_ATTEMPT, slot);
        }
        None => follow_record(core, record, notices),
    }
}

pub(crate) fn follow_record(core: &Arc<Core>, record: Box<Record>, notices: Vec<Notice>) {
    notify_of(core, &record, notices);
    let work = record.work();
    if work.decide {
        let input = decide::decide(core, &record);
        core.step(record.message.id, input);
    } else if work.queued {
        core.enqueue(record);
    }
}

fn notify_of(core: &Arc<Core>, record: &Record, notices: Vec<Notice>) {
    if notices.is_empty() {
        return;
    }
    let record = Arc::new(record.clone());
    for notice in notices {
        notify::queue(core, notice, Some(Arc::clone(&record)));
    }
}

/// Takes up what an earlier process left: what it had dispatched is settled as unknown, the rest goes on.
/// Returns how many records were taken up. Must have ended before a connection opens.
pub(crate) async fn resume(core: &Arc<Core>) -> Result<u64, NotWritten> {
    let (mut after, mut total) = (0, 0);
    loop {
        let page = claim(core, Claim::Work { after }, PAGE).await?;
        let Some(last) = page.last() else { return Ok(total) };
        after = last.message.id.key();
        total += page.len() as u64;
        let mut settling = Vec::new();
        for record in page {
            if record.work().dispatched {
                settling.push(settle(core, record.message.id));
            } else {
                follow_record(core, Box::new(record), Vec::new());
            }
        }
        for settled in settling {
            settled.await.unwrap_or(Err(NotWritten::Stopping))?;
        }
    }
}

/// Tells when it is durable.
fn settle(core: &Arc<Core>, message: MessageId) -> oneshot::Receiver<Result<(), NotWritten>> {
    let (done, settled) = oneshot::channel();
    let after = Arc::clone(core);
    let then = move |result: Result<Written, NotWritten>| {
        let settled = result.as_ref().map(|_| ()).map_err(Clone::clone);
        follow(&after, result);
        // Nobody waits any more when the start was given up.
        drop(done.send(settled));
    };
    core.writer.write(Urgency::News, Write::Apply { message, input: Input::Settle }, Box::new(then));
    settled
}

/// Brings a page of messages that wait only in the store back into the lanes. Returns after which key to go on.
pub(crate) async fn refill(core: &Arc<Core>, after: i64) -> Result<Option<i64>, NotWritten> {
    let page = claim(core, Claim::Work { after }, PAGE).await?;
    let last = page.last().map(|record| record.message.id.key());
    for record in page {
        // What is dispatched or undecided has its follow-up under way in this process.
        let work = record.work();
        if work.queued && !work.decide {
            core.enqueue(Box::new(record));
        }
    }
    Ok(last)
}

/// Has the writer's thread claim records between two commits.
pub(crate) async fn claim(core: &Core, claim: Claim, limit: usize) -> Result<Vec<Record>, NotWritten> {
    let (answer, answered) = oneshot::channel();
    core.writer.errand(Box::new(move |store| {
        // Nobody waits any more when the process is stopping.
        drop(answer.send(store.claim(claim, limit)));
    }));
    match answered.await {
        Ok(Ok(records)) => Ok(records),
        Ok(Err(error)) => {
            tracing::error!(%error, "a claim failed");
            Err(NotWritten::Unavailable)
        }
        Err(_) => Err(NotWritten::Stopping),
    }
}
