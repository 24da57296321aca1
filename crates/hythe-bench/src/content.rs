//! Layers: incompressible, each unlike every other, made without holding them all in memory.

use std::fmt::Write as _;

use hythe_testutil::Random;
use sha2::{Digest as _, Sha256};

/// Bytes at the front of a layer that make it unique.
const MARK_BYTES: usize = 16;

/// Layers of one size that share all but their first bytes.
#[derive(Debug)]
pub(crate) struct Layers {
    shared: Vec<u8>,
}

/// One layer: its mark, and its digest.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// The first bytes.
    pub(crate) mark: [u8; MARK_BYTES],
    /// `sha256:…`
    pub(crate) digest: String,
}

impl Layers {
    /// Layers of `size` bytes, at least 16.
    pub(crate) fn new(size: u64) -> Self {
        let shared = Random::new(size).bytes((size as usize).max(MARK_BYTES));
        Self {
            shared: shared.to_vec(),
        }
    }

    /// The size of each layer in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.shared.len() as u64
    }

    /// The bytes after the mark.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.shared[MARK_BYTES..]
    }

    /// The layer of this number, different for every number.
    pub(crate) fn layer(&self, number: u64) -> Layer {
        let mut mark = [0; MARK_BYTES];
        mark[..8].copy_from_slice(&number.to_be_bytes());
        mark[8..].copy_from_slice(&(!number).to_be_bytes());
        let mut hash = Sha256::new();
        hash.update(mark);
        hash.update(self.rest());
        let digest = format!("sha256:{}", hex(&hash.finalize()));
        Layer { mark, digest }
    }
}

/// The SHA-256 of some bytes in hexadecimal digits.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_is_of_the_size_and_unlike_the_others() {
        let layers = Layers::new(1000);
        let (first, second) = (layers.layer(1), layers.layer(2));
        assert_eq!(
            first.mark.len() as u64 + layers.rest().len() as u64,
            layers.size()
        );
        assert_ne!(first.digest, second.digest);
        assert_eq!(first.digest, layers.layer(1).digest);
    }
}
