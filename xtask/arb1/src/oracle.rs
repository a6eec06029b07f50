//! Knows the true state of every instant, under the same constraints, caps and tries: what regret is measured from.

use crate::play::Player;
use crate::policy::{Alarm, Answer, Ask, Known, Policy};
use crate::world::{State, World, normal_cdf};

pub(crate) struct Oracle<'w> {
    world: &'w World,
    known: Known,
    /// `[operator][class]`: best first.
    ranked: Vec<Vec<Vec<usize>>>,
}

impl<'w> Oracle<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world, known: Known::of(world), ranked: Vec::new() }
    }

    fn rank(&self, state: &State, operator: usize, class: usize) -> Vec<usize> {
        let worth = |vendor: usize| {
            let (median, sigma) = self.world.vendors[vendor].delay;
            let deadline = self.known.deadline[class];
            let in_time = normal_cdf((deadline / (median * state.slower[vendor])).ln() / sigma);
            let taken = 1.0 - state.timeouts[vendor];
            taken
                * (self.known.value[class] * state.delivery[vendor][operator] * in_time
                    - state.price[vendor][operator])
        };
        let ask = Ask { id: 0, operator, class, reports_conversion: false };
        let mut ranked: Vec<(f64, usize)> = self
            .known
            .feasible(ask, 0)
            .filter(|vendor| state.timeouts[*vendor] < 1.0)
            .map(|vendor| (worth(vendor), vendor))
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.into_iter().map(|(_, vendor)| vendor).collect()
    }
}

impl Player for Oracle<'_> {
    fn know(&mut self, truth: &State) {
        let classes = 0..self.known.value.len();
        let by_class = |operator| classes.clone().map(|class| self.rank(truth, operator, class)).collect();
        self.ranked = (0..self.world.operators()).map(by_class).collect();
    }
}

impl Policy for Oracle<'_> {
    fn tick(&mut self, _: f64) {}
    fn choose(&mut self, _: f64, ask: Ask, excluded: u64) -> Option<usize> {
        let ranked = &self.ranked[ask.operator][ask.class];
        ranked.iter().copied().find(|vendor| excluded >> vendor & 1 == 0)
    }
    fn submitted(&mut self, _: f64, _: Ask, _: usize, _: Answer) {}
    fn receipt(&mut self, _: f64, _: Ask, _: usize, _: f64, _: bool) {}
    fn converted(&mut self, _: f64, _: Ask, _: usize, _: f64) {}
    fn priced(&mut self, _: f64, _: &[Vec<f64>]) {}
    fn alarms(&mut self) -> Option<Vec<Alarm>> {
        None
    }
}
