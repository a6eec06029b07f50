//! What happened to a recipient just before: which route carried its last one-time password, because a repeated one
//! avoids it, and whether its last message was a probe, because the next one is none then.
//!
//! Both are kept in memory alone. What they made of a decision is in its plan.

use std::time::Duration;

use domain::plan::DrawFlags;
use domain::record::Target;
use domain::{MessageId, Recipient, RouteId, Timestamp};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// Recipients remembered per generation; beyond this the older generation is dropped early.
const MAX_RECIPIENTS: usize = 100_000;

/// What is remembered of a message's recipient, and of the message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    /// The route that carried the password that this one repeats.
    pub(crate) used: Option<RouteId>,
    /// The recipient's last message was a probe.
    pub(crate) probed: bool,
    /// A vendor had the message already: what follows is there to deliver it and not to learn.
    pub(crate) is_retried: bool,
}

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

/// Recipients whose last message was a probe, or will be: two generations of `MAX_RECIPIENTS`, by a number that two of
/// them may share. Whoever is confused with another is spared a probe.
///
/// A probe is claimed when it is decided on, so that of two messages to one recipient, decided on at the same time, one
/// at most is a probe.
#[derive(Default)]
pub(crate) struct Probed {
    claims: Mutex<Claims>,
}

#[derive(Default)]
struct Claims {
    young: FxHashMap<i64, MessageId>,
    old: FxHashMap<i64, MessageId>,
}

impl Probed {
    /// Whether another message to the recipient was the last probe.
    pub(crate) fn is_held(&self, to: &Recipient, by_other_than: MessageId) -> bool {
        self.claims.lock().holder(to).is_some_and(|holder| holder != by_other_than)
    }

    /// Again when it leaves. False when another message has it: then this one is no probe.
    pub(crate) fn claim(&self, to: &Recipient, message: MessageId) -> bool {
        let mut claims = self.claims.lock();
        match claims.holder(to) {
            Some(holder) => holder == message,
            None => {
                if claims.young.len() >= MAX_RECIPIENTS {
                    claims.old = std::mem::take(&mut claims.young);
                }
                claims.young.insert(to.key(), message);
                true
            }
        }
    }

    /// Something that is no probe leaves for the recipient: the next message may be one. An attempt after another of the
    /// message that was the probe changes nothing.
    pub(crate) fn release(&self, to: &Recipient, message: MessageId, is_first: bool) {
        let mut claims = self.claims.lock();
        if !is_first && claims.holder(to) == Some(message) {
            return;
        }
        claims.young.remove(&to.key());
        claims.old.remove(&to.key());
    }
}

impl Claims {
    fn holder(&self, to: &Recipient) -> Option<MessageId> {
        let key = to.key();
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }
}

/// Whether a message that goes there is a probe.
pub(crate) fn is_probe(target: &Target) -> bool {
    target.drawn.is_some_and(|drawn| drawn.flags.contains(DrawFlags::PROBE))
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

    #[test]
    fn a_recipient_has_one_probe_until_another_message_leaves_for_it() {
        let probed = Probed::default();
        let to = |number: u64| Recipient::from_e164(&format!("+1202555{number:06}")).unwrap();
        let [first, second] = [1, 2].map(MessageId::from_u128);
        assert!(probed.claim(&to(100), first) && probed.claim(&to(100), first));
        assert!(!probed.claim(&to(100), second));
        assert!(probed.is_held(&to(100), second) && !probed.is_held(&to(100), first));
        assert!(!probed.is_held(&to(101), second));
        probed.release(&to(100), first, false);
        assert!(probed.is_held(&to(100), second));
        probed.release(&to(100), second, true);
        assert!(!probed.is_held(&to(100), second) && probed.claim(&to(100), second));
        // One that was decided on before the probe leaves, then the probe, which claims again.
        probed.release(&to(100), first, true);
        assert!(probed.claim(&to(100), second) && probed.is_held(&to(100), first));
        // It is still held when as many others were probed, and forgotten after twice as many: memory has an end.
        for number in 0..MAX_RECIPIENTS as u64 {
            probed.claim(&to(1000 + number), first);
        }
        assert!(probed.is_held(&to(100), first));
        for number in 0..MAX_RECIPIENTS as u64 {
            probed.claim(&to(500_000 + number), first);
        }
        assert!(!probed.is_held(&to(100), first));
    }
}
