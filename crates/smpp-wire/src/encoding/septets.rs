//! Septets packed into octets, the form that the radio interface uses and a few vendors ask for.
//!
//! After a user data header, fill bits bring the first septet to a septet boundary counted from the start of the
//! user data, header included.

/// How many zero bits stand between a header and the first septet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FillBits(u8);

impl FillBits {
    pub const NONE: Self = Self(0);

    /// The fill after a header of so many octets, its length octet included.
    #[must_use]
    pub fn after_header(octets: usize) -> Self {
        // 8 n bits are n bits past a septet boundary, n counted modulo 7.
        let past = u8::try_from(octets % 7).unwrap_or(0);
        Self(if past == 0 { 0 } else { 7_u8.wrapping_sub(past) })
    }

    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }
}

/// Packs septets, one an octet, after the fill bits. The eighth bit of each is dropped.
#[must_use]
pub fn pack(septets: &[u8], fill: FillBits) -> Vec<u8> {
    let mut octets = Vec::with_capacity(septets.len());
    let mut held: u16 = 0;
    let mut bits = fill.0;
    for septet in septets {
        held |= u16::from(septet & 0x7F) << bits;
        bits = bits.wrapping_add(7);
        if bits >= 8 {
            octets.push(low(held));
            held >>= 8;
            bits = bits.wrapping_sub(8);
        }
    }
    if bits > 0 && !septets.is_empty() {
        octets.push(low(held));
    }
    octets
}

/// Unpacks up to `count` septets, one an octet; fewer when the octets end before.
///
/// The count has to be told: seven spare bits at the end are otherwise one more septet, an `@`.
#[must_use]
pub fn unpack(octets: &[u8], fill: FillBits, count: usize) -> Vec<u8> {
    let mut septets = Vec::with_capacity(count.min(octets.len().saturating_mul(2)));
    let mut held: u16 = 0;
    let mut bits: u8 = 0;
    let mut skip = fill.0;
    for octet in octets {
        held |= u16::from(*octet) << bits;
        bits = bits.wrapping_add(8);
        if skip > 0 {
            held >>= skip;
            bits = bits.wrapping_sub(skip);
            skip = 0;
        }
        while bits >= 7 && septets.len() < count {
            septets.push(low(held) & 0x7F);
            held >>= 7;
            bits = bits.wrapping_sub(7);
        }
        if septets.len() == count {
            break;
        }
    }
    septets
}

fn low(held: u16) -> u8 {
    let [octet, _] = held.to_le_bytes();
    octet
}
