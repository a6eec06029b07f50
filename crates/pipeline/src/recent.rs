//! Which route carried a recipient's last one-time password: a repeated one avoids it, because the first may be lost.

use std::time::Duration;

use domain::{Recipient, RouteId, Timestamp};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// Recipients remembered per generation; beyond this the older generation is dropped early.
const MAX_RECIPIENTS: usize = 100_000;

/// Two generations: when the younger is full or old, it becomes the older and the older is forgotten.
#[derive(Default)]
pub(crate) struct RecentRoutes {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: FxHashMap<i64, (RouteId, Timestamp)>,
    old: FxHashMap<i64, (RouteId, Timestamp)>,
    turned_at: Option<Timestamp>,
}

impl RecentRoutes {
    /// The route of an earlier message than the one that was accepted at `accepted_at`.
    pub(crate) fn used(&self, to: &Recipient, accepted_at: Timestamp) -> Option<RouteId> {
        let generations = self.generations.lock();
        let (route, at) = generations.young.get(&to.key()).or_else(|| generations.old.get(&to.key()))?;
        (*at < accepted_at && accepted_at.since(*at) < REMEMBERED).then(|| route.clone())
    }

    pub(crate) fn remember(&self, to: &Recipient, route: &RouteId, now: Timestamp) {
        let mut generations = self.generations.lock();
        let turned_at = *generations.turned_at.get_or_insert(now);
        if generations.young.len() >= MAX_RECIPIENTS || now.since(turned_at) >= REMEMBERED {
            generations.old = std::mem::take(&mut generations.young);
            generations.turned_at = Some(now);
        }
        generations.young.insert(to.key(), (route.clone(), now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_remembered_for_five_minutes() {
        let recent = RecentRoutes::default();
        let (to, route) = (Recipient::from_e164("+12025550100").unwrap(), RouteId::new("a").unwrap());
        let start = Timestamp::from_millis(1_000_000);
        recent.remember(&to, &route, start);
        assert_eq!(recent.used(&to, start.plus(Duration::from_secs(299))), Some(route));
        assert_eq!(recent.used(&to, start.plus(Duration::from_secs(300))), None);
    }

    #[test]
    fn a_message_does_not_avoid_its_own_route() {
        let recent = RecentRoutes::default();
        let (to, route) = (Recipient::from_e164("+12025550100").unwrap(), RouteId::new("a").unwrap());
        let accepted_at = Timestamp::from_millis(1_000_000);
        recent.remember(&to, &route, accepted_at);
        assert_eq!(recent.used(&to, accepted_at), None);
    }
}
