//! What follows from a vendor's no: another route, the same one later, or no further attempt at all.

use std::time::Duration;

use super::step::{Aftermath, find};
use super::{Cause, Effects, Record};
use crate::attempt::{Attempt, Failure};
use crate::event::Kind;
use crate::id::RouteId;
use crate::plan::{FailoverOn, OnUnknown};
use crate::time::Timestamp;
use crate::vendor_error::ErrorClass;

/// How long an error that may pass is waited for, the first time and the next on the same route. After the last the
/// message goes on as if the vendor did not take it.
pub const RETRY_AFTER: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];

impl Record {
    /// Whether some vendor said what makes every further attempt vain.
    #[must_use]
    pub fn is_barred(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.error_class().is_some_and(ErrorClass::is_final))
    }

    /// What speaks for the whole message: the failure that bars every further attempt, or the last. None while nothing
    /// went wrong.
    #[must_use]
    pub fn failure(&self) -> Option<(&Attempt, Failure<'_>)> {
        let failures = self.attempts.iter().filter_map(|attempt| Some((attempt, attempt.failure()?)));
        let is_final = |failure: &Failure<'_>| failure.class.is_some_and(ErrorClass::is_final);
        failures.max_by_key(|(attempt, failure)| (is_final(failure), attempt.number))
    }

    /// A vendor refused the attempt in its answer.
    pub(super) fn after_rejection(
        &mut self,
        number: u16,
        after: Aftermath,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        // At most once: some parts are out, so sending all of them again is not allowed.
        if after.parts_out && self.on_unknown() == OnUnknown::Hold {
            self.become_uncertain(now, effects);
        } else if self.is_barred() {
            self.bar(number, now, effects);
        } else if self.retry(number, FailoverOn::Rejected, now) {
            // It stays with the route, so the rule's word on other routes is not asked.
        } else if self.fails_over_on(FailoverOn::Rejected) {
            self.go_on(Cause::Rejected, now, effects);
        } else {
            self.settle_status(now, effects);
        }
    }

    /// A receipt says that the attempt was not delivered.
    pub(super) fn after_bad_receipt(&mut self, number: u16, now: Timestamp, effects: &mut Effects) {
        // At most once: what may have arrived in part is not sent again.
        let is_held =
            self.on_unknown() == OnUnknown::Hold && self.attempts.iter().any(Attempt::may_have_arrived);
        if self.is_barred() {
            self.bar(number, now, effects);
            return;
        }
        let goes_on = self.fails_over_on(FailoverOn::Undelivered) && now < self.message.expires_at;
        if !goes_on || is_held {
            self.settle_status(now, effects);
        } else if !self.retry(number, FailoverOn::Undelivered, now) {
            self.go_on(Cause::Undelivered, now, effects);
        }
    }

    /// No vendor is asked any more; what is on its way already may still come to something.
    pub(super) fn bar(&mut self, number: u16, now: Timestamp, effects: &mut Effects) {
        if self.status.is_final() {
            return;
        }
        let is_known = self.events.iter().any(|event| matches!(event.kind, Kind::Barred { .. }));
        let class = self.attempt(number).and_then(Attempt::error_class);
        if let Some(class) = class.filter(|_| !is_known) {
            self.note(now, Kind::Barred { attempt: number, class });
        }
        self.withdraw_queued(now);
        self.cause = None;
        self.retry_at = None;
        self.settle_status(now, effects);
    }

    /// Has the route of the attempt wait for the message, if the error may pass and it is worth it. The last attempt
    /// that a rule allows goes to another route where the rule has one.
    fn retry(&mut self, number: u16, word: FailoverOn, now: Timestamp) -> bool {
        let Some(attempt) = self.attempt(number) else { return false };
        let is_retry = |attempt: &Attempt| attempt.error_class() == Some(ErrorClass::Retry);
        if !is_retry(attempt) || self.closed || self.is_withheld() {
            return false;
        }
        let waits_for_another = self.is_waited_for();
        let route = &attempt.route;
        let times = self.attempts.iter().filter(|other| other.route == *route && is_retry(other)).count();
        let Some(plan) = &self.plan else { return false };
        let left = usize::from(plan.terms.max_attempts).saturating_sub(self.counted_attempts());
        let was_tried =
            |route: &RouteId| self.attempts.iter().any(|other| other.route == *route && other.counts());
        let has_another = plan.routes.iter().any(|planned| !was_tried(&planned.route));
        let is_kept_for_another = left == 1 && has_another && plan.terms.failover_on.contains(word);
        let after = times.checked_sub(1).and_then(|times| RETRY_AFTER.get(times));
        let at = after.map(|after| now.plus(*after)).filter(|at| *at < self.message.expires_at);
        let Some(at) = at.filter(|_| left > 0 && !is_kept_for_another && !waits_for_another) else {
            return false;
        };
        self.retry_at = Some(at);
        // What an answer that was given up had asked for meanwhile.
        self.cause = None;
        self.note(now, Kind::Retrying { attempt: number, at });
        true
    }

    /// The wait for a route is over.
    pub(super) fn wake_retry(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.retry_at.is_some_and(|at| now >= at) {
            self.retry_at = None;
            self.go_on(Cause::Retry, now, effects);
        }
    }

    /// An attempt is out whose end says whether to go on.
    pub(super) fn is_waited_for(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.is_open() && !attempt.given_up)
    }

    /// One part's receipt is stronger than those of the others, which have been acted on.
    pub(super) fn bar_if_final(&mut self, number: u16, now: Timestamp, effects: &mut Effects) {
        let is_final = |attempt: &mut Attempt| attempt.error_class().is_some_and(ErrorClass::is_final);
        if find(&mut self.attempts, number).is_ok_and(is_final) {
            self.bar(number, now, effects);
        }
    }
}
