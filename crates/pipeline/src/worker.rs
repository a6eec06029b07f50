//! What comes next: looks at what a durable write left and hands each work item to its stage.

use std::sync::Arc;

use connectors::Slot;
use domain::record::{Change, Input};
use domain::{MessageId, Record};
use store::{Claim, Notice, Write, Writer, Written};
use tokio::sync::oneshot;

use crate::core::Core;
use crate::lanes::Refill;
use crate::writer::{NotWritten, Urgency};
use crate::{decide, notify, submit};

const FIRST_ATTEMPT: u16 = 1;
/// Records claimed from the store per page at the start.
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
    record: Arc<Record>,
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

/// Tells of a step after which the record is left alone.
pub(crate) fn tell_of(core: &Core, record: &Arc<Record>, changes: &[Change], notices: Vec<Notice>) {
    for change in changes {
        core.observer.status_changed(record.message.channel, record.message.class, change.status);
    }
    notify_of(core, record, notices);
}

pub(crate) fn follow_record(core: &Arc<Core>, record: Arc<Record>, notices: Vec<Notice>) {
    notify_of(core, &record, notices);
    let work = record.work();
    if work.decide {
        let input = decide::decide(core, &record);
        core.step(record.message.id, input);
    } else if work.queued {
        core.enqueue(record);
    }
}

fn notify_of(core: &Core, record: &Arc<Record>, notices: Vec<Notice>) {
    for notice in notices {
        notify::queue(core, notice, Some(Arc::clone(record)));
    }
}

/// What an earlier process left.
pub(crate) struct Resumed {
    /// Messages that it had dispatched or not yet decided on.
    pub(crate) settled: u64,
    /// Lanes in which messages wait. They are read when their turn comes, however many they are.
    pub(crate) lanes: usize,
}

/// Takes up what an earlier process left: what it had dispatched is settled as unknown, the rest goes on.
/// Must have ended before a connection opens.
pub(crate) async fn resume(core: &Arc<Core>) -> Result<Resumed, NotWritten> {
    let mut settled = 0;
    let mut after = 0;
    loop {
        let page = claim(core, Claim::Dispatched { after }, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.message.id.key();
        settled += page.len() as u64;
        let settling: Vec<_> = page.into_iter().map(|record| settle(core, record.message.id)).collect();
        for settled in settling {
            settled.await.unwrap_or(Err(NotWritten::Stopping))?;
        }
    }
    let mut after = 0;
    loop {
        let page = claim(core, Claim::Undecided { after }, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.message.id.key();
        settled += page.len() as u64;
        for record in page {
            follow_record(core, Arc::new(record), Vec::new());
        }
    }
    let lanes = ask(core, |store| store.lanes()).await?;
    let resumed = Resumed { settled, lanes: lanes.len() };
    core.with_lanes(|waiting| lanes.into_iter().for_each(|lane| waiting.wait_in_the_store(lane)));
    Ok(resumed)
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

/// Brings the next page of a lane from the store, once the writer comes to it.
pub(crate) fn refill(core: &Arc<Core>, refill: Refill) {
    let after = Arc::clone(core);
    core.writer.errand(Box::new(move |store| {
        let claim = Claim::Waiting { lane: refill.lane.clone(), after: refill.after };
        match store.claim(claim, refill.limit) {
            Ok(page) => {
                after.with_lanes(|lanes| lanes.refilled(refill, page));
                after.dispatch.queued();
            }
            // The dispatcher asks again when it looks at the lanes the next time.
            Err(error) => {
                tracing::error!(%error, "a claim failed");
                after.writer.note(&error);
                after.with_lanes(|lanes| lanes.not_refilled(refill));
            }
        }
    }));
}

/// Has the writer's thread claim records between two commits.
pub(crate) async fn claim(core: &Core, claim: Claim, limit: usize) -> Result<Vec<Record>, NotWritten> {
    ask(core, move |store| store.claim(claim, limit)).await
}

pub(crate) async fn ask<T: Send + 'static>(
    core: &Core,
    question: impl FnOnce(&mut dyn Writer) -> Result<T, store::Error> + Send + 'static,
) -> Result<T, NotWritten> {
    let (answer, answered) = oneshot::channel();
    core.writer.errand(Box::new(move |store| {
        // Nobody waits any more when the process is stopping.
        drop(answer.send(question(store)));
    }));
    match answered.await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            tracing::error!(%error, "the store did not do what it was asked to");
            // At rest no commit follows that would notice.
            core.writer.note(&error);
            Err(NotWritten::Unavailable)
        }
        Err(_) => Err(NotWritten::Stopping),
    }
}
