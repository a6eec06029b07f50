//! Where a message goes next: pure, so that what decides the traffic of now also replays that of before.

use connectors::NoSlot;
use domain::attempt::{Outcome, State};
use domain::plan::{Drawn, FailoverOn, OnUnknown, Terms};
use domain::record::{Cause, Target};
use domain::{Attempt, ErrorClass, Message, Record, RouteId, Timestamp};
use routing::{Choice, Facts, NoRule, Table, Text};

use crate::recent::Before;

/// An attempt ended, or a scheduled message came due: which route is next? None when there is no more to try. `choose`
/// is asked only where it takes a new plan.
pub(crate) fn after_outcome(
    record: &Record,
    facts: &Facts<'_>,
    table: &Table,
    choose: impl FnOnce() -> Result<Choice, NoRule>,
) -> Option<Target> {
    let (plan, cause) = (record.plan.as_ref()?, record.cause?);
    let is_over = facts.now >= record.message.expires_at;
    if is_over || record.is_barred() || record.counted_attempts() >= usize::from(plan.terms.max_attempts) {
        return None;
    }
    let again = route_to_repeat(record, &plan.terms, cause);
    if let Some(route) = &again {
        // A route that left the configuration meanwhile cannot be repeated; the next one is tried.
        if let Some(target) = table.target_for(route, facts) {
            return Some(target);
        }
    }
    // Where an override takes traffic from the route that asked for it again, and no other is left, it waits.
    let waits_for = again.filter(|_| cause == Cause::Retry);
    let next = choose().ok()?.first(|target| {
        let is_new = !was_tried(record, &target.route) && !is_refused_sender(record, target);
        is_new || Some(&target.route) == waits_for.as_ref()
    })?;
    // A first attempt alone was drawn.
    let is_first = record.counted_attempts() == 0;
    let drawn = if is_first { next.drawn } else { next.drawn.map(Drawn::as_fallback) };
    Some(Target { drawn, ..next })
}

/// The routes that a queued attempt may take now, best first. None when the policy of now has no rule for it: it waits
/// until one has, or until its validity ends.
pub(crate) fn of_queued(
    record: &Record,
    attempt: &Attempt,
    facts: &Facts<'_>,
    table: &Table,
    choice: Result<Choice, NoRule>,
) -> Vec<Target> {
    let tried = |route: &RouteId| record.attempts.iter().any(|other| other.route == *route && other.counts());
    let may_take = |target: &Target| !tried(&target.route) && !is_refused_sender(record, target);
    let (mut targets, spare) = choice.map(|choice| (choice.targets, choice.spare)).unwrap_or_default();
    targets.retain(may_take);
    if targets.is_empty() {
        targets.extend(spare.into_iter().filter(may_take));
    }
    if record.counted_attempts() > 0 {
        targets.iter_mut().for_each(|target| target.drawn = target.drawn.map(Drawn::as_fallback));
    }
    // An attempt queued for a route that was tried is a resend: it goes there first.
    if tried(&attempt.route) {
        targets.splice(0..0, table.target_for(&attempt.route, facts));
    }
    targets
}

/// Whether a route without a slot may be left for the next one.
pub(crate) fn goes_on(terms: &Terms, no_slot: NoSlot) -> bool {
    match no_slot {
        NoSlot::Busy => terms.failover_on.contains(FailoverOn::Busy),
        NoSlot::Down => terms.failover_on.contains(FailoverOn::Unavailable),
    }
}

/// The same route again: where its error may have passed, and by `resend` once after an unknown outcome; a second one
/// there goes on as `next_route`.
fn route_to_repeat(record: &Record, terms: &Terms, cause: Cause) -> Option<RouteId> {
    if cause == Cause::Retry {
        let asked = |attempt: &&Attempt| attempt.error_class() == Some(ErrorClass::Retry);
        return record.attempts.iter().rfind(asked).map(|attempt| attempt.route.clone());
    }
    let wanted = matches!(cause, Cause::Unknown { .. }) && terms.on_unknown == OnUnknown::Resend;
    let unknown = record.attempts.iter().rfind(|attempt| attempt.outcome == Some(Outcome::Unknown))?;
    let times = record
        .attempts
        .iter()
        .filter(|attempt| attempt.route == unknown.route && attempt.outcome == Some(Outcome::Unknown))
        .count();
    (wanted && times == 1).then(|| unknown.route.clone())
}

/// A sender is registered with a vendor: to the one that does not carry it, the same one is not offered again.
fn is_refused_sender(record: &Record, target: &Target) -> bool {
    record.attempts.iter().any(|attempt| {
        attempt.connection == target.connection
            && attempt.sender == target.sender
            && attempt.error_class() == Some(ErrorClass::Sender)
    })
}

/// A route on which an attempt ended is not tried again; one that was only queued there is.
fn was_tried(record: &Record, route: &RouteId) -> bool {
    record.attempts.iter().any(|attempt| {
        attempt.route == *route
            && match attempt.state {
                State::Dispatched | State::Answered => true,
                State::Queued | State::Withdrawn => false,
            }
    })
}

/// What the routing table decides a message by.
pub(crate) fn facts<'a>(message: &'a Message, before: &'a Before, now: Timestamp) -> Facts<'a> {
    Facts {
        app: &message.app,
        channel: message.channel,
        class: message.class,
        to: &message.to,
        from: message.from.as_ref(),
        country: message.country,
        operator: message.operator.as_deref(),
        segments: message.segments,
        text: Text::of(message),
        features: message.features(),
        max_price: message.max_price,
        now,
        used_just_now: before.used.as_ref(),
        no_probe: message.no_probe || before.is_retried,
        probed_just_now: before.probed,
        chance: routing::chance(message.id),
    }
}
