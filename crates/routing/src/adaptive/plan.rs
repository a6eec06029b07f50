//! From beliefs to the probabilities of a cell: probability matching on utility, and floors for what is to be learned.

use super::chance::{Chance, Normals};
use super::settings::Tuning;
use super::table::Row;

const DRAWS: usize = 48;

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

/// The rows of a cell, the best first; the shares sum to one when there is any candidate.
pub(super) fn rows(
    mut candidates: Vec<Candidate>,
    tuning: &Tuning,
    chance: &mut Chance,
    normals: &Normals,
) -> Vec<Row> {
    let is_choice = candidates.iter().any(|candidate| !candidate.is_shut && !candidate.is_below);
    candidates.sort_by(|a, b| {
        let order = |candidate: &Candidate| (candidate.is_shut, is_choice && candidate.is_below);
        order(a).cmp(&order(b)).then(b.utility.total_cmp(&a.utility))
    });
    let wins = wins(&candidates, is_choice, tuning, chance, normals);
    let mut weights: Vec<f64> =
        wins.iter().zip(&candidates).map(|(wins, c)| wins.powf(tuning.sharpness) * c.ramp).collect();
    let sum: f64 = weights.iter().sum();
    if sum > 0.0 {
        weights.iter_mut().for_each(|weight| *weight /= sum);
    } else if let Some(first) = weights.first_mut() {
        *first = 1.0;
    }
    let usable = |candidate: &Candidate| if candidate.ramp > 0.0 { candidate.probe } else { 0.0 };
    let floors: Vec<f64> =
        weights.iter().zip(&candidates).map(|(weight, c)| (usable(c) - weight).max(0.0)).collect();
    let learned: f64 = floors.iter().sum::<f64>().min(0.5);
    let scale = if learned > 0.0 { learned / floors.iter().sum::<f64>() } else { 0.0 };
    let row = |((candidate, weight), floor): ((&Candidate, f64), f64)| Row {
        vendor: candidate.vendor,
        share: (weight * (1.0 - learned)) as f32,
        probe: (floor * scale) as f32,
        utility: candidate.utility as f32,
        is_shut: candidate.is_shut,
    };
    candidates.iter().zip(weights).zip(floors).map(row).collect()
}

/// For each candidate, in which part of the draws it was best.
fn wins(
    candidates: &[Candidate],
    is_choice: bool,
    tuning: &Tuning,
    chance: &mut Chance,
    normals: &Normals,
) -> Vec<f64> {
    let mut wins = vec![0.0; candidates.len()];
    let plays = |candidate: &Candidate| {
        candidate.ramp > 0.0 && !(is_choice && (candidate.is_below || candidate.is_shut))
    };
    let players: Vec<usize> = (0..candidates.len()).filter(|at| plays(&candidates[*at])).collect();
    let Some(&first) = players.first() else { return wins };
    // Whoever is far below the best wins no draw.
    let near = |at: &usize| {
        let (best, other) = (&candidates[first], &candidates[*at]);
        best.utility - other.utility <= 4.0 * tuning.spread * (best.sd + other.sd)
    };
    let players: Vec<usize> = players.into_iter().filter(|at| *at == first || near(at)).collect();
    if players.len() == 1 {
        wins[first] = 1.0;
        return wins;
    }
    let start = chance.next() as usize % 4096;
    for draw in 0..DRAWS {
        let mut best = (f64::NEG_INFINITY, first);
        for (nth, at) in players.iter().enumerate() {
            let candidate = &candidates[*at];
            let noise = f64::from(normals.at(start + draw * players.len() + nth));
            let drawn = candidate.utility + tuning.spread * candidate.sd * noise;
            if drawn > best.0 {
                best = (drawn, *at);
            }
        }
        wins[best.1] += 1.0 / DRAWS as f64;
    }
    wins
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
            let rows = rows(candidates, &Tuning::default(), &mut Chance::new(seed), &Normals::new());
            let sum: f32 = rows.iter().map(|row| row.share + row.probe).sum();
            prop_assert!((sum - 1.0).abs() < 1e-4, "{sum}");
            prop_assert!(rows.iter().all(|row| row.share >= 0.0 && row.probe >= 0.0));
        }
    }
}
