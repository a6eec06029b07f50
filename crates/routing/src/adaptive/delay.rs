//! How long an arm's receipts or conversions take: a histogram with logarithmic bins, and its distribution function.

use minicbor::{Decode, Encode};

pub(super) const BINS: usize = 40;
/// The upper edges of the first and the last bin, in seconds.
const FIRST: f64 = 0.25;
const LAST: f64 = 3600.0;
/// What is remembered: about so many of the last arrivals.
const MEMORY: f32 = 500.0;
/// Ages are looked up on a grid of quarters of a second, up to this many of them.
const QUARTERS: usize = 2048;

/// What of a distribution lies in each bin, with a sum of one.
pub(super) type Shape = [f32; BINS];

/// Where on the grid of bins an age stands. Made once for each engine, for it needs logarithms.
#[derive(Debug)]
pub(super) struct Grid {
    places: Vec<(u8, f32)>,
}

/// The arrivals of one arm.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Delay {
    #[n(0)]
    mass: [f32; BINS],
    /// The distribution at the bins' lower edges, of the last fit.
    #[n(1)]
    below: [f32; BINS],
    /// The sum of `mass`.
    #[cbor(n(2), default)]
    held: f32,
    /// Of the last fit: the arrivals that it rests on, and by how much the prior makes it faster than they are.
    #[cbor(n(3), default)]
    known: f32,
    #[cbor(n(4), default)]
    hurried: f32,
}

impl Grid {
    pub(super) fn new() -> Self {
        let places = (0..QUARTERS).map(|quarter| place(quarter as f64 / 4.0)).collect();
        Self { places }
    }

    /// `age` in milliseconds.
    pub(super) fn place(&self, age: u64) -> (usize, f32) {
        let quarter = usize::try_from(age / 250).unwrap_or(usize::MAX);
        match self.places.get(quarter) {
            Some((bin, part)) => (usize::from(*bin), *part),
            None => {
                let (bin, part) = place(age as f64 / 1000.0);
                (usize::from(bin), part)
            }
        }
    }
}

/// The logarithm of how much wider each bin is than the one before.
fn step() -> f64 {
    (LAST / FIRST).ln() / (BINS - 1) as f64
}

fn place(age: f64) -> (u8, f32) {
    if age <= FIRST {
        return (0, (age / FIRST).max(0.0) as f32);
    }
    let at = 1.0 + (age / FIRST).ln() / step();
    let bin = at.floor().min((BINS - 1) as f64);
    (bin as u8, (at - bin).clamp(0.0, 1.0) as f32)
}

/// A log-normal distribution over the bins.
pub(super) fn log_normal(median: f64, sigma: f64) -> Shape {
    let below = |bin: usize| {
        if bin == 0 {
            return 0.0;
        }
        let edge = FIRST * (step() * (bin - 1) as f64).exp();
        normal_below((edge / median).ln() / sigma)
    };
    let mut shape = [0.0; BINS];
    for (bin, part) in shape.iter_mut().enumerate() {
        let upper = if bin + 1 == BINS { 1.0 } else { below(bin + 1) };
        *part = (upper - below(bin)) as f32;
    }
    shape
}

/// The normal distribution function, within 1e-7 (Abramowitz and Stegun 26.2.17).
fn normal_below(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let terms = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    let tail = sum * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    if z > 0.0 { 1.0 - tail } else { tail }
}

impl Delay {
    pub(super) fn new(prior: &Shape) -> Self {
        let mut delay = Self { mass: [0.0; BINS], below: [0.0; BINS], held: 0.0, known: 0.0, hurried: 0.0 };
        delay.fit(&[0.0; BINS], prior, 1.0);
        delay
    }

    /// Something came that was not there `low` after it was sent, and was `high` after: its mass is laid where the
    /// last fit expects it between the two. Both are places of the grid.
    pub(super) fn arrived(&mut self, low: (usize, f32), high: (usize, f32)) {
        const EDGE: f32 = 1e-9;
        if self.held > MEMORY {
            let keep = (MEMORY - 1.0) / self.held;
            self.mass.iter_mut().for_each(|mass| *mass *= keep);
            self.held = MEMORY - 1.0;
        }
        self.held += 1.0;
        let last = high.0.min(BINS - 1);
        let inside = self.at(high) - self.at(low);
        if low.0 >= last || inside <= EDGE {
            self.mass[last] += 1.0;
            return;
        }
        for bin in low.0..=last {
            let from = if bin == low.0 { self.at(low) } else { self.below[bin] };
            let to = if bin == last { self.at(high) } else { self.upper(bin) };
            self.mass[bin] += ((to - from) / inside).max(0.0);
        }
    }

    /// Makes the distribution from the arm's own arrivals, those of its vendor and a prior of the given weight.
    pub(super) fn fit(&mut self, shared: &Shape, prior: &Shape, weight: f32) {
        const SHARED: f32 = 0.02;
        let (mut known, mut total) = (0.0, 0.0);
        let mut sums = [(0.0, 0.0); BINS];
        self.held = self.mass.iter().sum();
        for bin in 0..BINS {
            sums[bin] = (known, total);
            known += self.mass[bin] + SHARED * shared[bin];
            total += self.mass[bin] + SHARED * shared[bin] + weight * prior[bin];
        }
        let total = total.max(1e-9);
        (self.known, self.hurried) = (known, 0.0);
        for (below, (arrived, sum)) in self.below.iter_mut().zip(sums) {
            *below = sum / total;
            if known > 0.0 {
                self.hurried = self.hurried.max(*below - arrived / known);
            }
        }
    }

    /// Which share of what will come has come at this place for sure: lower by as much as it is uncertain. When an
    /// arm that is little known gets much traffic, so much is missing at once that a delay which is a little too short
    /// would look like a loss.
    pub(super) fn sure(&self, place: (usize, f32)) -> f32 {
        self.sure_of(self.at(place))
    }

    /// The same of a share: less the standard error of a share of so many arrivals, and what the prior adds to it.
    pub(super) fn sure_of(&self, share: f32) -> f32 {
        let error = (share * (1.0 - share) / (self.known + 1.0)).max(0.0).sqrt();
        (share - error - self.hurried.min(1.0 - share)).max(0.0)
    }

    /// Which share of what will come has come at this place.
    pub(super) fn at(&self, (bin, part): (usize, f32)) -> f32 {
        let bin = bin.min(BINS - 1);
        let below = self.below[bin];
        below + part * (self.upper(bin) - below)
    }

    /// The age in milliseconds at which this share has come, at the edge of a bin.
    pub(super) fn quantile(&self, share: f32) -> u64 {
        let bin = (0..BINS - 1).find(|bin| self.upper(*bin) >= share).unwrap_or(BINS - 1);
        (FIRST * (step() * bin as f64).exp() * 1000.0) as u64
    }

    pub(super) fn add_to(&self, shape: &mut Shape) {
        for (sum, mass) in shape.iter_mut().zip(self.mass) {
            *sum += mass;
        }
    }

    /// The same or much later, one as likely as the other: what is to be expected of an arm in trouble.
    pub(super) fn blurred(&self) -> Shape {
        const LATER: usize = 9;
        let mut shape = [0.0; BINS];
        for bin in 0..BINS {
            let mass = self.upper(bin) - self.below[bin];
            shape[bin] += 0.5 * mass;
            shape[(bin + LATER).min(BINS - 1)] += 0.5 * mass;
        }
        shape
    }

    /// Forgets the arrivals; the fit stands until the next one.
    pub(super) fn forget(&mut self) {
        self.mass = [0.0; BINS];
        self.held = 0.0;
    }

    /// Reads of every part of what `at` reads.
    pub(super) fn touch(&self) -> f32 {
        self.below.iter().step_by(16).sum::<f32>() + self.known
    }

    /// What came about here.
    pub(super) fn mass_at(&self, (bin, _): (usize, f32)) -> f32 {
        self.mass.get(bin).copied().unwrap_or_default()
    }

    fn upper(&self, bin: usize) -> f32 {
        self.below.get(bin + 1).copied().unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_normal_prior_has_its_median_in_the_middle() {
        let grid = Grid::new();
        let delay = Delay::new(&log_normal(4.0, 1.0));
        assert!((delay.at(grid.place(4000)) - 0.5).abs() < 0.02);
        assert!(delay.at(grid.place(0)) < 0.001);
        assert!(delay.at(grid.place(3_600_000)) > 0.999);
    }

    #[test]
    fn arrivals_that_are_only_seen_at_flushes_still_give_the_distribution() {
        let grid = Grid::new();
        let prior = log_normal(4.0, 1.0);
        let mut delay = Delay::new(&prior);
        // Everything takes 8 s, is sent at each second, and is told of every 30 s.
        for _ in 0..30 {
            for sent in 0_u64..300 {
                let flush = (sent + 8).div_ceil(30) * 30;
                let low = (flush - 30).saturating_sub(sent) * 1000;
                delay.arrived(grid.place(low), grid.place((flush - sent) * 1000));
            }
            delay.fit(&[0.0; BINS], &prior, 10.0);
        }
        assert!(delay.at(grid.place(5000)) < 0.25, "{}", delay.at(grid.place(5000)));
        assert!(delay.at(grid.place(12_000)) > 0.85, "{}", delay.at(grid.place(12_000)));
    }
}
