//! The weighted draw: a recipient keeps its route, and a change of one weight moves only the share that has to move.
//!
//! Weighted rendezvous hashing: each route draws a number from the recipient and divides it by its weight; the lowest
//! wins. Integers throughout, so that every machine draws the same.

use std::cmp::Ordering;

/// What sets one route of one rule apart.
pub(crate) fn salt(rule: &str, route: &str) -> u64 {
    // The zero keeps `a` + `bc` apart from `ab` + `c`: no id holds one.
    hash(&[rule.as_bytes(), &[0], route.as_bytes()].concat())
}

/// FNV-1a, 64 bits.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The place that a route draws for a recipient. The lowest goes first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    uniform: u64,
    weight: u32,
    /// `exponential / weight`, nearly.
    about: f64,
}

impl Draw {
    pub(crate) fn new(salt: u64, recipient: u64, weight: u32) -> Self {
        let uniform = mix(salt ^ mix(recipient));
        let exponential = f64::from(u64::BITS) - (uniform.max(1) as f64).log2();
        Self { uniform, weight, about: exponential / f64::from(weight) }
    }

    fn exponential(&self) -> u128 {
        negative_log2(self.uniform).into()
    }
}

/// How far `about` times its weight may be from the exact value on any machine: some thousand times more than it is.
const IMPRECISION: f64 = 1e-6;

/// By `exponential / weight`, exactly: but for one pair in some hundred thousand the machine's own logarithm tells which
/// is lower, and that of integers, without the division, need not be worked out.
impl Ord for Draw {
    fn cmp(&self, other: &Self) -> Ordering {
        let error = IMPRECISION / f64::from(self.weight) + IMPRECISION / f64::from(other.weight);
        if (self.about - other.about).abs() > error {
            return self.about.total_cmp(&other.about);
        }
        let left = self.exponential() * u128::from(other.weight);
        let right = other.exponential() * u128::from(self.weight);
        left.cmp(&right)
    }
}

impl PartialOrd for Draw {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Draw {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Draw {}

/// The finaliser of SplitMix64: every bit of the input changes half of the output.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

const FRACTION_BITS: u32 = 32;

/// −log₂ of `value` / 2⁶⁴, with 32 bits after the point: exponentially distributed when `value` is uniform.
fn negative_log2(value: u64) -> u64 {
    let value = value.max(1);
    let zeros = value.leading_zeros();
    // From here 1 ≤ mantissa < 2, with 63 bits after the point. Squaring doubles its logarithm: what passes 2 is the
    // next bit.
    let mut mantissa = value << zeros;
    let mut fraction: u64 = 0;
    for _ in 0..FRACTION_BITS {
        let square = u128::from(mantissa) * u128::from(mantissa);
        let bit = (square >> 127) as u64;
        mantissa = (square >> (63 + bit)) as u64;
        fraction = fraction << 1 | bit;
    }
    (u64::from(zeros + 1) << FRACTION_BITS) - fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_exact_to_its_last_places() {
        for value in [1, 2, 3, 1 << 40, 0xdead_beef_dead_beef, u64::MAX / 3, u64::MAX] {
            let expected = 64.0 - (value as f64).log2();
            let found = negative_log2(value) as f64 / 2f64.powi(32);
            assert!((found - expected).abs() < 1e-8, "{value}: {found} is not {expected}");
        }
    }

    /// A change of these numbers would move every recipient of every weighted rule to another route.
    #[test]
    fn the_draw_never_changes() {
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(mix(1), 0x5692_161d_100b_05e5);
        assert_ne!(salt("a", "bc"), salt("ab", "c"));
        let draw = Draw::new(salt("rule", "route"), hash(b"+4915112345678"), 1);
        assert_eq!(draw.exponential(), 2_589_335_647);
    }

    /// What the machine's own logarithm tells is what the exact one tells, also of neighbours.
    #[test]
    fn the_quick_comparison_is_the_exact_one() {
        let exact = |one: &Draw, other: &Draw| {
            (one.exponential() * u128::from(other.weight))
                .cmp(&(other.exponential() * u128::from(one.weight)))
        };
        let draw = |uniform: u64, weight| Draw {
            uniform,
            weight,
            about: (64.0 - (uniform.max(1) as f64).log2()) / f64::from(weight),
        };
        let mut seed: u64 = 1;
        for _ in 0..20_000 {
            seed = mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15));
            for near in
                [seed, seed ^ 1, seed.wrapping_add(1 << 31), u64::MAX - (seed >> 40), seed >> 33, mix(seed)]
            {
                for (weight, other) in [(1, 1), (70, 30), (1, u32::MAX), (u32::MAX, u32::MAX - 1)] {
                    let (one, other) = (draw(seed, weight), draw(near, other));
                    assert_eq!(one.cmp(&other), exact(&one, &other), "{one:?} {other:?}");
                }
            }
        }
    }
}
