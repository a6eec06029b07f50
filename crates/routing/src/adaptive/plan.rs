//! From beliefs to the probabilities of a cell: probability matching on utility, and floors for what is to be learned.

use super::chance::{Chance, DRAWS, Normals};
use super::settings::Tuning;
use super::table::Row;

/// What is known of a vendor for one cell.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) vendor: u16,
    pub(super) utility: f64,
    pub(super) sd: f64,
    /// The part of its traffic that it may have, by its circuit and its recovery.
    pub(super) ramp: f64,
    pub(super) is_shut: bool,
    /// It delivers less than the class asks for.
    pub(super) is_below: bool,
    /// The least probability that it gets, to learn.
    pub(super) probe: f64,
}

/// Makes the rows of one cell after another, in the same places in memory.
#[derive(Debug)]
pub(super) struct Planner<'a> {
    tuning: &'a Tuning,
    normals: &'a Normals,
    /// What so many draws that were won weigh.
    sharpened: [f64; DRAWS + 1],
    /// By candidate: how many draws it won.
    wins: Vec<usize>,
    players: Vec<usize>,
    weights: Vec<f64>,
    floors: Vec<f64>,
    rows: Vec<Row>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(tuning: &'a Tuning, normals: &'a Normals) -> Self {
        let sharpened = std::array::from_fn(|wins| (wins as f64 / DRAWS as f64).powf(tuning.sharpness));
        let (wins, players, weights, floors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { tuning, normals, sharpened, wins, players, weights, floors, rows: Vec::new() }
    }

    /// The rows of a cell, the best first; the shares sum to one when there is any candidate.
    pub(super) fn rows(&mut self, candidates: &mut [Candidate], chance: &mut Chance) -> &[Row] {
        let is_choice = candidates.iter().any(|candidate| !candidate.is_shut && !candidate.is_below);
        candidates.sort_by(|a, b| {
            let order = |candidate: &Candidate| (candidate.is_shut, is_choice && candidate.is_below);
            order(a).cmp(&order(b)).then(b.utility.total_cmp(&a.utility))
        });
        self.draw(candidates, is_choice, chance);
        let Self { sharpened, wins, weights, floors, rows, .. } = self;
        let sharpened = |wins: &usize| sharpened.get(*wins).copied().unwrap_or(1.0);
        weights.clear();
        weights.extend(wins.iter().zip(&*candidates).map(|(wins, c)| sharpened(wins) * c.ramp));
        let sum: f64 = weights.iter().sum();
        if sum > 0.0 {
            weights.iter_mut().for_each(|weight| *weight /= sum);
        } else if let Some(first) = weights.first_mut() {
            *first = 1.0;
        }
        let usable = |candidate: &Candidate| if candidate.ramp > 0.0 { candidate.probe } else { 0.0 };
        floors.clear();
        floors.extend(weights.iter().zip(&*candidates).map(|(weight, c)| (usable(c) - weight).max(0.0)));
        let all: f64 = floors.iter().sum();
        let learned = all.min(0.5);
        let scale = if learned > 0.0 { learned / all } else { 0.0 };
        let row = |((candidate, weight), floor): ((&Candidate, &f64), &f64)| {
            let (share, least) = (weight * (1.0 - learned), floor * scale);
            // What knocks at a half-open circuit is to find it closed, also where no message may be a probe.
            let (share, probe) = if candidate.is_shut { (share + least, 0.0) } else { (share, least) };
            Row {
                vendor: candidate.vendor,
                share: share as f32,
                probe: probe as f32,
                utility: candidate.utility as f32,
                is_shut: candidate.is_shut,
            }
        };
        rows.clear();
        rows.extend(candidates.iter().zip(&*weights).zip(&*floors).map(row));
        rows
    }

    /// For each candidate, in how many of the draws it was best.
    fn draw(&mut self, candidates: &[Candidate], is_choice: bool, chance: &mut Chance) {
        let Self { tuning, normals, wins, players, .. } = self;
        wins.clear();
        wins.resize(candidates.len(), 0);
        let plays = |candidate: &Candidate| {
            candidate.ramp > 0.0 && !(is_choice && (candidate.is_below || candidate.is_shut))
        };
        let Some((first, best)) = candidates.iter().enumerate().find(|(_, candidate)| plays(candidate))
        else {
            return;
        };
        // Whoever is far below the best wins no draw.
        let near =
            |other: &Candidate| best.utility - other.utility <= 4.0 * tuning.spread * (best.sd + other.sd);
        players.clear();
        let others = candidates.iter().enumerate();
        players.extend(others.filter(|(at, it)| *at == first || plays(it) && near(it)).map(|(at, _)| at));
        if players.len() == 1 {
            wins[first] = DRAWS;
            return;
        }
        let start = chance.next() as usize;
        // All draws of a candidate together, without a branch: the compiler makes of it what takes several at once.
        let (mut highest, mut winner) = ([f32::NEG_INFINITY; DRAWS], [0_u32; DRAWS]);
        for (nth, at) in players.iter().enumerate() {
            let candidate = &candidates[*at];
            let (utility, sd) = (candidate.utility as f32, (tuning.spread * candidate.sd) as f32);
            let noise = normals.from(start.wrapping_add(nth * DRAWS));
            for draw in 0..DRAWS {
                let drawn = utility + sd * noise[draw];
                let is_higher = drawn > highest[draw];
                highest[draw] = if is_higher { drawn } else { highest[draw] };
                winner[draw] = if is_higher { nth as u32 } else { winner[draw] };
            }
        }
        for winner in winner {
            wins[players[winner as usize]] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate() -> impl Strategy<Value = Candidate> {
        let numbers = (0.0..400.0, 0.0..50.0, prop_oneof![Just(0.0), Just(1.0), 0.0..1.0], 0.0..0.3);
        (numbers, any::<bool>(), any::<bool>()).prop_map(|((utility, sd, ramp, probe), is_below, is_shut)| {
            Candidate { vendor: 0, utility, sd, ramp, is_shut, is_below, probe }
        })
    }

    proptest! {
        #[test]
        fn probabilities_sum_to_one(candidates in prop::collection::vec(candidate(), 1..9), seed: u64) {
            let (tuning, normals, mut candidates) = (Tuning::default(), Normals::new(), candidates);
            let mut planner = Planner::new(&tuning, &normals);
            let rows = planner.rows(&mut candidates, &mut Chance::new(seed));
            let sum: f32 = rows.iter().map(|row| row.share + row.probe).sum();
            prop_assert!((sum - 1.0).abs() < 1e-4, "{sum}");
            prop_assert!(rows.iter().all(|row| row.share >= 0.0 && row.probe >= 0.0));
        }
    }
}
