//! ARB-1 with what real vendors do: receipts in flushes, none at all, shocks of operators, gaps, partial trouble.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::{Effect, Event, Feed, World, below, between, original};

const EVERY: [f64; 4] = [5.0, 15.0, 30.0, 60.0];
const SKIPPED: f64 = 0.04;

/// The world of a seed with receipts flushed per vendor, one vendor without receipts, operator shocks and one gap of
/// five minutes in which no application reports conversions.
pub(crate) fn flushed(seed: u64, rate: f64, hours: f64, liar: bool) -> World {
    let mut world = original(seed, rate, hours, liar);
    let mut random = StdRng::seed_from_u64(seed ^ 0xF1A5_4ED0);
    flush(&mut world, &mut random);
    let silent = [0, 1, 2, 4][below(&mut random, 4)];
    world.vendors[silent].feed = Feed::Silent;
    for _ in 0..(hours * 2.0).ceil() as usize {
        let start = between(&mut random, 300.0, world.length - 300.0);
        let end = start + between(&mut random, 60.0, 180.0);
        let factor = 1.0 - between(&mut random, 0.06, 0.25);
        let operators = vec![below(&mut random, world.operators())];
        world.events.push(Event {
            name: "shock",
            effect: Effect::Delivery(factor),
            start,
            end,
            vendor: None,
            operators,
        });
    }
    let gap = between(&mut random, 300.0, world.length - 600.0);
    world.gaps.push((gap, gap + 300.0));
    world
}

/// Each vendor's receipts come in flushes of its own rhythm.
pub(super) fn flush(world: &mut World, random: &mut StdRng) {
    for vendor in &mut world.vendors {
        let every = EVERY[below(random, EVERY.len())];
        vendor.feed = Feed::Flushed { every, skipped: SKIPPED, phase: between(random, 0.0, every) };
    }
}

/// Trouble that is partial, comes and goes, or heals only in part; receipts as they come.
pub(crate) fn harsh(seed: u64, rate: f64, hours: f64, liar: bool) -> World {
    let mut world = original(seed, rate, hours, liar);
    let mut random = StdRng::seed_from_u64(seed ^ 0x4A25_4000);
    let all: Vec<usize> = (0..world.operators()).collect();
    let main = world.events[0].vendor;
    let one = below(&mut random, 4);
    let other = (one + 1) % 4;
    let best = |operator| Some(world.best(operator, 0));
    let script = [
        ("some_timeouts", Effect::Timeouts(between(&mut random, 0.3, 0.7)), 600.0, main, all.clone()),
        ("half_lost", Effect::Delivery(0.5), 1800.0, best(one), vec![one]),
        ("flapping", Effect::Flapping(0.05), 3000.0, best(other), vec![other]),
        ("half_healed", Effect::Halfway(0.05, between(&mut random, 0.6, 0.85)), 4200.0, best(one), vec![one]),
        ("price", Effect::Price(2.0), 5400.0, main, all),
    ];
    let scale = world.length / 7200.0;
    world.events = script
        .map(|(name, effect, start, vendor, operators)| {
            let start = scale * (start + between(&mut random, -60.0, 60.0));
            Event { name, effect, start, end: start + scale * 600.0, vendor, operators }
        })
        .to_vec();
    world
}
