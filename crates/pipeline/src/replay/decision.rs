//! What the log has of one message: the facts that it was decided by, and what was done.

use domain::attempt::{Attempt, Outcome, PartAnswer, State, Verdict};
use domain::commitment::Pace;
use domain::event::Kind;
use domain::plan::{Capped, Drawn, Exclusion, Plan, Probing, Reason, Shortfall};
use domain::record::Restored;
use domain::{ConnectionId, Message, Price, Record, RouteId, Status, Timestamp};

use super::fate::{Answered, Fate};
use crate::accept::Refused;

/// One message of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Its text may be gone: then no route asks anything of it.
    pub message: Message,
    pub done: Done,
    /// What the routes did that it took, in this order.
    pub fates: Vec<(RouteId, Fate)>,
    /// Routes whose connections were down when it was accepted.
    pub down: Vec<RouteId>,
    /// Caps that had no room for it then.
    pub capped: Vec<Capped>,
    /// What the adaptive engine believed of routes, where it was asked.
    pub believed: Vec<Believed>,
    /// How promises to the vendors of routes stood, where they were behind.
    pub paces: Vec<(RouteId, Pace)>,
    /// It was no probe, because its recipient's last message had been one.
    pub probed_just_now: bool,
}

/// Of one route.
#[derive(Clone, Debug, PartialEq)]
pub struct Believed {
    pub route: RouteId,
    pub drawn: Option<Drawn>,
    pub shortfall: Option<Shortfall>,
}

/// What became of a message under a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// Nothing yet: it was never handed in.
    Planned,
    Refused(Refusal),
    /// The attempts that a vendor may have taken or refused. None: it waited until its validity ended.
    Sent(Vec<Leg>),
}

/// Why no route took a message at its acceptance.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    NoRule,
    /// With the routes that the rule lists; of the log the reasons are not known.
    NoRoute(Vec<(RouteId, Exclusion)>),
}

/// One attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    pub route: RouteId,
    pub connection: ConnectionId,
    /// When it first wanted a slot.
    pub asked_at: Timestamp,
    /// Of the text that it sends.
    pub segments: u16,
    /// Of the segments that the vendor took; None when it took none or no price is known.
    pub cost: Option<Price>,
    /// Segments that the vendor took.
    pub taken: u16,
    /// Segments that the vendor took at a price that is not known.
    pub unpriced: u16,
}

/// What no table decided, and a replay leaves as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftAside {
    /// Refused for its number, its text or its times.
    Refused,
    /// Cancelled before it left.
    Canceled,
    /// Never sent again after a restore.
    Withheld,
}

impl Decision {
    /// # Errors
    /// When no table decided what became of the message.
    pub fn of(record: Record) -> Result<Self, LeftAside> {
        if record.restored == Some(Restored::Withheld) {
            return Err(LeftAside::Withheld);
        }
        if record.status == Status::Canceled {
            return Err(LeftAside::Canceled);
        }
        let down = record.plan.iter().flat_map(|plan| &plan.routes);
        let down = down.filter(|route| route.reason == Reason::ConnectionDown);
        let down = down.map(|route| route.route.clone()).collect();
        let left_out = record.plan.iter().flat_map(|plan| &plan.left_out);
        let capped = left_out.filter_map(|left_out| left_out.capped.clone()).collect();
        let believed = record.plan.as_ref().map(believed).unwrap_or_default();
        let paces = record.plan.as_ref().map(paces).unwrap_or_default();
        let probing = record.plan.as_ref().and_then(|plan| plan.probing);
        let probed_just_now = probing == Some(Probing::ProbedJustNow);
        let (done, fates) = match &record.rejection {
            Some(because) => (Done::Refused(refusal(because).ok_or(LeftAside::Refused)?), Vec::new()),
            None => (Done::Sent(legs(&record)), fates(&record)),
        };
        Ok(Self { message: record.message, done, fates, down, capped, believed, paces, probed_just_now })
    }
}

fn believed(plan: &Plan) -> Vec<Believed> {
    let planned = plan.routes.iter().filter(|planned| planned.drawn.is_some());
    let planned = planned.map(|planned| Believed {
        route: planned.route.clone(),
        drawn: planned.drawn,
        shortfall: None,
    });
    let left_out = plan.left_out.iter().filter(|left| left.shortfall.is_some());
    let left_out =
        left_out.map(|left| Believed { route: left.route.clone(), drawn: None, shortfall: left.shortfall });
    planned.chain(left_out).collect()
}

fn paces(plan: &Plan) -> Vec<(RouteId, Pace)> {
    let routes = plan.routes.iter();
    let paces =
        routes.filter_map(|planned| Some((planned.route.clone(), planned.shadow_price.as_ref()?.pace)));
    paces.collect()
}

/// The record keeps the words alone.
fn refusal(because: &str) -> Option<Refusal> {
    let no_route = Refused::NoRoute { left_out: Vec::new() };
    if because == Refused::NoRule.to_string() {
        Some(Refusal::NoRule)
    } else if because == no_route.to_string() {
        Some(Refusal::NoRoute(Vec::new()))
    } else {
        None
    }
}

pub(super) fn legs(record: &Record) -> Vec<Leg> {
    let leg = |attempt: &Attempt| Leg {
        route: attempt.route.clone(),
        connection: attempt.connection.clone(),
        asked_at: attempt.queued_at,
        segments: u16::try_from(attempt.parts.len()).unwrap_or(u16::MAX),
        cost: attempt.cost(),
        taken: taken(attempt),
        unpriced: if attempt.cost().is_some() { 0 } else { taken(attempt) },
    };
    record.attempts.iter().filter(|attempt| attempt.counts()).map(leg).collect()
}

fn taken(attempt: &Attempt) -> u16 {
    let taken = attempt.parts.iter().filter(|part| part.answer == Some(PartAnswer::Accepted)).count();
    u16::try_from(taken).unwrap_or(u16::MAX)
}

fn fates(record: &Record) -> Vec<(RouteId, Fate)> {
    let mut fates = Vec::new();
    for attempt in &record.attempts {
        let moved = record.events.iter().filter_map(|event| {
            let Kind::Moved { attempt: number, from } = &event.kind else { return None };
            (*number == attempt.number).then_some(from)
        });
        fates.extend(moved.map(|from| (from.clone(), Fate::NoSlot)));
        match attempt.state {
            State::Answered => {
                fates.extend(answered(record, attempt).map(|fate| (attempt.route.clone(), fate)));
            }
            State::Withdrawn if record.status == Status::Expired => {
                fates.push((attempt.route.clone(), Fate::NoSlot));
            }
            // What is still open may end in any way.
            State::Queued | State::Dispatched | State::Withdrawn => {}
        }
    }
    fates
}

fn answered(record: &Record, attempt: &Attempt) -> Option<Fate> {
    let dispatched_at = attempt.dispatched_at?;
    let mut answers = record.events.iter().filter_map(|event| {
        let (Kind::Answered { attempt: number, outcome } | Kind::AnsweredLate { attempt: number, outcome }) =
            &event.kind
        else {
            return None;
        };
        (*number == attempt.number).then_some((event.at, *outcome))
    });
    let finally: Box<[PartAnswer]> =
        attempt.parts.iter().map(|part| part.answer.unwrap_or(PartAnswer::Unknown)).collect();
    let (first_at, first) = match answers.next() {
        Some((at, outcome)) => (at, Some(outcome)),
        None => (attempt.answered_at.unwrap_or(dispatched_at), attempt.outcome),
    };
    let late_at = answers.next_back().map(|(at, _)| at).or(attempt.receipt_at);
    let was_unknown = first == Some(Outcome::Unknown);
    let came_late = was_unknown && finally.iter().any(|answer| *answer != PartAnswer::Unknown);
    let unknown: Box<[PartAnswer]> = vec![PartAnswer::Unknown; finally.len()].into();
    let is_final = record.closed || attempt.given_up || attempt.receipt.is_some();
    let receipts: Box<[Option<Verdict>]> = attempt.parts.iter().map(|part| part.receipt).collect();
    // Whether a receipt is still to come nobody knows: most do.
    let is_awaited = attempt.outcome == Some(Outcome::Accepted) && !is_final;
    let delivered: Box<[Option<Verdict>]> = vec![Some(Verdict::Delivered); receipts.len()].into();
    Some(Fate::Answered(Answered {
        parts: if came_late { unknown } else { finally.clone() },
        after: first_at.since(dispatched_at),
        late: came_late.then(|| (finally, late_at.unwrap_or(first_at).since(dispatched_at))),
        receipts: if is_awaited { delivered } else { receipts },
        receipt_after: attempt.receipt_at.map(|at| at.since(dispatched_at)).unwrap_or_default(),
        classes: attempt.parts.iter().map(|part| part.class).collect(),
        is_assumed: is_awaited,
    }))
}
