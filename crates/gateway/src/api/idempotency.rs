//! The header `Idempotency-Key`, and the fingerprint of what was asked under it.

use axum::http::HeaderMap;
use sha2::{Digest as _, Sha256};
use store::write::Idempotency;

use super::code::Code;
use super::problem::Problem;

const MAX_KEY: usize = 255;

/// The key of the request; None when it has none.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let refused = |detail: &str| Problem::new(Code::InvalidIdempotencyKey, detail);
    if keys.next().is_some() {
        return Err(refused("the header Idempotency-Key is there twice"));
    }
    let key = key.to_str().unwrap_or_default().trim();
    let usable = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    usable.then_some(Some(key)).ok_or_else(|| refused("the key is not 1 to 255 printable ASCII characters"))
}

/// The same for bodies that say the same: their fields, in whatever order and with whatever space between them.
pub(crate) fn fingerprint(path: &str, fields: &[(&str, &str)]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    // Each piece with its length, so that no two lists of fields run together to the same bytes.
    let mut add = |piece: &str| {
        hasher.update((piece.len() as u64).to_be_bytes());
        hasher.update(piece.as_bytes());
    };
    add(path);
    for (name, raw) in fields {
        add(name);
        add(raw);
    }
    hasher.finalize().into()
}

pub(crate) fn of_message(key: &str, fingerprint: [u8; 32]) -> Idempotency {
    Idempotency { key: key.into(), fingerprint }
}

/// Each item of a batch has a key of its own. No key that is sent holds the character between the two halves.
pub(crate) fn of_item(key: &str, index: usize, fingerprint: [u8; 32]) -> Idempotency {
    Idempotency { key: format!("{key}\u{1f}{index}").into(), fingerprint }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_is_printable_and_alone() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("idempotency-key", HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            key(&headers).map(|key| key.map(str::to_owned)).map_err(|problem| problem.code())
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["order 7"]), Ok(Some("order 7".to_owned())));
        assert_eq!(read(&[&"k".repeat(255)]).map(|key| key.is_some()), Ok(true));
        for wrong in [&["a", "b"][..], &[""], &["ü"], &[&"k".repeat(256)]] {
            assert_eq!(read(wrong), Err(Code::InvalidIdempotencyKey), "{wrong:?}");
        }
    }

    #[test]
    fn a_fingerprint_tells_every_piece_apart() {
        let base = fingerprint("/v1/messages", &[("text", "\"ab\""), ("to", "\"c\"")]);
        assert_ne!(base, fingerprint("/v1/messages/batch", &[("text", "\"ab\""), ("to", "\"c\"")]));
        assert_ne!(base, fingerprint("/v1/messages", &[("text", "\"a\""), ("to", "\"bc\"")]));
        assert_ne!(base, fingerprint("/v1/messages", &[("text", "\"ab\"")]));
    }
}
