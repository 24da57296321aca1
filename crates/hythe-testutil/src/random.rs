//! Bytes that look random to a compressor and come again for the same seed.
//!
//! SplitMix64 (Steele, Lea, Flood 2014): eight lines, no dependency, good enough to be incompressible. Not for keys.

use bytes::Bytes;

/// A stream of numbers and bytes determined by its seed.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The stream that belongs to a name under a seed, so that content of one test does not shift when another test
    /// draws more.
    pub fn named(seed: u64, name: &str) -> Self {
        // FNV-1a, only to spread names over seeds.
        let spread = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self::new(seed ^ spread)
    }

    /// The next 64 bits.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; zero when `limit` is zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.number() % limit }
    }

    /// `length` bytes, for instance an incompressible layer.
    pub fn bytes(&mut self, length: usize) -> Bytes {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.number().to_le_bytes());
        }
        bytes.truncate(length);
        Bytes::from(bytes)
    }

    /// `length` lower-case letters, for names and tags.
    pub fn letters(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| char::from(b'a' + (self.number() % 26) as u8))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(Random::new(7).bytes(100), Random::new(7).bytes(100));
        assert_ne!(Random::new(7).bytes(100), Random::new(8).bytes(100));
        assert_ne!(Random::named(7, "a").bytes(16), Random::named(7, "b").bytes(16));
    }

    #[test]
    fn lengths_are_exact() {
        for length in [0, 1, 7, 8, 9, 1000] {
            assert_eq!(Random::new(1).bytes(length).len(), length);
            assert_eq!(Random::new(1).letters(length).len(), length);
        }
    }
}
