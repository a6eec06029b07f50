//! Text on the wire: the alphabets that `data_coding` names, both ways.
//!
//! Encoding is strict and names the first character that does not fit; decoding never fails and puts U+FFFD where
//! an octet means nothing. Cutting text into segments is decided elsewhere; here whole strings go in and out.

mod data_coding;
mod gsm7;
pub mod septets;

#[cfg(test)]
mod tests;

pub use data_coding::{Alphabet, Class, DataCoding};
pub use gsm7::{ESCAPE, Gsm7, Language, Septets};

/// What the octets of a text stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charset {
    /// One septet an octet.
    Gsm7(Gsm7),
    Ascii,
    Latin1,
    /// UTF-16 in big-endian order. Pairs of surrogates are kept, as handsets do, though UCS-2 proper has none.
    Ucs2,
}

/// The first character of a text that its charset does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character {character:?} at position {position} is not in the alphabet")]
pub struct Unencodable {
    pub character: char,
    /// Counted in characters from 0.
    pub position: usize,
}

impl Charset {
    /// Writes a text.
    ///
    /// # Errors
    /// Names the first character that does not fit.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, Unencodable> {
        match self {
            Self::Gsm7(tables) => tables.encode(text),
            Self::Ascii => single_octets(text, 0x7F),
            Self::Latin1 => single_octets(text, 0xFF),
            Self::Ucs2 => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        }
    }

    /// Reads a text; what means nothing becomes U+FFFD.
    #[must_use]
    pub fn decode(self, octets: &[u8]) -> String {
        match self {
            Self::Gsm7(tables) => tables.decode(octets),
            Self::Ascii => octets
                .iter()
                .map(|octet| if octet.is_ascii() { char::from(*octet) } else { char::REPLACEMENT_CHARACTER })
                .collect(),
            Self::Latin1 => octets.iter().copied().map(char::from).collect(),
            Self::Ucs2 => ucs2(octets),
        }
    }
}

fn single_octets(text: &str, highest: u8) -> Result<Vec<u8>, Unencodable> {
    let mut octets = Vec::with_capacity(text.len());
    for (position, character) in text.chars().enumerate() {
        match u8::try_from(character) {
            Ok(octet) if octet <= highest => octets.push(octet),
            Ok(_) | Err(_) => return Err(Unencodable { character, position }),
        }
    }
    Ok(octets)
}

fn ucs2(octets: &[u8]) -> String {
    let (units, odd) = octets.as_chunks::<2>();
    let mut text: String = char::decode_utf16(units.iter().copied().map(u16::from_be_bytes))
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if !odd.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}
