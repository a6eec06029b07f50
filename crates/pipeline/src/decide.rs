//! Stage two: an attempt ended, or a scheduled message came due; which route is next, if any?

use domain::attempt::{Outcome, State};
use domain::plan::{OnUnknown, Terms};
use domain::record::{Cause, Input, NextAttempt, Target};
use domain::{Record, RouteId};

use crate::core::{Core, facts};

/// Answers a record's cause by the table and the connections of now.
pub(crate) fn decide(core: &Core, record: &Record) -> Input {
    match next_target(core, record) {
        Some(target) => Input::Try(NextAttempt { target, reference: core.new_reference() }),
        None => Input::Exhaust,
    }
}

fn next_target(core: &Core, record: &Record) -> Option<Target> {
    let (plan, cause) = (record.plan.as_ref()?, record.cause?);
    let now = core.clock.now();
    let is_over = now >= record.message.expires_at;
    if is_over || record.counted_attempts() >= usize::from(plan.terms.max_attempts) {
        return None;
    }
    let table = core.table.load();
    let used_just_now = core.used_just_now(&record.message);
    let facts = facts(&record.message, used_just_now.as_ref(), now);
    if let Some(route) = route_to_repeat(record, &plan.terms, cause) {
        // A route that left the configuration meanwhile cannot be repeated; the next one is tried.
        if let Some(target) = table.target_for(&route, &facts) {
            return Some(target);
        }
    }
    let started = tokio::time::Instant::now();
    let choice = routing::choose(&facts, &table, &**core.fleet.load());
    core.observer.decision_took(started.elapsed());
    choice.ok()?.first(|route| !was_tried(record, route))
}

/// `resend`: once more on the same route; a second unknown outcome there goes on as `next_route`.
fn route_to_repeat(record: &Record, terms: &Terms, cause: Cause) -> Option<RouteId> {
    let wanted = matches!(cause, Cause::Unknown { .. }) && terms.on_unknown == OnUnknown::Resend;
    let unknown = record.attempts.iter().rfind(|attempt| attempt.outcome == Some(Outcome::Unknown))?;
    let times = record
        .attempts
        .iter()
        .filter(|attempt| attempt.route == unknown.route && attempt.outcome == Some(Outcome::Unknown))
        .count();
    (wanted && times == 1).then(|| unknown.route.clone())
}

/// A route on which an attempt ended is not tried again; one that was only queued there is.
pub(crate) fn was_tried(record: &Record, route: &RouteId) -> bool {
    record.attempts.iter().any(|attempt| {
        attempt.route == *route
            && match attempt.state {
                State::Dispatched | State::Answered => true,
                State::Queued | State::Withdrawn => false,
            }
    })
}
