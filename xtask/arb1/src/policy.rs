//! What is judged: whatever chooses a vendor for a message and is told what became of it.

use crate::world::World;

/// What a gateway's configuration knows of the world: nothing of what is true behind the vendors' words.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// `[vendor][operator]`, in 1e-4 USD.
    pub(crate) price: Vec<Vec<f64>>,
    /// `[vendor][operator][class]`.
    pub(crate) allowed: Vec<Vec<Vec<bool>>>,
    /// By class, of a message that arrives in time, in 1e-4 USD.
    pub(crate) value: Vec<f64>,
    /// By class, in seconds.
    pub(crate) deadline: Vec<f64>,
    /// By vendor, in messages a second.
    pub(crate) cap: Vec<f64>,
    /// By class: the least success that a rule accepts.
    pub(crate) min_success: Vec<f64>,
    /// Vendors and the share of all accepted messages that each was promised.
    pub(crate) commitments: Vec<(usize, f64)>,
    pub(crate) seed: u64,
}

/// One message, as the policy sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) id: usize,
    pub(crate) operator: usize,
    pub(crate) class: usize,
    /// Whether the application says when its user acts.
    pub(crate) reports_conversion: bool,
}

/// How a vendor answered a submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    Timeout,
    Throttled,
}

/// What a policy says out loud.
#[derive(Clone, Debug)]
pub(crate) struct Alarm {
    /// In seconds.
    pub(crate) at: f64,
    /// None: the operator itself.
    pub(crate) vendor: Option<usize>,
    /// None: the whole vendor.
    pub(crate) operator: Option<usize>,
    pub(crate) kind: String,
}

/// Times are in simulated seconds from 0 and never go back. Feedback comes on a grid of half a second, before the
/// choices of that instant.
pub(crate) trait Policy {
    /// Once a second.
    fn tick(&mut self, now: f64);
    /// None when no vendor shall be tried. `excluded` has a bit for each vendor that was tried already.
    fn choose(&mut self, now: f64, ask: Ask, excluded: u64) -> Option<usize>;
    fn submitted(&mut self, now: f64, ask: Ask, vendor: usize, answer: Answer);
    fn receipt(&mut self, now: f64, ask: Ask, vendor: usize, sent_at: f64, delivered: bool);
    fn converted(&mut self, now: f64, ask: Ask, vendor: usize, sent_at: f64);
    /// A new price list, `[vendor][operator]`.
    fn priced(&mut self, now: f64, price: &[Vec<f64>]);
    /// Those raised since the last call; None from a policy that raises none.
    fn alarms(&mut self) -> Option<Vec<Alarm>>;
}

impl Known {
    pub(crate) fn of(world: &World) -> Self {
        Self {
            price: world.price.clone(),
            allowed: world.allowed.clone(),
            value: world.classes.iter().map(|class| class.value).collect(),
            deadline: world.classes.iter().map(|class| class.deadline).collect(),
            cap: world.vendors.iter().map(|vendor| vendor.cap).collect(),
            min_success: world.classes.iter().map(|class| class.min_success).collect(),
            commitments: world.commitments.clone(),
            seed: world.seed,
        }
    }

    /// Those that may carry a message and were not tried.
    pub(crate) fn feasible(&self, ask: Ask, excluded: u64) -> impl Iterator<Item = usize> {
        let allowed = move |vendor: &usize| self.allowed[*vendor][ask.operator][ask.class];
        (0..self.price.len()).filter(move |vendor| excluded >> vendor & 1 == 0).filter(allowed)
    }
}
