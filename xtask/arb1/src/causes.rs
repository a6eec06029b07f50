//! Where the regret of a policy comes from: for each message, what the oracle's way was worth by the true odds of that
//! instant, less what the chosen way was worth, booked under the reason of the choice.
//!
//! Odds in place of outcomes take out most of the luck, so that a few seeds tell two policies apart.

use crate::metrics::{Metrics, WARM_UP};
use crate::play::Played;
use crate::world::{Event, Message, World};

/// Why a policy chose as it did, as far as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It was the best by what was believed.
    #[default]
    Best,
    /// It was drawn from several that may be the best.
    Drawn,
    /// To learn.
    Probe,
    /// Nothing was known of such messages.
    Unplanned,
}

/// So long after an incident it can still be the reason that traffic is elsewhere, in seconds.
const AFTERMATH: f64 = 900.0;
/// A way that has had fewer messages is little known.
const KNOWN: u32 = 100;

/// What the names of these metrics begin with.
pub(crate) const MARK: &str = "cause: ";

/// All causes, in the order in which they are tried, their sum, and what outcomes add to odds.
pub(crate) const CAUSES: [&str; 11] = [
    "refused first",
    "unplanned",
    "probes",
    "incident not left",
    "others in an incident",
    "not back after it",
    "drawn",
    "best is little known",
    "misranked",
    "all of these",
    "chance",
];

const ALL: usize = 9;
const CHANCE: usize = 10;

/// By cause, in percent of the oracle's utility; the sum and chance are the regret.
pub(crate) fn causes(world: &World, played: &Played, oracle: &Played) -> Metrics {
    let mut lost = [0.0; CAUSES.len()];
    let mut sent = vec![vec![0_u32; world.operators()]; world.vendors.len()];
    let (mut whole, mut realised) = (0.0, 0.0);
    let (mut second, mut state) = (0, world.state(0.0));
    for (id, message) in world.messages.iter().enumerate() {
        if message.at as u64 != second {
            second = message.at as u64;
            state = world.state(second as f64);
        }
        let worth = |vendor: usize| {
            let useful = state.delivery[vendor][message.operator]
                * world.in_time(vendor, message.class, state.slower[vendor]);
            world.classes[message.class].value * useful - state.price[vendor][message.operator]
        };
        let value = world.classes[message.class].value;
        let got = |of: &Played| if of.useful[id] { value - of.cost[id] } else { -of.cost[id] };
        let is_warm = message.at >= WARM_UP;
        if is_warm {
            whole += got(oracle);
            realised += got(oracle) - got(played);
        }
        let (best, chosen) = (oracle.vendor[id], played.vendor[id]);
        let gap = best.map_or(0.0, worth) - chosen.map_or(0.0, worth);
        if best != chosen && is_warm {
            let known = best.map_or(KNOWN, |vendor| sent[vendor][message.operator]);
            lost[cause(world, message, (best, chosen), played.reason[id], known)] += gap;
        }
        if let Some(vendor) = chosen {
            sent[vendor][message.operator] += 1;
        }
    }
    let all: f64 = lost.iter().sum();
    lost[ALL] = all;
    lost[CHANCE] = realised - all;
    let named = CAUSES.iter().zip(lost);
    named.map(|(name, lost)| (format!("{MARK}{name}"), 100.0 * lost / whole)).collect()
}

fn cause(
    world: &World,
    message: &Message,
    (best, chosen): (Option<usize>, Option<usize>),
    (reason, is_first): (Reason, bool),
    known: u32,
) -> usize {
    let hits = |event: &Event, vendor: Option<usize>| {
        event.vendor == vendor && event.operators.contains(&message.operator)
    };
    let during = |event: &Event| event.start <= message.at && message.at < event.end;
    let after = |event: &Event| event.end <= message.at && message.at < event.end + AFTERMATH;
    let name = if !is_first {
        "refused first"
    } else if reason == Reason::Unplanned {
        "unplanned"
    } else if reason == Reason::Probe {
        "probes"
    } else if world.events.iter().any(|event| during(event) && hits(event, chosen)) {
        "incident not left"
    } else if world.events.iter().any(|event| during(event) && event.operators.contains(&message.operator)) {
        "others in an incident"
    } else if world.events.iter().any(|event| after(event) && hits(event, best)) {
        "not back after it"
    } else if reason == Reason::Drawn {
        "drawn"
    } else if known < KNOWN {
        "best is little known"
    } else {
        "misranked"
    };
    CAUSES.iter().position(|cause| *cause == name).unwrap_or(CHANCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forewarned::Forewarned;
    use crate::oracle::Oracle;
    use crate::{metrics, play, world};

    #[test]
    fn causes_and_chance_add_up_to_the_regret() {
        let world = world::original(100, 5.0, 0.3, true);
        let oracle = play::play(&world, &mut Oracle::new(&world));
        let played = play::play(&world, &mut Forewarned::new(&world));
        let causes = causes(&world, &played, &oracle);
        let regret = metrics::metrics(&world, &played, &oracle)["regret %"];
        let cause = |name: &str| causes[&format!("{MARK}{name}")];
        let sum: f64 = CAUSES[..ALL].iter().map(|name| cause(name)).sum();
        assert!((sum - cause("all of these")).abs() < 1e-9);
        assert!(
            (sum + cause("chance") - regret).abs() < 1e-9,
            "{sum} and {} are not {regret}",
            cause("chance")
        );
        assert!(sum > 0.0, "it has to learn");
    }

    #[test]
    fn who_knows_all_loses_nothing() {
        let world = world::original(100, 5.0, 0.3, true);
        let oracle = play::play(&world, &mut Oracle::new(&world));
        let causes = causes(&world, &oracle, &oracle);
        assert!(causes.values().all(|lost| *lost == 0.0), "{causes:?}");
    }
}
