//! Cuts a text into the segments that are sent and billed.
//!
//! The rule is the bare one of 3GPP TS 23.040: a segment is filled to the last unit, but an escape pair of GSM 7-bit
//! and a surrogate pair of UCS-2 are never torn. Grapheme clusters are not kept whole: that could cost the buyer a
//! segment that networks do not ask for.

use std::ops::Range;

use minicbor::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the characters of a text travel.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    #[n(0)]
    Gsm7,
    #[n(1)]
    Ucs2,
}

impl Encoding {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
        }
    }

    /// Septets (GSM 7-bit) or 16-bit units (UCS-2) that fit in a message of one segment: 140 octets.
    #[must_use]
    pub fn single_capacity(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// The same for a segment of several, which gives six octets to the header with an 8-bit reference.
    #[must_use]
    pub fn part_capacity(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }
}

/// The header counts segments in one octet.
pub const MAX_SEGMENTS: usize = 255;

/// More is a mistake of the application more often than a message: what takes more is neither accepted nor sent.
pub const MAX_SENT: usize = 20;

/// A text cut into segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segmentation {
    pub encoding: Encoding,
    /// Septets or 16-bit units of the whole text, escapes included.
    pub units: usize,
    /// The byte range of each segment in the text, in order. At least one, even for an empty text.
    pub segments: Vec<Range<usize>>,
}

/// Cuts `text` by the cheapest encoding that holds every character of it.
#[must_use]
pub fn segment(text: &str) -> Segmentation {
    let encoding = encoding_of(text);
    let units: usize = text.chars().map(|c| units(encoding, c)).sum();
    if units <= encoding.single_capacity() {
        #[expect(clippy::single_range_in_vec_init, reason = "a message of one segment is one range")]
        return Segmentation { encoding, units, segments: vec![0..text.len()] };
    }
    let mut segments = Vec::with_capacity(units / encoding.part_capacity() + 1);
    let (mut start, mut filled) = (0, 0);
    for (position, c) in text.char_indices() {
        let wanted = self::units(encoding, c);
        if filled + wanted > encoding.part_capacity() {
            segments.push(start..position);
            (start, filled) = (position, 0);
        }
        filled += wanted;
    }
    segments.push(start..text.len());
    Segmentation { encoding, units, segments }
}

/// GSM 7-bit when every character of the text is in its default alphabet or extension, else UCS-2.
#[must_use]
pub fn encoding_of(text: &str) -> Encoding {
    if text.chars().all(|c| gsm7_septets(c).is_some()) { Encoding::Gsm7 } else { Encoding::Ucs2 }
}

/// How many septets the character takes in GSM 7-bit: one, two with its escape, or None when it is not there.
#[must_use]
pub fn gsm7_septets(c: char) -> Option<u8> {
    match c {
        ' '..='Z' | 'a'..='z' => Some(1),
        '\n' | '\r' | '_' | '£' | '¥' | 'è' | 'é' | 'ù' | 'ì' | 'ò' | 'Ç' | 'Ø' | 'ø' | 'Å' | 'å' | 'Δ'
        | 'Φ' | 'Γ' | 'Λ' | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' | 'Æ' | 'æ' | 'ß' | 'É' | '¤' | '¡' | 'Ä'
        | 'Ö' | 'Ñ' | 'Ü' | '§' | '¿' | 'ä' | 'ö' | 'ñ' | 'ü' | 'à' => Some(1),
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}

fn units(encoding: Encoding, c: char) -> usize {
    match encoding {
        Encoding::Gsm7 => gsm7_septets(c).map_or(1, usize::from),
        Encoding::Ucs2 => c.len_utf16(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(text: &str) -> (Encoding, usize, usize) {
        let cut = segment(text);
        (cut.encoding, cut.units, cut.segments.len())
    }

    #[test]
    fn texts_are_cut_where_the_standard_says() {
        assert_eq!(count(""), (Encoding::Gsm7, 0, 1));
        assert_eq!(count(&"a".repeat(160)), (Encoding::Gsm7, 160, 1));
        assert_eq!(count(&"a".repeat(161)), (Encoding::Gsm7, 161, 2));
        assert_eq!(count(&"a".repeat(306)), (Encoding::Gsm7, 306, 2));
        assert_eq!(count(&"a".repeat(307)), (Encoding::Gsm7, 307, 3));
        assert_eq!(count(&"€".repeat(80)), (Encoding::Gsm7, 160, 1));
        assert_eq!(count(&"ж".repeat(70)), (Encoding::Ucs2, 70, 1));
        assert_eq!(count(&"ж".repeat(71)), (Encoding::Ucs2, 71, 2));
        assert_eq!(count("`"), (Encoding::Ucs2, 1, 1));
    }

    #[test]
    fn an_escape_pair_is_never_torn() {
        let text = format!("{}€{}", "a".repeat(152), "b".repeat(20));
        let cut = segment(&text);
        assert_eq!(cut.segments[0], 0..152);
    }

    #[test]
    fn a_surrogate_pair_is_never_torn() {
        let text = format!("{}😀{}", "ж".repeat(66), "ж".repeat(20));
        let cut = segment(&text);
        assert_eq!(&text[cut.segments[0].clone()], "ж".repeat(66));
    }

    proptest! {
        #[test]
        fn the_segments_are_the_text_and_none_is_too_long(text in "\\PC{0,400}|[a-z€{}]{0,500}") {
            let cut = segment(&text);
            let joined: String = cut.segments.iter().map(|range| &text[range.clone()]).collect();
            prop_assert_eq!(&joined, &text);
            let several = cut.segments.len() > 1;
            let capacity = if several { cut.encoding.part_capacity() } else { cut.encoding.single_capacity() };
            for range in &cut.segments {
                let used: usize = text[range.clone()].chars().map(|c| units(cut.encoding, c)).sum();
                prop_assert!(used <= capacity);
                prop_assert!(!several || used > 0);
            }
        }
    }
}
