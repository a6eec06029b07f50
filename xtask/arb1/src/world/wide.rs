//! Worlds of any size, drawn at random: what was learnt from the constants of ARB-1 is of no use in them.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::harsh::flush;
use super::original::{classes, main_vendor};
use super::{Effect, Event, Feed, Traffic, Vendor, World, below, between, messages};

/// Vendors and operators as many as said, prices and qualities at random, and the kinds of incident of ARB-1.
pub(crate) fn wide(seed: u64, rate: f64, hours: f64, size: (usize, usize)) -> World {
    let mut random = StdRng::seed_from_u64(seed ^ 0x71DE_0000);
    let (mut world, shares) = random_world(seed, rate, hours, size, &mut random);
    let all: Vec<usize> = (0..size.1).collect();
    let main = Some(main_vendor(&world, &shares));
    let mut one = || below(&mut random, size.1.min(4));
    let (first, second, third, down) = (one(), one(), one(), one());
    let best = |operator| Some(world.best(operator, 0));
    let mut script = vec![
        ("outage", Effect::Timeouts(1.0), 600.0, main, all.clone()),
        ("silent_drop", Effect::Delivery(0.05), 900.0, best(first), vec![first]),
        ("slow_dlr", Effect::SlowReceipts(12.0), 540.0, main, all.clone()),
        ("fake_dlr", Effect::Fake(0.15, 0.97), 900.0, best(second), vec![second]),
        ("slow_deliv", Effect::SlowDelivery(12.0), 540.0, main, all.clone()),
        ("throttle", Effect::Throttle(0.10), 480.0, main, all),
        ("gradual", Effect::Gradual(0.40), 600.0, best(third), vec![third]),
        ("op_down", Effect::Delivery(0.10), 180.0, None, vec![down]),
    ];
    // In any order, each in a slice of its own.
    for at in (1..script.len()).rev() {
        script.swap(at, below(&mut random, at + 1));
    }
    let slice = (world.length - 500.0) / script.len() as f64;
    let scale = (slice / 900.0).min(1.0);
    let placed = script.into_iter().enumerate().map(|(at, (name, effect, lasts, vendor, operators))| {
        let lasts = lasts * scale * 0.8;
        let start = 450.0 + slice * at as f64 + between(&mut random, 0.0, slice - lasts);
        Event { name, effect, start, end: start + lasts, vendor, operators }
    });
    world.events = placed.collect();
    world
}

/// No incident, and receipts in flushes: every alarm is a false one.
pub(crate) fn calm(seed: u64, rate: f64, hours: f64, size: (usize, usize)) -> World {
    let mut random = StdRng::seed_from_u64(seed ^ 0xCA13_0000);
    let (mut world, _) = random_world(seed, rate, hours, size, &mut random);
    flush(&mut world, &mut random);
    world
}

fn random_world(
    seed: u64,
    rate: f64,
    hours: f64,
    (vendors, operators): (usize, usize),
    random: &mut StdRng,
) -> (World, Vec<f64>) {
    let length = hours * 3600.0;
    let shares: Vec<f64> = (0..operators).map(|at| 1.0 / (1.0 + at as f64).powf(0.8)).collect();
    let base: Vec<(f64, f64)> =
        (0..vendors).map(|_| (between(random, 8.0, 50.0), between(random, 0.88, 0.97))).collect();
    let dearer: Vec<f64> = (0..operators).map(|_| between(random, 0.8, 1.3)).collect();
    let by_cell = |cell: &mut dyn FnMut(usize, usize) -> f64| -> Vec<Vec<f64>> {
        (0..vendors).map(|v| (0..operators).map(|o| cell(v, o)).collect()).collect()
    };
    let price = by_cell(&mut |v, o| base[v].0 * dearer[o]);
    let delivery = by_cell(&mut |v, _| {
        let poor = random.random::<f64>() < 0.08;
        if poor { between(random, 0.5, 0.8) } else { (base[v].1 + between(random, -0.04, 0.02)).min(0.985) }
    });
    let allowed = (0..vendors).map(|v| {
        let any = |o: usize| vec![true, price[v][o] < 55.0 || v == 0, price[v][o] < 40.0 || v == 0];
        (0..operators).map(any).collect()
    });
    let mut world = World {
        seed,
        length,
        classes: classes(),
        conversion: (0..operators).map(|_| between(random, 0.55, 0.85)).collect(),
        faked: vec![vec![0.0; operators]; vendors],
        allowed: allowed.collect(),
        vendors: Vec::new(),
        delivery,
        price,
        commitments: Vec::new(),
        events: Vec::new(),
        gaps: Vec::new(),
        messages: Vec::new(),
    };
    for _ in 0..vendors {
        world.vendors.push(Vendor {
            receipts: (between(random, 0.92, 0.99), between(random, 0.5, 0.9)),
            delay: (between(random, 1.5, 6.0), between(random, 0.5, 0.9)),
            cap: rate * between(random, 0.5, 0.9),
            feed: Feed::Smooth,
        });
    }
    let traffic = Traffic { rate, length, classes: &[0.50, 0.35, 0.15], operators: &shares, reporting: 0.70 };
    world.messages = messages(random, &traffic);
    (world, shares)
}
