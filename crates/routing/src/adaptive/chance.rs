//! Numbers that look random and come from a seed alone: splitmix64, and a table of normal ones.

use minicbor::{Decode, Encode};

#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Chance {
    #[n(0)]
    state: u64,
}

/// As often each vendor of a cell is drawn for.
pub(super) const DRAWS: usize = 48;
const NORMALS: usize = 4096;

/// Standard normal numbers, drawn once; the first of them stand at the end once more.
#[derive(Debug)]
pub(super) struct Normals {
    numbers: Vec<f32>,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Two uniform numbers from zero to one.
    pub(super) fn pair(&mut self) -> [f32; 2] {
        let bits = self.next();
        let part = |bits: u64| (bits & 0xff_ffff) as f32 / 16_777_216.0;
        [part(bits >> 40), part(bits >> 8)]
    }
}

impl Normals {
    pub(super) fn new() -> Self {
        let mut chance = Chance::new(1);
        let mut numbers = Vec::with_capacity(NORMALS);
        while numbers.len() < NORMALS {
            let [a, b] = chance.pair();
            let radius = (-2.0 * f64::from(a.max(1e-7)).ln()).sqrt();
            let angle = std::f64::consts::TAU * f64::from(b);
            numbers.extend([(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]);
        }
        numbers.extend_from_within(..DRAWS);
        Self { numbers }
    }

    /// As many as there are draws.
    pub(super) fn from(&self, place: usize) -> &[f32; DRAWS] {
        self.numbers.get(place % NORMALS..).and_then(|from| from.first_chunk()).unwrap_or(&[0.0; DRAWS])
    }
}
