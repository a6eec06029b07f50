//! Orders routes by what the adaptive engine believes: one is drawn to go first, the others follow by utility.
//!
//! The draw is made of integers, which the plan keeps: with the number of the message it can be made again.

use domain::MessageId;
use domain::plan::{DrawFlags, Drawn, Probing, Reason};

use super::rendezvous::mix;
use super::{Candidate, place};
use crate::adaptive::{Plan, Vendors};
use crate::learning::{Beliefs, Destination};
use crate::table::{Request, Rule, Table};

/// All shares together.
const WHOLE: u32 = u16::MAX as u32;

/// A route that takes part in the draw, in the order of utility.
struct Seat {
    /// Its place among the candidates.
    candidate: usize,
    /// Its place by utility, counted from one.
    place: u8,
    is_down: bool,
    is_shut: bool,
    /// The part of those who want it that it takes.
    keep: f32,
    /// First because it is best, first because another takes no more, and first to be learned about.
    own: u32,
    taken_over: u32,
    probe: u32,
}

impl Seat {
    fn all(&self) -> u32 {
        self.own + self.taken_over + self.probe
    }
}

/// Returns those that the engine had to choose from, and what kept the message from being a probe or made it one.
pub(super) fn draw(
    candidates: &mut [Candidate<'_>],
    request: &Request<'_>,
    rule: &Rule,
    table: &Table,
    beliefs: Option<&Beliefs>,
) -> (Vendors, Option<Probing>) {
    let mut allowed = Vendors::default();
    for (at, candidate) in candidates.iter_mut().enumerate() {
        candidate.reason = Reason::NotLearned(place(at));
        let vendor = beliefs.and_then(|beliefs| beliefs.vendor(&candidate.route.connection));
        candidate.vendor = vendor.and_then(|vendor| u16::try_from(vendor).ok());
        allowed = vendor.map_or(allowed, |vendor| allowed.with(vendor));
    }
    let facts = request.facts;
    let to = Destination { country: facts.country, operator: request.operator };
    let plan = beliefs.and_then(|beliefs| {
        let operator = beliefs.destination(to)?;
        Some((beliefs, beliefs.plan(facts.app, facts.class, operator, allowed)?))
    });
    let Some((beliefs, plan)) = plan else { return (allowed, None) };
    let mut seats = seats(candidates, plan, beliefs);
    let probing = probing(request, rule, table);
    match probing {
        None => share_out(&mut seats),
        Some(Probing::TestNumber) => share_probes_out(&mut seats),
        Some(Probing::Message | Probing::Rule | Probing::ProbedJustNow) => {
            share_out_without_probes(&mut seats);
        }
    }
    let first = first(&seats, facts.chance);
    note(candidates, &seats, first, beliefs.version());
    // Those that the table does not know stand behind, as the rule lists them.
    candidates.sort_by_key(|candidate| match candidate.drawn {
        Some(drawn) => (0, drawn.flags.contains(DrawFlags::FALLBACK), drawn.place),
        None => (1, false, 0),
    });
    (allowed, probing)
}

/// A test number may get one probe after another: nobody is disturbed by them.
fn probing(request: &Request<'_>, rule: &Rule, table: &Table) -> Option<Probing> {
    let facts = request.facts;
    if facts.no_probe {
        return Some(Probing::Message);
    }
    if !rule.probes {
        return Some(Probing::Rule);
    }
    if table.is_test_number(facts.to) {
        return Some(Probing::TestNumber);
    }
    facts.probed_just_now.then_some(Probing::ProbedJustNow)
}

/// In the order of the plan; of several routes over one connection the one that the rule lists first.
fn seats(candidates: &[Candidate<'_>], plan: Plan<'_>, beliefs: &Beliefs) -> Vec<Seat> {
    let mut seats: Vec<Seat> = Vec::with_capacity(plan.rows.len());
    let whole = WHOLE as f32;
    for row in plan.rows {
        let vendor = usize::from(row.vendor);
        let of_row = |(_, candidate): &(usize, &Candidate<'_>)| candidate.vendor == Some(row.vendor);
        let Some((candidate, found)) = candidates.iter().enumerate().find(of_row) else { continue };
        let is_down = found.is_down;
        let part = |share: f32| if is_down { 0 } else { (share * whole + 0.5) as u32 };
        let share = part(row.share);
        // Whoever draws again, from the record, draws what was taken over.
        let (own, taken_over) = if beliefs.took_over(vendor) { (0, share) } else { (share, 0) };
        seats.push(Seat {
            candidate,
            place: place(seats.len()),
            is_down,
            is_shut: row.is_shut,
            keep: beliefs.keep(vendor).clamp(0.0, 1.0),
            own,
            taken_over,
            probe: part(row.probe),
        });
    }
    seats
}

/// The message goes where it is best off. Whoever has only what is there to learn with has nothing then.
fn share_out_without_probes(seats: &mut [Seat]) {
    seats.iter_mut().for_each(|seat| seat.probe = 0);
    share_out(seats);
}

/// The message goes to those alone of which more is to be known, in proportion to how much. A vendor that takes no more
/// just now is not asked; where none is left, there is nothing to learn, and the message goes where it is best off.
fn share_probes_out(seats: &mut [Seat]) {
    for seat in seats.iter_mut().filter(|seat| seat.keep <= 0.5) {
        seat.probe = 0;
    }
    if seats.iter().all(|seat| seat.probe == 0) {
        share_out(seats);
        return;
    }
    for seat in seats.iter_mut() {
        (seat.own, seat.taken_over, seat.keep) = (0, 0, 1.0);
    }
    share_out(seats);
}

/// What a vendor cannot take now goes to the best that has room, else to the best that takes most of what it has, and all shares together become the whole.
fn share_out(seats: &mut [Seat]) {
    for at in 0..seats.len() {
        let Some(seat) = seats.get(at).filter(|seat| seat.keep < 1.0 && seat.all() > 0) else { continue };
        let others = || {
            let may = |(other, seat): &(usize, &Seat)| *other != at && !seat.is_down && !seat.is_shut;
            seats.iter().enumerate().filter(may)
        };
        let free = others().find(|(_, seat)| seat.keep >= 1.0);
        let Some((other, _)) = free.or_else(|| others().find(|(_, seat)| seat.keep > 0.5)) else { continue };
        let kept = |part: u32| (part as f32 * seat.keep + 0.5) as u32;
        let (own, probe) = (kept(seat.own), kept(seat.probe));
        let over = (seat.own - own.min(seat.own)) + (seat.probe - probe.min(seat.probe));
        if let Some(seat) = seats.get_mut(at) {
            (seat.own, seat.probe) = (own, probe);
        }
        if let Some(other) = seats.get_mut(other) {
            other.taken_over += over;
        }
    }
    let sum: u32 = seats.iter().map(Seat::all).sum();
    if sum == 0 {
        // Nobody is preferred: the best that is up, else the best.
        let best = seats.iter().position(|seat| !seat.is_down).unwrap_or(0);
        if let Some(seat) = seats.get_mut(best) {
            seat.own = WHOLE;
        }
        return;
    }
    let mut left = WHOLE;
    for seat in seats.iter_mut() {
        for part in [&mut seat.own, &mut seat.taken_over, &mut seat.probe] {
            *part = (u64::from(*part) * u64::from(WHOLE) / u64::from(sum)) as u32;
            left -= *part;
        }
    }
    // To what is there anyway, so that who draws from the record draws by the same numbers.
    if seats.iter().all(|seat| seat.own + seat.taken_over == 0) {
        if let Some(largest) = seats.iter_mut().max_by_key(|seat| seat.probe) {
            largest.probe += left;
        }
    } else if let Some(largest) = seats.iter_mut().max_by_key(|seat| seat.own) {
        largest.own += left;
    }
}

/// Which seat goes first, and why.
fn first(seats: &[Seat], chance: u64) -> Option<(usize, DrawFlags)> {
    let mut point = ((u128::from(chance) * u128::from(WHOLE)) >> 64) as u32;
    for (at, seat) in seats.iter().enumerate() {
        if point < seat.all() {
            let flags = if point < seat.own {
                DrawFlags::default()
            } else if point < seat.own + seat.taken_over {
                DrawFlags::THROTTLED
            } else {
                DrawFlags::PROBE
            };
            return Some((at, flags));
        }
        point -= seat.all();
    }
    None
}

fn note(candidates: &mut [Candidate<'_>], seats: &[Seat], first: Option<(usize, DrawFlags)>, table: u64) {
    for (at, seat) in seats.iter().enumerate() {
        let flags = match first {
            Some((drawn, flags)) if drawn == at => flags,
            Some(_) | None => DrawFlags::FALLBACK,
        };
        let flags = if seat.is_shut { flags.with(DrawFlags::SHUT) } else { flags };
        let part = |part: u32| u16::try_from(part).unwrap_or(u16::MAX);
        if let Some(candidate) = candidates.get_mut(seat.candidate) {
            candidate.reason = Reason::Adaptive(seat.place);
            candidate.drawn = Some(Drawn {
                table,
                place: seat.place,
                share: part(seat.own + seat.taken_over),
                probe: part(seat.probe),
                flags,
            });
        }
    }
}

/// What a message draws by: SplitMix64 of its id, so that ids which are close together draw far apart.
#[must_use]
pub fn chance(of: MessageId) -> u64 {
    let id = of.as_u128();
    mix(((id >> 64) as u64 ^ id as u64).wrapping_add(0x9e37_79b9_7f4a_7c15))
}
