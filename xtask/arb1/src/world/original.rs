//! ARB-1 as its specification has it: five vendors, six operators, three classes, eight incidents.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::{Class, Effect, Event, Feed, Traffic, Vendor, World, below, between, messages};

const OPERATORS: [f64; 6] = [0.30, 0.25, 0.18, 0.14, 0.10, 0.03];
const CLASSES: [f64; 3] = [0.50, 0.35, 0.15];
const PRICE_BY_VENDOR: [f64; 5] = [45.0, 32.0, 18.0, 10.0, 28.0];
const PRICE_BY_OPERATOR: [f64; 6] = [1.0, 0.9, 1.1, 1.0, 1.2, 1.0];
const CEILING: [f64; 3] = [60.0, 45.0, 34.0];
const DELIVERY: [f64; 5] = [0.97, 0.95, 0.91, 0.93, 0.96];
const RECEIPTS: [(f64, f64); 5] = [(0.98, 0.90), (0.97, 0.80), (0.94, 0.50), (0.97, 0.60), (0.96, 0.80)];
const DELAY: [(f64, f64); 5] = [(2.0, 0.6), (3.0, 0.7), (5.0, 0.9), (4.0, 0.8), (2.5, 0.6)];
/// Of the mean rate.
const CAP: [f64; 5] = [0.60, 0.80, 0.60, 0.60, 0.40];
/// The cheap vendor, which lies on three operators from the start.
const LIAR: usize = 3;
/// The operator that is pinned to the first two vendors, whatever they cost.
const PINNED: usize = 5;

/// The world of a seed. `liar` is whether the cheap vendor lies from the start.
pub(crate) fn original(seed: u64, rate: f64, hours: f64, liar: bool) -> World {
    let mut random = StdRng::seed_from_u64(seed ^ 0xA2B1_0000);
    let length = hours * 3600.0;
    let table = |cell: &mut dyn FnMut(usize, usize) -> f64| -> Vec<Vec<f64>> {
        (0..DELIVERY.len()).map(|v| (0..OPERATORS.len()).map(|o| cell(v, o)).collect()).collect()
    };
    let price = table(&mut |v, o| PRICE_BY_VENDOR[v] * PRICE_BY_OPERATOR[o]);
    let lies = |v: usize, o: usize| liar && v == LIAR && [1, 3, 4].contains(&o);
    let delivery = table(&mut |v, o| {
        let off = between(&mut random, -0.035, 0.02);
        match v {
            4 if [0, 1, 5].contains(&o) => 0.62 + off,
            _ if lies(v, o) => 0.55,
            _ => (DELIVERY[v] + off).min(0.985),
        }
    });
    let allowed = (0..DELIVERY.len()).map(|v| {
        let by_operator = (0..OPERATORS.len()).map(|o| {
            let within = |ceiling: &f64| price[v][o] <= *ceiling;
            CEILING.iter().map(|ceiling| if o == PINNED { v < 2 } else { within(ceiling) }).collect()
        });
        by_operator.collect()
    });
    let mut world = World {
        seed,
        length,
        classes: classes(),
        vendors: (0..DELIVERY.len())
            .map(|v| Vendor {
                receipts: RECEIPTS[v],
                delay: DELAY[v],
                cap: CAP[v] * rate,
                feed: Feed::Smooth,
            })
            .collect(),
        conversion: OPERATORS.iter().map(|_| between(&mut random, 0.70, 0.82)).collect(),
        faked: table(&mut |v, o| if lies(v, o) { 0.97 } else { 0.0 }),
        allowed: allowed.collect(),
        delivery,
        price,
        commitments: vec![(1, 0.12)],
        events: Vec::new(),
        gaps: Vec::new(),
        messages: Vec::new(),
    };
    let traffic = Traffic { rate, length, classes: &CLASSES, operators: &OPERATORS, reporting: 0.70 };
    world.messages = messages(&mut random, &traffic);
    world.events = events(&world, &mut random);
    world
}

pub(super) fn classes() -> Vec<Class> {
    [(400.0, 30.0, 0.80), (250.0, 300.0, 0.75), (80.0, 3600.0, 0.50)]
        .map(|(value, deadline, min_success)| Class { value, deadline, min_success })
        .to_vec()
}

/// The vendor that is best for most of the traffic.
pub(super) fn main_vendor(world: &World, shares: &[f64]) -> usize {
    let mut traffic = vec![0.0; world.vendors.len()];
    for (operator, share) in shares.iter().enumerate() {
        traffic[world.best(operator, 0)] += share;
    }
    let best = traffic.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(vendor, _)| vendor)
}

fn events(world: &World, random: &mut StdRng) -> Vec<Event> {
    let all: Vec<usize> = (0..OPERATORS.len()).collect();
    let main = main_vendor(world, &OPERATORS);
    let mut four = vec![0, 1, 2, 3];
    let mut one_of_four = || four.swap_remove(below(random, four.len()));
    let (dropped, lied, fading) = (one_of_four(), one_of_four(), one_of_four());
    let liar = world.best(lied, 0);
    let lied_to: Vec<usize> = if world.best(4, 0) == liar { vec![lied, 4] } else { vec![lied] };
    let down = below(random, 3);
    let script = [
        ("outage", Effect::Timeouts(1.0), (600.0, 1200.0), Some(main), all.clone()),
        (
            "silent_drop",
            Effect::Delivery(0.05),
            (1500.0, 2400.0),
            Some(world.best(dropped, 0)),
            vec![dropped],
        ),
        ("slow_dlr", Effect::SlowReceipts(12.0), (2700.0, 3240.0), Some(main), all.clone()),
        ("fake_dlr", Effect::Fake(0.15, 0.97), (3500.0, 4400.0), Some(liar), lied_to),
        ("slow_deliv", Effect::SlowDelivery(12.0), (4700.0, 5240.0), Some(main), all.clone()),
        ("throttle", Effect::Throttle(0.10), (5400.0, 5880.0), Some(main), all),
        ("gradual", Effect::Gradual(0.40), (6000.0, 6600.0), Some(world.best(fading, 0)), vec![fading]),
        ("op_down", Effect::Delivery(0.10), (6750.0, 6930.0), None, vec![down]),
    ];
    let scale = world.length / 7200.0;
    let placed = script.map(|(name, effect, (start, end), vendor, operators)| {
        let off = between(random, -60.0, 60.0);
        let (start, end) = (scale * (start + off), scale * (end + off));
        Event { name, effect, start, end, vendor, operators }
    });
    placed.to_vec()
}
