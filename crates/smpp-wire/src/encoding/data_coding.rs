//! The `data_coding` octet: which alphabet the text is in, and the message class.
//!
//! SMPP gives 0x00 to 0x0F their meaning; from 0x10 on vendors use the groups of 3GPP TS 23.038. The octet is kept
//! as it came, so that a value we do not know passes through unchanged.

use super::{Charset, Gsm7};

/// A `data_coding` octet as it stands on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DataCoding(u8);

/// What a `data_coding` says of the octets of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alphabet {
    /// The default alphabet of the message centre, which only the vendor's settings can name.
    Default,
    Ascii,
    Latin1,
    Ucs2,
    /// Octets that are not text.
    Binary,
    /// The GSM alphabet, named by a 23.038 group rather than left to the message centre.
    Gsm7,
    /// An alphabet that we do not read, with the whole octet.
    Other(u8),
}

/// The message class of 23.038.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Class {
    /// Shown at once and not stored, also called flash.
    Immediate = 0,
    Handset = 1,
    Sim = 2,
    Terminal = 3,
}

impl Class {
    fn from_bits(octet: u8) -> Self {
        match octet & 0x03 {
            0 => Self::Immediate,
            1 => Self::Handset,
            2 => Self::Sim,
            _ => Self::Terminal,
        }
    }
}

impl DataCoding {
    pub const DEFAULT: Self = Self(0x00);
    pub const ASCII: Self = Self(0x01);
    pub const LATIN1: Self = Self(0x03);
    pub const BINARY: Self = Self(0x04);
    pub const UCS2: Self = Self(0x08);

    #[must_use]
    pub const fn from_octet(octet: u8) -> Self {
        Self(octet)
    }

    #[must_use]
    pub const fn octet(self) -> u8 {
        self.0
    }

    #[must_use]
    pub fn alphabet(self) -> Alphabet {
        match self.0 {
            0x00 => Alphabet::Default,
            0x01 => Alphabet::Ascii,
            0x02 | 0x04 => Alphabet::Binary,
            0x03 => Alphabet::Latin1,
            0x08 => Alphabet::Ucs2,
            // General group and automatic deletion, uncompressed.
            0x10..=0x1F | 0x40..=0x5F => match self.0 & 0x0C {
                0x00 => Alphabet::Gsm7,
                0x04 => Alphabet::Binary,
                0x08 => Alphabet::Ucs2,
                _ => Alphabet::Other(self.0),
            },
            // Message waiting indications: discard, store, store in UCS-2.
            0xC0..=0xDF => Alphabet::Gsm7,
            0xE0..=0xEF => Alphabet::Ucs2,
            0xF0..=0xFF => {
                if self.0 & 0x04 == 0 {
                    Alphabet::Gsm7
                } else {
                    Alphabet::Binary
                }
            }
            _ => Alphabet::Other(self.0),
        }
    }

    /// The message class, where the octet carries one.
    #[must_use]
    pub fn class(self) -> Option<Class> {
        match self.0 {
            0x10..=0x1F | 0x30..=0x3F | 0x50..=0x5F | 0x70..=0x7F | 0xF0..=0xFF => {
                Some(Class::from_bits(self.0))
            }
            _ => None,
        }
    }

    /// The same alphabet with a class, in the general group. `None` for alphabets that 23.038 cannot give a class.
    #[must_use]
    pub fn with_class(self, class: Class) -> Option<Self> {
        let group = match self.alphabet() {
            Alphabet::Default | Alphabet::Gsm7 => 0x10,
            Alphabet::Binary => 0x14,
            Alphabet::Ucs2 => 0x18,
            Alphabet::Ascii | Alphabet::Latin1 | Alphabet::Other(_) => return None,
        };
        Some(Self(group | class as u8))
    }

    /// How to read or write the text, given what the vendor means by its default alphabet; `None` when the octets
    /// are not text that we know. `shifts` are the language tables that the user data header announced.
    #[must_use]
    pub fn charset(self, default: Charset, shifts: Gsm7) -> Option<Charset> {
        let charset = match self.alphabet() {
            Alphabet::Default => default,
            Alphabet::Gsm7 => Charset::Gsm7(Gsm7::DEFAULT),
            Alphabet::Ascii => Charset::Ascii,
            Alphabet::Latin1 => Charset::Latin1,
            Alphabet::Ucs2 => Charset::Ucs2,
            Alphabet::Binary | Alphabet::Other(_) => return None,
        };
        Some(match charset {
            Charset::Gsm7(tables) => Charset::Gsm7(if shifts == Gsm7::DEFAULT { tables } else { shifts }),
            Charset::Ascii | Charset::Latin1 | Charset::Ucs2 => charset,
        })
    }
}
