//! What learning alone costs: a policy that is told of every incident and, at once, whether each message that it sent
//! was delivered, but has to learn how well each vendor delivers when all is well. No policy that lives on receipts can
//! hope to lose less by much.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::play::Player;
use crate::policy::{Alarm, Answer, Ask, Known, Policy};
use crate::world::{State, World, normal};

pub(crate) const NAME: &str = "forewarned";

/// What is supposed of a vendor that nothing is known of, and how many messages that counts for.
const SUPPOSED: f64 = 0.9;
const WEIGHT: f64 = 10.0;
/// How much of what is not known is explored, in standard deviations.
const SPREAD: f64 = 0.3;

pub(crate) struct Forewarned<'w> {
    world: &'w World,
    known: Known,
    random: StdRng,
    state: State,
    /// `[vendor][operator]`: messages sent, and delivered, as if there were no incident.
    counts: Vec<Vec<(f64, f64)>>,
}

impl<'w> Forewarned<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self {
            known: Known::of(world),
            random: StdRng::seed_from_u64(world.seed ^ 0xF0E),
            state: world.state(0.0),
            counts: vec![vec![(0.0, 0.0); world.operators()]; world.vendors.len()],
            world,
        }
    }

    /// What is left of the usual delivery just now.
    fn left(&self, vendor: usize, operator: usize) -> f64 {
        self.state.delivery[vendor][operator] / self.world.delivery[vendor][operator]
    }
}

impl Player for Forewarned<'_> {
    fn know(&mut self, truth: &State) {
        self.state.clone_from(truth);
    }

    fn outcome(&mut self, ask: Ask, vendor: usize, delivered: bool) {
        // In an incident little can be learned of what is usual.
        if self.left(vendor, ask.operator) > 0.99 {
            let counts = &mut self.counts[vendor][ask.operator];
            counts.0 += 1.0;
            counts.1 += f64::from(u8::from(delivered));
        }
    }
}

impl Policy for Forewarned<'_> {
    fn tick(&mut self, _: f64) {}

    fn choose(&mut self, _: f64, ask: Ask, excluded: u64) -> Option<usize> {
        let Self { known, state, world, counts, random, .. } = self;
        let mut draw = |vendor: usize| {
            let (sent, delivered) = counts[vendor][ask.operator];
            let rate = (delivered + SUPPOSED * WEIGHT) / (sent + WEIGHT);
            let sd = (rate * (1.0 - rate) / (sent + WEIGHT)).sqrt();
            let drawn = rate + SPREAD * sd * normal(random);
            let left = state.delivery[vendor][ask.operator] / world.delivery[vendor][ask.operator];
            let in_time = world.in_time(vendor, ask.class, state.slower[vendor]);
            let price = state.price[vendor][ask.operator];
            (1.0 - state.timeouts[vendor]) * (known.value[ask.class] * drawn * left * in_time - price)
        };
        let open = |vendor: &usize| state.timeouts[*vendor] < 1.0;
        let drawn = known.feasible(ask, excluded).filter(open).map(|vendor| (draw(vendor), vendor));
        drawn.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, vendor)| vendor)
    }

    fn submitted(&mut self, _: f64, _: Ask, _: usize, _: Answer) {}
    fn receipt(&mut self, _: f64, _: Ask, _: usize, _: f64, _: bool) {}
    fn converted(&mut self, _: f64, _: Ask, _: usize, _: f64) {}
    fn priced(&mut self, _: f64, _: &[Vec<f64>]) {}
    fn alarms(&mut self) -> Option<Vec<Alarm>> {
        None
    }
}
