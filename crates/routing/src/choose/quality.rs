//! Leaves out the routes that deliver less than their rule asks for.

use domain::plan::{Exclusion, LeftOutRoute, Shortfall};

use super::Sifted;
use crate::adaptive::Quality;
use crate::learning::{Beliefs, Destination};
use crate::table::Request;

/// A route of which too little is known stays, so that it becomes known; and so do all when all are below that could
/// carry the message now: a floor chooses among routes and never stops a message. A pinned one stays, and a message that
/// has it keeps the others under the same terms as without. `floor` is in hundredths of a percent.
pub(super) fn leave_out_below(floor: u16, sifted: &mut Sifted<'_>, request: &Request<'_>, beliefs: &Beliefs) {
    let to = Destination { country: request.facts.country, operator: request.operator };
    let Some(operator) = beliefs.destination(to) else { return };
    let shortfalls: Vec<Option<Shortfall>> = sifted
        .candidates
        .iter()
        .map(|candidate| {
            // A pin is somebody's own decision.
            if candidate.is_pinned {
                return None;
            }
            let vendor = beliefs.vendor(&candidate.route.connection)?;
            shortfall(beliefs.quality(vendor, operator)?, floor)
        })
        .collect();
    let mut known = sifted.candidates.iter().zip(&shortfalls);
    if known.all(|(candidate, shortfall)| shortfall.is_some() || candidate.is_pinned || candidate.is_down) {
        return;
    }
    let mut shortfalls = shortfalls.into_iter();
    let left_out = &mut sifted.left_out;
    sifted.candidates.retain(|candidate| {
        let Some(shortfall) = shortfalls.next().flatten() else { return true };
        if left_out.iter().all(|other| other.route != candidate.route.id) {
            left_out.push(LeftOutRoute {
                route: candidate.route.id.clone(),
                because: Exclusion::QualityFloor,
                entry: None,
                capped: None,
                shortfall: Some(shortfall),
            });
        }
        false
    });
}

fn shortfall(known: Quality, floor: u16) -> Option<Shortfall> {
    let quality = (known.delivered.clamp(0.0, 1.0) * 10_000.0).round() as u16;
    (quality < floor).then_some(Shortfall { quality, floor, messages: known.messages as u32 })
}
