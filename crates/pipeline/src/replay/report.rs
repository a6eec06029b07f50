//! What a replay found, in counts and exact sums.

use std::collections::BTreeMap;

use domain::money::Decimal;
use domain::{Class, ConnectionId, Country, Currency, MessageId, RouteId};
use rustc_hash::FxHashMap;

use super::caps::CapLoad;
use super::decision::{Decision, Done, LeftAside, Leg, Refusal};
use super::load::Load;

#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Messages that were decided by the candidate.
    pub decisions: u64,
    pub left_aside: BTreeMap<LeftAside, u64>,
    /// Messages that take the same routes, one after another.
    pub unchanged: u64,
    pub changed: u64,
    /// Messages that had a route and would be refused.
    pub lost: u64,
    /// Messages that were refused and would have a route.
    pub gained: u64,
    /// Messages that were refused and still would be.
    pub still_refused: u64,
    /// Messages that were never handed in, and would have a route.
    pub planned: u64,
    /// Messages that were never handed in, and would be refused.
    pub planned_refused: u64,
    /// Attempts whose outcome nobody knows, and that were taken to be delivered.
    pub assumed: u64,
    /// Messages whose text is not known, where the candidate has routes that change texts or look into them.
    pub without_text: u64,
    pub costs: BTreeMap<Currency, Cost>,
    /// Segments that were taken at a price nobody knows: before and after.
    pub unpriced: (u64, u64),
    /// By the routes before and after.
    pub moves: FxHashMap<Ways, Move>,
    /// Messages whose routes change in yet another way than `moves` has room for.
    pub other_moves: u64,
    pub groups: FxHashMap<GroupKey, Group>,
    /// Messages of groups that there was no room for.
    pub other_groups: u64,
    pub refused: BTreeMap<String, Refused>,
    pub loads: BTreeMap<ConnectionId, Load>,
    /// Attempts of a file by connections that there was no room for.
    pub other_loads: u64,
    /// Of every cap of the candidate, in its order.
    pub caps: Vec<CapLoad>,
}

/// In one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub before: Decimal,
    pub after: Decimal,
}

/// The routes that messages took one after another, and those that they would take.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ways {
    pub before: Box<[RouteId]>,
    pub after: Box<[RouteId]>,
}

/// Those who took one way and would take another.
#[derive(Clone, Debug, Default)]
pub struct Move {
    pub messages: u64,
    pub costs: BTreeMap<Currency, Cost>,
    /// The first few.
    pub examples: Vec<MessageId>,
}

/// Messages that have this in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    pub class: Class,
    pub country: Option<Country>,
    pub operator: Option<Box<str>>,
}

#[derive(Clone, Debug, Default)]
pub struct Group {
    pub messages: u64,
    pub changed: u64,
    pub lost: u64,
    pub costs: BTreeMap<Currency, Cost>,
}

/// Messages that the candidate refuses for one reason.
#[derive(Clone, Debug, Default)]
pub struct Refused {
    pub messages: u64,
    /// Of these, those that had a route.
    pub lost: u64,
    /// The first few.
    pub examples: Vec<MessageId>,
}

const MOST_MOVES: usize = 10_000;
const MOST_GROUPS: usize = 20_000;
const MOST_REASONS: usize = 1000;
const EXAMPLES: usize = 5;

impl Cost {
    /// What the candidate costs more; negative when it costs less.
    #[must_use]
    pub fn delta(&self) -> Decimal {
        self.after.saturating_sub(self.before)
    }
}

impl Report {
    pub(super) fn leave_aside(&mut self, why: LeftAside) {
        *self.left_aside.entry(why).or_default() += 1;
    }

    pub(super) fn add(&mut self, decision: &Decision, after: &Done, assumed: u64) {
        self.decisions += 1;
        self.assumed += assumed;
        let before = &decision.done;
        let (old, new) = (legs(before), legs(after));
        self.unpriced.0 += unpriced(old);
        self.unpriced.1 += unpriced(new);
        add_costs(&mut self.costs, old, new);
        let lost = matches!((before, after), (Done::Sent(_), Done::Refused(_)));
        let is_changed = !old.iter().map(|leg| &leg.route).eq(new.iter().map(|leg| &leg.route));
        match (before, after) {
            (Done::Sent(_), Done::Refused(_)) => self.lost += 1,
            (Done::Refused(_), Done::Sent(_)) => self.gained += 1,
            (Done::Refused(_), Done::Refused(_)) => self.still_refused += 1,
            (Done::Planned, Done::Refused(_)) => self.planned_refused += 1,
            (Done::Planned, Done::Sent(_) | Done::Planned) => {
                self.planned += 1;
                self.note_move(decision.message.id, old, new);
            }
            // A candidate always decides.
            (Done::Sent(_) | Done::Refused(_), Done::Planned) => {}
            (Done::Sent(_), Done::Sent(_)) if is_changed => {
                self.changed += 1;
                self.note_move(decision.message.id, old, new);
            }
            (Done::Sent(_), Done::Sent(_)) => self.unchanged += 1,
        }
        if let Done::Refused(refusal) = after {
            self.note_refusal(refusal, decision.message.id, lost);
        }
        self.note_group(decision, is_changed, lost, old, new);
    }

    fn note_move(&mut self, id: MessageId, old: &[Leg], new: &[Leg]) {
        let routes = |legs: &[Leg]| legs.iter().map(|leg| leg.route.clone()).collect();
        let way = Ways { before: routes(old), after: routes(new) };
        if self.moves.len() >= MOST_MOVES && !self.moves.contains_key(&way) {
            self.other_moves += 1;
            return;
        }
        let found = self.moves.entry(way).or_default();
        found.messages += 1;
        add_costs(&mut found.costs, old, new);
        if found.examples.len() < EXAMPLES {
            found.examples.push(id);
        }
    }

    fn note_refusal(&mut self, refusal: &Refusal, id: MessageId, lost: bool) {
        let mut reason = words(refusal);
        if self.refused.len() >= MOST_REASONS && !self.refused.contains_key(&reason) {
            reason = "other reasons".to_owned();
        }
        let found = self.refused.entry(reason).or_default();
        found.messages += 1;
        found.lost += u64::from(lost);
        if found.examples.len() < EXAMPLES {
            found.examples.push(id);
        }
    }

    fn note_group(&mut self, decision: &Decision, is_changed: bool, lost: bool, old: &[Leg], new: &[Leg]) {
        let message = &decision.message;
        let key =
            GroupKey { class: message.class, country: message.country, operator: message.operator.clone() };
        if self.groups.len() >= MOST_GROUPS && !self.groups.contains_key(&key) {
            self.other_groups += 1;
            return;
        }
        let group = self.groups.entry(key).or_default();
        group.messages += 1;
        group.changed += u64::from(is_changed && !lost);
        group.lost += u64::from(lost);
        add_costs(&mut group.costs, old, new);
    }
}

fn legs(done: &Done) -> &[Leg] {
    match done {
        Done::Sent(legs) => legs,
        Done::Refused(_) | Done::Planned => &[],
    }
}

fn unpriced(legs: &[Leg]) -> u64 {
    legs.iter().map(|leg| u64::from(leg.unpriced)).sum()
}

fn add_costs(costs: &mut BTreeMap<Currency, Cost>, old: &[Leg], new: &[Leg]) {
    for price in old.iter().filter_map(|leg| leg.cost) {
        let cost = costs.entry(price.currency).or_default();
        cost.before = cost.before.saturating_add(price.amount);
    }
    for price in new.iter().filter_map(|leg| leg.cost) {
        let cost = costs.entry(price.currency).or_default();
        cost.after = cost.after.saturating_add(price.amount);
    }
}

/// One line for people.
fn words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoRule => "no rule matches".to_owned(),
        Refusal::NoRoute(left_out) => {
            let each = left_out.iter().map(|(route, because)| format!("{route}: {}", because.explanation()));
            format!("no route: {}", each.collect::<Vec<_>>().join("; "))
        }
    }
}
