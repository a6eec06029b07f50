//! The version of a configuration: a number that changes when what it says does.

use sha2::{Digest as _, Sha256};

/// The first bits of a SHA-256, which stays the same between versions of the program and its libraries.
#[derive(Default)]
pub(super) struct Version(Sha256);

impl Version {
    pub(super) fn add(&mut self, text: &str) {
        // With its length, so that no two lists of texts run into the same bytes.
        self.0.update(text.len().to_le_bytes());
        self.0.update(text);
    }

    pub(super) fn finish(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(self.0.finalize());
        // The store keeps it as a signed number.
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1
    }
}
