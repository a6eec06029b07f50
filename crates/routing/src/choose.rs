//! From the facts of one message to its plan.
//!
//! The first rule that fits decides, also when none of its routes would carry the message: a rule further down never
//! sees what one above it took. Where a rule's order puts one failure domain twice, another one goes between.

use std::time::Duration;

use domain::address::Sender;
use domain::commitment::{Pace, ShadowPrice};
use domain::content::Features;
use domain::money::Decimal;
use domain::number::Country;
use domain::overrides::{Flip, Otherwise, Steered};
use domain::plan::{Capped, Drawn, Exclusion, FailoverOn, LeftOutRoute, Plan, PlannedRoute, Reason};
use domain::record::Target;
use domain::{AppId, Channel, Class, ConnectionId, Message, Price, Recipient, RouteId, Timestamp};

use crate::adaptive::Vendors;
use crate::learning::Beliefs;
use crate::table::{Cap, Listed, Offer, Pin, Request, Route, Rule, Strategy, Table};

mod adaptive;
mod commitments;
mod quality;
pub(crate) mod rendezvous;
mod spread;

/// What a decision depends on.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub app: &'a AppId,
    pub channel: Channel,
    pub class: Class,
    pub to: &'a Recipient,
    pub from: Option<&'a Sender>,
    pub country: Option<Country>,
    pub operator: Option<&'a str>,
    pub segments: u8,
    pub text: Text<'a>,
    /// Of its text.
    pub features: Features,
    /// The application's own limit for the whole message.
    pub max_price: Option<Price>,
    pub now: Timestamp,
    /// The route that carried this recipient's last one-time password within five minutes.
    pub used_just_now: Option<&'a RouteId>,
    /// Nothing is to be learned with it.
    pub no_probe: bool,
    /// The recipient's last message was a probe.
    pub probed_just_now: bool,
    /// What `adaptive` draws by: `chance` of the message, or zero for whatever is best.
    pub chance: u64,
}

/// What is known of a text, for routes that change texts or look into them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// As the application wrote it.
    Whole(&'a str),
    /// The application cut it into parts of its own: no route changes it, and all may look into it.
    InParts(&'a str),
    /// Nobody has it, or nobody has it any more, and no route asks anything of it. On a route that had the message and
    /// changes texts it takes as many segments as it did then, as far as these name the route; else what the facts say.
    Unknown(&'a [(RouteId, u8)]),
}

impl<'a> Text<'a> {
    #[must_use]
    pub fn of(message: &'a Message) -> Self {
        let came_in_parts = message.by_smpp.as_ref().is_some_and(|by_smpp| !by_smpp.parts.is_empty());
        match &*message.text {
            // No message was accepted without one.
            "" => Self::Unknown(&[]),
            text if came_in_parts => Self::InParts(text),
            text => Self::Whole(text),
        }
    }
}

pub use adaptive::chance;

/// How the connections stand, as far as the table of routes has to know.
pub trait HealthView {
    /// No bind is up, and has not been for a moment.
    fn is_down(&self, connection: &ConnectionId) -> bool;

    /// How a cap stands that has no room for so many more segments; None when it has, and of caps by the second, which
    /// only spread what is sent.
    fn capped(&self, _: &Cap, _: u32) -> Option<Capped> {
        None
    }

    /// How the commitment to the connection's vendor stands that is most behind; None where none is.
    fn pace(&self, _: &ConnectionId) -> Option<&Pace> {
        None
    }

    /// What is believed of them; None where nobody learns.
    fn beliefs(&self) -> Option<&Beliefs> {
        None
    }
}

/// A plan, and where each of its routes leads.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Without routes when every one that the rule lists is left out.
    pub plan: Plan,
    /// For each route of the plan, in its order.
    pub targets: Vec<Target>,
    /// Routes in maintenance: taken when none of `targets` is left to try.
    pub spare: Vec<Target>,
    /// Routes from which an override takes the traffic for now, and those that are at a cap: a message for which no other
    /// is left waits for them.
    pub held: Vec<Target>,
    /// How long the message may be tried unless it says so itself.
    pub validity: Duration,
    /// Those that the adaptive engine had to choose from; empty under another strategy.
    pub drawn_from: Vendors,
}

impl Choice {
    /// Where a message that still may take these routes goes first, or for what it waits.
    pub fn first(self, may_take: impl Fn(&Target) -> bool) -> Option<Target> {
        let Self { targets, spare, held, .. } = self;
        targets.into_iter().chain(spare).chain(held).find(may_take)
    }
}

/// No rule of the policy matches the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rule of the policy matches")]
pub struct NoRule;

/// The same arguments give the same plan.
///
/// # Errors
/// When no rule matches. A rule that matches and leaves out all its routes gives an empty plan, with the reasons.
pub fn choose(facts: &Facts<'_>, table: &Table, health: &dyn HealthView) -> Result<Choice, NoRule> {
    let request = table.request(facts);
    let rule = table.rule(&request).ok_or(NoRule)?;
    let pinned = Pinned { rule, pin: table.pin(&request) };
    let mut sifted = sift(&pinned, table, &request, health);
    let leaves_what_is_down = rule.terms.failover_on.contains(FailoverOn::Unavailable);
    if leaves_what_is_down {
        for candidate in sifted.candidates.iter_mut().chain(&mut sifted.spare) {
            candidate.is_down = health.is_down(&candidate.route.connection);
        }
    }
    if let (Some(floor), Some(beliefs)) = (rule.quality_floor, health.beliefs()) {
        quality::leave_out_below(floor, &mut sifted, &request, beliefs);
    }
    let Sifted { mut candidates, mut left_out, flips, steered, mut spare, held } = sifted;
    if candidates.is_empty() {
        candidates.append(&mut spare);
    }
    let first = candidates.iter().position(|candidate| candidate.is_pinned).map(|at| candidates.remove(at));
    let (mut drawn_from, mut probing) = (Vendors::default(), None);
    if rule.strategy.minds_prices() {
        commitments::price(&mut candidates, table, facts, health);
    }
    match rule.strategy {
        Strategy::Priority => {}
        Strategy::Weighted => by_weight(&mut candidates, facts),
        Strategy::LeastCost => by_price(&mut candidates, table, facts),
        Strategy::Adaptive => {
            let beliefs = health.beliefs();
            (drawn_from, probing) = adaptive::draw(&mut candidates, &request, rule, table, beliefs);
            commitments::leave_to_engine(&mut candidates);
        }
    }
    if let Some(first) = first {
        candidates.insert(0, Candidate { reason: Reason::Pinned, ..first });
    }
    if !flips.is_empty() {
        keep_first_places(&mut candidates);
    }
    if leaves_what_is_down {
        move_behind(&mut candidates, |candidate| candidate.is_down, Reason::ConnectionDown);
    }
    spread::over_failure_domains(&mut candidates, rule.strategy);
    if leaves_what_is_down && candidates.iter().all(|candidate| candidate.is_behind) {
        candidates.append(&mut spare);
    }
    for candidate in candidates.iter_mut().filter(|candidate| candidate.is_maintained) {
        candidate.reason = Reason::Maintenance;
    }
    for candidate in &spare {
        leave_out(&mut left_out, candidate.route, Exclusion::Maintenance, &request);
    }
    if !flips.is_empty() {
        // A stand-in may have lost its own place and hold another's.
        left_out.retain(|one| candidates.iter().all(|candidate| candidate.route.id != one.route));
    }
    let (mut routes, mut targets) =
        (Vec::with_capacity(candidates.len()), Vec::with_capacity(candidates.len()));
    for mut candidate in candidates {
        routes.push(candidate.planned());
        targets.push(candidate.into_target());
    }
    let plan = Plan {
        table: table.version(),
        rule: rule.id.clone(),
        terms: rule.terms.clone(),
        routes,
        left_out,
        flips,
        steered,
        pin: pinned.pin.map(|pin| pin.id.clone()),
        probing,
    };
    let (spare, held) = (targets_of(spare), targets_of(held));
    Ok(Choice { plan, targets, spare, held, validity: rule.validity, drawn_from })
}

fn targets_of(candidates: Vec<Candidate<'_>>) -> Vec<Target> {
    candidates.into_iter().map(Candidate::into_target).collect()
}

/// A route that would carry the message, in the place of one that the rule lists: most often its own.
struct Candidate<'t> {
    route: &'t Route,
    /// Those of the route that the rule lists at the place.
    weight: u32,
    salt: u64,
    /// By which the place is compared with others: what the message costs there, not on whichever stands in for it.
    rank: Option<Price>,
    offer: Offer<'t>,
    reason: Reason,
    stands_in: bool,
    is_pinned: bool,
    is_maintained: bool,
    /// Its connection is down, where the rule fails over on that.
    is_down: bool,
    /// Something put it behind the others, as far as it asked last: at the end, that its connection is down.
    is_behind: bool,
    /// A route before it has its failure domain.
    shares_domain: bool,
    /// The number of its connection in the adaptive engine, where that is asked.
    vendor: Option<u16>,
    drawn: Option<Drawn>,
    /// Where a commitment to its vendor has it count as cheaper.
    shadow_price: Option<Box<ShadowPrice>>,
}

impl Candidate<'_> {
    /// Takes the shadow price, which a plan alone tells.
    fn planned(&mut self) -> PlannedRoute {
        PlannedRoute {
            route: self.route.id.clone(),
            reason: self.reason,
            price: self.offer.price,
            drawn: self.drawn,
            shadow_price: self.shadow_price.take(),
        }
    }

    /// What the whole message counts for, in comparing.
    fn counted(&self) -> Option<Price> {
        let whole = self.rank?;
        let off = self.shadow_price.as_ref().map(|shadow| shadow.off.amount).unwrap_or_default();
        Some(Price { amount: whole.amount.saturating_sub(off), ..whole })
    }

    fn into_target(self) -> Target {
        self.route.target(self.offer, self.drawn)
    }
}

/// A rule, and the pin that the message fits.
struct Pinned<'t> {
    rule: &'t Rule,
    pin: Option<&'t Pin>,
}

impl Pinned<'_> {
    /// The pinned route, then those of the rule that are others: each with its place in the rule and whether it is pinned.
    fn places(&self) -> impl Iterator<Item = (usize, bool, Listed)> {
        let pinned = self.pin.map(|pin| pin.route);
        let first = pinned.map(|route| (0, true, Listed { route, weight: 0, salt: 0 }));
        let listed = self.rule.routes.iter().enumerate().map(|(at, listed)| (at, false, *listed));
        first.into_iter().chain(listed.filter(move |(_, _, listed)| Some(listed.route) != pinned))
    }
}

/// In the order of the rule.
#[derive(Default)]
struct Sifted<'t> {
    candidates: Vec<Candidate<'t>>,
    left_out: Vec<LeftOutRoute>,
    flips: Vec<Flip>,
    steered: Vec<Steered>,
    /// In maintenance, and used when nothing else is left.
    spare: Vec<Candidate<'t>>,
    /// From which an override or a cap takes the traffic for now.
    held: Vec<Candidate<'t>>,
}

/// Those that would carry the message and those that would not. A route that is flipped gives its place to its
/// stand-in only where it would have been planned itself: a flip moves traffic and opens no way that was closed.
fn sift<'t>(of: &Pinned<'_>, table: &'t Table, request: &Request<'t>, health: &dyn HealthView) -> Sifted<'t> {
    let places = of.rule.routes.len() + usize::from(of.pin.is_some());
    let mut sifted = Sifted { candidates: Vec::with_capacity(places), ..Sifted::default() };
    let overlay = table.overlay();
    let is_steered = !overlay.is_empty();
    let rule = of.rule;
    for (at, is_pinned, listed) in of.places() {
        let Some(route) = table.routes().get(listed.route) else { continue };
        if !is_pinned && of.pin.is_some_and(|pin| pin.only) {
            sifted.leave_out(route, Exclusion::Pinned, request);
            continue;
        }
        let (mut listed, own_weight) = (listed, listed.weight);
        let weighed = if is_steered { overlay.weight(listed.route, route, request) } else { None };
        if let Some((weight, steered)) = weighed.filter(|_| rule.strategy == Strategy::Weighted && !is_pinned)
        {
            listed.weight = weight;
            sifted.steered.push(steered);
        }
        let offer = match route.offer(request, rule.max_price) {
            Ok(offer) => offer,
            Err(because) => {
                sifted.leave_out(route, because, request);
                continue;
            }
        };
        let candidate = Candidate { is_pinned, ..Candidate::new(route, listed, at, offer) };
        if rule.strategy == Strategy::Weighted && listed.weight == 0 && !is_pinned {
            if own_weight == 0 {
                sifted.leave_out(route, Exclusion::NoWeight, request);
            } else {
                sifted.leave_out(route, Exclusion::WeightTaken, request);
                sifted.hold(candidate);
            }
            continue;
        }
        if !is_steered && !candidate.is_capped() {
            sifted.candidates.push(candidate);
            continue;
        }
        let Some(stand_in) = overlay.stand_in(listed.route, table.routes(), request) else {
            sifted.take(candidate, listed.route, table, request, health);
            continue;
        };
        sifted.leave_out(route, Exclusion::Flipped, request);
        sifted.flips.push(stand_in.flip);
        let Some(route) = table.routes().get(stand_in.to) else { continue };
        match route.offer(request, rule.max_price) {
            Ok(offer) => {
                let candidate = Candidate { route, offer, stands_in: true, ..candidate };
                sifted.take(candidate, stand_in.to, table, request, health);
            }
            // One that the rule lists itself says so in its own place.
            Err(_) if rule.routes.iter().any(|other| other.route == stand_in.to) => {}
            Err(because) => sifted.leave_out(route, because, request),
        }
    }
    sifted
}

impl<'t> Candidate<'t> {
    fn new(route: &'t Route, listed: Listed, at: usize, offer: Offer<'t>) -> Self {
        Self {
            route,
            weight: listed.weight,
            salt: listed.salt,
            rank: offer.price.map(|price| price.times(offer.segments.into())),
            offer,
            reason: Reason::Priority(place(at)),
            stands_in: false,
            is_pinned: false,
            is_maintained: false,
            is_down: false,
            is_behind: false,
            shares_domain: false,
            vendor: None,
            drawn: None,
            shadow_price: None,
        }
    }

    /// Whether any cap counts what its route carries.
    fn is_capped(&self) -> bool {
        !self.route.caps.is_empty()
    }

    /// The first of its route's caps that has no room for the message.
    fn capped(&self, table: &Table, request: &Request<'_>, health: &dyn HealthView) -> Option<Capped> {
        let caps = self.route.caps.iter().filter_map(|&at| table.caps().get(at));
        let mut counting = caps.filter(|cap| cap.counts(request.facts.class, self.offer.sender));
        counting.find_map(|cap| health.capped(cap, self.offer.segments.into()))
    }
}

impl<'t> Sifted<'t> {
    fn leave_out(&mut self, route: &Route, because: Exclusion, request: &Request<'_>) {
        leave_out(&mut self.left_out, route, because, request);
    }

    /// Takes one that would carry the message, unless its route takes no traffic now.
    fn take(
        &mut self,
        candidate: Candidate<'t>,
        at: usize,
        table: &Table,
        request: &Request<'_>,
        health: &dyn HealthView,
    ) {
        let (route, overlay) = (candidate.route, table.overlay());
        if let Some(capped) = candidate.capped(table, request, health) {
            if self.left_out.iter().all(|other| other.route != route.id) {
                let (route, because) = (route.id.clone(), Exclusion::Capped);
                let (entry, capped) = (None, Some(capped));
                self.left_out.push(LeftOutRoute { route, because, entry, capped, shortfall: None });
            }
            self.hold(candidate);
        } else if let Some(steered) = overlay.suspended(at, route, request) {
            self.leave_out(route, Exclusion::Suspended, request);
            self.note(steered);
            self.hold(candidate);
        } else if let Some((of, steered)) = overlay.maintained(at, route, request) {
            self.note(steered);
            match of.otherwise {
                Otherwise::Use if self.spare.iter().all(|other| other.route.id != route.id) => {
                    self.spare.push(Candidate { is_maintained: true, ..candidate });
                }
                Otherwise::Use => {}
                Otherwise::Wait => {
                    self.leave_out(route, Exclusion::Maintenance, request);
                    self.hold(candidate);
                }
            }
        } else {
            self.candidates.push(candidate);
        }
    }

    /// A route may have several places, as a stand-in.
    fn note(&mut self, steered: Steered) {
        if !self.steered.contains(&steered) {
            self.steered.push(steered);
        }
    }

    fn hold(&mut self, candidate: Candidate<'t>) {
        if self.held.iter().all(|other| other.route.id != candidate.route.id) {
            self.held.push(candidate);
        }
    }
}

fn leave_out(left_out: &mut Vec<LeftOutRoute>, route: &Route, because: Exclusion, request: &Request<'_>) {
    if left_out.iter().all(|other| other.route != route.id) {
        let entry = route.entry_behind(because, request);
        left_out.push(LeftOutRoute {
            route: route.id.clone(),
            because,
            entry,
            capped: None,
            shortfall: None,
        });
    }
}

/// A stand-in may have several places: the first counts. It says that it stands in, unless it goes behind others.
fn keep_first_places<'t>(candidates: &mut Vec<Candidate<'t>>) {
    let mut seen: Vec<&'t RouteId> = Vec::with_capacity(candidates.len());
    candidates.retain_mut(|candidate| {
        let route = candidate.route;
        let is_first = !seen.contains(&&route.id);
        seen.push(&route.id);
        if candidate.stands_in && candidate.reason != Reason::UsedJustNow {
            candidate.reason = Reason::Flipped;
        }
        is_first
    });
}

fn by_weight(candidates: &mut [Candidate<'_>], facts: &Facts<'_>) {
    let recipient = rendezvous::hash(facts.to.as_str().as_bytes());
    let total: u64 = candidates.iter().map(|candidate| u64::from(candidate.weight)).sum();
    for candidate in candidates.iter_mut() {
        candidate.reason = Reason::Weight(thousandths(candidate.weight, total));
    }
    candidates
        .sort_by_cached_key(|candidate| rendezvous::Draw::new(candidate.salt, recipient, candidate.weight));
    if facts.class == Class::Otp
        && let Some(used) = facts.used_just_now
    {
        move_behind(candidates, |candidate| candidate.route.id == *used, Reason::UsedJustNow);
    }
}

/// By what the whole message costs, less its shadow price, in the currency of the first price. Equal prices keep the order of the rule.
fn by_price(candidates: &mut [Candidate<'_>], table: &Table, facts: &Facts<'_>) {
    let Some(currency) = candidates.iter().find_map(|candidate| candidate.rank).map(|price| price.currency)
    else {
        candidates.iter_mut().for_each(|candidate| candidate.reason = Reason::NoPrice);
        return;
    };
    let cost = |candidate: &Candidate<'_>| -> Option<Decimal> {
        table.exchange().convert(candidate.counted()?, currency, facts.now).map(|price| price.amount)
    };
    candidates.sort_by_cached_key(|candidate| {
        let cost = cost(candidate);
        (cost.is_none(), cost)
    });
    for (at, candidate) in candidates.iter_mut().enumerate() {
        let is_known = cost(candidate).is_some();
        candidate.reason = if is_known { Reason::Price(place(at)) } else { Reason::NoPrice };
    }
}

/// Those of whom it is true go behind the others, and say so; where it is true of all, nothing changes.
fn move_behind<'t>(
    candidates: &mut [Candidate<'t>],
    is_behind: impl Fn(&Candidate<'t>) -> bool,
    reason: Reason,
) {
    let mut count = 0;
    for candidate in candidates.iter_mut() {
        candidate.is_behind = is_behind(candidate);
        count += usize::from(candidate.is_behind);
    }
    if count == 0 || count == candidates.len() {
        return;
    }
    candidates.sort_by_key(|candidate| candidate.is_behind);
    for candidate in candidates.iter_mut().filter(|candidate| candidate.is_behind) {
        candidate.reason = reason;
    }
}

/// Counted from one.
fn place(at: usize) -> u8 {
    u8::try_from(at + 1).unwrap_or(u8::MAX)
}

fn thousandths(weight: u32, total: u64) -> u16 {
    let rounded = (u64::from(weight) * 1000 + total / 2).checked_div(total).unwrap_or(0);
    u16::try_from(rounded).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod forbidden;
#[cfg(test)]
mod tests;
