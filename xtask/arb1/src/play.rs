//! Plays a world against a policy: three tries for a message, feedback on a grid of half a second.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::causes::Reason;
use crate::policy::{Alarm, Answer, Ask, Policy};
use crate::world::{Feed, Message, State, World};

/// Feedback is told on this grid, in seconds.
const GRID: f64 = 0.5;
/// What a submit that fails costs, in seconds.
const TIMEOUT: f64 = 5.0;
const REFUSAL: f64 = 0.05;
const TRIES: usize = 3;
/// Of a password that comes too late, the share of users who still act on it.
const LATE: f64 = 0.25;
/// When a message that is not delivered is said not to be: median in seconds, sigma.
const REFUSED_AFTER: (f64, f64) = (20.0, 0.6);
const ACTED_AFTER: (f64, f64) = (15.0, 0.7);
/// Shares are counted in bins of so many seconds.
pub(crate) const BIN: f64 = 10.0;

/// What became of every message.
pub(crate) struct Played {
    pub(crate) useful: Vec<bool>,
    pub(crate) cost: Vec<f64>,
    pub(crate) vendor: Vec<Option<usize>>,
    /// Accepted messages by bin, vendor and operator.
    pub(crate) bins: Vec<Vec<Vec<u32>>>,
    /// None of a policy that raises none.
    pub(crate) alarms: Option<Vec<Alarm>>,
    /// Choices of a vendor that the policy's constraints forbid.
    pub(crate) outside: usize,
    /// Why the first choice was made, and whether it took the message.
    pub(crate) reason: Vec<(Reason, bool)>,
}

enum Feedback {
    Receipt { ask: Ask, vendor: usize, sent_at: f64, delivered: bool },
    Conversion { ask: Ask, vendor: usize, sent_at: f64 },
}

/// A policy that may be told what is true, which only the oracle is, and may say why it chose.
pub(crate) trait Player: Policy {
    fn know(&mut self, _truth: &State) {}
    /// Whether a message that was accepted will be delivered, ever.
    fn outcome(&mut self, _ask: Ask, _vendor: usize, _delivered: bool) {}
    /// Of the last choice.
    fn reason(&self) -> Reason {
        Reason::default()
    }
}

struct Bucket {
    tokens: f64,
    at: f64,
}

impl Bucket {
    fn take(&mut self, now: f64, rate: f64) -> bool {
        self.tokens = rate.max(1.0).min(self.tokens + (now - self.at) * rate);
        self.at = now;
        let is_there = self.tokens >= 1.0;
        if is_there {
            self.tokens -= 1.0;
        }
        is_there
    }
}

pub(crate) fn play(world: &World, policy: &mut dyn Player) -> Played {
    let count = world.messages.len();
    let ticks = (world.length / GRID) as usize;
    let mut calendar: Vec<Vec<Feedback>> = (0..ticks + 2).map(|_| Vec::new()).collect();
    let bins = vec![vec![vec![0; world.operators()]; world.vendors.len()]; (world.length / BIN) as usize + 1];
    let mut played = Played {
        useful: vec![false; count],
        cost: vec![0.0; count],
        vendor: vec![None; count],
        bins,
        alarms: None,
        outside: 0,
        reason: vec![(Reason::default(), true); count],
    };
    let mut buckets: Vec<Bucket> =
        world.vendors.iter().map(|vendor| Bucket { tokens: vendor.cap, at: 0.0 }).collect();
    let mut feeds = Feeds::new(world);
    let mut state = world.state(0.0);
    let mut next = 0;
    for tick in 0..ticks {
        let now = tick as f64 * GRID;
        let is_second = tick % 2 == 0;
        if is_second {
            let before = std::mem::replace(&mut state, world.state(now));
            if before.price != state.price {
                policy.priced(now, &state.price);
            }
            policy.know(&state);
        }
        for feedback in std::mem::take(&mut calendar[tick]) {
            match feedback {
                Feedback::Receipt { ask, vendor, sent_at, delivered } => {
                    policy.receipt(now, ask, vendor, sent_at, delivered);
                }
                Feedback::Conversion { ask, vendor, sent_at } => policy.converted(now, ask, vendor, sent_at),
            }
        }
        if is_second {
            policy.tick(now);
        }
        while let Some(message) = world.messages.get(next).filter(|message| message.at < now + GRID) {
            let mut later = |at: f64, feedback: Feedback| {
                if let Some(day) = calendar.get_mut((at / GRID) as usize + 1) {
                    day.push(feedback);
                }
            };
            send(world, &state, &mut buckets, &mut feeds, policy, (next, message), &mut played, &mut later);
            next += 1;
        }
        if let Some(alarms) = policy.alarms() {
            played.alarms.get_or_insert_with(Vec::new).extend(alarms);
        }
    }
    played
}

#[expect(clippy::too_many_arguments, reason = "the whole of the world's state, in one place of use")]
fn send(
    world: &World,
    state: &State,
    buckets: &mut [Bucket],
    feeds: &mut Feeds,
    policy: &mut dyn Player,
    (id, message): (usize, &Message),
    played: &mut Played,
    later: &mut dyn FnMut(f64, Feedback),
) {
    let (operator, class, at) = (message.operator, message.class, message.at);
    let ask = Ask { id, operator, class, reports_conversion: message.reports_conversion };
    let (mut excluded, mut lost) = (0_u64, 0.0);
    for _ in 0..TRIES {
        let Some(vendor) = policy.choose(at, ask, excluded) else { return };
        if !world.allowed[vendor][operator][class] || excluded >> vendor & 1 == 1 {
            played.outside += 1;
            return;
        }
        if excluded == 0 {
            played.reason[id].0 = policy.reason();
        }
        let answer = if message.answer < state.timeouts[vendor] {
            lost += TIMEOUT;
            Answer::Timeout
        } else if !buckets[vendor].take(at, state.cap[vendor]) {
            lost += REFUSAL;
            Answer::Throttled
        } else {
            Answer::Accepted
        };
        policy.submitted(at, ask, vendor, answer);
        if answer != Answer::Accepted {
            excluded |= 1 << vendor;
            played.reason[id].1 = false;
            continue;
        }
        played.vendor[id] = Some(vendor);
        played.cost[id] = state.price[vendor][operator];
        played.bins[(at / BIN) as usize][vendor][operator] += 1;
        let (median, sigma) = world.vendors[vendor].delay;
        let delay = median * state.slower[vendor] * (sigma * message.delivery.1).exp();
        let is_delivered = message.delivery.0 < state.delivery[vendor][operator];
        policy.outcome(ask, vendor, is_delivered);
        let in_time = delay + lost <= world.classes[class].deadline;
        played.useful[id] = is_delivered && in_time;
        if let Some((after, delivered)) = receipt(world, state, vendor, message, is_delivered, delay)
            && let Some(told_at) = feeds.told_at(vendor, at + after)
        {
            later(told_at, Feedback::Receipt { ask, vendor, sent_at: at, delivered });
        }
        let acts = world.conversion[operator] * if in_time { 1.0 } else { LATE };
        if message.reports_conversion && is_delivered && message.conversion.0 < acts {
            let acted_at = at + delay + lost + ACTED_AFTER.0 * (ACTED_AFTER.1 * message.conversion.1).exp();
            if !world.gaps.iter().any(|(from, to)| (*from..*to).contains(&acted_at)) {
                later(acted_at, Feedback::Conversion { ask, vendor, sent_at: at });
            }
        }
        return;
    }
}

/// After how many seconds the vendor says what.
fn receipt(
    world: &World,
    state: &State,
    vendor: usize,
    message: &Message,
    is_delivered: bool,
    delay: f64,
) -> Option<(f64, bool)> {
    let (draw, noise) = message.receipt;
    let (of_delivered, of_lost) = world.vendors[vendor].receipts;
    let operator = message.operator;
    let slower = state.receipts_slower[vendor];
    let faked = state.faked[vendor][operator];
    if faked > 0.0 {
        let (median, sigma) = world.vendors[vendor].delay;
        return (draw < faked).then(|| (median * (sigma * noise).exp(), true));
    }
    if is_delivered {
        return (draw < of_delivered).then(|| ((delay + 0.3 * (0.5 * noise).exp()) * slower, true));
    }
    // What is dropped without being sent on is lost without a word.
    let is_silent = state.delivery[vendor][operator] < 0.3 * world.delivery[vendor][operator];
    let refused_after = REFUSED_AFTER.0 * (REFUSED_AFTER.1 * noise).exp() * slower;
    (!is_silent && draw < of_lost).then_some((refused_after, false))
}

/// When each vendor's flushes are, and which of them are left out.
struct Feeds {
    feeds: Vec<Feed>,
    /// By vendor: whether a flush is left out.
    skipped: Vec<Vec<bool>>,
}

impl Feeds {
    fn new(world: &World) -> Self {
        let mut random = StdRng::seed_from_u64(world.seed ^ 0xFEED);
        let skipped = world.vendors.iter().map(|vendor| match vendor.feed {
            Feed::Flushed { every, skipped, .. } => {
                let flushes = (world.length / every) as usize + 2;
                (0..flushes).map(|_| random.random::<f64>() < skipped).collect()
            }
            Feed::Smooth | Feed::Silent => Vec::new(),
        });
        Self { feeds: world.vendors.iter().map(|vendor| vendor.feed).collect(), skipped: skipped.collect() }
    }

    /// When what the vendor has at an instant reaches the gateway.
    fn told_at(&self, vendor: usize, at: f64) -> Option<f64> {
        match self.feeds[vendor] {
            Feed::Smooth => Some(at),
            Feed::Silent => None,
            Feed::Flushed { every, phase, .. } => {
                let mut flush = ((at - phase) / every).ceil().max(0.0) as usize;
                while self.skipped[vendor].get(flush) == Some(&true) {
                    flush += 1;
                }
                Some(flush as f64 * every + phase)
            }
        }
    }
}
