//! The GSM 7-bit alphabet of 3GPP TS 23.038 with its national language tables, one septet an octet.
//!
//! SMPP carries septets unpacked; `septets` packs them where a vendor wants that. A language is announced in the
//! user data header (`udh`), so a `Gsm7` that is not the default one belongs to a message with such a header.

use super::Unencodable;

mod locking;
mod single_shift;
mod table;

#[cfg(test)]
mod tests;

use table::Table;

/// Announces that the next septet is one of the single shift table.
pub const ESCAPE: u8 = 0x1B;

/// A pair of tables: the one that is always on and the one behind the escape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Gsm7 {
    /// Replaces the default alphabet. Spanish has no such table and leaves the default one.
    pub locking: Option<Language>,
    /// Replaces the default extension table.
    pub single: Option<Language>,
}

/// The national languages, with the identifiers that the user data header carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Language {
    Turkish = 1,
    Spanish = 2,
    Portuguese = 3,
    Bengali = 4,
    Gujarati = 5,
    Hindi = 6,
    Kannada = 7,
    Malayalam = 8,
    Oriya = 9,
    Punjabi = 10,
    Tamil = 11,
    Telugu = 12,
    Urdu = 13,
}

/// How one character is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Septets {
    One(u8),
    /// The septet that follows the escape.
    Escaped(u8),
}

impl Septets {
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Escaped(_) => 2,
        }
    }
}

impl Language {
    pub const ALL: [Self; 13] = [
        Self::Turkish,
        Self::Spanish,
        Self::Portuguese,
        Self::Bengali,
        Self::Gujarati,
        Self::Hindi,
        Self::Kannada,
        Self::Malayalam,
        Self::Oriya,
        Self::Punjabi,
        Self::Tamil,
        Self::Telugu,
        Self::Urdu,
    ];

    /// The identifier in the user data header.
    #[must_use]
    pub fn id(self) -> u8 {
        self as u8
    }

    #[must_use]
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.id() == id)
    }
}

impl Gsm7 {
    /// The default alphabet and its extension table.
    pub const DEFAULT: Self = Self { locking: None, single: None };

    /// How a character is written, or `None` when these tables do not hold it.
    #[must_use]
    pub fn septets(self, character: char) -> Option<Septets> {
        if let Some(code) = self.locking_table().code(character) {
            return Some(Septets::One(code));
        }
        self.single_table().code(character).map(Septets::Escaped)
    }

    /// Writes text, one septet an octet.
    ///
    /// # Errors
    /// Names the first character that these tables do not hold.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, Unencodable> {
        let mut octets = Vec::with_capacity(text.len());
        for (position, character) in text.chars().enumerate() {
            match self.septets(character).ok_or(Unencodable { character, position })? {
                Septets::One(code) => octets.push(code),
                Septets::Escaped(code) => octets.extend([ESCAPE, code]),
            }
        }
        Ok(octets)
    }

    /// Reads septets, one an octet. A code without a character becomes U+FFFD.
    ///
    /// After an escape, a code that the single shift table lacks is read in the main table, and an escape after an
    /// escape is a blank, both as 23.038 asks. An escape at the very end is a blank too.
    #[must_use]
    pub fn decode(self, octets: &[u8]) -> String {
        let (main, shifted) = (self.locking_table(), self.single_table());
        let mut text = String::with_capacity(octets.len());
        let mut rest = octets.iter().copied();
        while let Some(octet) = rest.next() {
            let character = if octet == ESCAPE {
                match rest.next() {
                    None | Some(ESCAPE) => Some(' '),
                    Some(code) => shifted.character(code).or_else(|| main.character(code)),
                }
            } else {
                main.character(octet)
            };
            text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        text
    }

    fn locking_table(self) -> &'static Table {
        match self.locking {
            None | Some(Language::Spanish) => &locking::DEFAULT,
            Some(Language::Turkish) => &locking::TURKISH,
            Some(Language::Portuguese) => &locking::PORTUGUESE,
            Some(Language::Bengali) => &locking::BENGALI,
            Some(Language::Gujarati) => &locking::GUJARATI,
            Some(Language::Hindi) => &locking::HINDI,
            Some(Language::Kannada) => &locking::KANNADA,
            Some(Language::Malayalam) => &locking::MALAYALAM,
            Some(Language::Oriya) => &locking::ORIYA,
            Some(Language::Punjabi) => &locking::PUNJABI,
            Some(Language::Tamil) => &locking::TAMIL,
            Some(Language::Telugu) => &locking::TELUGU,
            Some(Language::Urdu) => &locking::URDU,
        }
    }

    fn single_table(self) -> &'static Table {
        match self.single {
            None => &single_shift::DEFAULT,
            Some(Language::Turkish) => &single_shift::TURKISH,
            Some(Language::Spanish) => &single_shift::SPANISH,
            Some(Language::Portuguese) => &single_shift::PORTUGUESE,
            Some(Language::Bengali) => &single_shift::BENGALI,
            Some(Language::Gujarati) => &single_shift::GUJARATI,
            Some(Language::Hindi) => &single_shift::HINDI,
            Some(Language::Kannada) => &single_shift::KANNADA,
            Some(Language::Malayalam) => &single_shift::MALAYALAM,
            Some(Language::Oriya) => &single_shift::ORIYA,
            Some(Language::Punjabi) => &single_shift::PUNJABI,
            Some(Language::Tamil) => &single_shift::TAMIL,
            Some(Language::Telugu) => &single_shift::TELUGU,
            Some(Language::Urdu) => &single_shift::URDU,
        }
    }
}
