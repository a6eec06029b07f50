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
    candidates.iter_mut().for_each(|candidate| candidate.shares_domain = false);
    for at in 1..candidates.len() {
        let (before, rest) = candidates.split_at_mut(at);
        let Some(domain) = before.last().map(|last| last.route.failure_domain) else { return };
        for later in rest.iter_mut().filter(|later| later.route.failure_domain == domain) {
            later.shares_domain = true;
        }
        let Some(first) = rest.first().filter(|first| first.shares_domain) else { continue };
        let group = Group::of(first, strategy);
        let in_group = rest.iter().take_while(|one| Group::of(one, strategy) == group);
        let Some(fresh) = in_group.into_iter().position(|one| !one.shares_domain) else { continue };
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
