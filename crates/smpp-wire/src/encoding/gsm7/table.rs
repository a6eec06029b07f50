//! One alphabet of 128 codes, with its reverse worked out at compile time.

/// A code table and the same pairs sorted by character, so that encoding needs neither a map nor a scan.
pub(super) struct Table {
    forward: [u16; 128],
    reverse: [(u16, u8); 128],
}

impl Table {
    /// `forward[code]` is the character of a code, or 0 where it has none.
    pub(super) const fn new(forward: [u16; 128]) -> Self {
        Self { forward, reverse: sorted(&forward) }
    }

    pub(super) fn character(&self, code: u8) -> Option<char> {
        let unit = *self.forward.get(usize::from(code))?;
        if unit == 0 { None } else { char::from_u32(u32::from(unit)) }
    }

    pub(super) fn code(&self, character: char) -> Option<u8> {
        let unit = u16::try_from(u32::from(character)).ok().filter(|unit| *unit != 0)?;
        let at = self.reverse.binary_search_by_key(&unit, |(unit, _)| *unit).ok()?;
        self.reverse.get(at).map(|(_, code)| *code)
    }
}

/// The pairs in the order of their characters. A character that a table holds twice keeps its lower code; every
/// empty cell becomes (0, 0), and `code` never looks those up.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated at compile time only, where a wrong index or an overflow is a build error"
)]
const fn sorted(forward: &[u16; 128]) -> [(u16, u8); 128] {
    let mut reverse = [(0, 0); 128];
    let mut code = 0;
    while code < 128 {
        let unit = forward[code];
        if unit != 0 && !holds(&reverse, unit) {
            let mut at = 127;
            let mut carried = (unit, code as u8);
            while carried.0 != 0 {
                if reverse[at].0 < carried.0 {
                    let displaced = reverse[at];
                    reverse[at] = carried;
                    carried = displaced;
                }
                if carried.0 != 0 {
                    at -= 1;
                }
            }
        }
        code += 1;
    }
    reverse
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated at compile time only, where a wrong index or an overflow is a build error"
)]
const fn holds(reverse: &[(u16, u8); 128], unit: u16) -> bool {
    let mut at = 0;
    while at < 128 {
        if reverse[at].0 == unit {
            return true;
        }
        at += 1;
    }
    false
}
