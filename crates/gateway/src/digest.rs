//! Versions of what is read: numbers that change when what it says does.

use sha2::{Digest as _, Sha256};

/// A SHA-256 over texts, which stays the same between versions of the program and its libraries.
#[derive(Default)]
pub(crate) struct Digest(Sha256);

impl Digest {
    pub(crate) fn add(&mut self, text: &str) {
        // With its length, so that no two lists of texts run into the same bytes.
        self.0.update(text.len().to_le_bytes());
        self.0.update(text);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The first bits of a digest.
pub(crate) fn number(digest: [u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest;
    // The store keeps it as a signed number.
    u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1
}
