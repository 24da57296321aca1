//! Saved hash states: from the layout of the `sha2` crate to that of Go and back.
//!
//! |        | `sha2`                         | Go                                   |
//! |--------|--------------------------------|--------------------------------------|
//! | magic  | –                              | `sha` and one byte for the algorithm |
//! | words  | 8 state words, little-endian   | 8 state words, big-endian            |
//! | blocks | full blocks, little-endian     | –                                    |
//! | buffer | its fill in one byte, then it  | the whole partial block              |
//! | length | –                              | bytes hashed, 64-bit big-endian      |
//!
//! Where the partial block ends is not stored in Go's layout: it is the length modulo the block size.

use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use thiserror::Error;

/// Why bytes are not the saved state of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StateError {
    /// The state has the wrong number of bytes for its algorithm.
    #[error("hash state has {actual} bytes instead of {expected}")]
    Size {
        /// Size of a state of the algorithm, in bytes.
        expected: usize,
        /// Size of what was given, in bytes.
        actual: usize,
    },
    /// The first four bytes are not those of the algorithm.
    #[error("hash state is not one of this algorithm")]
    Magic,
    /// The number of bytes hashed is larger than any content.
    #[error("hash state counts {0} bytes, more than any content has")]
    Length(u64),
    /// The unused part of the partial block is not zero.
    #[error("hash state has bytes behind its partial block")]
    Tail,
}

/// What distinguishes the states of two algorithms.
#[derive(Debug)]
pub(crate) struct Layout {
    magic: [u8; 4],
    word_bytes: usize,
    block_bytes: usize,
    /// Size of the block counter in the serialisation of `sha2`.
    counter_bytes: usize,
}

/// As in Go's `crypto/internal/fips140/sha256`, `magic256`.
pub(crate) const SHA256: Layout = Layout {
    magic: *b"sha\x03",
    word_bytes: 4,
    block_bytes: 64,
    counter_bytes: 8,
};
/// As in Go's `crypto/internal/fips140/sha512`, `magic384`.
pub(crate) const SHA384: Layout = Layout {
    magic: *b"sha\x04",
    word_bytes: 8,
    block_bytes: 128,
    counter_bytes: 16,
};
/// As in Go's `crypto/internal/fips140/sha512`, `magic512`.
pub(crate) const SHA512: Layout = Layout {
    magic: *b"sha\x07",
    word_bytes: 8,
    block_bytes: 128,
    counter_bytes: 16,
};

/// SHA-256 counts bits in 64 bits, so no content has 2^61 bytes; half of that leaves room to go on hashing.
const MAX_HASHED_BYTES: u64 = 1 << 60;

impl Layout {
    fn words_bytes(&self) -> usize {
        8 * self.word_bytes
    }

    fn state_bytes(&self) -> usize {
        self.magic.len() + self.words_bytes() + self.block_bytes + size_of::<u64>()
    }

    /// How much of the partial block is in use after `hashed_bytes`.
    fn fill(&self, hashed_bytes: u64) -> usize {
        (hashed_bytes % self.block_bytes as u64) as usize
    }
}

pub(crate) fn save<H: SerializableState>(layout: &Layout, hasher: &H, hashed_bytes: u64) -> Vec<u8> {
    let serialized = hasher.serialize();
    let (words, rest) = serialized.split_at(layout.words_bytes());
    let buffer = &rest[layout.counter_bytes + 1..];
    let fill = layout.fill(hashed_bytes);

    let mut saved = Vec::with_capacity(layout.state_bytes());
    saved.extend_from_slice(&layout.magic);
    extend_with_swapped_words(&mut saved, words, layout.word_bytes);
    saved.extend_from_slice(&buffer[..fill]);
    saved.resize(saved.len() + layout.block_bytes - fill, 0);
    saved.extend_from_slice(&hashed_bytes.to_be_bytes());
    saved
}

pub(crate) fn restore<H: SerializableState>(layout: &Layout, saved: &[u8]) -> Result<(H, u64), StateError> {
    if saved.len() != layout.state_bytes() {
        return Err(StateError::Size {
            expected: layout.state_bytes(),
            actual: saved.len(),
        });
    }
    let (magic, rest) = saved.split_at(layout.magic.len());
    let (words, rest) = rest.split_at(layout.words_bytes());
    let (block, length) = rest.split_at(layout.block_bytes);

    if magic != layout.magic {
        return Err(StateError::Magic);
    }
    let hashed_bytes = u64::from_be_bytes(length.try_into().expect("eight bytes are left"));
    if hashed_bytes > MAX_HASHED_BYTES {
        return Err(StateError::Length(hashed_bytes));
    }
    let fill = layout.fill(hashed_bytes);
    let (used, unused) = block.split_at(fill);
    if unused.iter().any(|&byte| byte != 0) {
        return Err(StateError::Tail);
    }

    let mut serialized = Vec::with_capacity(size_of::<SerializedState<H>>());
    extend_with_swapped_words(&mut serialized, words, layout.word_bytes);
    let blocks = u128::from(hashed_bytes / layout.block_bytes as u64);
    serialized.extend_from_slice(&blocks.to_le_bytes()[..layout.counter_bytes]);
    serialized.push(u8::try_from(fill).expect("a block has at most 128 bytes"));
    serialized.extend_from_slice(used);
    serialized.resize(size_of::<SerializedState<H>>(), 0);

    let serialized = SerializedState::<H>::try_from(serialized.as_slice()).expect("resized to fit");
    let hasher = H::deserialize(&serialized).map_err(|_| StateError::Tail)?;
    Ok((hasher, hashed_bytes))
}

/// Appends `words` with the bytes of each word in reverse order.
fn extend_with_swapped_words(target: &mut Vec<u8>, words: &[u8], word_bytes: usize) {
    for word in words.chunks_exact(word_bytes) {
        target.extend(word.iter().rev());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Algorithm, Digest, Digester};

    /// States that Go 1.26 wrote (`hash.Hash` of the content below, `MarshalBinary`): magic and words, then
    /// the rest follows from the content.
    const WRITTEN_BY_GO: [(Algorithm, usize, &str); 10] = [
        (
            Algorithm::Sha256,
            0,
            "736861036a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19",
        ),
        (
            Algorithm::Sha256,
            100,
            "73686103fc99a2df88f42a7a7bb9d18033cdc6a20256755f9d5b9a5044a9cc315abe84a7",
        ),
        (
            Algorithm::Sha256,
            128,
            "73686103593253adfb4cc018be611395485e47c15a5b271dfb8da14fe8f77fb4d05eacbc",
        ),
        (
            Algorithm::Sha256,
            63,
            "736861036a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19",
        ),
        (
            Algorithm::Sha384,
            0,
            concat!(
                "73686104cbbb9d5dc1059ed8629a292a367cd5079159015a3070dd17152fecd8f70e5939",
                "67332667ffc00b318eb44a8768581511db0c2e0d64f98fa747b5481dbefa4fa4",
            ),
        ),
        (
            Algorithm::Sha384,
            200,
            concat!(
                "736861046f1664d213dd802f7c47bc50637cf93592570a2b8695839148bf38341c6eacd0",
                "5326452ef1cbe64d90f1ef73bb5ac7d2803565467d0ddb10c5ee3fc050f9f0c1",
            ),
        ),
        (
            Algorithm::Sha384,
            256,
            concat!(
                "73686104b70af6fa63cd4ad76701cdebefe030db6fc97680f63cc7c06ea28cb5ddc879b7",
                "8458635283d68f168aaa2c8290e4858e1d1c38ac081fc2c157efb7de5b509b53",
            ),
        ),
        (
            Algorithm::Sha512,
            0,
            concat!(
                "736861076a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1",
                "510e527fade682d19b05688c2b3e6c1f1f83d9abfb41bd6b5be0cd19137e2179",
            ),
        ),
        (
            Algorithm::Sha512,
            200,
            concat!(
                "736861078e03953cd57cd6879321270afa70c5827bb5b69be59a8f0130147e94f2aedf7b",
                "dc01c56c92343ca8bd837bb7f0208f5a23e155694516b6f147099d491a30b151",
            ),
        ),
        (
            Algorithm::Sha512,
            256,
            concat!(
                "736861077e4ce3d3d53a3206feb18766c4ab677609451adf795332c70c542a88e3ff5f8b",
                "6b6d69aaf70a87cd8a2449d5b9029df77e4bb6add00317b76aca8aa8179ae8ae",
            ),
        ),
    ];

    /// Bytes that are neither all the same nor as long-winded as a file: `index % 251`.
    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    /// The state Go writes: magic and words as recorded, then the partial block and the length.
    fn go_state(algorithm: Algorithm, length: usize, magic_and_words: &str) -> Vec<u8> {
        let block_bytes = if algorithm == Algorithm::Sha256 { 64 } else { 128 };
        let content = content(length);
        let mut state = decode(magic_and_words);
        let partial = &content[length - length % block_bytes..];
        state.extend_from_slice(partial);
        state.resize(state.len() + block_bytes - partial.len(), 0);
        state.extend_from_slice(&(length as u64).to_be_bytes());
        state
    }

    fn decode(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2)
            .map(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn states_are_those_of_go() {
        for (algorithm, length, magic_and_words) in WRITTEN_BY_GO {
            let expected = go_state(algorithm, length, magic_and_words);
            let mut digester = Digester::new(algorithm);
            digester.update(&content(length));
            assert_eq!(
                digester.save_state(),
                expected,
                "{algorithm} after {length} bytes"
            );
        }
    }

    #[test]
    fn states_of_go_are_continued() {
        for (algorithm, length, magic_and_words) in WRITTEN_BY_GO {
            let mut digester =
                Digester::restore_state(algorithm, &go_state(algorithm, length, magic_and_words)).unwrap();
            assert_eq!(digester.hashed_bytes(), length as u64);
            digester.update(&content(length));
            let expected = Digest::of(algorithm, &[content(length), content(length)].concat());
            assert_eq!(digester.finish(), expected, "{algorithm} after {length} bytes");
        }
    }

    #[test]
    fn a_whole_state_is_the_one_recorded() {
        let recorded = concat!(
            "73686103fc99a2df88f42a7a7bb9d18033cdc6a20256755f9d5b9a5044a9cc315abe84a7",
            "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263",
            "00000000000000000000000000000000000000000000000000000000",
            "0000000000000064",
        );
        let mut digester = Digester::new(Algorithm::Sha256);
        digester.update(&content(100));
        assert_eq!(digester.save_state(), decode(recorded));
    }

    #[track_caller]
    fn check_error(algorithm: Algorithm, saved: &[u8], expected: StateError) {
        assert_eq!(Digester::restore_state(algorithm, saved).unwrap_err(), expected);
    }

    #[test]
    fn damaged_states_are_refused() {
        let mut digester = Digester::new(Algorithm::Sha256);
        digester.update(&content(100));
        let good = digester.save_state();

        check_error(
            Algorithm::Sha256,
            b"",
            StateError::Size {
                expected: 108,
                actual: 0,
            },
        );
        check_error(
            Algorithm::Sha256,
            &good[..107],
            StateError::Size {
                expected: 108,
                actual: 107,
            },
        );
        check_error(
            Algorithm::Sha512,
            &good,
            StateError::Size {
                expected: 204,
                actual: 108,
            },
        );
        check_error(
            Algorithm::Sha512,
            &Algorithm::Sha384.digester().save_state(),
            StateError::Magic,
        );

        let mut other_magic = good.clone();
        other_magic[3] = 2;
        check_error(Algorithm::Sha256, &other_magic, StateError::Magic);

        let mut dirty_tail = good.clone();
        dirty_tail[99] = 1;
        check_error(Algorithm::Sha256, &dirty_tail, StateError::Tail);

        let mut endless = good;
        endless[100..].fill(0xff);
        check_error(Algorithm::Sha256, &endless, StateError::Length(u64::MAX));
    }

    proptest! {
        #[test]
        fn what_is_restored_can_be_used_and_saved_again(
            index in 0..3_usize,
            length in prop_oneof![Just(0_u64), 0..1024_u64, any::<u64>()],
            body in prop::collection::vec(any::<u8>(), 64..=192),
            damage in prop::option::of((0..204_usize, any::<u8>())),
        ) {
            let algorithm = Algorithm::ALL[index];
            let mut saved = algorithm.digester().save_state();
            let end = saved.len() - 8;
            let used = body.len().min(end - 4);
            saved[4..4 + used].copy_from_slice(&body[..used]);
            saved[end..].copy_from_slice(&length.to_be_bytes());
            if let Some((at, value)) = damage {
                let at = at % saved.len();
                saved[at] = value;
            }
            if let Ok(mut digester) = Digester::restore_state(algorithm, &saved) {
                prop_assert_eq!(digester.save_state(), saved);
                digester.update(b"more");
                digester.finish();
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(index in 0..3_usize, saved in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = Digester::restore_state(Algorithm::ALL[index], &saved);
        }
    }
}
