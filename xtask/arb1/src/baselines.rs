//! What others do: fixed orders, and learners at the settings that their authors publish.
//!
//! All have the same constraints, the same tries and, where they learn, the same utility, so that they differ only in
//! how they estimate. The sources are named at each.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::play::Player;
use crate::policy::Known;

mod fixed;
mod learner;
mod windowed;

pub(crate) const NAMES: [&str; 11] = [
    "priority",
    "least-cost",
    "weighted",
    "round-robin",
    "ejection",
    "re-rank-5-15",
    "epsilon-greedy",
    "bucket-125",
    "discounted-ucb",
    "thompson",
    "thompson-conversions",
];

/// None when no baseline has the name.
pub(crate) fn named(name: &str, known: Known) -> Option<Box<dyn Player>> {
    use learner::{Learner, Rule, Signal};
    let random = StdRng::seed_from_u64(known.seed ^ 0xBA5E);
    let learner = |rule, signal, half_life| Learner::new(known.clone(), rule, signal, half_life);
    Some(match name {
        "priority" => Box::new(fixed::Fixed::new(known, fixed::Order::Listed, random)),
        "least-cost" => Box::new(fixed::Fixed::new(known, fixed::Order::Price, random)),
        "weighted" => Box::new(fixed::Fixed::new(known, fixed::Order::Weighted, random)),
        "round-robin" => Box::new(fixed::Fixed::new(known, fixed::Order::Turns, random)),
        "ejection" => Box::new(fixed::Fixed::new(known, fixed::Order::Ejecting, random)),
        "re-rank-5-15" => Box::new(windowed::ReRanked::new(known, random)),
        "bucket-125" => Box::new(windowed::Bucketed::new(known, random)),
        "epsilon-greedy" => Box::new(learner(Rule::Greedy { explored: 0.05 }, Signal::Receipts, 300.0)),
        "discounted-ucb" => Box::new(learner(Rule::Ucb, Signal::Receipts, 300.0)),
        "thompson" => Box::new(learner(Rule::Thompson, Signal::Receipts, 300.0)),
        "thompson-conversions" => Box::new(learner(Rule::Thompson, Signal::Conversions, 300.0)),
        _ => return None,
    })
}
