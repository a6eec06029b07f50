//! One message from its acceptance to its end, in a time of its own.

use std::time::Duration;

use connectors::NoSlot;
use domain::attempt::{PartAnswer, State, Verdict};
use domain::commitment::Pace;
use domain::plan::Capped;
use domain::record::{Answer, Dispatch, Input, NextAttempt, ReceiptNews, Target};
use domain::{Class, ConnectionId, ErrorClass, Message, Record, RouteId, Timestamp};
use routing::learning::{Beliefs, Destination, Recorded};
use routing::table::Cap;
use routing::{Choice, Facts, HealthView, NoRule, Table, Text};

use super::Outcomes;
use super::decision::{Believed, Decision, Done, Leg, Refusal, legs};
use super::fate::{Answered, Fate, of_part};
use super::memory::Memory;
use crate::next;
use crate::recent::Before;

/// A message takes a few steps a route; whatever takes more goes in a circle.
const MOST_STEPS: usize = 1000;

pub(super) fn run(
    decision: &Decision,
    table: &Table,
    memory: &mut Memory,
    outcomes: &mut Outcomes<'_>,
    assumed: &mut u64,
) -> Done {
    let message = &decision.message;
    let accepted_at = message.created_at;
    let is_otp = message.class == Class::Otp;
    let used = if is_otp { memory.used(&message.to, accepted_at) } else { None };
    let before = Before { used, probed: decision.probed_just_now, is_retried: false };
    let health = Down::of(decision, table);
    let at_acceptance = Standing { health: &health, capped: &decision.capped };
    let sent = sent(decision);
    let choice = match routing::choose(&facts(message, &before, accepted_at, &sent), table, &at_acceptance) {
        Ok(choice) => choice,
        Err(NoRule) => return Done::Refused(Refusal::NoRule),
    };
    let Choice { plan, targets, spare, held, validity, drawn_from: _ } = choice;
    let Some(target) = targets.into_iter().chain(spare).chain(held).next() else {
        let left_out = plan.left_out.into_iter().map(|left| (left.route, left.because)).collect();
        return Done::Refused(Refusal::NoRoute(left_out));
    };
    let mut message = message.clone();
    let starts_at = message.send_at.unwrap_or(accepted_at);
    // One that was refused has no validity of its own any more.
    if message.expires_at <= starts_at {
        message.expires_at = starts_at.plus(validity);
    }
    let first = message.send_at.is_none().then_some(NextAttempt { target, reference: 0 });
    let (record, _) = Record::accepted(message, plan, first);
    let life = Life {
        decision,
        table,
        health,
        record,
        now: accepted_at,
        before,
        sent,
        agenda: Vec::new(),
        seen: Vec::new(),
    };
    let record = life.live(memory, outcomes, assumed);
    Done::Sent(legs(&record))
}

/// As when the message was decided, but that of a text that is gone the log says what became of it.
fn facts<'a>(
    message: &'a Message,
    before: &'a Before,
    now: Timestamp,
    sent: &'a [(RouteId, u8)],
) -> Facts<'a> {
    let facts = next::facts(message, before, now);
    let text = if is_without_text(message) { Text::Unknown(sent) } else { facts.text };
    Facts { text, ..facts }
}

pub(super) fn is_without_text(message: &Message) -> bool {
    matches!(Text::of(message), Text::Unknown(_))
}

/// How many segments of the message each route had that it took.
fn sent(decision: &Decision) -> Vec<(RouteId, u8)> {
    let Done::Sent(legs) = &decision.done else { return Vec::new() };
    let of_leg = |leg: &Leg| (leg.route.clone(), u8::try_from(leg.segments).unwrap_or(u8::MAX).max(1));
    legs.iter().map(of_leg).collect()
}

/// How things stood, as far as the log says.
struct Down {
    connections: Vec<ConnectionId>,
    /// Where the engine had a say.
    beliefs: Option<Beliefs>,
    /// How promises to vendors stood, by their connections.
    paces: Vec<(ConnectionId, Pace)>,
}

impl Down {
    fn of(decision: &Decision, table: &Table) -> Self {
        let routes = decision.down.iter().filter_map(|route| table.route(route));
        Self {
            connections: routes.map(|route| route.connection.clone()).collect(),
            beliefs: beliefs(decision, table),
            paces: paces(decision, table),
        }
    }
}

impl HealthView for Down {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        self.connections.contains(connection)
    }

    fn pace(&self, connection: &ConnectionId) -> Option<&Pace> {
        self.paces.iter().find(|(of, _)| of == connection).map(|(_, pace)| pace)
    }

    fn beliefs(&self) -> Option<&Beliefs> {
        self.beliefs.as_ref()
    }
}

/// How promises stood to the vendors that this message could go to.
fn paces(decision: &Decision, table: &Table) -> Vec<(ConnectionId, Pace)> {
    let of_route = |(route, pace): &(RouteId, Pace)| Some((table.route(route)?.connection.clone(), *pace));
    decision.paces.iter().filter_map(of_route).collect()
}

/// What the engine believed of this message; None where it was not asked.
fn beliefs(decision: &Decision, table: &Table) -> Option<Beliefs> {
    let recorded = |believed: &Believed| {
        let connection = table.route(&believed.route)?.connection.clone();
        Some(Recorded { connection, drawn: believed.drawn, shortfall: believed.shortfall })
    };
    let recorded: Vec<Recorded> = decision.believed.iter().filter_map(recorded).collect();
    let message = &decision.message;
    let to = Destination::new(message.country, message.operator.as_deref());
    (!recorded.is_empty()).then(|| Beliefs::recorded(&message.app, message.class, to, &recorded))
}

/// How things stood at one instant: also the caps that the log says had no room when the message was accepted. When they
/// had some again it does not say, so later in the life of the message they have.
struct Standing<'a> {
    health: &'a Down,
    capped: &'a [Capped],
}

impl HealthView for Standing<'_> {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        self.health.is_down(connection)
    }

    fn capped(&self, cap: &Cap, segments: u32) -> Option<Capped> {
        let counted = self.capped.iter().find(|capped| capped.cap == cap.id)?;
        // The limit may be another one in this table.
        let is_full = counted.count > 0 && counted.count.saturating_add(segments) > cap.limit;
        is_full.then(|| Capped { limit: cap.limit, ..counted.clone() })
    }

    fn pace(&self, connection: &ConnectionId) -> Option<&Pace> {
        self.health.pace(connection)
    }

    fn beliefs(&self) -> Option<&Beliefs> {
        self.health.beliefs()
    }
}

struct Life<'a> {
    decision: &'a Decision,
    table: &'a Table,
    health: Down,
    record: Record,
    now: Timestamp,
    /// The route that carried the password which this one repeats is in it until this one has left itself.
    before: Before,
    sent: Vec<(RouteId, u8)>,
    /// News from vendors that are on their way.
    agenda: Vec<(Timestamp, Input)>,
    /// How often each route was met.
    seen: Vec<(RouteId, usize)>,
}

impl Life<'_> {
    fn live(mut self, memory: &mut Memory, outcomes: &mut Outcomes<'_>, assumed: &mut u64) -> Record {
        for _ in 0..MOST_STEPS {
            let work = self.record.work();
            if work.decide {
                let input = self.next_attempt();
                self.step(input);
            } else if work.queued {
                match self.place(outcomes, assumed) {
                    Some((target, answered)) => self.dispatch(target, &answered, memory),
                    None => {
                        self.now = self.now.max(self.record.message.expires_at);
                        self.step(Input::Wake);
                    }
                }
            } else if !self.go_on() {
                break;
            }
        }
        self.record
    }

    fn standing(&self) -> Standing<'_> {
        let is_as_then = self.now == self.decision.message.created_at;
        Standing { health: &self.health, capped: if is_as_then { &self.decision.capped } else { &[] } }
    }

    fn before(&self) -> Before {
        Before { is_retried: self.record.counted_attempts() > 0, ..self.before.clone() }
    }

    /// What no longer fits changes nothing, as in the store.
    fn step(&mut self, input: Input) {
        drop(self.record.apply(input, self.now));
    }

    fn next_attempt(&self) -> Input {
        let before = self.before();
        let facts = facts(&self.record.message, &before, self.now, &self.sent);
        let choose = || routing::choose(&facts, self.table, &self.standing());
        match next::after_outcome(&self.record, &facts, self.table, choose) {
            Some(target) => Input::Try(NextAttempt { target, reference: 0 }),
            None => Input::Exhaust,
        }
    }

    /// Time goes on to what comes next: news, or a deadline. False when nothing does.
    fn go_on(&mut self) -> bool {
        let wake_at = self.record.wake_at();
        let next = self.agenda.iter().enumerate().min_by_key(|(place, (at, _))| (*at, *place));
        let next = next.map(|(place, (at, _))| (place, *at));
        match (next, wake_at) {
            (Some((place, at)), wake_at) if wake_at.is_none_or(|wake_at| at <= wake_at) => {
                let (_, input) = self.agenda.remove(place);
                self.now = self.now.max(at);
                self.step(input);
                true
            }
            (_, Some(wake_at)) => {
                self.now = self.now.max(wake_at);
                self.step(Input::Wake);
                true
            }
            (_, None) => false,
        }
    }

    /// The route that the queued attempt goes to, after the waits of those before it that have no slot.
    fn place(&mut self, outcomes: &mut Outcomes<'_>, assumed: &mut u64) -> Option<(Target, Answered)> {
        let attempt = self.record.attempts.iter().find(|attempt| attempt.state == State::Queued)?.clone();
        let terms = self.record.plan.as_ref()?.terms.clone();
        let mut without: Vec<RouteId> = Vec::new();
        loop {
            let targets = {
                let before = self.before();
                let facts = facts(&self.record.message, &before, self.now, &self.sent);
                let choice = routing::choose(&facts, self.table, &self.standing());
                next::of_queued(&self.record, &attempt, &facts, self.table, choice)
            };
            let place = targets.iter().position(|target| !without.contains(&target.route))?;
            let target = targets.into_iter().nth(place)?;
            match self.fate(&target.route, outcomes, assumed) {
                Fate::Answered(answered) => return Some((target, answered)),
                Fate::NoSlot => {}
            }
            let is_down = self.health.is_down(&target.connection);
            if !next::goes_on(&terms, if is_down { NoSlot::Down } else { NoSlot::Busy }) {
                return None;
            }
            if !is_down {
                let places = u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1);
                let waited = attempt.queued_at.plus(terms.wait_at_most().saturating_mul(places));
                self.now = self.now.max(waited);
            }
            if self.now >= self.record.message.expires_at {
                return None;
            }
            without.push(target.route);
        }
    }

    fn dispatch(&mut self, target: Target, answered: &Answered, memory: &mut Memory) {
        let Some(attempt) = self.record.attempts.iter().find(|attempt| attempt.state == State::Queued) else {
            return;
        };
        let (number, text_revision) = (attempt.number, self.record.text_revision);
        let parts = usize::from(target.segments(&self.record.message));
        if self.record.message.class == Class::Otp {
            memory.dispatched(&self.record.message.to, &target.route, self.now);
            self.before.used = None;
        }
        self.step(Input::Dispatch(Dispatch { attempt: number, target, text_revision, bind: 0, epoch: 0 }));
        self.expect(number, parts, (&answered.parts, &answered.classes), answered.after);
        if let Some((late, after)) = &answered.late {
            self.expect(number, parts, (late, &answered.classes), *after);
        }
        let at = self.now.plus(answered.receipt_after.max(answered.after));
        let of_parts = (0..parts).map(|part| (part, of_part(&answered.receipts, part).flatten()));
        let mut receipts: Vec<(usize, Verdict)> =
            of_parts.filter_map(|(part, verdict)| Some((part, verdict?))).collect();
        // What arrived is known before the message goes on for what did not.
        receipts.sort_by_key(|(_, verdict)| *verdict != Verdict::Delivered);
        for (part, verdict) in receipts {
            let class = of_part(&answered.classes, part).flatten();
            let class = class.filter(|_| verdict != Verdict::Delivered);
            let receipt = ReceiptNews { verdict: Some(verdict), word: Box::default(), class };
            self.agenda.push((at, Input::Receipt { attempt: number, part: place_of(part), receipt }));
        }
    }

    fn expect(
        &mut self,
        attempt: u16,
        parts: usize,
        (answers, classes): (&[PartAnswer], &[Option<ErrorClass>]),
        after: Duration,
    ) {
        let at = self.now.plus(after);
        for part in 0..parts {
            let answer = match of_part(answers, part).unwrap_or(PartAnswer::Unknown) {
                PartAnswer::Accepted => Answer::Accepted { vendor_id: None },
                PartAnswer::Rejected => {
                    Answer::Rejected { code: Box::default(), class: of_part(classes, part).flatten() }
                }
                PartAnswer::Unknown => Answer::Unknown { line_lost: false },
                PartAnswer::Busy => Answer::Busy { code: Box::default(), class: ErrorClass::Throttle },
                PartAnswer::NotSent => Answer::NotSent,
            };
            self.agenda.push((at, Input::Answer { attempt, part: place_of(part), answer }));
        }
    }

    /// What the route does with the message this time: as the log has it, else as the caller says.
    fn fate(&mut self, route: &RouteId, outcomes: &mut Outcomes<'_>, assumed: &mut u64) -> Fate {
        let times = self.times(route);
        let logged = self.decision.fates.iter().filter(|(of, _)| of == route).map(|(_, fate)| fate);
        let logged: Vec<&Fate> = logged.collect();
        let known = logged.get(times).or_else(|| logged.last()).map(|fate| (*fate).clone());
        let known = known.or_else(|| outcomes(&self.record.message, route));
        let fate = known.unwrap_or_else(Fate::assumed);
        if matches!(&fate, Fate::Answered(answered) if answered.is_assumed) {
            *assumed += 1;
        }
        fate
    }

    /// How often the route was met before.
    fn times(&mut self, route: &RouteId) -> usize {
        if let Some((_, times)) = self.seen.iter_mut().find(|(of, _)| of == route) {
            *times += 1;
            return *times - 1;
        }
        self.seen.push((route.clone(), 1));
        0
    }
}

fn place_of(part: usize) -> u8 {
    u8::try_from(part).unwrap_or(u8::MAX)
}
