//! After a failure, what does not fail with what failed goes first.

use domain::plan::Reason;

use crate::choose::Candidate;
use crate::table::Strategy;

/// What was put behind the others for a stronger reason stays behind them: each such group is spread for itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Usual,
    NoPrice,
    UsedJustNow,
    Down,
}

impl Group {
    fn of(candidate: &Candidate<'_>, strategy: Strategy) -> Self {
        if candidate.reason == Reason::ConnectionDown {
            Self::Down
        } else if candidate.reason == Reason::UsedJustNow {
            Self::UsedJustNow
        } else if strategy == Strategy::LeastCost && candidate.rank.is_none() {
            // The reason would not tell: a stand-in has the rank of the route whose place it takes, and its own reason.
            Self::NoPrice
        } else {
            Self::Usual
        }
    }
}

/// The first route stays; at each later place, the first of its group whose domain no route before it has goes before
/// those that share one, and they say so. Apart from that the order stays.
pub(super) fn over_failure_domains(candidates: &mut [Candidate<'_>], strategy: Strategy) {
    for at in 1..candidates.len() {
        let (before, rest) = candidates.split_at_mut(at);
        let is_used = |one: &Candidate<'_>| {
            before.iter().any(|other| other.route.failure_domain == one.route.failure_domain)
        };
        let Some(group) = rest.first().map(|first| Group::of(first, strategy)) else { return };
        let in_group = rest.iter().take_while(|one| Group::of(one, strategy) == group);
        let Some(fresh) = in_group.map(is_used).position(|is_used| !is_used).filter(|&fresh| fresh > 0)
        else {
            continue;
        };
        let (passed, _) = rest.split_at_mut(fresh);
        for candidate in passed.iter_mut().filter(|candidate| Group::of(candidate, strategy) == Group::Usual)
        {
            candidate.reason = Reason::SameFailureDomain;
        }
        if let Some(part) = rest.get_mut(..=fresh) {
            part.rotate_right(1);
        }
    }
}

#[cfg(test)]
mod tests;
