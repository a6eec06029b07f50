//! The user data header of 3GPP TS 23.040: information elements in front of the text of a segment.
//!
//! Reading borrows and checks every length once, so that walking the elements cannot fail afterwards. Elements that
//! we do not know are kept as octets.

use crate::encoding::{Gsm7, Language};

mod write;

#[cfg(test)]
mod tests;

pub use write::{ReferenceWidth, Writer, with_concatenation};

/// Parts of a long message, 8-bit reference.
pub const CONCATENATION_8: u8 = 0x00;
/// Parts of a long message, 16-bit reference.
pub const CONCATENATION_16: u8 = 0x08;
/// Application ports of one octet each: destination, then origin.
pub const PORTS_8: u8 = 0x04;
/// Application ports of two octets each: destination, then origin.
pub const PORTS_16: u8 = 0x05;
/// The national language single shift table.
pub const SINGLE_SHIFT: u8 = 0x24;
/// The national language locking shift table.
pub const LOCKING_SHIFT: u8 = 0x25;

/// A header whose lengths have been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Without the length octet.
    elements: &'a [u8],
}

/// One information element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    pub id: u8,
    pub data: &'a [u8],
}

/// Where a segment stands in its message, however it was told: by an 8-bit or a 16-bit element or by the SAR TLVs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Concatenation {
    pub reference: u16,
    pub total: u8,
    /// Counted from 1.
    pub part: u8,
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the user data is empty, so it has no header")]
    Empty,
    #[error("a header of {claimed} octets in user data that has {present} after the length octet")]
    HeaderTooLong { claimed: usize, present: usize },
    #[error("element {id:#04x} claims {claimed} octets where {present} are left")]
    ElementTooLong { id: u8, claimed: usize, present: usize },
    #[error("an octet is left after the last element")]
    Leftover,
    #[error("element {id:#04x} has {length} octets, which is not its length")]
    ElementLength { id: u8, length: usize },
    #[error("part {part} of {total}")]
    Part { part: u8, total: u8 },
    #[error("the elements take {0} octets, more than a header can say")]
    DoesNotFit(usize),
    #[error("a reference of {0} does not fit an octet")]
    Reference(u16),
    #[error("{0} parts, which is none or more than 255")]
    Count(usize),
}

/// Takes the header off user data whose `esm_class` says that it has one; returns it and what follows.
///
/// # Errors
/// Lengths that do not add up; the caller decides whether the whole counts as text then.
pub fn split(user_data: &[u8]) -> Result<(Header<'_>, &[u8]), Error> {
    let (length, rest) = user_data.split_first().ok_or(Error::Empty)?;
    let claimed = usize::from(*length);
    let (elements, body) =
        rest.split_at_checked(claimed).ok_or(Error::HeaderTooLong { claimed, present: rest.len() })?;
    Ok((Header::parse(elements)?, body))
}

impl<'a> Header<'a> {
    /// Checks elements that stand without their length octet.
    ///
    /// # Errors
    /// An element that is longer than what is left, or a single octet left over.
    pub fn parse(elements: &'a [u8]) -> Result<Self, Error> {
        let mut rest = elements;
        while !rest.is_empty() {
            (_, rest) = take(rest)?;
        }
        Ok(Self { elements })
    }

    pub fn elements(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let mut rest = self.elements;
        std::iter::from_fn(move || {
            let (element, after) = take(rest).ok()?;
            rest = after;
            Some(element)
        })
    }

    /// How many octets it takes on the wire, the length octet included.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.elements.len().saturating_add(1)
    }

    /// Which part this is. Of several such elements the last one holds, as 23.040 asks.
    ///
    /// # Errors
    /// An element of the wrong length, no parts in total, part 0 or a part after the last.
    pub fn concatenation(&self) -> Result<Option<Concatenation>, Error> {
        let mut found = None;
        for Element { id, data } in self.elements() {
            found = match (id, data) {
                (CONCATENATION_8, [reference, total, part]) => {
                    Some(Concatenation::new(u16::from(*reference), *total, *part)?)
                }
                (CONCATENATION_16, [high, low, total, part]) => {
                    Some(Concatenation::new(u16::from_be_bytes([*high, *low]), *total, *part)?)
                }
                (CONCATENATION_8 | CONCATENATION_16, _) => {
                    return Err(Error::ElementLength { id, length: data.len() });
                }
                _ => found,
            };
        }
        Ok(found)
    }

    /// The tables that the text is in. A language that we do not know leaves the default tables, as 23.038 asks.
    #[must_use]
    pub fn shifts(&self) -> Gsm7 {
        let mut shifts = Gsm7::DEFAULT;
        for element in self.elements() {
            match (element.id, element.data) {
                (SINGLE_SHIFT, [language]) => shifts.single = Language::from_id(*language),
                (LOCKING_SHIFT, [language]) => shifts.locking = Language::from_id(*language),
                _ => {}
            }
        }
        shifts
    }

    /// The application ports as they stand, destination first, whichever width they have.
    #[must_use]
    pub fn ports(&self) -> Option<Element<'a>> {
        self.elements().find(|element| matches!(element.id, PORTS_8 | PORTS_16))
    }
}

impl Concatenation {
    /// # Errors
    /// No parts in total, part 0, or a part after the last.
    pub fn new(reference: u16, total: u8, part: u8) -> Result<Self, Error> {
        if part == 0 || part > total {
            return Err(Error::Part { part, total });
        }
        Ok(Self { reference, total, part })
    }
}

fn take(octets: &[u8]) -> Result<(Element<'_>, &[u8]), Error> {
    let [id, length, rest @ ..] = octets else { return Err(Error::Leftover) };
    let claimed = usize::from(*length);
    let (data, after) = rest.split_at_checked(claimed).ok_or(Error::ElementTooLong {
        id: *id,
        claimed,
        present: rest.len(),
    })?;
    Ok((Element { id: *id, data }, after))
}
