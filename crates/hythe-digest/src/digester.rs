use std::fmt;

use sha2::digest::Digest as _;
use sha2::{Sha256, Sha384, Sha512};

use crate::{Algorithm, Digest, StateError, state};

/// Computes a [`Digest`] while bytes stream by.
#[derive(Clone)]
pub struct Digester {
    hasher: Hasher,
    hashed_bytes: u64,
}

#[derive(Clone)]
enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Digester {
    /// A digester that has seen nothing yet.
    pub fn new(algorithm: Algorithm) -> Digester {
        let hasher = match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha384 => Hasher::Sha384(Sha384::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        };
        Digester {
            hasher,
            hashed_bytes: 0,
        }
    }

    /// The algorithm of the digest to come.
    pub fn algorithm(&self) -> Algorithm {
        match self.hasher {
            Hasher::Sha256(_) => Algorithm::Sha256,
            Hasher::Sha384(_) => Algorithm::Sha384,
            Hasher::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Hashes the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha384(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
        self.hashed_bytes += bytes.len() as u64;
    }

    /// How many bytes were hashed so far, those before a [restored](Digester::restore_state) state included.
    pub fn hashed_bytes(&self) -> u64 {
        self.hashed_bytes
    }

    /// The digest of everything hashed.
    pub fn finish(self) -> Digest {
        let algorithm = self.algorithm();
        let digest = match self.hasher {
            Hasher::Sha256(hasher) => Digest::from_bytes(algorithm, &hasher.finalize()),
            Hasher::Sha384(hasher) => Digest::from_bytes(algorithm, &hasher.finalize()),
            Hasher::Sha512(hasher) => Digest::from_bytes(algorithm, &hasher.finalize()),
        };
        digest.expect("a hash has the length of its algorithm")
    }

    /// The digest of everything hashed so far, without ending.
    pub fn digest(&self) -> Digest {
        self.clone().finish()
    }

    /// The state after the bytes hashed so far, to be kept and given to [`Digester::restore_state`].
    ///
    /// The format is the binary marshalling of Go's `crypto/sha256` (108 bytes) or `crypto/sha512` (204
    /// bytes, sha384 included): magic, state words, partial block, length in bytes, all big-endian.
    /// distribution v3 keeps the same bytes under `hashstates/` of an upload.
    pub fn save_state(&self) -> Vec<u8> {
        match &self.hasher {
            Hasher::Sha256(hasher) => state::save(&state::SHA256, hasher, self.hashed_bytes),
            Hasher::Sha384(hasher) => state::save(&state::SHA384, hasher, self.hashed_bytes),
            Hasher::Sha512(hasher) => state::save(&state::SHA512, hasher, self.hashed_bytes),
        }
    }

    /// Goes on from a state that [`Digester::save_state`], or Go, wrote.
    ///
    /// A state carries no checksum: one that decodes is believed. Every field is checked, so a truncated or
    /// foreign state is a [`StateError`] and never a panic.
    pub fn restore_state(algorithm: Algorithm, saved: &[u8]) -> Result<Digester, StateError> {
        let (hasher, hashed_bytes) = match algorithm {
            Algorithm::Sha256 => wrap(Hasher::Sha256, state::restore(&state::SHA256, saved)?),
            Algorithm::Sha384 => wrap(Hasher::Sha384, state::restore(&state::SHA384, saved)?),
            Algorithm::Sha512 => wrap(Hasher::Sha512, state::restore(&state::SHA512, saved)?),
        };
        Ok(Digester { hasher, hashed_bytes })
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digester")
            .field("algorithm", &self.algorithm())
            .field("hashed_bytes", &self.hashed_bytes)
            .finish_non_exhaustive()
    }
}

fn wrap<H>(variant: fn(H) -> Hasher, (hasher, hashed_bytes): (H, u64)) -> (Hasher, u64) {
    (variant(hasher), hashed_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answers() {
        let answers = [
            (
                Algorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Algorithm::Sha384,
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                Algorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ];
        for (algorithm, expected) in answers {
            assert_eq!(Digest::of(algorithm, b"abc").hex(), expected);
        }
    }

    #[test]
    fn digest_does_not_end_the_stream() {
        let mut digester = Digester::new(Algorithm::Sha256);
        digester.update(b"a");
        assert_eq!(digester.digest(), Digest::sha256(b"a"));
        digester.update(b"b");
        assert_eq!(digester.hashed_bytes(), 2);
        assert_eq!(digester.finish(), Digest::sha256(b"ab"));
    }

    proptest! {
        #[test]
        fn a_restored_state_goes_on_where_it_stopped(
            index in 0..3_usize,
            content in prop::collection::vec(any::<u8>(), 0..600),
            at in any::<prop::sample::Index>(),
        ) {
            let algorithm = Algorithm::ALL[index];
            let at = at.index(content.len() + 1);
            let mut digester = Digester::new(algorithm);
            digester.update(&content[..at]);
            let saved = digester.save_state();

            let mut restored = Digester::restore_state(algorithm, &saved).unwrap();
            prop_assert_eq!(restored.hashed_bytes(), at as u64);
            prop_assert_eq!(restored.save_state(), saved);
            restored.update(&content[at..]);
            prop_assert_eq!(restored.finish(), Digest::of(algorithm, &content));
        }
    }
}
