//! A record as bytes: a version, a checksum, a length, and the record as CBOR.
//!
//! SQLite does not notice a flipped bit inside a value; the checksum does. What follows the record is room to grow.

use domain::Record;

/// Raised when the bytes after it mean something else. New fields need no new version: CBOR's readers skip what they
/// do not know and fill in what is not there.
const VERSION: u8 = 1;
const HEADER: usize = 9;

/// Replaces what is in `bytes`.
pub(super) fn encode(record: &Record, bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend([0; HEADER]);
    // Writing to memory cannot fail, and a record has no encoder of its own that could.
    let Ok(()) = minicbor::encode(record, &mut *bytes) else { return bytes.clear() };
    if let Some((header, body)) = bytes.split_first_chunk_mut::<HEADER>() {
        let [a, b, c, d] = crc32fast::hash(body).to_le_bytes();
        let [e, f, g, h] = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
        *header = [VERSION, a, b, c, d, e, f, g, h];
    }
}

/// Why stored bytes are no record.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("it is cut short")]
    TooShort,
    #[error("it has the unknown version {0}")]
    Version(u8),
    #[error("its checksum differs")]
    Checksum,
    #[error("its bytes are no record: {0}")]
    Content(String),
}

pub(super) fn decode(bytes: &[u8]) -> Result<Record, Damage> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(Damage::TooShort)?;
    let [version, a, b, c, d, e, f, g, h] = *header;
    if version != VERSION {
        return Err(Damage::Version(version));
    }
    let length = usize::try_from(u32::from_le_bytes([e, f, g, h])).map_err(|_| Damage::TooShort)?;
    let body = rest.get(..length).ok_or(Damage::TooShort)?;
    if crc32fast::hash(body) != u32::from_le_bytes([a, b, c, d]) {
        return Err(Damage::Checksum);
    }
    minicbor::decode(body).map_err(|error| Damage::Content(error.to_string()))
}
