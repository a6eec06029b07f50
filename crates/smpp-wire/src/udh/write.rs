//! Writing user data headers, and putting one in front of each segment of a long message.

use super::{CONCATENATION_8, CONCATENATION_16, Concatenation, Error, LOCKING_SHIFT, SINGLE_SHIFT};
use crate::encoding::Gsm7;

/// Collects information elements.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    elements: Vec<u8>,
}

/// How wide the reference of a long message is: it costs a septet of text or two, and collides more or less often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceWidth {
    Octet,
    TwoOctets,
}

impl Writer {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds any element.
    ///
    /// # Errors
    /// Data that its length octet cannot say.
    pub fn element(mut self, id: u8, data: &[u8]) -> Result<Self, Error> {
        let length = u8::try_from(data.len()).map_err(|_| Error::ElementLength { id, length: data.len() })?;
        self.elements.extend([id, length]);
        self.elements.extend_from_slice(data);
        Ok(self)
    }

    /// Adds the place of a segment.
    ///
    /// # Errors
    /// A reference that does not fit the width.
    pub fn concatenation(self, place: Concatenation, width: ReferenceWidth) -> Result<Self, Error> {
        match width {
            ReferenceWidth::Octet => {
                let reference =
                    u8::try_from(place.reference).map_err(|_| Error::Reference(place.reference))?;
                self.element(CONCATENATION_8, &[reference, place.total, place.part])
            }
            ReferenceWidth::TwoOctets => {
                let [high, low] = place.reference.to_be_bytes();
                self.element(CONCATENATION_16, &[high, low, place.total, place.part])
            }
        }
    }

    /// Announces the national language tables that the text is in; nothing for the default ones.
    #[must_use]
    pub fn shifts(mut self, shifts: Gsm7) -> Self {
        for (id, language) in [(SINGLE_SHIFT, shifts.single), (LOCKING_SHIFT, shifts.locking)] {
            if let Some(language) = language {
                self.elements.extend([id, 1, language.id()]);
            }
        }
        self
    }

    /// The header with its length octet; empty when no element was added.
    ///
    /// # Errors
    /// More elements than the length octet can say.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        if self.elements.is_empty() {
            return Ok(self.elements);
        }
        let length = u8::try_from(self.elements.len()).map_err(|_| Error::DoesNotFit(self.elements.len()))?;
        let mut header = vec![length];
        header.extend(self.elements);
        Ok(header)
    }
}

/// Puts a concatenation header, and the announcement of the language tables, in front of each segment's octets.
///
/// The segments are cut already, short enough for the header that this adds, and stand in their order.
///
/// # Errors
/// No segments, more than 255, or a reference that does not fit the width.
pub fn with_concatenation(
    segments: &[Vec<u8>],
    reference: u16,
    width: ReferenceWidth,
    shifts: Gsm7,
) -> Result<Vec<Vec<u8>>, Error> {
    let total =
        u8::try_from(segments.len()).ok().filter(|total| *total > 0).ok_or(Error::Count(segments.len()))?;
    let mut user_data = Vec::with_capacity(segments.len());
    for (part, segment) in (1..=total).zip(segments) {
        let place = Concatenation::new(reference, total, part)?;
        let mut octets = Writer::new().concatenation(place, width)?.shifts(shifts).finish()?;
        octets.extend_from_slice(segment);
        user_data.push(octets);
    }
    Ok(user_data)
}
