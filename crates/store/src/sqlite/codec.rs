//! A record, or an override, as bytes: a version, a checksum, and the value as CBOR.
//!
//! SQLite does not notice a flipped bit inside a value; the checksum does.

/// Raised when the bytes after it mean something else. New fields need no new version: CBOR's readers skip what they
/// do not know and fill in what is not there.
const VERSION: u8 = 1;
const HEADER: usize = 5;

/// Replaces what is in `bytes`.
pub(super) fn encode<T: minicbor::Encode<()>>(value: &T, bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend([VERSION, 0, 0, 0, 0]);
    // Writing to memory cannot fail, and neither value has an encoder of its own that could.
    let Ok(()) = minicbor::encode(value, &mut *bytes) else { return bytes.clear() };
    if let Some((header, body)) = bytes.split_first_chunk_mut::<HEADER>() {
        let [a, b, c, d] = crc32fast::hash(body).to_le_bytes();
        *header = [VERSION, a, b, c, d];
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

pub(super) fn decode<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8]) -> Result<T, Damage> {
    let (header, body) = bytes.split_first_chunk::<HEADER>().ok_or(Damage::TooShort)?;
    let [version, checksum @ ..] = *header;
    if version != VERSION {
        return Err(Damage::Version(version));
    }
    if crc32fast::hash(body) != u32::from_le_bytes(checksum) {
        return Err(Damage::Checksum);
    }
    minicbor::decode(body).map_err(|error| Damage::Content(error.to_string()))
}
